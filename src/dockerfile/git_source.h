/* SPDX-License-Identifier: Apache-2.0 */
/* Git repositories as sources of ADD and as build contexts.
 *
 *	https://host/repo.git[#REF[:SUBDIR]]	also http://; only when the path ends in .git
 *	ssh://[user@]host/repo, git://host/repo
 *	user@host:repo
 * and instead of the fragment: ?ref= branch= tag= subdir= checksum= (commit=) keep-git-dir=
 * submodules=. Source: docs.docker.com/build/concepts/context, "Git repositories". */
#ifndef DOCKERFILE_GIT_SOURCE_H
#define DOCKERFILE_GIT_SOURCE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

enum choice { CHOICE_NONE, CHOICE_NO, CHOICE_YES };

struct git_source {
	const char *remote;   /* what git clone takes */
	const char *ref;      /* branch, tag or commit; NULL: the remote's HEAD */
	const char *subdir;   /* within the repository, as written; NULL: all of it */
	const char *checksum; /* the commit expected, or its beginning; NULL */
	enum choice keep_git_dir;
	enum choice submodules;
};

/* 1: it names a repository; 0: it does not; -EINVAL: it does, with something wrong in it. */
int git_source_parse(struct arena *arena, const char *text, struct git_source *ret_git,
		     struct err *err) must_check;

#endif
