// SPDX-License-Identifier: Apache-2.0
#include "flow/dest.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/strings.h"
#include "flow/root_lock.h"
#include "sys/remove.h"

#define WORK_SUFFIX ".tmp-"

/* Only ENOTDIR, EEXIST and ENOTEMPTY speak of what is there already. */
static int move_into_place(const char *work, const char *dest, struct err *err)
{
	if (rename(work, dest) == 0)
		return 0;
	if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR || errno == EISDIR)
		return fail_plain(err, EEXIST, "'%s' exists and is not %s", dest,
				  errno == EISDIR ? "a file" : "an empty directory");
	return fail(err, errno, "rename to '%s'", dest);
}

int dest_open_work(const char *work, bool directory, int *ret_fd, struct err *err)
{
	int fd;

	if (directory && mkdir(work, 0777) < 0)
		return fail(err, errno, "make directory '%s'", work);
	fd = directory ? open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
		       : open(work, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return fail(err, errno, "create '%s'", work);
	*ret_fd = fd;
	return 0;
}

int dest_add_random(struct buf *work, struct err *err)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return fail(err, errno, "getrandom");
	buf_printf(work, WORK_SUFFIX "%016llx", (unsigned long long)random);
	return 0;
}

#define RANDOM_DIGITS 16

/* As dest_add_random makes it: what merely begins so is somebody's. */
static bool is_work(const char *name, const struct buf *prefix)
{
	const char *digits = name + prefix->size_bytes;

	return text_starts(name, prefix->bytes) && strlen(digits) == RANDOM_DIGITS &&
	       strspn(digits, "0123456789abcdef") == RANDOM_DIGITS;
}

bool dest_keep_work(int fd)
{
	struct stat st;

	(void)root_lock_share(fd); /* where there are no locks nobody removes it either */
	return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

static void remove_left_over(int parent_fd, const char *name)
{
	auto_fd fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() && root_lock_alone(fd))
		(void)!remove_tree(parent_fd, name, NULL);
}

void dest_remove_leftovers(const char *dest)
{
	auto_free char *copy = strdup(dest);
	auto_buf prefix = { 0 };
	const char *parent;
	char *slash;
	DIR *stream;

	for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
		copy[n - 1] = '\0';
	slash = strrchr(copy, '/');
	buf_printf(&prefix, "%s" WORK_SUFFIX, slash ? slash + 1 : copy);
	parent = slash == copy ? "/" : slash ? copy : ".";
	if (slash)
		*slash = '\0';
	stream = opendir(parent);
	if (!stream)
		return;
	for (const struct dirent *entry; (entry = readdir(stream));)
		if (is_work(entry->d_name, &prefix))
			remove_left_over(dirfd(stream), entry->d_name);
	closedir(stream);
}

int dest_write_beside(const char *dest, const struct dest_writer *writer, struct err *err)
{
	auto_buf work = { 0 };
	auto_fd fd = -1;
	int r;

	buf_add_text(&work, dest);
	while (work.size_bytes > 1 && work.bytes[work.size_bytes - 1] == '/')
		buf_truncate(&work, work.size_bytes - 1);
	r = dest_add_random(&work, err);
	if (r == 0)
		r = dest_open_work(work.bytes, writer->directory, &fd, err);
	if (r == 0)
		r = writer->fill(writer->context, fd, err);
	if (r == 0)
		r = move_into_place(work.bytes, dest, err);
	if (r < 0 && fd >= 0)
		(void)!remove_tree(AT_FDCWD, work.bytes, NULL);
	return r;
}
