/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a commit, by the git that is installed, with the caller's own settings and keys.
 *
 * Which commit a branch or tag means is asked first (ls-remote); only what is then not in the
 * build cache is fetched, as shallow as the server allows. Modes are 0644 and 0755 and times those
 * of the commit, so that a commit always gives the same layer. */
#ifndef FLOW_GIT_H
#define FLOW_GIT_H

#include <time.h>

#include "base/strings.h"
#include "dockerfile/git_source.h"
#include "dockerfile/ignore.h"
#include "rootfs/view.h"
#include "store/store.h"

#define GIT_COMMIT_MAX 64 /* hex digits: SHA-256; SHA-1 has 40 */

struct git_commit {
	char hex[GIT_COMMIT_MAX + 1];
};

/* A repository, and what its server is told (build_secrets.h) besides what git knows of itself. */
struct git_access {
	const struct git_source *source;
	const struct strings *secrets; /* may be NULL */
};

/* The commit that the source's ref means now, or HEAD. A complete commit means itself, unasked.
 * `checksum` (may be NULL) is what it must begin with. -ENOENT: there is no such branch or tag. */
int git_resolve(const struct git_access *git, const char *checksum, struct git_commit *ret_commit,
		struct err *err) must_check;

/* The files, in the store's tmp/ until closed. */
struct git_tree {
	const struct store *store;
	char work_name[STORE_WORK_NAME_MAX]; /* holds them; "" when there are none */
	char *path;			     /* absolute */
	struct timespec committed;
};

/* With submodules unless the source says no. .git (of submodules too) is there if
 * `keep_git_dir`, then as a shallow repository whose origin is the remote. */
int git_tree_open(struct git_tree *tree, const struct store *store, const struct git_access *git,
		  const struct git_commit *commit, bool keep_git_dir, struct err *err) must_check;
void git_tree_close(struct git_tree *tree); /* one that was never opened is fine: { 0 } */

#endif
