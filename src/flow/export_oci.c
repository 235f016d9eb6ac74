// SPDX-License-Identifier: Apache-2.0
/* OCI layout and oci-archive: the blobs that the names lead to, unchanged, sorted by digest. */
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"
#include "flow/archive_out.h"
#include "flow/reach.h"
#include "store/blob.h"

#define LAYOUT_TEXT	"{\"imageLayoutVersion\":\"1.0.0\"}"
#define CONTAINERD_NAME "io.containerd.image.name"

/* A missing blob is one of another machine's image in an index, of which only a part was pulled. */
static int copy_blob(const struct export_job *job, struct archive_out *out, const char *hex,
		     struct err *err)
{
	struct digest digest = digest_of_hex(hex);
	struct checked_source *checked;
	struct byte_source source;
	char name[STORE_NAME_MAX];
	uint64_t size_bytes;
	auto_fd fd = -1;
	int r = blob_open(job->request->store, &digest, &fd, &size_bytes, err);

	if (r == -ENOENT) {
		err_clear(err);
		return 0;
	}
	if (r < 0)
		return r;
	source = byte_source_fd(&fd);
	checked = checked_source_new(&source, &digest);
	source = byte_source_checked(checked);
	r = archive_out_source(out, store_blob_name(&digest, name), &source, size_bytes, err);
	checked_source_free(checked);
	return r;
}

static int copy_blobs(const struct export_job *job, struct archive_out *out, struct err *err)
{
	auto_reach reach = { 0 };
	auto_strings names = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < job->image_count; i++)
		r = reach_add(&reach, job->request->store, &job->image[i].image.root, err);
	map_each(&reach.blobs, entry)
		strings_add(&names, entry->key);
	strings_sort(&names);
	strings_each(&names, name) {
		if (r == 0)
			r = copy_blob(job, out, name, err);
	}
	return r;
}

/* The complete name in both places where tools look for one: containers/image and umoci in
 * ref.name, containerd and docker in their own annotation. */
static void annotate(struct arena *arena, const struct ref *ref, const struct annotations *more,
		     struct descriptor *descriptor)
{
	struct annotations *annotations = &descriptor->annotations;
	char text[REF_TEXT_MAX];
	const char *name;

	annotations->item = arena_array(arena, struct annotation, more->count + 2);
	if (ref->name[0]) {
		name = arena_copy(arena, ref_format(ref, text));
		annotations->item[0] = (struct annotation){ CONTAINERD_NAME, name };
		annotations->item[1] = (struct annotation){ ANNOTATION_REF_NAME, name };
		annotations->count = 2;
	}
	for (size_t i = 0; i < more->count; i++)
		annotations->item[annotations->count++] = more->item[i];
}

static void print_index(const struct export_job *job, struct buf *text)
{
	auto_arena arena = { 0 };
	struct index index = { 0 };
	size_t total = 0;

	for (size_t i = 0; i < job->image_count; i++)
		total += job->image[i].name_count;
	index.manifests = arena_array(&arena, struct descriptor, total);
	for (size_t i = 0; i < job->image_count; i++) {
		for (size_t j = 0; j < job->image[i].name_count; j++) {
			struct descriptor *descriptor = &index.manifests[index.manifest_count++];

			*descriptor = job->image[i].image.root;
			annotate(&arena, &job->image[i].names[j].ref, &job->image[i].annotations,
				 descriptor);
		}
	}
	index_print(&index, text);
}

static int write_all(const struct export_job *job, struct archive_out *out, struct err *err)
{
	auto_buf index = { 0 };
	int r;

	print_index(job, &index);
	r = archive_out_bytes(out, "oci-layout", LAYOUT_TEXT, strlen(LAYOUT_TEXT), err);
	if (r == 0)
		r = archive_out_bytes(out, "index.json", index.bytes, index.size_bytes, err);
	if (r == 0)
		r = archive_out_folder(out, "blobs", err);
	if (r == 0)
		r = archive_out_folder(out, "blobs/sha256", err);
	if (r == 0)
		r = copy_blobs(job, out, err);
	return r < 0 ? r : archive_out_end(out, err);
}

int export_oci(const struct export_job *job, struct err *err)
{
	struct archive_out out;
	int r;

	archive_out_init(&out, job->fd, job->request->format == EXPORT_OCI);
	r = write_all(job, &out, err);
	archive_out_done(&out);
	return r;
}
