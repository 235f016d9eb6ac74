// SPDX-License-Identifier: Apache-2.0
#include "flow/tree_compare.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/strings.h"
#include "rootfs/level.h"

#define DEPTH_MAX   4096
#define CHUNK_BYTES ((size_t)256 * 1024)

struct comparison {
	const struct owners *owners;
	char *chunk[2];
	struct buf *difference;
	struct err *err;
};

/* 1: the same; 0: not, and said; negative: could not look. */
static int differs(struct comparison *comparison, const char *path, const char *what)
{
	buf_printf(comparison->difference, "%s: %s", *path ? path : ".", what);
	return 0;
}

static int compare_bytes(struct comparison *comparison, const int fd[2], const char *path)
{
	ssize_t n;

	do {
		n = io_read_full(fd[0], comparison->chunk[0], CHUNK_BYTES);
		if (n < 0)
			return differs(comparison, path, "cannot be read");
		if (io_read_full(fd[1], comparison->chunk[1], CHUNK_BYTES) != n ||
		    memcmp(comparison->chunk[0], comparison->chunk[1], (size_t)n) != 0)
			return differs(comparison, path, "its content is another");
	} while (n > 0);
	return 1;
}

static int compare_files(struct comparison *comparison, const int parent[2], const char *name,
			 const char *path)
{
	auto_fd first = openat(parent[0], name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	auto_fd second = openat(parent[1], name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	const int fd[2] = { first, second };

	if (first < 0 || second < 0)
		return differs(comparison, path, "cannot be read");
	return compare_bytes(comparison, fd, path);
}

static int compare_links(struct comparison *comparison, const int parent[2], const char *name,
			 const char *path)
{
	ssize_t first = readlinkat(parent[0], name, comparison->chunk[0], CHUNK_BYTES);
	ssize_t second = readlinkat(parent[1], name, comparison->chunk[1], CHUNK_BYTES);

	if (first < 0 || first != second ||
	    memcmp(comparison->chunk[0], comparison->chunk[1], (size_t)first) != 0)
		return differs(comparison, path, "the link leads elsewhere");
	return 1;
}

static int compare(struct comparison *comparison, const int parent[2], const char *name,
		   const char *path, int depth);

static int compare_directories(struct comparison *comparison, const int parent[2], const char *name,
			       const char *path, int depth)
{
	auto_fd first = openat(parent[0], name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_fd second = openat(parent[1], name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const int fd[2] = { first, second };
	struct strings names[2] = { { 0 }, { 0 } };
	int r;

	if (first < 0 || second < 0 || depth > DEPTH_MAX)
		return differs(comparison, path, "cannot be read");
	r = directory_names(first, &names[0], comparison->err);
	if (r == 0)
		r = directory_names(second, &names[1], comparison->err);
	strings_sort(&names[0]);
	strings_sort(&names[1]);
	r = r < 0 ? r : 1;
	for (size_t i = 0; r == 1 && (i < names[0].count || i < names[1].count); i++) {
		const char *a = i < names[0].count ? names[0].item[i] : NULL;
		const char *b = i < names[1].count ? names[1].item[i] : NULL;
		bool is_missing = b && (!a || strcmp(a, b) > 0);
		auto_buf below = { 0 };

		buf_printf(&below, "%s%s%s", path, *path ? "/" : "", is_missing ? b : a);
		if (!text_equal(a, b))
			r = differs(comparison, buf_text(&below),
				    is_missing ? "is missing" : "does not belong there");
		else
			r = compare(comparison, fd, a, buf_text(&below), depth + 1);
	}
	strings_done(&names[0]);
	strings_done(&names[1]);
	return r;
}

static bool is_implicit(const struct comparison *comparison, const char *path)
{
	const struct owner *owner = owners_find(comparison->owners, path);

	return owner && owner->implicit;
}

/* Times of directories are the archive's, too; sizes of directories are the file system's. */
static int compare_stats(struct comparison *comparison, const struct stat *a, const struct stat *b,
			 const char *path)
{
	if ((a->st_mode & S_IFMT) != (b->st_mode & S_IFMT))
		return differs(comparison, path, "is of another type");
	if (S_ISDIR(a->st_mode) && is_implicit(comparison, path))
		return 1;
	if (a->st_mode != b->st_mode)
		return differs(comparison, path, "has another mode");
	if (!S_ISDIR(a->st_mode) && a->st_size != b->st_size)
		return differs(comparison, path, "is of another size");
	if (!S_ISCHR(a->st_mode) && (a->st_mtim.tv_sec != b->st_mtim.tv_sec))
		return differs(comparison, path, "has another time of modification");
	if ((S_ISCHR(a->st_mode) || S_ISBLK(a->st_mode)) && a->st_rdev != b->st_rdev)
		return differs(comparison, path, "is another device");
	return 1;
}

static int compare(struct comparison *comparison, const int parent[2], const char *name,
		   const char *path, int depth)
{
	struct stat st[2];
	int r;

	for (int i = 0; i < 2; i++)
		if (fstatat(parent[i], name, &st[i], AT_SYMLINK_NOFOLLOW) < 0)
			return differs(comparison, path, "is missing");
	r = compare_stats(comparison, &st[0], &st[1], path);
	if (r == 1 && S_ISREG(st[0].st_mode))
		r = compare_files(comparison, parent, name, path);
	if (r == 1 && S_ISLNK(st[0].st_mode))
		r = compare_links(comparison, parent, name, path);
	if (r == 1 && S_ISDIR(st[0].st_mode))
		r = compare_directories(comparison, parent, name, path, depth);
	return r;
}

static int open_tree_at(int dirfd, const char *name, struct err *err)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? fail(err, errno, "open '%s'", name) : fd;
}

int tree_compare(const struct tree_pair *pair, bool *ret_same, struct buf *difference,
		 struct err *err)
{
	auto_free char *chunks = memory_zeroed(2, CHUNK_BYTES);
	struct comparison comparison = { .owners = pair->owners,
					 .chunk = { chunks, chunks + CHUNK_BYTES },
					 .difference = difference,
					 .err = err };
	auto_fd first = open_tree_at(pair->dirfd, pair->name, err);
	auto_fd second = first < 0 ? -1 : open_tree_at(pair->dirfd, pair->expected, err);
	const int parent[2] = { first, second };
	int r;

	if (first < 0 || second < 0)
		return -err->code;
	r = compare(&comparison, parent, ".", "", 0);
	if (r < 0)
		return r;
	*ret_same = r == 1;
	return 0;
}
