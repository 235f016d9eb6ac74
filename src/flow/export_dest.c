// SPDX-License-Identifier: Apache-2.0
/* Where an export goes: a file or directory that gets its name when it is complete, a stream, or a
 * directory that holds other things as well. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/memory.h"
#include "flow/dest.h"
#include "flow/export.h"
#include "flow/merge_into.h"
#include "rootfs/level.h"
#include "sys/remove.h"

/* A device or a pipe is written as it is; "/dev/stdout" is one of these, too. */
static bool is_special(const char *dest)
{
	struct stat st;

	return stat(dest, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static int fill(void *context, int fd, struct err *err)
{
	struct export_job *job = context;

	job->fd = fd;
	return export_images(job, err);
}

static int write_beside(struct export_job *job, const char *dest, struct err *err)
{
	const struct dest_writer writer = { fill, job, export_is_directory(job->request->format) };

	return dest_write_beside(dest, &writer, err);
}

static int make_directories(const char *path, struct err *err)
{
	auto_free char *copy = memory_copy_text(path);

	for (char *slash = strchr(copy + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		if (mkdir(copy, 0777) < 0 && errno != EEXIST)
			return fail(err, errno, "make directory '%s'", copy);
		if (!slash)
			return 0;
		*slash = '/';
	}
}

/* First complete in a folder of its own inside, so that a failure leaves what is there alone. */
static int write_merged(struct export_job *job, const char *dest, struct err *err)
{
	auto_buf work = { 0 };
	auto_fd to = -1;
	auto_fd fd = -1;
	int r = make_directories(dest, err);

	if (r < 0)
		return r;
	to = open(dest, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return fail(err, errno, "open '%s'", dest);
	buf_printf(&work, "%s/.rootlet", dest);
	r = dest_add_random(&work, err);
	if (r == 0)
		r = dest_open_work(work.bytes, true, &fd, err);
	if (r < 0)
		return r;
	job->fd = fd;
	r = export_images(job, err);
	if (r == 0)
		r = merge_into(fd, to, err);
	(void)!remove_tree(AT_FDCWD, work.bytes, NULL);
	return r < 0 ? err_wrap(err, "'%s'", dest) : 0;
}

static int write_special(struct export_job *job, const char *dest, struct err *err)
{
	auto_fd fd = open(dest, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return fail(err, errno, "open '%s'", dest);
	job->fd = fd;
	return export_images(job, err);
}

int export_to_dest(struct export_job *job, struct err *err)
{
	const char *dest = job->request->dest;
	int r = export_check_dest(job->request, err);

	if (r < 0)
		return r;
	if (job->request->merge)
		return write_merged(job, dest, err);
	if (job->request->format == EXPORT_SQUASHFS && is_special(dest))
		return fail_plain(err, EINVAL, "'%s': a squashfs needs a file", dest);
	if (strcmp(dest, "-") == 0) {
		job->fd = STDOUT_FILENO;
		return export_images(job, err);
	}
	return is_special(dest) ? write_special(job, dest, err) : write_beside(job, dest, err);
}

/* --- before anything is written --- */

static int check_parent(const char *dest, struct err *err)
{
	auto_free char *parent = memory_copy_text(dest);
	struct stat st;
	char *slash;

	while ((slash = strrchr(parent, '/')) && slash > parent && !slash[1])
		*slash = '\0';
	if (slash)
		slash[slash == parent] = '\0';
	if (stat(slash ? parent : ".", &st) < 0)
		return fail(err, errno, "the directory of '%s'", dest);
	return S_ISDIR(st.st_mode) ? 0 : fail(err, ENOTDIR, "the directory of '%s'", dest);
}

static int check_directory(const struct export_request *request, struct err *err)
{
	auto_fd fd = open(request->dest, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_strings names = { 0 };
	int r = 0;

	if (fd < 0 && errno == ENOTDIR)
		return fail_plain(err, EEXIST, "'%s' exists and is not %s", request->dest,
				  request->merge ? "a directory" : "an empty directory");
	if (fd >= 0 && !request->merge)
		r = directory_names(fd, &names, err);
	if (r == 0 && names.count)
		return fail_plain(err, EEXIST, "'%s' exists and is not an empty directory",
				  request->dest);
	return r;
}

static int check_file(const char *dest, struct err *err)
{
	struct stat st;

	if (stat(dest, &st) == 0 && S_ISDIR(st.st_mode))
		return fail_plain(err, EEXIST, "'%s' exists and is not a file", dest);
	return 0;
}

int export_check_dest(const struct export_request *request, struct err *err)
{
	const char *dest = request->dest;
	bool directory = export_is_directory(request->format);
	int r;

	if (!*dest)
		return fail_plain(err, EINVAL, "the destination is empty");
	if (directory && (strcmp(dest, "-") == 0 || is_special(dest)))
		return fail_plain(err, EINVAL, "a directory cannot be written to '%s'", dest);
	if (strcmp(dest, "-") == 0)
		return isatty(STDOUT_FILENO)
			       ? fail_plain(err, EINVAL, "standard output is a terminal")
			       : 0;
	r = request->merge ? 0 : check_parent(dest, err);
	if (r < 0)
		return r;
	return directory ? check_directory(request, err) : check_file(dest, err);
}
