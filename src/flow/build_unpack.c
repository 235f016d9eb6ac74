// SPDX-License-Identifier: Apache-2.0
#include "flow/build_unpack.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "codec/decoder.h"
#include "codec/tar.h"
#include "image/whiteout.h"

#define CHUNK_BYTES ((size_t)256 * 1024)

struct archive {
	int fd;
	struct byte_source source;
	struct decoder *decoder;
	char *chunk;
	struct tar_reader *reader;
};

static int next_chunk(void *context, const void **ret_bytes, size_t *ret_size_bytes,
		      struct err *err)
{
	struct archive *archive = context;
	ssize_t n = decoder_read(archive->decoder, archive->chunk, CHUNK_BYTES, err);

	if (n < 0)
		return (int)n;
	*ret_bytes = archive->chunk;
	*ret_size_bytes = (size_t)n;
	return 0;
}

static int archive_open(struct archive *archive, int fd, struct err *err)
{
	struct tar_input input = { .next = next_chunk, .context = archive };
	int r;

	*archive = (struct archive){ .fd = fd };
	archive->source = byte_source_fd(&archive->fd);
	r = decoder_new(&archive->source, &archive->decoder, err);
	if (r < 0)
		return r;
	archive->chunk = memory_zeroed(1, CHUNK_BYTES);
	archive->reader = tar_reader_new(&input);
	return 0;
}

static void archive_close(struct archive *archive)
{
	if (archive->reader)
		tar_reader_free(archive->reader);
	if (archive->decoder)
		decoder_free(archive->decoder);
	free(archive->chunk);
}

bool build_is_archive(int fd)
{
	struct archive archive;
	struct tar_entry entry;
	bool is = archive_open(&archive, fd, NULL) == 0 &&
		  tar_reader_next(archive.reader, &entry, NULL) > 0;

	archive_close(&archive);
	return lseek(fd, 0, SEEK_SET) == 0 && is;
}

/* ---- unpacking ---- */

struct unpacking {
	struct archive archive;
	const char *directory;
	const struct copy_meta *meta;
	struct place *place;
	struct arena *arena;
};

static struct xattr *xattrs_of(const struct unpacking *unpacking, const struct tar_entry *entry)
{
	struct xattr *xattrs = arena_array(unpacking->arena, struct xattr, entry->xattr_count + 1);

	for (size_t i = 0; i < entry->xattr_count; i++)
		xattrs[i] = (struct xattr){ .name = entry->xattrs[i].name,
					    .value = entry->xattrs[i].value,
					    .size_bytes = entry->xattrs[i].size_bytes };
	return xattrs;
}

static struct place_meta meta_of(const struct unpacking *unpacking, const struct tar_entry *entry)
{
	const struct copy_meta *meta = unpacking->meta;
	bool directory = entry->type == TAR_DIRECTORY;

	return (struct place_meta){
		.xattrs = entry->xattr_count ? xattrs_of(unpacking, entry) : NULL,
		.xattr_count = entry->xattr_count,
		.uid = meta->has_chown ? meta->uid : entry->uid,
		.gid = meta->has_chown ? meta->gid : entry->gid,
		.mode = meta->chmod ? chmod_apply(meta->chmod, entry->mode, directory)
				    : entry->mode,
		.mtime = { .tv_sec = entry->mtime_s, .tv_nsec = entry->mtime_ns },
	};
}

/* Where a name of the archive goes: inside the directory, symlinks followed inside the root. */
static int target_of(struct unpacking *unpacking, const char *name, const char **ret_path,
		     struct err *err)
{
	auto_buf normal = { 0 };
	int r = layer_path_normalize(name + strspn(name, "/"), &normal, err);

	if (r < 0)
		return r;
	return view_resolve(
		unpacking->place->view,
		arena_printf(unpacking->arena, "%s/%s", unpacking->directory, buf_text(&normal)),
		false, unpacking->arena, ret_path, err);
}

/* Data goes through a memory file: place_file takes what it can share or copy by fd. */
static int spool(struct unpacking *unpacking, const struct tar_entry *entry, int fd,
		 struct err *err)
{
	const void *bytes;
	size_t size_bytes;
	uint64_t offset;
	int r;

	while ((r = tar_reader_data(unpacking->archive.reader, &bytes, &size_bytes, &offset, err)) >
	       0) {
		if (lseek(fd, (off_t)offset, SEEK_SET) < 0)
			return fail(err, errno, "'%s'", entry->path);
		r = io_write_all(fd, bytes, size_bytes);
		if (r < 0)
			return fail(err, -r, "'%s'", entry->path);
	}
	if (r == 0 && (ftruncate(fd, (off_t)entry->size_bytes) < 0 || lseek(fd, 0, SEEK_SET) < 0))
		return fail(err, errno, "'%s'", entry->path);
	return r;
}

static int unpack_file(struct unpacking *unpacking, const struct tar_entry *entry, const char *path,
		       const struct place_meta *meta, struct err *err)
{
	auto_fd fd = memfd_create("entry", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return fail(err, errno, "memory for '%s'", entry->path);
	r = spool(unpacking, entry, fd, err);
	return r < 0 ? r : place_file(unpacking->place, path, fd, meta, err);
}

static int unpack_special(struct unpacking *unpacking, const struct tar_entry *entry,
			  const char *path, const struct place_meta *meta, struct err *err)
{
	mode_t type = entry->type == TAR_CHAR_DEVICE	? S_IFCHR
		      : entry->type == TAR_BLOCK_DEVICE ? S_IFBLK
							: S_IFIFO;

	return place_special(unpacking->place, path, type,
			     makedev(entry->rdev_major, entry->rdev_minor), meta, err);
}

static int unpack_entry(struct unpacking *unpacking, const struct tar_entry *entry, struct err *err)
{
	struct place_meta meta = meta_of(unpacking, entry);
	const char *path;
	const char *linked;
	int r = target_of(unpacking, entry->path, &path, err);

	if (r < 0)
		return r;
	switch (entry->type) {
	case TAR_DIRECTORY:
		return place_directory(unpacking->place, path, &meta, true, err);
	case TAR_FILE:
		return unpack_file(unpacking, entry, path, &meta, err);
	case TAR_SYMLINK:
		return place_symlink(unpacking->place, path, entry->link, &meta, err);
	case TAR_HARD_LINK:
		r = target_of(unpacking, entry->link, &linked, err);
		return r < 0 ? r : place_hard_link(unpacking->place, path, linked, err);
	case TAR_CHAR_DEVICE:
	case TAR_BLOCK_DEVICE:
	case TAR_FIFO:
		break;
	}
	return unpack_special(unpacking, entry, path, &meta, err);
}

int build_unpack(int fd, const char *directory, const struct copy_meta *meta, struct place *place,
		 struct err *err)
{
	auto_arena arena = { 0 };
	struct unpacking unpacking = {
		.directory = directory, .meta = meta, .place = place, .arena = &arena
	};
	struct tar_entry entry;
	int r = archive_open(&unpacking.archive, fd, err);

	place->replaces = true;
	while (r >= 0 && (r = tar_reader_next(unpacking.archive.reader, &entry, err)) > 0) {
		char *name = arena_copy(&arena, entry.path);

		r = unpack_entry(&unpacking, &entry, err);
		if (r < 0)
			r = err_wrap(err, "'%s'", name);
	}
	place->replaces = false;
	archive_close(&unpacking.archive);
	return r;
}
