/* SPDX-License-Identifier: Apache-2.0 */
/* After a box whose ids were real: note who owns what in its upper directory, then make everything
 * there the caller's again, readable to him, so that it can become a layer like any other. */
#ifndef ENGINE_SETTLE_H
#define ENGINE_SETTLE_H

#include "engine/emulation.h"

/* In the first process, inside the root, when everything else in it has ended. The notes go to
 * emulation->report_fd. What is mounted from the store to be kept (box_mount.is_kept) is given back
 * as well. What goes wrong is told by emulation_read. Changes the working directory. Allocates
 * nothing. */
void settle_owners(const struct emulation *emulation, const struct box *box, int upper_fd);

#endif
