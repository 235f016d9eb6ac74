// SPDX-License-Identifier: Apache-2.0
#include "flow/cache_mount_pack.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "codec/gzip_writer.h"
#include "codec/sha256.h"
#include "flow/build_cache_mount.h"
#include "flow/cache_owners.h"
#include "rootfs/layer.h"
#include "rootfs/tree.h"
#include "sys/remove.h"

#define NAME_BYTES 128

static const char *part(const char *name, const char *suffix, char path[NAME_BYTES])
{
	snprintf(path, NAME_BYTES, CACHE_MOUNT_FOLDER "/%s%s", name, suffix);
	return path;
}

/* ---- packing ---- */

/* Tar bytes -> their digest -> gzip -> its digest and size -> a file. */
struct packing {
	struct sha256 tar_sha;
	struct gzip_writer *gzip;
	struct sha256 blob_sha;
	uint64_t blob_bytes;
	int fd;
};

static int from_tar(void *context, const void *bytes, size_t size_bytes, struct err *err)
{
	struct packing *packing = context;

	sha256_add(&packing->tar_sha, bytes, size_bytes);
	return gzip_writer_add(packing->gzip, bytes, size_bytes, err);
}

static int from_gzip(void *context, const void *bytes, size_t size_bytes, struct err *err)
{
	struct packing *packing = context;
	int r = io_write_all(packing->fd, bytes, size_bytes);

	sha256_add(&packing->blob_sha, bytes, size_bytes);
	packing->blob_bytes += size_bytes;
	return r < 0 ? fail(err, -r, "write a temporary file in the store") : 0;
}

/* Who owns what, where that was recorded (cache_owners.h). */
static int apply_owners(const char *tree_path, struct tree *tree, struct err *err)
{
	struct owners owners;
	int r = cache_owners_read(tree_path, &tree->arena, &owners, err);

	for (size_t i = 0; r == 0 && i < tree->count; i++)
		tree_entry_apply_owner(&tree->item[i], owners_find(&owners, tree->item[i].path),
				       &tree->arena);
	return r;
}

static int write_tar(struct packing *packing, int tree_fd, const char *tree_path, struct err *err)
{
	const struct tree_tar_options options = { 0 };
	struct gzip_sink sink = { .write = from_gzip, .context = packing };
	struct tar_writer writer = { .write = from_tar, .context = packing };
	auto_tree tree = { 0 };
	int r = tree_of_directory(tree_fd, &tree, err);

	if (r == 0)
		r = apply_owners(tree_path, &tree, err);
	if (r == 0)
		r = gzip_writer_new(&sink, GZIP_FAST, &packing->gzip, err);
	if (r == 0)
		r = tree_write_tar(&tree, &options, &writer, err);
	if (r == 0)
		r = gzip_writer_finish(packing->gzip, err);
	return r;
}

static int pack(const struct store *store, const char *tree_name, int *ret_fd,
		struct descriptor *ret_layer, struct digest *ret_diff_id, struct err *err)
{
	struct packing packing = { .fd = -1 };
	auto_buf path = { 0 };
	auto_fd tree_fd = openat(store->dirfd, tree_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char hex[SHA256_HEX_LENGTH + 1];
	int r = tree_fd < 0 ? fail(err, errno, "open '%s' in the store", tree_name)
			    : store_open_unnamed(store, &packing.fd, err);

	buf_printf(&path, "%s/%s", store->path, tree_name);
	sha256_init(&packing.tar_sha);
	sha256_init(&packing.blob_sha);
	if (r == 0)
		r = write_tar(&packing, tree_fd, path.bytes, err);
	if (r == 0) {
		*ret_layer = (struct descriptor){ .media_type = MEDIA_OCI_LAYER_GZIP,
						  .size_bytes = packing.blob_bytes };
		sha256_finish(&packing.blob_sha, hex);
		ret_layer->digest = digest_of_hex(hex);
		sha256_finish(&packing.tar_sha, hex);
		*ret_diff_id = digest_of_hex(hex);
		*ret_fd = take_fd(&packing.fd);
	}
	gzip_writer_free(packing.gzip);
	sha256_done(&packing.tar_sha);
	sha256_done(&packing.blob_sha);
	cleanup_fd(&packing.fd);
	return r;
}

int cache_mount_pack(const struct store *store, const char *name, int *ret_fd,
		     struct descriptor *ret_layer, struct digest *ret_diff_id, struct err *err)
{
	char path[NAME_BYTES];
	auto_fd lock = -1;
	int r = cache_mount_hold(store, name, CACHE_MOUNT_ALONE, true, &lock, err);

