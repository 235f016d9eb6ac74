// SPDX-License-Identifier: Apache-2.0
/* All files are listed with their sizes; where several have one size they are asked where they are
 * on disk, and one of each place is read. What has the same hash is offered to the kernel, which
 * compares byte by byte. So a second call reads only what could be new. */
#include "flow/dedup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/arena.h"
#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/strings.h"
#include "rootfs/level.h"
#include "sys/shared_blocks.h"

#define SMALLEST_BYTES 4096 /* less is no block, or not shared by any file system */
#define CHUNK_BYTES    ((size_t)256 * 1024)
#define DEPTH_MAX      1000
#define UNREADABLE     UINT64_MAX

struct file {
	uint64_t size_bytes;
	uint64_t place; /* on the device; 0: not known */
	uint64_t hash;
	const char *path; /* below the store */
};

struct dedup {
	const struct store *store;
	bool dry_run;
	struct arena arena;
	struct file *file;
	size_t count;
	size_t room;
	char *chunk;
	struct dedup_result result;
	struct err *err;
};

/* --- which files there are --- */

static void add_file(struct dedup *dedup, const char *path, uint64_t size_bytes)
{
	if (dedup->count == dedup->room) {
		dedup->room = dedup->room ? 2 * dedup->room : 4096;
		dedup->file = memory_resize(dedup->file, dedup->room, sizeof(*dedup->file));
	}
	dedup->file[dedup->count++] = (struct file){
		.size_bytes = size_bytes,
		.path = arena_copy(&dedup->arena, path),
	};
}

static int list_folder(struct dedup *dedup, int dirfd, const char *name, struct buf *path,
		       int depth);

static int list_entry(struct dedup *dedup, int dirfd, const char *name, struct buf *path, int depth)
{
	size_t before = path->size_bytes;
	struct stat st;
	int r = 0;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail(dedup->err, errno, "stat '%s'", name);
	buf_printf(path, "/%s", name);
	if (S_ISDIR(st.st_mode))
		r = list_folder(dedup, dirfd, name, path, depth);
	else if (S_ISREG(st.st_mode) && st.st_size >= SMALLEST_BYTES)
		add_file(dedup, buf_text(path), (uint64_t)st.st_size);
	buf_truncate(path, before);
	return r;
}

static int list_folder(struct dedup *dedup, int dirfd, const char *name, struct buf *path,
		       int depth)
{
	auto_fd fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_strings names = { 0 };
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : fail(dedup->err, errno, "open '%s'", buf_text(path));
	if (depth == DEPTH_MAX)
		return fail_plain(dedup->err, ELOOP, "more than %d directories deep", DEPTH_MAX);
	r = directory_names(fd, &names, dedup->err);
	for (size_t i = 0; r == 0 && i < names.count; i++)
		r = list_entry(dedup, fd, names.item[i], path, depth + 1);
	return r;
}

/* --- which of them are equal --- */

