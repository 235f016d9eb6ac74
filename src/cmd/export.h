/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_EXPORT_H
#define CMD_EXPORT_H

#include "cmd/opt.h"

extern const struct command command_export;
extern const struct command command_save;

#endif
