// SPDX-License-Identifier: Apache-2.0
/* A build cache into an archive, or into an OCI layout that may hold others. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "flow/archive_out.h"
#include "flow/cache_artifact.h"
#include "image/manifest.h"
#include "rootfs/level.h"
#include "sys/file_lock.h"

#define LAYOUT_TEXT	"{\"imageLayoutVersion\":\"1.0.0\"}"
#define BLOBS		"blobs/sha256"
#define BLOB_NAME_BYTES 96

static struct descriptor tagged_root(const struct cache_artifact *artifact, const char *tag,
				     struct annotation *annotation)
{
	struct descriptor root = artifact->root;

	*annotation = (struct annotation){ ANNOTATION_REF_NAME, tag };
	root.annotations = (struct annotations){ annotation, 1 };
	return root;
}

/* ---- an archive ---- */

static int add_source(struct archive_out *out, const struct cache_artifact *artifact,
		      const struct cache_blob *blob, struct err *err)
{
	char name[STORE_NAME_MAX];
	struct checked_source *checked;
	struct byte_source source;
	auto_fd fd = -1;
	int r = cache_artifact_open(artifact, blob, &fd, err);

	if (r < 0)
		return r;
	source = byte_source_fd(&fd);
	checked = checked_source_new(&source, &blob->descriptor.digest);
	source = byte_source_checked(checked);
	r = archive_out_source(out, store_blob_name(&blob->descriptor.digest, name), &source,
			       blob->descriptor.size_bytes, err);
	checked_source_free(checked);
	return r;
}

static int add_text(struct archive_out *out, const struct digest *digest, const struct buf *text,
		    struct err *err)
{
	char name[STORE_NAME_MAX];

	return archive_out_bytes(out, store_blob_name(digest, name), text->bytes, text->size_bytes,
				 err);
}

static int add_all(struct archive_out *out, const struct cache_artifact *artifact, struct err *err)
{
	struct annotation annotation;
	struct descriptor root = tagged_root(artifact, "latest", &annotation);
	struct index index = { .manifests = &root, .manifest_count = 1 };
	auto_buf text = { 0 };
	int r;

	index_print(&index, &text);
	r = archive_out_bytes(out, "oci-layout", LAYOUT_TEXT, strlen(LAYOUT_TEXT), err);
	if (r == 0)
		r = archive_out_bytes(out, "index.json", text.bytes, text.size_bytes, err);
	if (r == 0)
		r = archive_out_folder(out, "blobs", err);
	if (r == 0)
		r = archive_out_folder(out, BLOBS, err);
	if (r == 0)
		r = add_text(out, &artifact->root.digest, &artifact->manifest, err);
	if (r == 0)
		r = add_text(out, &artifact->config_descriptor.digest, &artifact->config, err);
	for (size_t i = 0; r == 0 && i < artifact->blob_count; i++)
		r = add_source(out, artifact, &artifact->blob[i], err);
	return r < 0 ? r : archive_out_end(out, err);
}

static int write_archive(const struct cache_artifact *artifact, int fd, struct err *err)
{
	struct archive_out out;
	int r;

	archive_out_init(&out, fd, false);
	r = add_all(&out, artifact, err);
	archive_out_done(&out);
	return r;
}

static bool is_special(const char *dest)
{
	struct stat st;

	return stat(dest, &st) == 0 && !S_ISREG(st.st_mode);
}

/* The file appears once it is complete. */
int cache_artifact_to_archive(const struct cache_artifact *artifact, const char *dest,
			      struct err *err)
{
	auto_buf work = { 0 };
	auto_fd fd = -1;
	int r;

