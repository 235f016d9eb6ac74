/* SPDX-License-Identifier: Apache-2.0 */
/* One repository at all the servers that may have it: its mirrors, in order, and its registry.
 * The server that gave the first manifest is asked for everything else; the ones after it stand in
 * where it fails. Safe to use from several threads once the first manifest is there. */
#ifndef REMOTE_REPOSITORY_H
#define REMOTE_REPOSITORY_H

#include <pthread.h>

#include "remote/registry.h"

struct repository {
	const struct remote *remote;
	struct endpoint endpoint[ENDPOINTS_MAX];
	struct registry *registry[ENDPOINTS_MAX]; /* opened when first needed */
	size_t count;
	size_t first; /* the one that answered */
	pthread_mutex_t lock;
};

/* Connects to nobody yet. `remote` must outlive it. */
int repository_open(const struct remote *remote, const struct ref *ref,
		    struct repository *ret_repository, struct err *err) must_check;
void repository_done(struct repository *repository);

/* What the reference (tag, or digest if it has one) means now, by the first server that knows;
 * that server becomes the first for all later calls. The error of the last one is reported, with
 * those of the mirrors before it. */
int repository_resolve(struct repository *repository, struct buf *bytes, struct digest *ret_digest,
		       char **ret_media_type, struct err *err) must_check;
/* As registry_head_manifest, from the first server that answers. */
int repository_head(struct repository *repository, struct digest *ret_digest,
		    struct err *err) must_check;
/* A manifest by digest and size. */
int repository_get_manifest(struct repository *repository, const struct descriptor *descriptor,
			    struct buf *bytes, struct err *err) must_check;

/* Server number `index` (from `first` up to `count` - 1), connected, and the repository's name
 * there; both borrowed. */
int repository_server(struct repository *repository, size_t index, struct registry **ret_registry,
		      const char **ret_name, struct err *err) must_check;

/* Is asking the next server of any use after this failure? Not when cancelled, nor when it is our
 * own disk that is full. */
bool repository_may_ask_next(int r);

#endif
