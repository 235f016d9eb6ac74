/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_PACK_H
#define CMD_PACK_H

#include "cmd/opt.h"

extern const struct command command_pack;

#endif
