/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_LOGOUT_H
#define CMD_LOGOUT_H

#include "cmd/opt.h"

extern const struct command command_logout;

#endif
