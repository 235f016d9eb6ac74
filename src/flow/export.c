// SPDX-License-Identifier: Apache-2.0
/* Finding the images, and the file or directory that gets its name when it is complete. */
#include "flow/export.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "flow/flatten.h"
#include "flow/unpack_image.h"
#include "image/ownership.h"
#include "sys/remove.h"

#define OUTPUT_BYTES ((size_t)256 * 1024)

bool export_format_parse(const char *text, enum export_format *ret_format)
{
	static const char *const names[] = {
		[EXPORT_TAR] = "tar",
		[EXPORT_DIRECTORY] = "dir",
		[EXPORT_OCI] = "oci",
		[EXPORT_OCI_ARCHIVE] = "oci-archive",
		[EXPORT_DOCKER_ARCHIVE] = "docker-archive",
	};

	for (size_t i = 0; i < array_count(names); i++) {
		if (strcmp(names[i], text) != 0)
			continue;
		*ret_format = (enum export_format)i;
		return true;
	}
	return false;
}

/* --- buffered output --- */

void export_output_init(struct export_output *output, int fd)
{
	*output = (struct export_output){ .fd = fd,
					  .buffer = memory_resize(NULL, OUTPUT_BYTES, 1) };
}

void export_output_done(struct export_output *output)
{
	free(output->buffer);
	output->buffer = NULL;
}

static int write_out(int fd, const void *bytes, size_t size_bytes, struct err *err)
{
	int r = io_write_all(fd, bytes, size_bytes);

	return r < 0 ? fail(err, -r, "write") : 0;
}

int export_output_flush(struct export_output *output, struct err *err)
{
	size_t size = output->used_bytes;

	output->used_bytes = 0;
	return size ? write_out(output->fd, output->buffer, size, err) : 0;
}

int export_output_write(void *context, const void *bytes, size_t size_bytes, struct err *err)
{
	struct export_output *output = context;
	int r = 0;

	if (size_bytes > OUTPUT_BYTES - output->used_bytes)
		r = export_output_flush(output, err);
	if (r < 0 || size_bytes > OUTPUT_BYTES)
		return r < 0 ? r : write_out(output->fd, bytes, size_bytes, err);
	memcpy(output->buffer + output->used_bytes, bytes, size_bytes);
	output->used_bytes += size_bytes;
	return 0;
}

/* --- the images --- */

static bool is_directory_format(enum export_format format)
{
	return format == EXPORT_DIRECTORY || format == EXPORT_OCI;
}

static bool needs_layers(enum export_format format)
{
	return format == EXPORT_DIRECTORY || format == EXPORT_TAR;
}

static int choose_ownership(const struct export_request *request, struct export_image *image,
			    struct err *err)
{
	enum ownership_mark mark;
	struct descriptor flat;
	int r = ownership_mark_of(&image->image.manifest, &image->image.config, &mark, err);

	if (r == 0)
		r = ownership_choose(mark, request->ownership, &image->flatten, err);
	if (r < 0 || !image->flatten || needs_layers(request->format))
		return r;
	r = flatten_image(request->store, &image->image, &flat, err);
	if (r < 0)
		return r;
	image_done(&image->image);
	image->image = (struct image){ 0 };
	return image_load_descriptor(request->store, &flat, NULL, &image->image, err);
}

static int load_image(const struct export_request *request, const char *text,
		      struct export_image *ret_image, struct err *err)
{
	struct export_image image = { 0 };
	struct platform platform;
	int r = image_find_entries(request->store, text, &image.arena, &image.names,
				   &image.name_count, err);

	if (r == 0 && request->platform)
		r = platform_parse(request->platform, &image.arena, &platform, err);
	if (r == 0)
		r = image_load_descriptor(request->store, &image.names[0].descriptor,
					  request->platform ? &platform : NULL, &image.image, err);
	if (r == 0)
		r = choose_ownership(request, &image, err);
	if (r == 0 && needs_layers(request->format))
		r = unpack_image(request->store, &image.image, err);
	if (r < 0) {
		image_done(&image.image);
		arena_done(&image.arena);
		return err_wrap(err, "image '%s'", text);
	}
	*ret_image = image;
	return 0;
}

static int write_images(const struct export_job *job, struct err *err)
{
	switch (job->request->format) {
	case EXPORT_TAR:
	case EXPORT_DIRECTORY:
		return export_root(job, err);
	case EXPORT_OCI:
	case EXPORT_OCI_ARCHIVE:
		return export_oci(job, err);
	case EXPORT_DOCKER_ARCHIVE:
		break;
	}
	return export_docker(job, err);
}

/* --- where it goes --- */

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

/* A device or a pipe is written as it is; "/dev/stdout" is one of these, too. */
static bool is_special(const char *dest)
{
	struct stat st;

	return stat(dest, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static int open_work(const char *work, bool directory, int *ret_fd, struct err *err)
{
	int fd;

	if (directory && mkdir(work, 0777) < 0)
		return fail(err, errno, "make directory '%s'", work);
	fd = directory ? open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
		       : open(work, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return fail(err, errno, "create '%s'", work);
	*ret_fd = fd;
	return 0;
}

static int write_beside(struct export_job *job, const char *dest, struct err *err)
{
	bool directory = is_directory_format(job->request->format);
	auto_buf work = { 0 };
	auto_fd fd = -1;
	uint64_t random;
	int r;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return fail(err, errno, "getrandom");
	buf_add_text(&work, dest);
	while (work.size_bytes > 1 && work.bytes[work.size_bytes - 1] == '/')
		buf_truncate(&work, work.size_bytes - 1);
	buf_printf(&work, ".tmp-%016llx", (unsigned long long)random);
	r = open_work(work.bytes, directory, &fd, err);
	job->fd = fd;
	if (r == 0)
		r = write_images(job, err);
	if (r == 0)
		r = move_into_place(work.bytes, dest, err);
	if (r < 0 && fd >= 0)
		(void)!remove_tree(AT_FDCWD, work.bytes, NULL);
	return r;
}

static int write_special(struct export_job *job, const char *dest, struct err *err)
{
	auto_fd fd = open(dest, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return fail(err, errno, "open '%s'", dest);
	job->fd = fd;
	return write_images(job, err);
}

static int write_to_dest(struct export_job *job, struct err *err)
{
	const char *dest = job->request->dest;
	bool is_stdout = strcmp(dest, "-") == 0;
	bool special = is_stdout || is_special(dest);

	if (special && is_directory_format(job->request->format))
		return fail_plain(err, EINVAL, "a directory cannot be written to '%s'", dest);
	if (!special)
		return write_beside(job, dest, err);
	if (!is_stdout)
		return write_special(job, dest, err);
	job->fd = STDOUT_FILENO;
	return write_images(job, err);
}

int export_run(const struct export_request *request, struct err *err)
{
	size_t count = request->images->count;
	struct export_job job = { .request = request,
				  .image = memory_zeroed(count, sizeof(*job.image)) };
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		r = load_image(request, request->images->item[i], &job.image[i], err);
		job.image_count += r == 0;
	}
	if (r == 0)
		r = write_to_dest(&job, err);
	for (size_t i = 0; i < job.image_count; i++) {
		image_done(&job.image[i].image);
		arena_done(&job.image[i].arena);
	}
	free(job.image);
	return r;
}
