/* SPDX-License-Identifier: Apache-2.0 */
/* __unpack, which `rootlet run` calls: the layers of an image that are not unpacked are. */
#ifndef CMD_UNPACK_H
#define CMD_UNPACK_H

#include "cmd/opt.h"

extern const struct command command_unpack;

#endif