	return r < 0 ? r
		     : pack(store, part(name, "/tree", path), ret_fd, ret_layer, ret_diff_id, err);
}

/* ---- unpacking ---- */

/* What the archive says of owners is the record of the mount. */
static int record_owners(const struct store *store, const char *name,
			 const struct layer_staged *staged, struct err *err)
{
	auto_buf text = { 0 };
	char path[NAME_BYTES];

	owners_print(&staged->owners, &text);
	return io_replace_file_at(store->dirfd, part(name, "/owners", path), text.bytes,
				  text.size_bytes, 0600, err);
}

/* A layer of the store keeps true modes in its record; here they are on disk. What is below a
 * directory comes before it, whose mode may shut us out. */
static int apply_modes(const struct store *store, const struct layer_staged *staged,
		       struct err *err)
{
	auto_fd root = openat(store->dirfd, staged->work_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return fail(err, errno, "open '%s' in the store", staged->work_name);
	for (size_t i = staged->owners.count; i-- > 0;) {
		const struct owner *owner = &staged->owners.item[i];
		const char *path = *owner->path ? owner->path : ".";

		if (owner->has_mode && !owner->type && fchmodat(root, path, owner->mode, 0) < 0)
			return fail(err, errno, "chmod '%s'", owner->path);
	}
	return 0;
}

static int publish(const struct store *store, const char *name, const char *id,
		   struct layer_staged *staged, struct err *err)
{
	char path[NAME_BYTES];
	char aside[STORE_WORK_NAME_MAX];
	int r = store_work_name(store, aside, err);

	if (r == 0)
		r = io_replace_file_at(store->dirfd, part(name, "/id", path), id, strlen(id), 0600,
				       err);
	if (r == 0)
		r = record_owners(store, name, staged, err);
	if (r < 0)
		return r;
	part(name, "/tree", path);
	if (renameat(store->dirfd, path, store->dirfd, aside) == 0)
		r = remove_tree(store->dirfd, aside, err);
	else if (errno != ENOENT)
		r = fail(err, errno, "move '%s' away", path);
	if (r == 0 && renameat(store->dirfd, staged->work_name, store->dirfd, path) < 0)
		r = fail(err, errno, "publish '%s' in the store", path);
	if (r == 0)
		staged->work_name[0] = '\0';
	return r;
}

int cache_mount_unpack(const struct store *store, const char *name, const char *id,
		       const struct byte_source *source, const struct digest *diff_id, bool replace,
		       struct err *err)
{
	const struct layer_request request = { .source = source,
					       .diff_id = diff_id,
					       .is_literal = true };
	auto_layer_staged staged = { 0 };
	char path[NAME_BYTES];
	auto_fd lock = -1;
	int r = cache_mount_hold(store, name, CACHE_MOUNT_ALONE, true, &lock, err);

	if (r < 0)
		return r;
	if (!replace && faccessat(store->dirfd, part(name, "/tree", path), F_OK, 0) == 0)
		return 0;
	r = layer_stage(store, &request, &staged, err);
	if (r == 0)
		r = apply_modes(store, &staged, err);
	if (r == 0)
		r = publish(store, name, id, &staged, err);
	return r < 0 ? r : 1;
}
