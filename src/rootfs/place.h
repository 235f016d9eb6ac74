/* SPDX-License-Identifier: Apache-2.0 */
/* Placing files into an upper directory over a view: what COPY, ADD and WORKDIR do, without root
 * and without mounting anything. Owners and modes that the disk cannot hold are remembered for
 * the snapshot. */
#ifndef ROOTFS_PLACE_H
#define ROOTFS_PLACE_H

#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#include "base/map.h"
#include "rootfs/directories.h"
#include "rootfs/view.h"

struct place_owner {
	uid_t uid;
	gid_t gid;
	mode_t mode; /* type and permission bits; the file on disk may be more open */
	dev_t rdev;
	struct timespec mtime; /* of a directory: what is placed in it changes it on disk */
	bool is_fresh;	       /* a directory of which the layers below show nothing */
	struct xattr *xattrs;  /* all of them, on disk or not */
	size_t xattr_count;
	/* A small file as it was placed, so that nobody has to read it again; NULL: on disk only.
	 */
	const char *content;
	size_t content_bytes;
};

struct place {
	struct view *view; /* the upper directory is its topmost layer */
	int upper_fd;
	struct directories directories; /* of upper_fd */
	struct arena arena;
	struct map owners;	     /* path -> struct place_owner * */
	char *content;		     /* of small files, one behind the other; NULL: not kept */
	atomic_size_t content_bytes; /* given away; it ends somewhere */
	mode_t umask;
	uid_t parents_uid; /* of missing parents; 0 unless set */
	gid_t parents_gid;
	/* Unpacking: what is in the way goes, also a directory for a file and the other way. */
	bool replaces;
};

/* What a placed entry looks like. */
struct place_meta {
	uid_t uid;
	gid_t gid;
	mode_t mode; /* permission bits */
	struct timespec mtime;
	const struct xattr *xattrs; /* copied */
	size_t xattr_count;
};

/* `upper_path` is an empty directory; it is pushed onto the view and popped by place_done. */
int place_init(struct place *place, struct view *view, const char *upper_path,
	       struct err *err) must_check;
/* Directories get the times they shall have. After the last was placed, before the snapshot. */
int place_finish(struct place *place, struct err *err) must_check;
void place_done(struct place *place);

/* All paths are resolved (view.h). Missing parents are made 0755, owned as the place says, and of
 * the time in `meta`; existing ones keep what they are. -ENOTDIR when a parent is no directory. */

/* A new directory is made as a missing parent is. With replace_meta it gets, new or not, what
 * `meta` says; extended attributes that it has stay. */
int place_directory(struct place *place, const char *path, const struct place_meta *meta,
		    bool replace_meta, struct err *err) must_check;
/* Content from fd, from its beginning to its end. -EISDIR when a directory is in the way. */
int place_file(struct place *place, const char *path, int fd, const struct place_meta *meta,
	       struct err *err) must_check;
/* The same in two halves. The first gives the file its place, its owner and its mode as the
 * snapshot shall see it; ret_file->fd (O_CLOEXEC, of the caller) is open for writing. The second,
 * which touches nothing but this file and so may run in another thread, gives it content, mode on
 * disk and time; before place_finish. */
struct place_file {
	struct place *place;
	struct place_owner *owner;
	int fd;
};
int place_create(struct place *place, const char *path, const struct place_meta *meta,
		 struct place_file *ret_file, struct err *err) must_check;
int place_fill(const struct place_file *file, int from_fd, struct err *err) must_check;
int place_bytes(struct place *place, const char *path, const void *bytes, size_t size_bytes,
		const struct place_meta *meta, struct err *err) must_check;
int place_symlink(struct place *place, const char *path, const char *target,
		  const struct place_meta *meta, struct err *err) must_check;
/* Another name for a file placed before. */
int place_hard_link(struct place *place, const char *path, const char *existing,
		    struct err *err) must_check;
/* A device or fifo; devices, and fifos where the file system has none, are empty files on disk. */
int place_special(struct place *place, const char *path, mode_t type, dev_t rdev,
		  const struct place_meta *meta, struct err *err) must_check;

/* What the snapshot shall record for a path of the upper directory; NULL: as on disk. */
const struct place_owner *place_owner_of(const struct place *place, const char *path);

#endif
