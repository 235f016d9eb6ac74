/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_ROOT_H
#define CMD_ROOT_H

#include "cmd/opt.h"

extern const struct command command_root;
extern const struct command command_fakeroot; /* the program called by that name */

#endif
