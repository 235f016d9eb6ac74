/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of mounts while it is being built; shared by root_tree.c, tree_mounts.c, room.c, dev.c.
 * Everything here runs in the child and allocates nothing. */
#ifndef ENGINE_TREE_H
#define ENGINE_TREE_H

#include "engine/root_tree.h"
#include "sys/mount.h"

#define TREE_LAYERS_MAX	    500 /* the kernel's OVL_MAX_STACK */
#define TREE_HOST_BINDS_MAX 4
#define TREE_ROOMS_MAX	    16

struct tree {
	const struct root_plan *plan;
	int host_root_fd; /* the host's "/": what is mounted over it only fds reach */
	int root_fd;
	int memory_fd; /* one tmpfs for whatever lives in memory; -1 until something needs it */
	unsigned memory_names; /* how many names were given out in it */
	/* Copies of the host's whole tree for binds of "/", taken before anything is mounted. */
	struct mount_source host[TREE_HOST_BINDS_MAX];
	size_t host_count;
	/* Directories of a read-only root that had to be covered to take mount points (room.c). */
	int room_fd[TREE_ROOMS_MAX];
	size_t room_count;
	bool makes_rooms;
	bool point_missing; /* of an optional mount: it is left out */
	bool lacks_room;    /* why the attempt failed: another one that makes rooms may not */
};

/* An O_PATH fd of a directory of the host, or -errno. */
int tree_open_directory(const char *path, struct err *err) must_check;

/* Make sure there is memory; it is mounted over attach_fd, out of sight: over the host's root, or
 * where something else will cover it. */
int tree_need_memory(struct tree *tree, int attach_fd, struct err *err) must_check;
/* A directory or a file with this content in memory, at the name given out. */
int tree_memory_directory(struct tree *tree, mode_t mode, char ret_name[16],
			  struct err *err) must_check;
int tree_memory_file(struct tree *tree, const struct box_mount *mount, char ret_name[16],
		     struct err *err) must_check;

/* An overlay over target_fd whose changes go to the directory `upper_name` of memory, as below. */
int tree_overlay_on(struct tree *tree, struct mount_option *options, size_t count,
		    const char *upper_name, int target_fd, int *ret_root_fd,
		    struct err *err) must_check;
/* An overlay over target_fd whose changes go to memory (tree_need_memory was called). options has
 * `count` entries, the lower directories, and room for five more. `mode` of its root. */
int tree_overlay_in_memory(struct tree *tree, struct mount_option *options, size_t count,
			   mode_t mode, int target_fd, int *ret_root_fd,
			   struct err *err) must_check;

/* Is the mount point of this one a directory? */
int tree_wants_directory(const struct box_mount *mount, bool *ret_directory,
			 struct err *err) must_check;
/* The mount point of `mount`; when missing it is made as what source_fd is (-1: a directory), or
 * -ENOENT for an optional one. */
int tree_open_target(struct tree *tree, const struct box_mount *mount, int source_fd,
		     struct err *err) must_check;

/* Does this bind show the host's "/" itself? */
bool tree_binds_host(const struct box_mount *mount);

/* One mount of the box: tree_mounts.c. */
int tree_mount(struct tree *tree, const struct box_mount *mount, struct err *err) must_check;

/* Before anything is mounted in a read-only directory: see to it that every mount point exists. */
int room_make_all(struct tree *tree, struct err *err) must_check;
/* A directory in memory over directory_fd, with everything of the original bound in it but the
 * names for which `leaves_out`, unless NULL, is true. */
int room_cover_by_binds(struct tree *tree, int directory_fd,
			bool (*leaves_out)(const void *context, const char *name),
			const void *context, int *ret_fd, struct err *err) must_check;
/* When directory_fd was the root, what covers it is the root from now on. */
int room_become_root(struct tree *tree, int directory_fd, int cover_fd, struct err *err) must_check;

/* Hide those of box->hidden that are in the root itself (in_mounts false, before anything is
 * mounted in it), or in what was mounted: hide.c. */
int hide_all(struct tree *tree, bool in_mounts, struct err *err) must_check;

/* At the end: rooms become as read-only as what they cover. */
int room_close_all(struct tree *tree, struct err *err) must_check;

#endif