static int open_file(const struct dedup *dedup, const struct file *file)
{
	return openat(dedup->store->dirfd, file->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

static void find_place(const struct dedup *dedup, struct file *file)
{
	auto_fd fd = open_file(dedup, file);

	if (fd >= 0)
		file->place = shared_blocks_place(fd);
}

static uint64_t hash_of(const struct dedup *dedup, const struct file *file)
{
	auto_fd fd = open_file(dedup, file);
	XXH3_state_t state;
	uint64_t hash = UNREADABLE;
	ssize_t n = fd < 0 ? -1 : 0;

	XXH3_64bits_reset(&state);
	while (n >= 0 && (n = io_read_full(fd, dedup->chunk, CHUNK_BYTES)) > 0)
		XXH3_64bits_update(&state, dedup->chunk, (size_t)n);
	if (n == 0)
		hash = XXH3_64bits_digest(&state);
	return hash;
}

static int by_number(uint64_t left, uint64_t right)
{
	return left < right ? -1 : left > right;
}

static int by_size(const void *left, const void *right)
{
	const struct file *a = left;
	const struct file *b = right;
	int order = by_number(a->size_bytes, b->size_bytes);

	return order ? order : strcmp(a->path, b->path);
}

static int by_place(const void *left, const void *right)
{
	const struct file *a = left;
	const struct file *b = right;
	int order = by_number(a->place, b->place);

	return order ? order : strcmp(a->path, b->path);
}

static int by_hash(const void *left, const void *right)
{
	const struct file *a = left;
	const struct file *b = right;
	int order = by_number(a->hash, b->hash);

	return order ? order : by_place(left, right);
}

static int share(struct dedup *dedup, const struct file *from, const struct file *to)
{
	auto_fd from_fd = open_file(dedup, from);
	auto_fd to_fd = open_file(dedup, to);
	int r = 1;

	if (from_fd < 0 || to_fd < 0)
		return 0; /* deleted meanwhile */
	if (!dedup->dry_run)
		r = shared_blocks_make(from_fd, to_fd, from->size_bytes);
	if (r < 0)
		return fail(dedup->err, -r, "share blocks of '%s'", to->path);
	if (r > 0) {
		dedup->result.files++;
		dedup->result.shared_bytes += from->size_bytes;
	}
	return 0;
}

/* Files of one size. */
static int share_equal(struct dedup *dedup, struct file *file, size_t count)
{
	const struct file *first = file;
	int r = 0;

	for (size_t i = 0; i < count; i++)
		find_place(dedup, &file[i]);
	qsort(file, count, sizeof(*file), by_place);
	for (size_t i = 0; i < count; i++)
		file[i].hash = i && file[i].place && file[i].place == file[i - 1].place
				       ? file[i - 1].hash
				       : hash_of(dedup, &file[i]);
	qsort(file, count, sizeof(*file), by_hash);
	for (size_t i = 1; r == 0 && i < count; i++) {
		if (file[i].hash != first->hash || file[i].hash == UNREADABLE)
			first = &file[i];
		else if (!file[i].place || file[i].place != first->place)
			r = share(dedup, first, &file[i]);
	}
	return r;
}

static int share_all(struct dedup *dedup)
{
	size_t end;
	int r = 0;

	qsort(dedup->file, dedup->count, sizeof(*dedup->file), by_size);
	for (size_t begin = 0; r == 0 && begin < dedup->count; begin = end) {
		end = begin + 1;
		while (end < dedup->count &&
		       dedup->file[end].size_bytes == dedup->file[begin].size_bytes)
			end++;
		if (end - begin > 1)
			r = share_equal(dedup, dedup->file + begin, end - begin);
	}
	return r;
}

/* --- whether it can be had --- */

static int probe(const struct store *store, struct err *err)
{
	char block[SMALLEST_BYTES];
	auto_fd one = -1;
	auto_fd two = -1;
	int r = store_open_unnamed(store, &one, err);

	memset(block, 'x', sizeof(block));
	if (r == 0)
		r = store_open_unnamed(store, &two, err);
	if (r < 0)
		return r;
	r = io_write_all(one, block, sizeof(block));
	if (r == 0)
		r = io_write_all(two, block, sizeof(block));
	if (r < 0)
		return fail(err, -r, "write a temporary file in '%s'", store->path);
	if (shared_blocks_make(one, two, sizeof(block)) == 1)
		return 0;
	fail_plain(err, EOPNOTSUPP, "files cannot share blocks on the file system of '%s'",
		   store->path);
	err_hint(err, "xfs and btrfs can; 'rootlet export --format squashfs' stores equal files "
		      "once anywhere");
	return -EOPNOTSUPP;
}

int dedup_layers(const struct store *store, bool dry_run, struct dedup_result *ret_result,
		 struct err *err)
{
	struct dedup dedup = { .store = store, .dry_run = dry_run, .err = err };
	auto_buf path = { 0 };
	int r = probe(store, err);

	if (r < 0)
		return r;
	dedup.chunk = memory_resize(NULL, CHUNK_BYTES, 1);
	buf_printf(&path, "layers");
	r = list_folder(&dedup, store->dirfd, "layers", &path, 0);
	if (r == 0)
		r = share_all(&dedup);
	if (r == 0)
		*ret_result = dedup.result;
	arena_done(&dedup.arena);
	free(dedup.file);
	free(dedup.chunk);
	return r;
}