	if (strcmp(dest, "-") == 0)
		return write_archive(artifact, STDOUT_FILENO, err);
	if (is_special(dest)) {
		fd = open(dest, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return fd < 0 ? fail(err, errno, "open '%s'", dest)
			      : write_archive(artifact, fd, err);
	}
	buf_printf(&work, "%s.tmp-XXXXXX", dest);
	fd = mkostemp(work.bytes, O_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0644) < 0)
		return fail(err, errno, "create '%s'", work.bytes);
	r = write_archive(artifact, fd, err);
	if (r == 0 && rename(work.bytes, dest) < 0)
		r = fail(err, errno, "rename to '%s'", dest);
	if (r < 0)
		unlink(work.bytes);
	return r;
}

/* ---- an OCI layout ---- */

struct layout {
	int fd;
	struct arena arena;
	struct index index;
};

static const char *blob_name(const struct digest *digest, char name[BLOB_NAME_BYTES])
{
	snprintf(name, BLOB_NAME_BYTES, BLOBS "/%s", digest_hex(digest));
	return name;
}

/* With the directories above it; what cannot be made fails when it is opened. */
static void make_directories(struct arena *arena, const char *path)
{
	char *copy = arena_copy(arena, path);

	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)!mkdir(copy, 0777);
		*slash = '/';
	}
	(void)!mkdir(copy, 0777);
}

