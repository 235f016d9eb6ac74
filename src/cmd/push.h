/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_PUSH_H
#define CMD_PUSH_H

#include "cmd/opt.h"

extern const struct command command_push;

#endif
