/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_USER_CHROOT_H
#define CMD_USER_CHROOT_H

#include "cmd/opt.h"

/* What a link to rootlet is that has this name. */
extern const struct command command_user_chroot;

#endif
