/* SPDX-License-Identifier: Apache-2.0 */
/* What sys/mount.c does where the new mount API is not there or refused. For mount.c only. */
#ifndef SYS_MOUNT_OLD_H
#define SYS_MOUNT_OLD_H

#include <limits.h>

#include "sys/mount.h"

/* Where an fd lies; to be asked before a mount covers it, when the path is still its own. */
int mount_path_of(int fd, char path[PATH_MAX], struct err *err) must_check;

int mount_old_bind(int source_fd, int target_fd, bool recursive, unsigned attrs,
		   struct err *err) must_check;
int mount_old_bind_file(const char *source, int target_fd, const char *name,
			struct err *err) must_check;
/* Add attributes to what is mounted at path, which is as mount_path_of gives it. */
int mount_old_remount(const char *path, bool recursive, unsigned attrs, struct err *err) must_check;
int mount_old_new(const char *type, const char *source, const struct mount_option *options,
		  unsigned attrs, int target_fd, int *ret_root_fd, struct err *err) must_check;

#endif
