/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_LOGIN_H
#define CMD_LOGIN_H

#include "cmd/opt.h"

extern const struct command command_login;

#endif
