/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of files as a list, in the order in which an archive has it (a directory before what is in
 * it, names sorted byte by byte), with true owners and modes. Made from a directory, from stacked
 * layers or from what a build step changed; written as tar or copied to a directory. */
#ifndef ROOTFS_TREE_H
#define ROOTFS_TREE_H

#include <time.h>

#include "base/arena.h"
#include "codec/squash.h"
#include "codec/tar.h"
#include "rootfs/view.h"
#include "store/owners.h"

enum tree_kind {
	TREE_ENTRY,
	TREE_WHITEOUT, /* `path` is deleted */
	TREE_OPAQUE,   /* what lower layers have in `path` is deleted */
};

struct tree_entry {
	enum tree_kind kind;
	const char *path; /* "" is the root */
	mode_t mode;	  /* type and permission bits, as they truly are */
	mode_t disk_mode; /* as on disk */
	uint32_t uid;
	uint32_t gid;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	struct timespec mtime;
	uint64_t size_bytes;
	const char *link;     /* a symlink's target */
	struct xattr *xattrs; /* sorted by name */
	size_t xattr_count;
	const struct xattr *disk_xattrs; /* those of them that are on disk */
	size_t disk_xattr_count;
	/* Of a file that was written just now; borrowed, and NULL when it has to be read from disk.
	 */
	const char *content;
	int root_fd;	       /* where a file's content is: `path` below this; borrowed */
	const char *disk_path; /* or this path below it, for what was moved; else NULL */
	dev_t dev;	       /* on disk, to find hard links */
	ino_t ino;
	nlink_t nlink;
};

struct tree {
	struct arena arena; /* texts of the entries */
	struct tree_entry *item;
	size_t count;
	size_t room;
};

void tree_done(struct tree *tree);
#define auto_tree cleanup(tree_done) struct tree /* initialise with { 0 } */
/* A zeroed entry at the end; the pointer is good until the next is added. */
struct tree_entry *tree_add(struct tree *tree);
/* Which path comes first in a tree: a directory, what is in it, then the next name. */
int tree_compare_paths(const char *left, const char *right);

/* --- making --- */

/* All of a directory but sockets. A caller who is not root owns nothing else than what is to be
 * root's: his uid becomes 0, and all gids do. -EACCES names what cannot be read. */
int tree_of_directory(int root_fd, struct tree *tree, struct err *err) must_check;
/* Whatever is at `source` below root_fd, with all below it, added under another path; both without
 * a slash at the beginning. Directories that may not be read are taken for empty. */
int tree_add_below(int root_fd, const char *source, const char *path, struct tree *tree,
		   struct err *err) must_check;
/* What stacked layers show, whiteouts applied. The view must outlive the tree. */
int tree_of_view(const struct view *view, struct tree *tree, struct err *err) must_check;
/* Put the layers with these diff ids, lowest first, onto a view. */
int view_push_layers(struct view *view, const struct store *store, const struct digest *diff_ids,
		     size_t count, struct err *err) must_check;

/* What is on disk at dirfd/name into an entry: type, mode, size, times, link, identity. The owner
 * stays 0:0. */
int tree_entry_from_stat(struct tree *tree, struct tree_entry *entry, int dirfd, const char *name,
			 const struct stat *st, struct err *err) must_check;
/* The extended attributes on disk that belong to the file. */
int tree_entry_read_xattrs(struct tree *tree, struct tree_entry *entry, int dirfd, const char *name,
			   struct err *err) must_check;
/* Both. */
int tree_entry_from_disk(struct tree *tree, struct tree_entry *entry, int dirfd, const char *name,
			 const struct stat *st, struct err *err) must_check;
/* What a record says over it; NULL changes nothing. */
void tree_entry_apply_owner(struct tree_entry *entry, const struct owner *owner,
			    struct arena *arena);

/* --- using --- */

struct tree_tar_options {
	bool clamp; /* no mtime above clamp_s: SOURCE_DATE_EPOCH */
	int64_t clamp_s;
	const char *folder; /* put all below this name; NULL: at the top */
	bool is_layer;	    /* names are checked: layer_name_check, image/whiteout.h */
	bool goes_on;	    /* no end mark: more trees follow */
};

/* As a tar stream; hard links inside the tree stay hard links. -EUCLEAN: a file
 * changed its size meanwhile. */
int tree_write_tar(const struct tree *tree, const struct tree_tar_options *options,
		   struct tar_writer *writer, struct err *err) must_check;

/* The same into a squashfs; -ENOTSUP names what one cannot hold. */
int tree_write_squash(const struct tree *tree, const struct tree_tar_options *options,
		      struct squash_writer *writer, struct err *err) must_check;

enum tree_copy {
	TREE_COPY_REFLINK,   /* shared blocks where the file system has them, else copies */
	TREE_COPY_HARD_LINK, /* the same inodes: only where nobody will ever write */
	TREE_COPY_ONTO,	     /* as the first, where directories may be there already */
};

/* Into a directory, empty but for TREE_COPY_ONTO, on-disk modes as layers.h has them (the user owns
 * all, devices are empty files). */
int tree_copy(const struct tree *tree, enum tree_copy how, int to_fd, struct err *err) must_check;

#endif
