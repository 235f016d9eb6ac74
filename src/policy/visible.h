/* SPDX-License-Identifier: Apache-2.0 */
/* What shall be visible of a host: a tree, said path by path. Made by the package closure
 * (policy/dpkg.h), the closure of programs (policy/elf_closure.h) and lists of files
 * (policy/filelist.h); used to make environments and packs.
 *
 * Paths inside are absolute, and no directory of theirs is a symbolic link: a file asked for as
 * /bin/sh on a merged-usr system is /usr/bin/sh here, and the link /bin is an item as well. What is
 * said later wins. Nothing of the host is changed. */
#ifndef POLICY_VISIBLE_H
#define POLICY_VISIBLE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"

enum visible_kind {
	VISIBLE_HOST,	/* the host's file, link, or directory without what is in it */
	VISIBLE_TREE,	/* the host's directory with all that is below */
	VISIBLE_LINK,	/* a symbolic link to `content`, which the host need not have */
	VISIBLE_FILE,	/* a file of these bytes, likewise */
	VISIBLE_HIDDEN, /* not there, though a tree around it would show it; with items below: a
			 * directory of no more than these */
};

struct visible_item {
	const char *path;   /* inside */
	const char *source; /* HOST, TREE: path below the host's root; mostly `path` itself */
	const char *content;
	size_t content_bytes;
	mode_t mode;	     /* the host's st_mode; of a file made: 0100644; of a link 0120777 */
	uint64_t size_bytes; /* of the host's file */
	enum visible_kind kind;
	unsigned order;	  /* of being said */
	bool is_implied;  /* a directory that only leads to what was named */
	bool is_opened;	  /* hidden, and something below it was said later */
	bool is_packaged; /* it comes from the package database, and changes with it */
	bool is_loose;	  /* a directory in which it does no harm when more of the host's is seen */
};

struct visible {
	int root_fd; /* of the host's root: "/" for the machine's own; borrowed */
	struct arena arena;
	struct map by_path;	    /* struct visible_item, while it is made */
	struct map directory;	    /* path -> the same without links */
	struct visible_item **item; /* after visible_finish: sorted, directories before content */
	size_t count;
	unsigned last_order;
	bool in_package;  /* what is said now comes from the package database */
	struct buf based; /* what all this was read from: lines as of visible_based_on */
};

void visible_init(struct visible *visible, int root_fd);
void visible_done(struct visible *visible);
#define auto_visible cleanup(visible_done) struct visible

/* Show what the host has at `path` (absolute): a file, a link as it is, a directory without its
 * content; links in the directories above are shown as well. -ENOENT: the host has no such path;
 * err is untouched then. */
int visible_add(struct visible *visible, const char *path, struct err *err) must_check;
/* The same for a directory and all that is below it now or later; a file is as visible_add. */
int visible_add_tree(struct visible *visible, const char *path, struct err *err) must_check;
/* As visible_add, and where it is a link, what it leads to, to the end. *ret_real, unless NULL, is
 * the path of the file at the end, borrowed. */
int visible_add_chain(struct visible *visible, const char *path, const char **ret_real,
		      struct err *err) must_check;
/* Show the host's file or tree `source` at another path. */
int visible_add_at(struct visible *visible, const char *source, const char *path,
		   struct err *err) must_check;
/* Things that the host need not have; all is copied. */
int visible_add_link(struct visible *visible, const char *path, const char *target,
		     struct err *err) must_check;
int visible_add_file(struct visible *visible, const char *path, const void *bytes,
		     size_t size_bytes, mode_t mode, struct err *err) must_check;
/* Hide the path and what is below it. */
int visible_hide(struct visible *visible, const char *path, struct err *err) must_check;

/* What else the host has in the directory `path`, if it is shown, may be seen as well, unless it is
 * hidden: who shows it may save the work to leave it out. */
void visible_let_loose(struct visible *visible, const char *path);

/* Is this very path (as inside) shown by an item of its own so far? */
bool visible_has(const struct visible *visible, const char *path);

/* What is visible was found out from this file or directory of the host: adds "SECONDS NANOSECONDS
 * PATH", its last change, to `based`. To be called before it is read. Nothing when it is missing.
 */
void visible_based_on(struct visible *visible, const char *path);

/* Sort, drop what is hidden or inside a shown tree anyway, add missing directories above. Nothing
 * may be added afterwards, but it may be said again. */
int visible_finish(struct visible *visible, struct err *err) must_check;

/* The path with no links in its directories: "/bin/sh" is "/usr/bin/sh". -ENOENT, -ENOTDIR,
 * -ELOOP say nothing in err. The links on the way become visible. Borrowed. */
int visible_resolve(struct visible *visible, const char *path, const char **ret_path,
		    struct err *err) must_check;

/* Order of paths in which everything below a directory follows it. */
int visible_compare(const char *a, const char *b);

#endif
