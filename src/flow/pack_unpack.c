// SPDX-License-Identifier: Apache-2.0
#include "flow/pack_unpack.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "codec/squash_view.h"
#include "sys/remove.h"

#define THREADS_MAX 8
#define CHUNK_BYTES ((size_t)1024 * 1024)
#define COMPLETE    ".complete" /* beside the root: all of it is there */

/* --- what there is --- */

struct item {
	const char *path;
	uint64_t ref;
	mode_t mode;
	int64_t mtime_s;
	const char *first; /* of a file with several names: the first one's path */
};

struct extraction {
	struct squash_image *image;
	struct squash_reader *reader;
	struct arena arena;
	int dirfd;
	struct item *file;
	size_t file_count;
	size_t file_room;
	struct item *directory;
	size_t directory_count;
	size_t directory_room;
	uint64_t total_bytes;
	atomic_size_t next;
	atomic_int problem;	     /* errno of the first failure */
	const char *_Atomic culprit; /* its path */
};

static struct item *add(struct item **list, size_t *count, size_t *room)
{
	if (*count == *room) {
		*room = *room ? 2 * *room : 1024;
		*list = memory_resize(*list, *room, sizeof(**list));
	}
	return &(*list)[(*count)++];
}

static int walk(struct extraction *extraction, uint64_t ref, const char *path, struct err *err);

static int walk_name(struct extraction *extraction, const struct squash_name *name,
		     const char *parent, struct err *err)
{
	const char *path = arena_printf(&extraction->arena, "%s%s%s", parent, *parent ? "/" : "",
					name->name);
	struct squash_attr attr;
	const char *target;
	int r = squash_attr(extraction->reader, name->ref, &attr);

	if (r < 0)
		return fail(err, -r, "'/%s'", path);
	switch (attr.mode & S_IFMT) {
	case S_IFDIR:
		if (mkdirat(extraction->dirfd, path, 0700) < 0)
			return fail(err, errno, "make directory '/%s'", path);
		*add(&extraction->directory, &extraction->directory_count,
		     &extraction->directory_room) = (struct item){ path, name->ref, attr.mode,
								   attr.mtime_s, NULL };
		return walk(extraction, name->ref, path, err);
	case S_IFLNK:
		r = squash_link(extraction->reader, name->ref, &extraction->arena, &target);
		if (r == 0 && symlinkat(target, extraction->dirfd, path) < 0)
			r = -errno;
		return r < 0 ? fail(err, -r, "link '/%s'", path) : 0;
	case S_IFREG:
		extraction->total_bytes += attr.size_bytes;
		*add(&extraction->file, &extraction->file_count, &extraction->file_room) =
			(struct item){ path, name->ref, attr.mode, attr.mtime_s, NULL };
		return 0;
	case S_IFIFO:
		return mkfifoat(extraction->dirfd, path, attr.mode & 0777) < 0
			       ? fail(err, errno, "make '/%s'", path)
			       : 0;
	default: /* devices are the host's */
		return 0;
	}
}

static int walk(struct extraction *extraction, uint64_t ref, const char *path, struct err *err)
{
	const struct squash_list *list;
	int r = squash_list(extraction->reader, ref, &list);

	if (r < 0)
		return fail(err, -r, "directory '/%s'", path);
	for (size_t i = 0; r == 0 && i < list->count; i++)
		r = walk_name(extraction, &list->item[i], path, err);
	squash_list_done(extraction->reader, list);
	return r;
}

/* Names of one file stand together, and files in the order of the image, whose blocks are then
 * decompressed once. */
static int by_place(const void *a, const void *b)
{
	const struct item *left = a;
	const struct item *right = b;

	if (left->ref != right->ref)
		return left->ref < right->ref ? -1 : 1;
	return strcmp(left->path, right->path);
}

static void find_further_names(struct extraction *extraction)
{
	if (extraction->file_count)
		qsort(extraction->file, extraction->file_count, sizeof(*extraction->file),
		      by_place);
	for (size_t i = 1; i < extraction->file_count; i++) {
		const struct item *before = &extraction->file[i - 1];

		if (before->ref == extraction->file[i].ref)
			extraction->file[i].first = before->first ?: before->path;
	}
}

/* --- content, on several threads --- */

static int write_file(struct extraction *extraction, struct squash_reader *reader,
		      const struct item *item, char *chunk)
{
	auto_fd fd = openat(extraction->dirfd, item->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			    0600);
	const struct timespec times[2] = { { .tv_sec = item->mtime_s },
					   { .tv_sec = item->mtime_s } };
	uint64_t done = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = squash_read(reader, item->ref, done, chunk, CHUNK_BYTES)) > 0) {
		int r = io_write_all(fd, chunk, (size_t)n);

		if (r < 0)
			return r;
		done += (uint64_t)n;
	}
	if (n < 0)
		return (int)n;
	return fchmod(fd, (item->mode & 0777) | 0400) < 0 || futimens(fd, times) < 0 ? -errno : 0;
}

