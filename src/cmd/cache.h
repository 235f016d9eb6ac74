/* SPDX-License-Identifier: Apache-2.0 */
/* rootlet cache: list, prune, export and import what builds keep. */
#ifndef CMD_CACHE_H
#define CMD_CACHE_H

#include "cmd/opt.h"

extern const struct command command_cache;

#endif
