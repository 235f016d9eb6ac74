/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_COMPLETION_H
#define CMD_COMPLETION_H

#include "cmd/opt.h"

extern const struct command command_completion;

#endif
