/* SPDX-License-Identifier: Apache-2.0 */
/* rootlet images, tag, rmi, inspect, history */
#ifndef CMD_IMAGES_H
#define CMD_IMAGES_H

#include "cmd/opt.h"

extern const struct command command_images;
extern const struct command command_tag;
extern const struct command command_rmi;
extern const struct command command_inspect;
extern const struct command command_history;

#endif