/* Locked, so that of two that write at once neither loses the other's tag or blobs. */
static int open_layout(const char *dest, struct layout *layout, struct err *err)
{
	make_directories(&layout->arena, dest);
	layout->fd = open(dest, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (layout->fd < 0)
		return fail(err, errno, "open the directory");
	while (flock(layout->fd, LOCK_EX) < 0)
		if (file_lock_is_missing(errno))
			break; /* on such a file system two should not write at once */
		else if (errno != EINTR)
			return fail(err, errno, "lock the directory");
	if ((mkdirat(layout->fd, "blobs", 0777) < 0 && errno != EEXIST) ||
	    (mkdirat(layout->fd, BLOBS, 0777) < 0 && errno != EEXIST))
		return fail(err, errno, "make '" BLOBS "'");
	return 0;
}

static int read_index(struct layout *layout, struct err *err)
{
	auto_buf text = { 0 };
	int r = io_read_file_at(layout->fd, "index.json", MANIFEST_SIZE_MAX, &text, err);

	if (r == -ENOENT) {
		err_clear(err);
		return 0;
	}
	if (r == 0)
		r = index_parse(text.bytes, text.size_bytes, &layout->arena, &layout->index, err);
	return r < 0 ? err_wrap(err, "index.json") : 0;
}

static int put_blob(const struct layout *layout, const struct cache_artifact *artifact,
		    const struct cache_blob *blob, struct err *err)
{
	char name[BLOB_NAME_BYTES];
	char work[BLOB_NAME_BYTES + 8];
	struct stat st;
	auto_fd from = -1;
	auto_fd to = -1;
	int r;

	blob_name(&blob->descriptor.digest, name);
	if (fstatat(layout->fd, name, &st, 0) == 0 &&
	    (uint64_t)st.st_size == blob->descriptor.size_bytes)
		return 0;
	snprintf(work, sizeof(work), "%s.tmp", name);
	r = cache_artifact_open(artifact, blob, &from, err);
	if (r < 0)
		return r;
	to = openat(layout->fd, work, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (to < 0)
		return fail(err, errno, "create '%s'", work);
	r = io_copy(from, to, UINT64_MAX, err);
	if (r == 0 && renameat(layout->fd, work, layout->fd, name) < 0)
		r = fail(err, errno, "rename to '%s'", name);
	return r;
}

static int put_text(const struct layout *layout, const struct digest *digest,
		    const struct buf *text, struct err *err)
{
	char name[BLOB_NAME_BYTES];

	return io_replace_file_unsynced_at(layout->fd, blob_name(digest, name), text->bytes,
					   text->size_bytes, 0666, err);
}

static int put_index(struct layout *layout, const struct cache_artifact *artifact, const char *tag,
		     struct err *err)
{
	struct annotation annotation;
	struct index index = { .media_type = MEDIA_OCI_INDEX };
	auto_buf text = { 0 };
	int r;

	index.manifests = arena_array(&layout->arena, struct descriptor,
				      layout->index.manifest_count + 1);
	for (size_t i = 0; i < layout->index.manifest_count; i++) {
		const struct descriptor *other = &layout->index.manifests[i];

		if (!text_equal(annotation_get(&other->annotations, ANNOTATION_REF_NAME), tag))
			index.manifests[index.manifest_count++] = *other;
	}
	index.manifests[index.manifest_count++] = tagged_root(artifact, tag, &annotation);
	index_print(&index, &text);
	r = io_replace_file_unsynced_at(layout->fd, "oci-layout", LAYOUT_TEXT, strlen(LAYOUT_TEXT),
					0666, err);
	if (r == 0)
		r = io_replace_file_unsynced_at(layout->fd, "index.json", text.bytes,
						text.size_bytes, 0666, err);
	layout->index = index;
	return r;
}

/* ---- what nothing leads to any more ---- */

/* False when a manifest is not a build cache's: then nobody knows what its blobs are for. */
static bool collect(struct layout *layout, struct map *needed)
{
	for (size_t i = 0; i < layout->index.manifest_count; i++) {
		const struct descriptor *root = &layout->index.manifests[i];
		char name[BLOB_NAME_BYTES];
		auto_buf text = { 0 };
		struct manifest manifest;

		if (!text_equal(root->artifact_type, MEDIA_CACHE_ARTIFACT) ||
		    io_read_file_at(layout->fd, blob_name(&root->digest, name), MANIFEST_SIZE_MAX,
				    &text, NULL) < 0 ||
		    manifest_parse(text.bytes, text.size_bytes, &layout->arena, &manifest, NULL) <
			    0)
			return false;
		map_set(needed, digest_hex(&root->digest), needed);
		map_set(needed, digest_hex(&manifest.config.digest), needed);
		for (size_t j = 0; j < manifest.layer_count; j++)
			map_set(needed, digest_hex(&manifest.layers[j].digest), needed);
	}
	return true;
}

static int drop_rest(struct layout *layout, struct err *err)
{
	auto_fd fd = openat(layout->fd, BLOBS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_strings names = { 0 };
	auto_map needed = { 0 };
	int r = 0;

	if (!collect(layout, &needed))
		return 0;
	if (fd < 0)
		return fail(err, errno, "open '" BLOBS "'");
	r = directory_names(fd, &names, err);
	for (size_t i = 0; r == 0 && i < names.count; i++)
		if (!map_get(&needed, names.item[i]) && unlinkat(fd, names.item[i], 0) < 0)
			r = fail(err, errno, "remove '" BLOBS "/%s'", names.item[i]);
	return r;
}

static int write_layout(struct layout *layout, const struct cache_artifact *artifact,
			const char *dest, const char *tag, struct err *err)
{
	int r = open_layout(dest, layout, err);

	if (r == 0)
		r = read_index(layout, err);
	for (size_t i = 0; r == 0 && i < artifact->blob_count; i++)
		r = put_blob(layout, artifact, &artifact->blob[i], err);
	if (r == 0)
		r = put_text(layout, &artifact->config_descriptor.digest, &artifact->config, err);
	if (r == 0)
		r = put_text(layout, &artifact->root.digest, &artifact->manifest, err);
	if (r == 0)
		r = put_index(layout, artifact, tag, err);
	return r < 0 ? r : drop_rest(layout, err);
}

int cache_artifact_to_layout(const struct cache_artifact *artifact, const char *dest,
			     const char *tag, struct err *err)
{
	struct layout layout = { .fd = -1 };
	int r = write_layout(&layout, artifact, dest, tag, err);

	cleanup_fd(&layout.fd);
	arena_done(&layout.arena);
	return r < 0 ? err_wrap(err, "'%s'", dest) : 0;
}
