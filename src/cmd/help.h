/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_HELP_H
#define CMD_HELP_H

#include "cmd/opt.h"

extern const struct command command_help;

#endif
