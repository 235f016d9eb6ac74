/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the host's administrator that change what tools do: kept from them where the root is
 * the host's own tree (run --host-root --pure) or made of its files. What the user set lies in the
 * home, which is empty then. */
#ifndef FLOW_RUN_SHIELD_H
#define FLOW_RUN_SHIELD_H

#include "box/box.h"

/* Add variables (what is set already stays), and empty files over those of the root. */
void run_shield(struct box *box);

#endif
