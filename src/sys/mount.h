/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts, by the new mount API (open_tree, move_mount, mount_setattr, fsopen: mount(2)-free, by
 * fd), with mount(2) where the kernel or a filter refuses it. That choice is made here and nowhere
 * else. Needs CAP_SYS_ADMIN in the user namespace that owns the mount namespace.
 * Nothing allocates: legal in a child after clone(2). All return 0 or -errno.
 * mount_files and mount_new leave the working directory somewhere else. */
#ifndef SYS_MOUNT_H
#define SYS_MOUNT_H

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"

/* Attributes as in mount_setattr(2); combined with |. */
enum mount_attribute {
	MOUNT_READ_ONLY = 1,
	MOUNT_NOSUID = 2,
	MOUNT_NODEV = 4,
	MOUNT_NOEXEC = 8,
};

/* What a bind mount shows, taken before it is put anywhere: with the new calls a detached copy of
 * the tree of mounts, so that later mounts do not matter to it; else the place it is taken from. */
struct mount_source {
	int fd;	      /* the file or directory: fstat(2) it, release it with mount_source_done */
	bool is_copy; /* detached, by open_tree(2) */
	bool recursive;
	unsigned attrs; /* still to be added once it is put somewhere */
};

#define MOUNT_SOURCE_NONE \
	{                 \
		.fd = -1  \
	}

/* Take `path` (looked up at dirfd, links followed; "" is dirfd itself), with the mounts below it
 * when recursive. attrs are added to what the mounts already have (locked flags stay).
 * -ENOENT: it is not there. */
int mount_take(int dirfd, const char *path, bool recursive, unsigned attrs,
	       struct mount_source *ret_source, struct err *err) must_check;

/* Put it over target_fd, or over `name` in that directory. *ret_root_fd, unless NULL, is an O_PATH
 * fd of what is mounted there now. */
int mount_put(struct mount_source *source, int target_fd, const char *name, int *ret_root_fd,
	      struct err *err) must_check;

void mount_source_done(struct mount_source *source);
#define auto_mount_source cleanup(mount_source_done) struct mount_source

/* Bind the host's files folder/NAME over the files of these names in directory_fd; NULL ends the
 * list. Where the host has none, the name in directory_fd is removed. Half as dear as mount_take
 * and mount_put for each: nothing is opened. -ENAMETOOLONG: folder/NAME has 256 bytes or more. */
int mount_files(const char *folder, const char *const *names, int directory_fd,
		struct err *err) must_check;

/* Where an fd lies; to be asked before a mount covers it, when the path is still its own.
 * -errno; says nothing more. */
int mount_path_of(int fd, char path[PATH_MAX]) must_check;

/* Add attributes to the mount whose root is mount_fd, and those below it when recursive. */
int mount_add_attrs(int mount_fd, bool recursive, unsigned attrs, struct err *err) must_check;

struct mount_option {
	const char *key;   /* NULL ends a list */
	const char *value; /* NULL: a flag */
	bool is_directory; /* the value is the path of one (overlay) */
};

/* Mount a new file system of `type` over target_fd. `*ret_root_fd`, unless NULL, is an O_PATH fd
 * of its root. For overlay, "lowerdir+" may be repeated, topmost first: kernels without it get
 * one "lowerdir". */
int mount_new(const char *type, const char *source, const struct mount_option *options,
	      unsigned attrs, int target_fd, int *ret_root_fd, struct err *err) must_check;

/* All mounts of this namespace become slaves: what the host unmounts goes away here too, nothing
 * done here reaches the host. */
int mount_isolate(struct err *err) must_check;

/* Make the mount at root_fd the root of this mount namespace, and the working directory. The old
 * root, with all that was mounted, is left over it, where "/.." reaches it: mount_uncover. */
int mount_pivot(int root_fd, struct err *err) must_check;
/* Drop that. The kernel takes it out of reach at once, and then waits for others who read it. */
int mount_uncover(struct err *err) must_check;
/* 1: something is over the root; 0: nothing is. Looks only, so that somebody else may ask while
 * mount_uncover goes on. -ENOTSUP, -ENOSYS: the kernel (before 5.8) does not tell mounts apart. */
int mount_is_covered(void) must_check;

/* Where the mount of one line of mountinfo is (proc_pid_mountinfo(5), the fifth field), unescaped
 * in place; NULL: no such line. */
const char *mount_point_in(char *line);

#endif
