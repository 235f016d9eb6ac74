/* SPDX-License-Identifier: Apache-2.0 */
/* -v, -b, --mount and --tmpfs as docker writes them, into a list of mounts. */
#ifndef CMD_MOUNT_OPT_H
#define CMD_MOUNT_OPT_H

#include "base/arena.h"
#include "base/err.h"
#include "box/box.h"

/* SRC[:DST[:OPTIONS]]; options ro, rw, z, Z (no SELinux labels are set, as is right for a user's
 * own files). SRC is a host path, relative ones start at the working directory. */
int mount_opt_volume(const char *text, struct arena *arena, struct box_mounts *mounts,
		     struct err *err) must_check;
/* DST[:size=SIZE,mode=OCTAL,ro,rw] */
int mount_opt_tmpfs(const char *text, struct arena *arena, struct box_mounts *mounts,
		    struct err *err) must_check;
/* type=bind|tmpfs,source=..,target=..,readonly,tmpfs-size=..,tmpfs-mode=.. */
int mount_opt_mount(const char *text, struct arena *arena, struct box_mounts *mounts,
		    struct err *err) must_check;

#endif
