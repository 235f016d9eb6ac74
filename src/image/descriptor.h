/* SPDX-License-Identifier: Apache-2.0 */
/* What points at a blob: media type, digest, size, and for an index the platform.
 * Source: OCI image-spec v1.1, descriptor.md, image-index.md (platform), media-types.md.
 * Text lives in the arena given when parsing; a descriptor is copied by value. */
#ifndef IMAGE_DESCRIPTOR_H
#define IMAGE_DESCRIPTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "codec/json.h"
#include "image/digest.h"

#define MEDIA_OCI_INDEX	      "application/vnd.oci.image.index.v1+json"
#define MEDIA_OCI_MANIFEST    "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_CONFIG      "application/vnd.oci.image.config.v1+json"
#define MEDIA_OCI_LAYER_TAR   "application/vnd.oci.image.layer.v1.tar"
#define MEDIA_OCI_LAYER_GZIP  "application/vnd.oci.image.layer.v1.tar+gzip"
#define MEDIA_OCI_LAYER_ZSTD  "application/vnd.oci.image.layer.v1.tar+zstd"
#define MEDIA_DOCKER_LIST     "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_CONFIG   "application/vnd.docker.container.image.v1+json"
#define MEDIA_DOCKER_LAYER    "application/vnd.docker.image.rootfs.diff.tar.gzip"

#define ANNOTATION_REF_NAME "org.opencontainers.image.ref.name"

struct platform {
	const char *os; /* each NULL when not given */
	const char *architecture;
	const char *variant;
	const char *os_version;
};

struct annotation {
	const char *key;
	const char *value;
};

struct annotations {
	struct annotation *item;
	size_t count;
};

struct descriptor {
	const char *media_type;
	struct digest digest;
	uint64_t size_bytes;
	struct platform platform;
	const char *artifact_type; /* or NULL */
	struct annotations annotations;
};

/* How a layer's tar is compressed; `foreign` layers name URLs instead of being in the registry. */
enum compression { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD };

int descriptor_parse(const struct json *json, struct arena *arena,
		     struct descriptor *ret_descriptor, struct err *err) must_check;
/* A new object, members in the order of the specification's examples. */
struct json *descriptor_to_json(const struct descriptor *descriptor);

int annotations_parse(const struct json *object, struct arena *arena,
		      struct annotations *ret_annotations, struct err *err) must_check;
struct json *annotations_to_json(const struct annotations *annotations);
const char *annotation_get(const struct annotations *annotations, const char *key); /* or NULL */

bool media_type_is_index(const char *media_type);
bool media_type_is_manifest(const char *media_type);
/* -ENOTSUP for anything but a tar layer, OCI or Docker, plain, gzip or zstd. */
int media_type_layer(const char *media_type, enum compression *ret_compression,
		     struct err *err) must_check;
const char *media_type_of_layer(enum compression compression); /* OCI */

/* "linux/arm64/v8", "linux/amd64", "arm64" (linux is meant). Names as in Go's GOOS and GOARCH;
 * "x86_64" and "aarch64" are accepted for amd64 and arm64. */
int platform_parse(const char *text, struct arena *arena, struct platform *ret_platform,
		   struct err *err) must_check;
struct platform platform_host(void); /* of this machine's processor; static text */
/* Can `offered` serve who wants `wanted`? Members NULL in `wanted` match all; a variant counts
 * only where both name one, and arm64 means arm64/v8. */
bool platform_matches(const struct platform *wanted, const struct platform *offered);
const char *platform_format(const struct platform *platform, char text[64]);

#endif
