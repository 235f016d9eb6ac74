/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_VERSION_H
#define CMD_VERSION_H

#include "cmd/opt.h"

extern const struct command command_version;
extern const char *const version_text; /* "0.1.0" */

#endif
