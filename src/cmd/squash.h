/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_SQUASH_H
#define CMD_SQUASH_H

#include "cmd/opt.h"

extern const struct command command_serve_squashfs; /* hidden */

#endif
