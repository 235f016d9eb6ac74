/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_IMPORT_H
#define CMD_IMPORT_H

#include "cmd/opt.h"

extern const struct command command_import;
extern const struct command command_load;

#endif
