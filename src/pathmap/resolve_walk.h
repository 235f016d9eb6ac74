/* SPDX-License-Identifier: Apache-2.0 */
/* A walk under way: between resolve.c, which takes the steps, and resolve_links.c, which knows the
 * kernel and its links. Nobody else includes this. */
#ifndef PATHMAP_RESOLVE_WALK_H
#define PATHMAP_RESOLVE_WALK_H

#include <fcntl.h>
#include <linux/openat2.h>

#include "pathmap/pathmap.h"

#define OPEN_DIRECTORY (O_PATH | O_DIRECTORY | O_CLOEXEC)
#define OPEN_ITSELF    (O_PATH | O_NOFOLLOW | O_CLOEXEC)
#define TEMPORARY      020000000 /* what O_TMPFILE is beside O_DIRECTORY */

/* Beside an fd and -errno, what a step may say. */
#define GO_ON	     (-4096L) /* the text has changed */
#define KERNELS_LINK (-4097L) /* a link at the end that only the kernel can follow */

struct walk {
	const struct pathmap *map;
	const struct pathmap_ops *ops;
	void *context;
	const struct pathmap_request *request;
	struct pathmap_room *room;
	struct pathmap_found *found;
	size_t top; /* length of the guest path that no ".." leads above */
	uint32_t begin_entry;
	size_t done;	/* of text, see above */
	size_t length;	/* of text */
	unsigned links; /* followed so far */
	int held_fd;	/* the directory that the first held_length bytes of text name, or -1 */
	size_t held_length;
	uint32_t held_entry;
	bool wants_directory; /* a slash at the end */
	bool ends_in_dot;
	bool ends_in_dots;
};

static inline bool walk_resolves(const struct walk *walk, uint64_t flags)
{
	return walk->request->resolve & flags;
}

/* To the directory it begins in. */
#define SCOPED (RESOLVE_BENEATH | RESOLVE_IN_ROOT)

/* --- the kernel --- */

/* The first `length` bytes of text, opened: an fd or -errno. */
long walk_open(struct walk *walk, size_t length, uint64_t flags, uint32_t *ret_entry);

/* Is something else than the kernel's at the end of the text, in its /proc? */
bool walk_is_changed(const struct walk *walk);

/* --- text --- */

size_t walk_end_of_name(const struct walk *walk, size_t at);
bool walk_is_name(const char *name, size_t length, const char *what);
size_t walk_parent_length(const struct walk *walk, size_t length);
/* The text from `from` on moves to `to`. */
void walk_cut(struct walk *walk, size_t to, size_t from);
/* Out with "//" and "." in what is to be looked up. */
void walk_tidy(struct walk *walk);
/* room->link in place of the name that ends at `end`: GO_ON, or -errno. */
long walk_expand(struct walk *walk, size_t end, size_t link_length);

/* --- links --- */

/* The kernel follows this one, at the end of the path: nobody else knows where to. */
long walk_open_kernels_link(struct walk *walk);
/* The directory that is held is closed. */
void walk_release(struct walk *walk);
/* Can the name that ends at `end` be read in one call? Then by walk_read_name. */
bool walk_is_within_reach(struct walk *walk, size_t end, uint32_t *ret_entry, int *ret_dirfd);
long walk_read_name(struct walk *walk, size_t end, int dirfd);
/* The link that the first `end` bytes name, into room->link: its length, -EINVAL when it is none.
 */
long walk_read_link(struct walk *walk, size_t end, uint32_t *ret_entry);
/* That link has been read and is in the way: GO_ON, KERNELS_LINK or -errno. */
long walk_follow(struct walk *walk, size_t end, uint32_t index, size_t link_length);
/* The kernel met one between `done` and `end`: the same; -ELOOP: it is the last, and not followed.
 */
long walk_follow_first_link(struct walk *walk, size_t end, bool follows_last);

#endif
