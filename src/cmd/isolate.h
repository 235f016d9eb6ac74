/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_ISOLATE_H
#define CMD_ISOLATE_H

#include "cmd/opt.h"

extern const struct command command_isolate;
/* Hidden: what a run in an environment asks for. */
extern const struct command command_refresh_environment, command_copy_environment;

#endif
