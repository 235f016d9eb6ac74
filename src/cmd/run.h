/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_RUN_H
#define CMD_RUN_H

#include "cmd/opt.h"

extern const struct command command_run;
extern const struct command command_shell;

#endif
