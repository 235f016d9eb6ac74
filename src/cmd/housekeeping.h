/* SPDX-License-Identifier: Apache-2.0 */
/* rootlet df, gc, fsck */
#ifndef CMD_HOUSEKEEPING_H
#define CMD_HOUSEKEEPING_H

#include "cmd/opt.h"

extern const struct command command_df;
extern const struct command command_gc;
extern const struct command command_fsck;

#endif
