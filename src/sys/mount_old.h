/* SPDX-License-Identifier: Apache-2.0 */
/* What sys/mount.c does where the new mount API is not there or refused. For mount.c only. */
#ifndef SYS_MOUNT_OLD_H
#define SYS_MOUNT_OLD_H

#include <limits.h>

#include "sys/mount.h"

/* A mount point by its name, which is all that mount(2) takes. */
struct mount_place {
	/* "" or "/..": a process's own root stays the directory below everything mounted over "/",
	 * and only ".." looks upon that. */
	const char *prefix;
	char path[PATH_MAX]; /* as mountinfo has it */
};

/* To be asked before a mount covers it, when the name is still its own; of `name` in the directory
 * fd, unless NULL. */
int mount_old_place(int fd, const char *name, struct mount_place *ret_place,
		    struct err *err) must_check;

/* The flags of mount(2) for MOUNT_READ_ONLY and so on. */
unsigned long mount_old_flags(unsigned attrs);

int mount_old_bind(const struct mount_source *source, int target_fd, const char *name,
		   int *ret_root_fd, struct err *err) must_check;
/* Add attributes to what is mounted there. */
int mount_old_remount(const struct mount_place *place, bool recursive, unsigned attrs,
		      struct err *err) must_check;
int mount_old_new(const char *type, const char *source, const struct mount_option *options,
		  unsigned attrs, int target_fd, int *ret_root_fd, struct err *err) must_check;

#endif
