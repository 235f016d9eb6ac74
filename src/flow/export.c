// SPDX-License-Identifier: Apache-2.0
/* Finding the images; where they go is export_dest.c. */
#include "flow/export.h"

#include <string.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "flow/flatten.h"
#include "flow/unpack_image.h"
#include "image/ownership.h"
#include "store/blob.h"

#define OUTPUT_BYTES ((size_t)256 * 1024)

bool export_format_parse(const char *text, enum export_format *ret_format)
{
	static const char *const names[] = {
		[EXPORT_TAR] = "tar",
		[EXPORT_DIRECTORY] = "dir",
		[EXPORT_SQUASHFS] = "squashfs",
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

bool export_is_directory(enum export_format format)
{
	return format == EXPORT_DIRECTORY || format == EXPORT_OCI;
}

bool export_is_root(enum export_format format)
{
	return format == EXPORT_DIRECTORY || format == EXPORT_TAR || format == EXPORT_SQUASHFS;
}

/* whole: all of an index is wanted. */
static int choose_ownership(const struct export_request *request, bool whole,
			    struct export_image *image, struct err *err)
{
	enum ownership_mark mark;
	struct descriptor flat;
	int r = ownership_mark_of(&image->image.manifest, &image->image.config, &mark, err);

	if (r == 0)
		r = ownership_choose(mark, request->ownership, &image->flatten, err);
	if (r < 0 || !image->flatten || export_is_root(request->format))
		return r;
	if (whole && media_type_is_index(image->image.root.media_type))
		return fail_plain(err, ENOTSUP,
				  "an index cannot be written with all files root's; build one "
				  "--platform at a time");
	r = flatten_image(request->store, &image->image, &flat, err);
	if (r < 0)
		return r;
	image_done(&image->image);
	image->image = (struct image){ 0 };
	return image_load_descriptor(request->store, &flat, NULL, &image->image, err);
}

/* An index is written as a whole: which image of it is looked at first does not matter, and this
 * machine's may not be among them. */
static int load_any(const struct store *store, const struct descriptor *root,
		    struct image *ret_image, struct err *err)
{
	auto_arena arena = { 0 };
	auto_buf bytes = { 0 };
	struct index index;
	int r = blob_read(store, root, MANIFEST_SIZE_MAX, &bytes, err);

	if (r == 0)
		r = index_parse(buf_text(&bytes), bytes.size_bytes, &arena, &index, err);
	if (r < 0)
		return r;
	r = -ENOENT;
	for (size_t i = 0; r == -ENOENT && i < index.manifest_count; i++) {
		err_clear(err);
		r = image_load_descriptor(store, root, &index.manifests[i].platform, ret_image,
					  err);
	}
	return r;
}

static int load_root(const struct export_request *request, const struct descriptor *root,
		     const struct platform *platform, struct image *ret_image, struct err *err)
{
	int r = image_load_descriptor(request->store, root, platform, ret_image, err);
	bool is_layout = request->format == EXPORT_OCI || request->format == EXPORT_OCI_ARCHIVE;

	if (r != -ENOENT || platform || !is_layout || !media_type_is_index(root->media_type))
		return r;
	err_clear(err);
	return load_any(request->store, root, ret_image, err);
}

/* `whole` as in choose_ownership. Takes the image over, also on failure. */
static int load_image(const struct export_request *request, struct export_image *image,
		      const struct descriptor *root, const struct platform *platform, bool whole,
		      struct err *err)
{
	int r = load_root(request, root, platform, &image->image, err);

	if (r == 0)
		r = choose_ownership(request, whole, image, err);
	if (r == 0 && export_is_root(request->format))
		r = unpack_image(request->store, &image->image, err);
	if (r < 0) {
		image_done(&image->image);
		arena_done(&image->arena);
	}
	return r;
}

static int load_named(const struct export_request *request, const char *text,
		      struct export_image *ret_image, struct err *err)
{
	struct export_image image = { 0 };
	struct platform platform;
	int r = image_find_entries(request->store, text, &image.arena, &image.names,
				   &image.name_count, err);

	if (r == 0 && request->platform)
		r = platform_parse(request->platform, &image.arena, &platform, err);
	if (r < 0)
		arena_done(&image.arena);
	else
		r = load_image(request, &image, &image.names[0].descriptor,
			       request->platform ? &platform : NULL, false, err);
	if (r < 0)
		return err_wrap(err, "image '%s'", text);
	*ret_image = image;
	return 0;
}

static int load_made(const struct export_request *request, const struct export_made *made,
		     struct export_image *ret_image, struct err *err)
{
	struct export_image image = { .folder = made->folder,
				      .annotations = made->root.annotations,
				      .name_count = made->name_count ?: 1 };
	int r;

	image.names = arena_array(&image.arena, struct ref_entry, image.name_count);
	for (size_t i = 0; i < made->name_count; i++)
		image.names[i].ref = made->names[i];
	r = load_image(request, &image, &made->root, made->platform, true, err);
	if (r == 0)
		*ret_image = image;
	return r;
}

int export_images(const struct export_job *job, struct err *err)
{
	switch (job->request->format) {
	case EXPORT_TAR:
	case EXPORT_DIRECTORY:
	case EXPORT_SQUASHFS:
		return export_root(job, err);
	case EXPORT_OCI:
	case EXPORT_OCI_ARCHIVE:
		return export_oci(job, err);
	case EXPORT_DOCKER_ARCHIVE:
		break;
	}
	return export_docker(job, err);
}

static void free_images(struct export_job *job)
{
	for (size_t i = 0; i < job->image_count; i++) {
		image_done(&job->image[i].image);
		arena_done(&job->image[i].arena);
	}
	free(job->image);
}

int export_run(const struct export_request *request, struct err *err)
{
	size_t count = request->images->count;
	struct export_job job = { .request = request,
				  .image = memory_zeroed(count, sizeof(*job.image)) };
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		r = load_named(request, request->images->item[i], &job.image[i], err);
		job.image_count += r == 0;
	}
	if (r == 0)
		r = export_to_dest(&job, err);
	free_images(&job);
	return r;
}

int export_made(const struct export_request *request, const struct export_made *made, size_t count,
		struct err *err)
{
	struct export_job job = { .request = request,
				  .image = memory_zeroed(count, sizeof(*job.image)) };
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		r = load_made(request, &made[i], &job.image[i], err);
		job.image_count += r == 0;
	}
	if (r == 0)
		r = export_to_dest(&job, err);
	free_images(&job);
	return r;
}
