/* SPDX-License-Identifier: Apache-2.0 */
/* A part of a build cache on its way to another store: which steps made which layers, and cache
 * mounts as layers. As an OCI artifact (doc/format/cache.md) the text below is the config and the
 * layers are its layers, so every registry and every OCI layout can hold it; in an image it is an
 * annotation of the manifest. Pure: text to struct and back. */
#ifndef FLOW_CACHE_PACK_H
#define FLOW_CACHE_PACK_H

#include "flow/build_cache.h"

#define MEDIA_CACHE_CONFIG   "application/vnd.rootlet.cache.config.v1+json"
#define MEDIA_CACHE_ARTIFACT "application/vnd.rootlet.cache.v1"
#define ANNOTATION_CACHE     "rootlet.build.cache" /* in an image's manifest */
#define CACHE_PACK_BYTES_MAX ((size_t)64 << 20)

struct cache_pack_step {
	char key[DIGEST_HEX_LENGTH + 1];
	struct build_cached result;
};

struct cache_pack_mount {
	const char *id;
	unsigned number; /* of a further copy of a private one */
	struct digest diff_id;
	struct descriptor layer;
};

struct cache_pack {
	struct cache_pack_step *step;
	size_t step_count;
	struct cache_pack_mount *mount;
	size_t mount_count;
};

/* One line of JSON. */
void cache_pack_print(const struct cache_pack *pack, struct buf *buf);
/* All memory comes from the arena. -EINVAL says what is wrong. */
int cache_pack_parse(const void *bytes, size_t size_bytes, struct arena *arena,
		     struct cache_pack *ret_pack, struct err *err) must_check;

#endif
