/* SPDX-License-Identifier: Apache-2.0 */
/* A build cache that is somewhere else: a registry, an OCI layout, an archive. What steps it knows
 * is read at once, layers are fetched one by one when a build wants them. */
#ifndef FLOW_CACHE_SOURCE_H
#define FLOW_CACHE_SOURCE_H

#include "base/map.h"
#include "flow/bundle.h"
#include "flow/cache_pack.h"
#include "remote/remote.h"
#include "remote/repository.h"

struct cache_source {
	const struct store *store;
	struct arena arena;
	struct cache_pack pack;
	struct map steps;     /* key -> struct cache_pack_step */
	struct bundle bundle; /* of a file or directory */
	bool has_repository;
	struct remote remote;
	struct repository repository;
	atomic_bool cancel;
};

/* The OCI layout `directory`; `which` is a tag or digest, NULL: latest, or the only one. An image
 * in it may carry the cache (ANNOTATION_CACHE). -ENOENT: it is not there. */
int cache_source_open_layout(const struct store *store, const char *directory, const char *which,
			     struct cache_source *ret_source, struct err *err) must_check;
/* A file, compressed or not, or a directory as above, or "-". */
int cache_source_open_file(const struct store *store, const char *path,
			   struct cache_source *ret_source, struct err *err) must_check;
/* What a registry has under that name: a build cache, or an image that carries one. */
int cache_source_open_registry(const struct store *store, const char *name,
			       const struct remote_settings *settings, char *const *environ_list,
			       struct cache_source *ret_source, struct err *err) must_check;
void cache_source_done(struct cache_source *source);

/* NULL when it does not know the step. */
const struct cache_pack_step *cache_source_find(const struct cache_source *source,
						const char *key_hex);
/* Have this layer in the store, packed and unpacked. From any thread. */
int cache_source_bring(struct cache_source *source, const struct descriptor *layer,
		       const struct digest *diff_id, struct err *err) must_check;
/* Make a cache mount of the store of this one; see cache_mount_unpack. Not from a registry. */
int cache_source_bring_mount(struct cache_source *source, const struct cache_pack_mount *mount,
			     bool replace, struct err *err) must_check;

#endif
