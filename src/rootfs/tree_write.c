// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/map.h"
#include "base/memory.h"
#include "image/whiteout.h"
#include "rootfs/directories.h"
#include "rootfs/tree.h"

#define CHUNK_BYTES ((size_t)256 * 1024)

/* What entries and their data are written to. */
struct tree_sink {
	int (*entry)(void *context, const struct tar_entry *entry, struct err *err);
	int (*data)(void *context, const void *bytes, size_t size_bytes, struct err *err);
	int (*end)(void *context, struct err *err);
	void *context;
};

struct emission {
	const struct tree *tree;
	const struct tree_tar_options *options;
	const struct tree_sink *sink;
	struct directories directories; /* of directories.root_fd */
	struct map first_names;		/* "dev:ino" of files with several names -> path */
	char *chunk;
	struct buf path; /* of an entry in the tar, where that is not its own */
	struct buf link;
	struct err *err;
};

static int open_content(struct emission *emission, const struct tree_entry *entry)
{
	const char *path = entry->disk_path ?: entry->path;
	const char *slash = strrchr(path, '/');
	int dirfd;
	int fd;
	int r;

	if (emission->directories.root_fd != entry->root_fd) {
		directories_done(&emission->directories);
		directories_init(&emission->directories, entry->root_fd);
	}
	r = directories_enter(&emission->directories, path, slash ? (size_t)(slash - path) : 0,
			      NULL, NULL, &dirfd);
	if (r < 0)
		return r;
	fd = openat(dirfd, slash ? slash + 1 : path,
		    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int write_content(struct emission *emission, const struct tree_entry *entry)
{
	uint64_t left = entry->size_bytes;
	auto_fd fd = -1;

	if (left == 0)
		return 0;
	if (entry->content)
		return emission->sink->data(emission->sink->context, entry->content, left,
					    emission->err);
	fd = open_content(emission, entry);
	if (fd < 0)
		return fail(emission->err, -fd, "open '/%s'", entry->path);
	while (left > 0) {
		size_t want = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
		ssize_t n = io_read_full(fd, emission->chunk, want);
		int r;

		if (n < 0)
			return fail(emission->err, (int)-n, "read '/%s'", entry->path);
		if ((size_t)n < want)
			return fail(emission->err, EUCLEAN,
				    "'/%s' became shorter while it was read", entry->path);
		r = emission->sink->data(emission->sink->context, emission->chunk, (size_t)n,
					 emission->err);
		if (r < 0)
			return r;
		left -= (uint64_t)n;
	}
	return 0;
}

/* The path under which the file came first, or NULL if this is the first time. */
static const char *first_name(struct emission *emission, const struct tree_entry *entry)
{
	char key[64];
	const char *first;

	if (entry->nlink < 2 || S_ISDIR(entry->mode))
		return NULL;
	snprintf(key, sizeof(key), "%llx:%llx", (unsigned long long)entry->dev,
		 (unsigned long long)entry->ino);
	first = map_get(&emission->first_names, key);
	if (!first)
		map_set(&emission->first_names, key, (void *)(uintptr_t)entry->path);
	return first;
}

static bool fill_type(const struct tree_entry *entry, struct tar_entry *tar)
{
	switch (entry->mode & S_IFMT) {
	case S_IFREG:
		tar->type = TAR_FILE;
		return true;
	case S_IFDIR:
		tar->type = TAR_DIRECTORY;
		return true;
	case S_IFLNK:
		tar->type = TAR_SYMLINK;
		tar->mode = 0777;
		return true;
	case S_IFCHR:
		tar->type = TAR_CHAR_DEVICE;
		return true;
	case S_IFBLK:
		tar->type = TAR_BLOCK_DEVICE;
		return true;
	case S_IFIFO:
		tar->type = TAR_FIFO;
		return true;
	default: /* sockets: tar has no type for them */
		return false;
	}
}

static int64_t clamped(const struct emission *emission, int64_t time_s)
{
	const struct tree_tar_options *options = emission->options;

	return options->clamp && time_s > options->clamp_s ? options->clamp_s : time_s;
}

/* What the entry is called in the tar. */
static const char *name_in_tar(struct emission *emission, const char *path, struct buf *buf)
{
	const char *folder = emission->options->folder;

	if (!folder)
		return *path ? path : "./";
	buf_truncate(buf, 0);
	buf_printf(buf, "%s%s%s", folder, *path ? "/" : "", path);
	return buf->bytes;
}

static int emit_file(struct emission *emission, const struct tree_entry *entry)
{
	const char *first = first_name(emission, entry);
	struct tar_entry tar = {
		.path = name_in_tar(emission, entry->path, &emission->path),
		.link = entry->link,
		.mode = entry->mode & 07777,
		.uid = entry->uid,
		.gid = entry->gid,
		.mtime_s = clamped(emission, entry->mtime.tv_sec),
		.size_bytes = entry->size_bytes,
		.rdev_major = entry->rdev_major,
		.rdev_minor = entry->rdev_minor,
	};
	struct tar_xattr *xattrs;
	int r;

	if (!fill_type(entry, &tar))
		return 0;
	if (first) {
		tar.type = TAR_HARD_LINK;
		tar.link = name_in_tar(emission, first, &emission->link);
		return emission->sink->entry(emission->sink->context, &tar, emission->err);
	}
	xattrs = memory_zeroed(entry->xattr_count, sizeof(*xattrs));
	for (size_t i = 0; i < entry->xattr_count; i++)
		xattrs[i] = (struct tar_xattr){ entry->xattrs[i].name, entry->xattrs[i].value,
						entry->xattrs[i].size_bytes };
	tar.xattrs = xattrs;
	tar.xattr_count = entry->xattr_count;
	r = emission->sink->entry(emission->sink->context, &tar, emission->err);
	free(xattrs);
	if (r == 0 && tar.type == TAR_FILE)
		r = write_content(emission, entry);
	return r;
}

/* An empty file of a name that says what is deleted (OCI image-spec, layer.md): only in layers,
 * which have no folder. Its time is nobody's: an engine without overlayfs has none to tell. */
static int emit_whiteout(struct emission *emission, const struct tree_entry *entry)
{
	struct tar_entry tar = { .type = TAR_FILE };
	const char *slash = strrchr(entry->path, '/');
	auto_buf path = { 0 };

	if (entry->kind == TREE_OPAQUE)
		buf_printf(&path, "%s%s" WHITEOUT_OPAQUE_NAME, entry->path,
			   *entry->path ? "/" : "");
	else if (slash)
		buf_printf(&path, "%.*s/" WHITEOUT_PREFIX "%s", (int)(slash - entry->path),
			   entry->path, slash + 1);
	else
		buf_printf(&path, WHITEOUT_PREFIX "%s", entry->path);
	tar.path = path.bytes;
	return emission->sink->entry(emission->sink->context, &tar, emission->err);
}

static int check_names(const struct tree *tree, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < tree->count; i++)
		if (tree->item[i].kind == TREE_ENTRY)
			r = layer_name_check(tree->item[i].path, err);
	return r;
}

static int emit_all(struct emission *emission)
{
	for (size_t i = 0; i < emission->tree->count; i++) {
		const struct tree_entry *entry = &emission->tree->item[i];
		int r = entry->kind == TREE_ENTRY ? emit_file(emission, entry)
						  : emit_whiteout(emission, entry);

		if (r < 0)
			return r;
	}
	return emission->options->goes_on
		       ? 0
		       : emission->sink->end(emission->sink->context, emission->err);
}

static int tree_write(const struct tree *tree, const struct tree_tar_options *options,
		      const struct tree_sink *sink, struct err *err)
{
	struct emission emission = { .tree = tree, .options = options, .sink = sink, .err = err };
	int r = options->is_layer ? check_names(tree, err) : 0;

	if (r < 0)
		return r;
	directories_init(&emission.directories, -1);
	emission.chunk = memory_resize(NULL, CHUNK_BYTES, 1);
	r = emit_all(&emission);
	free(emission.chunk);
	buf_done(&emission.path);
	buf_done(&emission.link);
	directories_done(&emission.directories);
	map_done(&emission.first_names);
	return r;
}

/* --- as tar --- */

static int tar_entry(void *context, const struct tar_entry *entry, struct err *err)
{
	return tar_writer_entry(context, entry, err);
}

static int tar_data(void *context, const void *bytes, size_t size_bytes, struct err *err)
{
	return tar_writer_data(context, bytes, size_bytes, err);
}

static int tar_end(void *context, struct err *err)
{
	return tar_writer_end(context, err);
}

int tree_write_tar(const struct tree *tree, const struct tree_tar_options *options,
		   struct tar_writer *writer, struct err *err)
{
	const struct tree_sink sink = { tar_entry, tar_data, tar_end, writer };

	return tree_write(tree, options, &sink, err);
}

/* --- as squashfs --- */

static int squash_entry(void *context, const struct tar_entry *entry, struct err *err)
{
	return squash_writer_entry(context, entry, err);
}

static int squash_data(void *context, const void *bytes, size_t size_bytes, struct err *err)
{
	return squash_writer_data(context, bytes, size_bytes, err);
}

static int squash_end(void *context, struct err *err)
{
	return squash_writer_end(context, err);
}

int tree_write_squash(const struct tree *tree, const struct tree_tar_options *options,
		      struct squash_writer *writer, struct err *err)
{
	const struct tree_sink sink = { squash_entry, squash_data, squash_end, writer };

	return tree_write(tree, options, &sink, err);
}
