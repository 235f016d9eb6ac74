/* SPDX-License-Identifier: Apache-2.0 */
/* --debug: a shell where a RUN failed, before its root goes away. */
#ifndef FLOW_BUILD_DEBUG_H
#define FLOW_BUILD_DEBUG_H

#include "flow/build_work.h"

/* The box of the failed command once more: the same root with what the command did to it, the same
 * mounts, variables, directory and user; but a shell, with the caller's input, its output on
 * standard error, until it ends. Other stages go on, and tell of it afterwards. What cannot be
 * started is only said: the build fails for its own reason in any case. */
void build_debug(struct work *work, struct box *box);

#endif