static void *work(void *argument)
{
	struct extraction *extraction = argument;
	struct squash_reader *reader = squash_reader_new(extraction->image);
	auto_free char *chunk = memory_resize(NULL, CHUNK_BYTES, 1);
	size_t i;

	if (!reader)
		memory_exhausted(sizeof(void *));
	while (!extraction->problem &&
	       (i = atomic_fetch_add(&extraction->next, 1)) < extraction->file_count) {
		const struct item *item = &extraction->file[i];
		int r = item->first ? 0 : write_file(extraction, reader, item, chunk);
		int none = 0;

		if (r < 0 && atomic_compare_exchange_strong(&extraction->problem, &none, -r))
			extraction->culprit = item->path;
	}
	squash_reader_free(reader);
	return NULL;
}

static int write_files(struct extraction *extraction, struct err *err)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t thread[THREADS_MAX];
	size_t count = 0;

	while (count + 1 < THREADS_MAX && (long)count + 1 < processors &&
	       pthread_create(&thread[count], NULL, work, extraction) == 0)
		count++;
	work(extraction);
	while (count > 0)
		pthread_join(thread[--count], NULL);
	if (extraction->problem)
		return fail(err, extraction->problem, "unpack '/%s'", extraction->culprit ?: "");
	for (size_t i = 0; i < extraction->file_count; i++) {
		const struct item *item = &extraction->file[i];

		if (item->first &&
		    linkat(extraction->dirfd, item->first, extraction->dirfd, item->path, 0) < 0)
			return fail(err, errno, "link '/%s'", item->path);
	}
	return 0;
}

/* Once everything is in them. They stay writable for the user, who has to remove them. */
static int finish_directories(const struct extraction *extraction, struct err *err)
{
	for (size_t i = extraction->directory_count; i-- > 0;) {
		const struct item *item = &extraction->directory[i];
		const struct timespec times[2] = { { .tv_sec = item->mtime_s },
						   { .tv_sec = item->mtime_s } };

		if (fchmodat(extraction->dirfd, item->path, (item->mode & 01777) | 0700, 0) < 0 ||
		    utimensat(extraction->dirfd, item->path, times, 0) < 0)
			return fail(err, errno, "directory '/%s'", item->path);
	}
	return 0;
}

static int check_room(const struct extraction *extraction, const char *dir, struct err *err)
{
	struct statvfs st;

	if (statvfs(dir, &st) < 0 || (uint64_t)st.f_bavail * st.f_frsize >= extraction->total_bytes)
		return 0;
	return fail(err, ENOSPC, "'%s': the pack takes %llu MB unpacked", dir,
		    (unsigned long long)(extraction->total_bytes >> 20));
}

int pack_extract(int fd, uint64_t base, const char *dir, struct err *err)
{
	struct extraction extraction = { .dirfd = -1 };
	int r = squash_image_open(fd, base, &extraction.image, err);

	if (r < 0)
		return r;
	extraction.reader = squash_reader_new(extraction.image);
	extraction.dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!extraction.reader || extraction.dirfd < 0)
		r = fail(err, extraction.reader ? errno : ENOMEM, "open '%s'", dir);
	if (r == 0)
		r = walk(&extraction, squash_image_root(extraction.image), "", err);
	find_further_names(&extraction);
	if (r == 0)
		r = check_room(&extraction, dir, err);
	if (r == 0)
		r = write_files(&extraction, err);
	if (r == 0)
		r = finish_directories(&extraction, err);
	cleanup_fd(&extraction.dirfd);
	squash_reader_free(extraction.reader);
	squash_image_close(extraction.image);
	free(extraction.file);
	free(extraction.directory);
	arena_done(&extraction.arena);
	return r;
}

/* --- one for all runs --- */

static bool is_for_programs(const char *folder)
{
	struct statvfs st;

	return access(folder, W_OK | X_OK) == 0 && statvfs(folder, &st) == 0 &&
	       !(st.f_flag & (ST_NOEXEC | ST_RDONLY));
}

static const char *choose_place(bool *ret_stays)
{
	const char *const places[] = { getenv("TMPDIR"), "/tmp", "/var/tmp", getenv("HOME") };
	const char *cache = getenv("ROOTLET_PACK_CACHE");

	*ret_stays = cache && *cache;
	if (*ret_stays)
		return cache;
	for (size_t i = 0; i < array_count(places); i++)
		if (places[i] && places[i][0] == '/' && is_for_programs(places[i]))
			return places[i];
	return NULL;
}

