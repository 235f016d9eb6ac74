/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_BUILD_H
#define CMD_BUILD_H

#include "cmd/opt.h"

extern const struct command command_build;

#endif
