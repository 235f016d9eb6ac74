/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_PULL_H
#define CMD_PULL_H

#include "cmd/opt.h"

extern const struct command command_pull;

#endif
