/* SPDX-License-Identifier: Apache-2.0 */
/* rootlet isolate: environments made, looked at, given away and removed. */
#ifndef FLOW_ISOLATE_H
#define FLOW_ISOLATE_H

#include "base/buf.h"
#include "base/strings.h"
#include "flow/environment.h"
#include "policy/filelist.h"
#include "policy/visible.h"

struct isolate_request {
	const char *store;
	const char *path;    /* of the environment; need not exist */
	const char *source;  /* --from; NULL: dpkg where there is one, else host; "files": only the
				recipe's lines */
	struct strings with; /* packages of the host */
	struct strings hide; /* globs of paths */
	bool network;
	/* of isolate_recipe_read */
	struct json *recipe; /* what else rootlet.yaml says; NULL: there was none */
	const char *where;   /* FILE:LINE of the source there */
	struct arena arena;  /* of texts from there */
};
void isolate_request_done(struct isolate_request *request);

struct isolate_made {
	bool was_there;		/* the same environment, and nothing changed since */
	struct strings notes;	/* what the user should know: warnings */
	struct strings missing; /* tools that the self-test wanted and are not there */
	uint64_t visible;
};
void isolate_made_done(struct isolate_made *made);

/* Nothing half-made is left: what is made is renamed into place. A directory that is no environment
 * and not empty is -EEXIST; an environment of another request is replaced, but -EBUSY while a run
 * uses it. */
int isolate_create(const struct isolate_request *request, struct isolate_made *ret_made,
		   struct err *err) must_check;
/* Make an environment of host files again, as it was asked for: the host has changed. */
int isolate_refresh(const char *store, const char *path, struct err *err) must_check;
/* -EBUSY while a run uses it, unless forced. */
int isolate_remove(const char *path, bool force, struct err *err) must_check;
/* The environment's root as what `pack` writes: format as in pack.h, NULL: by the name's suffix. */
int isolate_export(const char *store, const char *path, const char *format, const char *output,
		   struct err *err) must_check;

/* The folder `copy` in an environment of host files, for hosts and engines that cannot stack. */
int isolate_make_copy(const char *path, struct err *err) must_check;

/* --- for the files of this flow --- */

bool isolate_is_of_host_files(const char *source);

/* Fill `visible` from the request; dpkg, files and host sources. */
int isolate_show(const struct isolate_request *request, const char *source, struct visible *visible,
		 struct strings *notes, struct err *err) must_check;

/* The same for an environment of host files that was made before; takes its recipe. */
int isolate_show_again(struct environment *environment, struct visible *visible,
		       struct err *err) must_check;

struct isolate_layer {
	struct json *mounts; /* for the environment's file */
	struct buf fresh;
};
/* Into root_fd, an empty directory: links, made files, mount points, and whiteouts for all that is
 * not visible in directories that are shown in part. -EOPNOTSUPP: the file system takes none. */
int isolate_write_layer(const struct visible *visible, int root_fd, struct isolate_layer *ret_layer,
			struct err *err) must_check;

/* What a run mounts has its place in the root, where that is possible. */
void isolate_make_mount_points(int root_fd);

/* A real copy of what is visible in folder_fd, sharing blocks where the file system can. What may
 * not be read is left out. */
int isolate_copy(const struct visible *visible, int folder_fd, struct err *err) must_check;

/* What will be in the way of what is built inside: a C library newer than this host's, another
 * operating system, groups that are not known there. root: NULL where it is the host's own. */
void isolate_warn(const char *root, struct strings *notes);

/* Run the self-test; its findings. */
int isolate_test(const char *store, const char *path, struct strings *ret_missing,
		 struct err *err) must_check;

#endif
