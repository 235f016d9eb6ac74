/* SPDX-License-Identifier: Apache-2.0 */
/* Image manifests and indexes (manifest lists), OCI and Docker schema 2, read and written.
 * Source: OCI image-spec v1.1, manifest.md and image-index.md; Docker schema 1 is refused.
 * The bytes of a manifest have a digest: what came from elsewhere is kept verbatim as a blob and
 * only read here; printing is for manifests of our own making. */
#ifndef IMAGE_MANIFEST_H
#define IMAGE_MANIFEST_H

#include "image/descriptor.h"

#define MANIFEST_SIZE_MAX  ((size_t)4 * 1024 * 1024) /* what registries accept */
#define MANIFEST_LAYER_MAX 4096

struct manifest {
	const char *media_type;
	const char *artifact_type; /* or NULL */
	struct descriptor config;
	struct descriptor *layers; /* lowest first */
	size_t layer_count;
	struct annotations annotations;
};

struct index {
	const char *media_type;
	struct descriptor *manifests;
	size_t manifest_count;
	struct annotations annotations;
};

/* All memory comes from the arena. -EINVAL says which member is wrong. */
int manifest_parse(const void *bytes, size_t size_bytes, struct arena *arena,
		   struct manifest *ret_manifest, struct err *err) must_check;
int index_parse(const void *bytes, size_t size_bytes, struct arena *arena, struct index *ret_index,
		struct err *err) must_check;
/* What these bytes are, from "mediaType" or else from their shape: one of the four media types
 * of manifests and indexes; the text is static. */
int manifest_detect(const void *bytes, size_t size_bytes, const char **ret_media_type,
		    struct err *err) must_check;

/* One line of JSON, always the same bytes for the same content. NULL media_type: OCI's. */
void manifest_print(const struct manifest *manifest, struct buf *buf);
void index_print(const struct index *index, struct buf *buf);

/* The first manifest for the platform; one without a platform only when nothing names one.
 * Attestations (platform unknown/unknown) never match. -ENOENT lists what there is. */
int index_select(const struct index *index, const struct platform *platform,
		 struct descriptor *ret_descriptor, struct err *err) must_check;

#endif