static bool is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_uid == geteuid() && !(st.st_mode & 022);
}

/* Locked by this operation of flock(2), and not removed by the one who had it before: else it is
 * made anew. */
static int open_locked(const char *folder, int operation, int *ret_fd, struct err *err)
{
	for (;;) {
		auto_fd fd = -1;
		struct stat held;
		struct stat named;
		int r;

		if (mkdir(folder, 0700) < 0 && errno != EEXIST)
			return fail(err, errno, "make directory '%s'", folder);
		fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			return fail(err, errno, "open '%s'", folder);
		if (!is_ours(fd))
			return fail_plain(err, EPERM, "'%s' is not yours alone", folder);
		while ((r = flock(fd, operation)) < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return fail(err, errno, "lock '%s'", folder);
		if (fstat(fd, &held) == 0 && stat(folder, &named) == 0 &&
		    held.st_ino == named.st_ino && held.st_dev == named.st_dev) {
			*ret_fd = take_fd(&fd);
			return 0;
		}
	}
}

static bool is_complete(int folder_fd)
{
	return faccessat(folder_fd, COMPLETE, F_OK, 0) == 0;
}

static int fill(int fd, uint64_t base, const struct pack_unpacked *unpacked, struct err *err)
{
	auto_fd mark = -1;
	int r = remove_tree(unpacked->lock_fd, "root", err); /* of one that was killed */

	if (r == 0 && mkdirat(unpacked->lock_fd, "root", 0755) < 0)
		r = fail(err, errno, "make directory '%s'", unpacked->root);
	if (r == 0)
		r = pack_extract(fd, base, unpacked->root, err);
	if (r < 0)
		return r;
	mark = openat(unpacked->lock_fd, COMPLETE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return mark < 0 ? fail(err, errno, "mark '%s'", unpacked->folder) : 0;
}

/* Whoever uses what is there shares the lock, for as long as the program runs: only where something
 * is missing is it asked for alone. */
static int share(int fd, uint64_t base, struct pack_unpacked *unpacked, struct err *err)
{
	int r = open_locked(unpacked->folder, LOCK_SH, &unpacked->lock_fd, err);

	if (r < 0 || is_complete(unpacked->lock_fd))
		return r;
	cleanup_fd(&unpacked->lock_fd);
	unpacked->lock_fd = -1;
	r = open_locked(unpacked->folder, LOCK_EX, &unpacked->lock_fd, err);
	if (r == 0 && !is_complete(unpacked->lock_fd))
		r = fill(fd, base, unpacked, err);
	if (r == 0 && flock(unpacked->lock_fd, LOCK_SH) < 0)
		r = fail(err, errno, "lock '%s'", unpacked->folder);
	return r;
}

int pack_unpack(int fd, uint64_t base, const struct stat *image, struct arena *arena,
		struct pack_unpacked *ret, struct err *err)
{
	struct pack_unpacked unpacked = { .lock_fd = -1 };
	const char *place = choose_place(&unpacked.stays);
	int r;

	if (!place) {
		fail_plain(err, ENOENT, "no directory to unpack to from which programs can be run");
		err_hint(err, "set TMPDIR to one that is not mounted noexec");
		return -ENOENT;
	}
	unpacked.folder = arena_printf(
		arena, "%s/rootlet-pack-%u-%llx-%llx-%llx-%llx", place, (unsigned)geteuid(),
		(unsigned long long)image->st_dev, (unsigned long long)image->st_ino,
		(unsigned long long)image->st_size, (unsigned long long)image->st_mtim.tv_sec);
	unpacked.root = arena_printf(arena, "%s/root", unpacked.folder);
	do {
		cleanup_fd(&unpacked.lock_fd);
		unpacked.lock_fd = -1;
		r = share(fd, base, &unpacked, err);
		/* giving up the one lock for the other lets somebody in who removes it */
	} while (r == 0 && !is_complete(unpacked.lock_fd));
	if (r < 0) {
		unpacked.stays = false;
		pack_unpack_done(&unpacked);
		return r;
	}
	*ret = unpacked;
	return 0;
}

void pack_unpack_done(struct pack_unpacked *unpacked)
{
	if (unpacked->lock_fd >= 0 && !unpacked->stays &&
	    flock(unpacked->lock_fd, LOCK_EX | LOCK_NB) == 0) {
		(void)unlinkat(unpacked->lock_fd, COMPLETE, 0); /* first: we may be killed */
		(void)!remove_tree(AT_FDCWD, unpacked->folder, NULL);
	}
	cleanup_fd(&unpacked->lock_fd);
	unpacked->lock_fd = -1;
}
