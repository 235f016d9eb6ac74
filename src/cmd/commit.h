/* SPDX-License-Identifier: Apache-2.0 */
/* rootlet-image __commit: the end of `rootlet run --commit`, which is in the lean program. */
#ifndef CMD_COMMIT_H
#define CMD_COMMIT_H

#include "cmd/opt.h"

extern const struct command command_commit;

#endif
