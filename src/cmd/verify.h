/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_VERIFY_H
#define CMD_VERIFY_H

#include "cmd/opt.h"

extern const struct command command_verify;

#endif
