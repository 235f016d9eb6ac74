// SPDX-License-Identifier: Apache-2.0
#include "flow/cache_artifact.h"

#include <fcntl.h>
#include <string.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/number.h"
#include "codec/sha256.h"
#include "flow/build_cache_mount.h"
#include "flow/cache_mount_pack.h"
#include "image/manifest.h"
#include "store/blob.h"

void cache_artifact_init(struct cache_artifact *artifact, const struct store *store)
{
	*artifact = (struct cache_artifact){ .store = store };
}

void cache_artifact_done(struct cache_artifact *artifact)
{
	for (size_t i = 0; i < artifact->blob_count; i++)
		cleanup_fd(&artifact->blob[i].fd);
	free(artifact->blob);
	free(artifact->pack.step);
	free(artifact->pack.mount);
	map_done(&artifact->seen);
	buf_done(&artifact->config);
	buf_done(&artifact->manifest);
	arena_done(&artifact->arena);
	*artifact = (struct cache_artifact){ 0 };
}

/* ---- content ---- */

static void *grow(void *list, size_t count, size_t *room, size_t size_bytes)
{
	if (count < *room)
		return list;
	*room = *room ? *room * 2 : 16;
	return memory_resize(list, *room, size_bytes);
}

/* True the first time. */
static bool is_new(struct cache_artifact *artifact, const char *key)
{
	if (map_get(&artifact->seen, key))
		return false;
	map_set(&artifact->seen, key, artifact);
	return true;
}

/* Takes the fd over. */
static void add_blob(struct cache_artifact *artifact, const struct descriptor *descriptor, int fd)
{
	if (!is_new(artifact, descriptor->digest.text)) {
		cleanup_fd(&fd);
		return;
	}
	artifact->blob = grow(artifact->blob, artifact->blob_count, &artifact->blob_room,
			      sizeof(*artifact->blob));
	artifact->blob[artifact->blob_count++] = (struct cache_blob){
		.descriptor = { .media_type = arena_copy(&artifact->arena, descriptor->media_type),
				.digest = descriptor->digest,
				.size_bytes = descriptor->size_bytes },
		.fd = fd,
	};
}

void cache_artifact_add_step(struct cache_artifact *artifact, const char *key_hex,
			     const struct build_cached *result)
{
	struct cache_pack *pack = &artifact->pack;
	struct cache_pack_step *step;

	if (!is_new(artifact, key_hex))
		return;
	pack->step = grow(pack->step, pack->step_count, &artifact->step_room, sizeof(*step));
	step = &pack->step[pack->step_count++];
	*step = (struct cache_pack_step){ .result = *result };
	memcpy(step->key, key_hex, DIGEST_HEX_LENGTH);
	step->result.created = arena_copy(&artifact->arena, result->created);
	step->result.text = arena_copy(&artifact->arena, result->text);
	if (digest_is_none(&result->diff_id))
		return;
	add_blob(artifact, &result->layer, -1);
	step->result.layer = (struct descriptor){
		.media_type = arena_copy(&artifact->arena, result->layer.media_type),
		.digest = result->layer.digest,
		.size_bytes = result->layer.size_bytes
	};
}

static unsigned number_of(const char *name)
{
	const char *dash = strchr(name, '-');
	uint32_t number = 0;

	return dash && number_parse_u32(dash + 1, &number) == 0 ? number : 0;
}

int cache_artifact_add_mount(struct cache_artifact *artifact, const char *name, const char *id,
			     struct err *err)
{
	struct cache_pack *pack = &artifact->pack;
	struct cache_pack_mount mount = { .id = arena_copy(&artifact->arena, id),
					  .number = number_of(name) };
	auto_fd fd = -1;
	int r = cache_mount_pack(artifact->store, name, &fd, &mount.layer, &mount.diff_id, err);

	if (r < 0)
		return err_wrap(err, "cache mount '%s'", id);
	pack->mount = grow(pack->mount, pack->mount_count, &artifact->mount_room, sizeof(mount));
	pack->mount[pack->mount_count++] = mount;
	add_blob(artifact, &mount.layer, take_fd(&fd));
	return 0;
}

static int by_key(const void *left, const void *right)
{
	const struct cache_pack_step *a = left;
	const struct cache_pack_step *b = right;

	return strcmp(a->key, b->key);
}

static int by_digest(const void *left, const void *right)
{
	const struct cache_blob *a = left;
	const struct cache_blob *b = right;

	return strcmp(a->descriptor.digest.text, b->descriptor.digest.text);
}

/* Stages are built at the same time: steps came in any order. */
static void sort(struct cache_artifact *artifact)
{
	struct cache_pack *pack = &artifact->pack;

	if (pack->step_count)
		qsort(pack->step, pack->step_count, sizeof(*pack->step), by_key);
	if (artifact->blob_count)
		qsort(artifact->blob, artifact->blob_count, sizeof(*artifact->blob), by_digest);
}

static struct descriptor describe(const char *media_type, const struct buf *bytes)
{
	struct descriptor descriptor = { .media_type = media_type,
					 .size_bytes = bytes->size_bytes };
	char hex[SHA256_HEX_LENGTH + 1];

	sha256_hex(bytes->bytes, bytes->size_bytes, hex);
	descriptor.digest = digest_of_hex(hex);
	return descriptor;
}

int cache_artifact_finish(struct cache_artifact *artifact, struct err *err)
{
	struct manifest manifest = { .media_type = MEDIA_OCI_MANIFEST,
				     .artifact_type = MEDIA_CACHE_ARTIFACT };

	if (artifact->blob_count > MANIFEST_LAYER_MAX)
		return fail_plain(err, E2BIG, "%zu layers are more than the %d of a manifest",
				  artifact->blob_count, MANIFEST_LAYER_MAX);
	sort(artifact);
	cache_pack_print(&artifact->pack, &artifact->config);
	artifact->config_descriptor = describe(MEDIA_CACHE_CONFIG, &artifact->config);
	manifest.config = artifact->config_descriptor;
	manifest.layers = arena_array(&artifact->arena, struct descriptor, artifact->blob_count);
	for (size_t i = 0; i < artifact->blob_count; i++)
		manifest.layers[manifest.layer_count++] = artifact->blob[i].descriptor;
	manifest_print(&manifest, &artifact->manifest);
	artifact->root = describe(MEDIA_OCI_MANIFEST, &artifact->manifest);
	artifact->root.artifact_type = MEDIA_CACHE_ARTIFACT;
	if (artifact->manifest.size_bytes > MANIFEST_SIZE_MAX)
		return fail_plain(err, E2BIG, "the manifest would be larger than %zu bytes",
				  MANIFEST_SIZE_MAX);
	return 0;
}

/* Each layer is read once, so that sharing the offset does no harm. */
int cache_artifact_open(const struct cache_artifact *artifact, const struct cache_blob *blob,
			int *ret_fd, struct err *err)
{
	auto_fd fd = -1;

	if (blob->fd < 0)
		return blob_open(artifact->store, &blob->descriptor.digest, ret_fd, NULL, err);
	fd = fcntl(blob->fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return fail(err, errno, "read the packed cache mount");
	*ret_fd = take_fd(&fd);
	return 0;
}
