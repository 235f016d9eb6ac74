/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of files: what an environment shall see, written down. A line each:
 *
 *     /usr/bin/make            a file with the links on the way; a directory with all below it
 *     /usr/lib/lib*.so.?       a glob: * and ? and [..] within one name
 *     !/usr/lib/libz*          hide what was said before, or what a directory would show
 *     ?/opt/maybe              no error when it is not there
 *     /opt/gcc => /usr/gcc     at another place
 *     pkg:make                 an installed package with all that it needs
 *     exe:git                  a program found on PATH, with its libraries
 *     include other.list       relative to this list
 *
 * Blanks around are ignored, '#' begins a comment at the start of a line or after a blank, a
 * backslash takes the next character as it is. Later lines win. */
#ifndef POLICY_FILELIST_H
#define POLICY_FILELIST_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "policy/dpkg.h"
#include "policy/elf_closure.h"
#include "policy/visible.h"

#define FILELIST_MAX_BYTES ((size_t)64 << 20)
#define FILELIST_DEPTH_MAX 16 /* of include */

enum filelist_kind { FILELIST_PATH, FILELIST_PACKAGE, FILELIST_PROGRAM, FILELIST_INCLUDE };

struct filelist_line {
	enum filelist_kind kind;
	const char *text;   /* path or glob (escapes kept, as fnmatch(3) wants them), name, file */
	const char *target; /* PATH: behind "=>", else NULL */
	bool is_hidden;	    /* '!' */
	bool is_optional;   /* '?' */
	bool is_glob;
	unsigned number; /* of the line, from 1 */
};

struct filelist {
	struct filelist_line *line; /* arena memory */
	size_t count;
};

/* Texts go to the arena. -EINVAL: "NAME:LINE: ..." of the first mistake. */
int filelist_parse(const char *text, const char *name, struct arena *arena,
		   struct filelist *ret_list, struct err *err) must_check;

struct filelist_sources {
	struct visible *visible;
	struct elf_closure *closure;
	const struct dpkg *dpkg; /* NULL: this host has none */
};

/* Read the list at `path` and show what it says. Errors begin "FILE:LINE:". */
int filelist_show(const struct filelist_sources *sources, const char *path,
		  struct err *err) must_check;

/* One line of a list that is written elsewhere: `name` and `number` say where. */
int filelist_show_line(const struct filelist_sources *sources, const char *name, unsigned number,
		       const char *text, struct err *err) must_check;

/* Hide all that this glob (or path) says, of what is visible so far and of the host. */
int filelist_hide(struct visible *visible, const char *pattern, struct err *err) must_check;

#endif
