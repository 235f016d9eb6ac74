/* SPDX-License-Identifier: Apache-2.0 */
/* A part of the build cache as an OCI artifact in the making, and the places it can go to. Its
 * manifest and config exist in memory only: the store gets nothing that no name leads to. */
#ifndef FLOW_CACHE_ARTIFACT_H
#define FLOW_CACHE_ARTIFACT_H

#include "base/map.h"
#include "flow/cache_pack.h"
#include "remote/remote.h"

struct cache_blob {
	struct descriptor descriptor;
	int fd; /* its bytes; -1: a blob of the store */
};

struct cache_artifact {
	const struct store *store;
	struct arena arena;
	struct cache_pack pack;
	size_t step_room;
	size_t mount_room;
	struct cache_blob *blob; /* the layers, each once */
	size_t blob_count;
	size_t blob_room;
	struct map seen; /* keys of steps, digests of blobs */
	struct buf config;
	struct buf manifest;
	struct descriptor config_descriptor;
	struct descriptor root; /* the manifest */
};

void cache_artifact_init(struct cache_artifact *artifact, const struct store *store);
void cache_artifact_done(struct cache_artifact *artifact);

/* Copies; the second of the same key does nothing. */
void cache_artifact_add_step(struct cache_artifact *artifact, const char *key_hex,
			     const struct build_cached *result);
/* The mount NAME of the store, packed as it is now. Waits until no build uses it. */
int cache_artifact_add_mount(struct cache_artifact *artifact, const char *name, const char *id,
			     struct err *err) must_check;
/* Nothing can be added afterwards. */
int cache_artifact_finish(struct cache_artifact *artifact, struct err *err) must_check;

/* An own fd on the bytes of a layer, at their beginning. */
int cache_artifact_open(const struct cache_artifact *artifact, const struct cache_blob *blob,
			int *ret_fd, struct err *err) must_check;

/* As a tar of an OCI layout; "-" is standard output. */
int cache_artifact_to_archive(const struct cache_artifact *artifact, const char *dest,
			      struct err *err) must_check;
/* Into the OCI layout in the directory `dest`, made if there is none, under the tag. What is there
 * under other tags stays; in a directory of build caches alone, blobs that no tag leads to go. */
int cache_artifact_to_layout(const struct cache_artifact *artifact, const char *dest,
			     const char *tag, struct err *err) must_check;
/* To a registry, under the name `ref`, which has a tag. */
int cache_artifact_to_registry(const struct cache_artifact *artifact, const char *ref,
			       const struct remote_settings *settings, char *const *environ_list,
			       struct err *err) must_check;

#endif
