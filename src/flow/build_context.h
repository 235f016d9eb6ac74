/* SPDX-License-Identifier: Apache-2.0 */
/* The build context and named contexts: files seen without what .dockerignore leaves out.
 *
 *     DIRECTORY                   as it lies there
 *     FILE                        a tar archive, compressed in any way
 *     -                           standard input: such an archive, or a Dockerfile alone
 *     http://, https://           the same from the web (flow/download.h)
 *     a git repository            dockerfile/git_source.h, file:// as well; by the git installed
 *
 * Everything but a directory is unpacked into the store's tmp/ and removed by build_context_close.
 */
#ifndef FLOW_BUILD_CONTEXT_H
#define FLOW_BUILD_CONTEXT_H

#include "dockerfile/ignore.h"
#include "flow/build_files.h"
#include "flow/git.h"
#include "remote/retry.h"
#include "rootfs/view.h"

#define DOCKERFILE_BYTES ((size_t)16 << 20)

struct build_context {
	struct arena arena;
	const struct store *store;
	struct view view;
	struct ignore ignore;
	struct build_files files; /* when it is local: elsewhere nothing stays to be remembered */
	const char *path;	  /* the directory with its files; absolute */
	bool is_local;		  /* a directory of the caller's */
	bool is_text;		  /* no files: it is a Dockerfile, `text` */
	struct buf text;
	char work_name[STORE_WORK_NAME_MAX]; /* in the store; "" when nothing was unpacked */
	struct git_tree git;
};

struct build_context_request {
	const char *source;
	bool is_named; /* no standard input, and it must have files */
	bool keep_git_dir;
	const struct strings *secrets; /* of --secret: what servers are told (build_secrets.h) */
	struct retry_policy retry;     /* for what comes from the web */
};

/* Without an ignore list yet. On failure nothing is left. */
int build_context_open(struct build_context *context, const struct store *store,
		       const struct build_context_request *request, struct err *err) must_check;
void build_context_close(struct build_context *context);

/* Digests that are remembered for its files; NULL when none are. */
struct build_files *build_context_files(struct build_context *context);

/* Leave out what DOCKERFILE.dockerignore says, else .dockerignore. `dockerfile` is a host path when
 * the context is local, else a path in the context; NULL: there is none. */
int build_context_ignore(struct build_context *context, const char *dockerfile,
			 struct err *err) must_check;
/* The Dockerfile: `file` as given with -f (a path, "-", a URL), or NULL. *ret_path is as
 * build_context_ignore wants it; it and *ret_name, for messages, are in the context's arena. */
int build_context_dockerfile(struct build_context *context,
			     const struct build_context_request *request, const char *file,
			     struct buf *text, const char **ret_path, const char **ret_name,
			     struct err *err) must_check;

#endif
