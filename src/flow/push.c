// SPDX-License-Identifier: Apache-2.0
/* Blobs first, several at once, then the manifests of an index, then what the name stands for: a
 * registry never has a name whose parts are missing. */
#include "flow/push.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "flow/flatten.h"
#include "flow/parallel.h"
#include "image/manifest.h"
#include "remote/registry.h"
#include "store/blob.h"
#include "store/image.h"

#define PUSH_THREADS_DEFAULT 4

struct push {
	const struct store *store;
	const struct push_request *request;
	struct remote remote;
	atomic_bool cancel;
	struct arena arena;
	struct ref destination;
	struct endpoint endpoint;
	struct registry *registry;
	struct descriptor root;
	struct descriptor *children; /* manifests of an index, to be sent by digest */
	size_t child_count;
	struct map seen; /* digest -> number of the blob below, from 1 */
	struct descriptor *blobs;
	size_t blob_count;
	size_t blob_room;
};

static void push_done(struct push *push)
{
	registry_free(push->registry);
	map_done(&push->seen);
	free(push->blobs);
	arena_done(&push->arena);
	remote_done(&push->remote);
}

/* ---- what to push ---- */

static int read_manifest(struct push *push, const struct descriptor *descriptor,
			 struct manifest *manifest, struct err *err)
{
	auto_buf bytes = { 0 };
	int r = blob_read(push->store, descriptor, MANIFEST_SIZE_MAX, &bytes, err);

	if (r >= 0)
		r = manifest_parse(buf_text(&bytes), bytes.size_bytes, &push->arena, manifest, err);
	return r < 0 ? err_wrap(err, "manifest '%s'", descriptor->digest.text) : 0;
}

/* Numbers from 1 as values of a map. */
static void *number_as_value(size_t number)
{
	return (void *)(uintptr_t)number;
}

static void add_blob(struct push *push, const struct descriptor *blob)
{
	if (map_get(&push->seen, blob->digest.text))
		return;
	if (push->blob_count == push->blob_room) {
		push->blob_room = push->blob_room ? push->blob_room * 2 : 16;
		push->blobs = memory_resize(push->blobs, push->blob_room, sizeof(*push->blobs));
	}
	push->blobs[push->blob_count++] = *blob;
	map_set(&push->seen, blob->digest.text, number_as_value(push->blob_count));
}

/* The image that goes out in place of this one when its files are to be root's. What is no image
 * (an artifact) has no owners. */
static int flatten(struct push *push, struct descriptor *descriptor, struct err *err)
{
	auto_image image = { 0 };
	struct descriptor flat;
	int r = image_load_descriptor(push->store, descriptor, NULL, &image, err);

	if (r < 0 && !push->request->ownership) {
		err_clear(err);
		return 0;
	}
	if (r == 0)
		r = flatten_as_asked(push->store, &image, push->request->ownership, &flat, err);
	if (r < 0 || digest_equal(&flat.digest, &descriptor->digest))
		return r;
	descriptor->media_type = MEDIA_OCI_MANIFEST;
	descriptor->digest = flat.digest;
	descriptor->size_bytes = flat.size_bytes;
	return 0;
}

static int add_image(struct push *push, const struct descriptor *descriptor, struct err *err)
{
	struct manifest manifest;
	int r = read_manifest(push, descriptor, &manifest, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < manifest.layer_count; i++)
		add_blob(push, &manifest.layers[i]);
	add_blob(push, &manifest.config);
	for (size_t i = 0; i < push->blob_count; i++)
		if (!blob_present(push->store, &push->blobs[i]))
			return fail_plain(err, ENOENT, "blob '%s' is not in the store",
					  push->blobs[i].digest.text);
	return 0;
}

static int add_children(struct push *push, const struct index *index, struct err *err)
{
	push->children = index->manifests;
	for (size_t i = 0; i < index->manifest_count; i++) {
		struct descriptor flat = index->manifests[i];
		int r = flatten(push, &flat, err);

		if (r == 0)
			r = add_image(push, &index->manifests[i], err);
		if (r < 0)
			return r;
		if (!digest_equal(&flat.digest, &index->manifests[i].digest))
			return fail_plain(err, ENOTSUP,
					  "an index cannot be pushed with all files root's; push "
					  "one --platform at a time");
	}
	push->child_count = index->manifest_count;
	return 0;
}

static int choose_platform(struct push *push, const struct index *index, struct err *err)
{
	struct platform platform = platform_host();
	int r = 0;

	if (push->request->platform)
		r = platform_parse(push->request->platform, &push->arena, &platform, err);
	if (r >= 0)
		r = index_select(index, &platform, &push->root, err);
	if (r >= 0)
		r = flatten(push, &push->root, err);
	return r < 0 ? r : add_image(push, &push->root, err);
}

static int add_index(struct push *push, struct err *err)
{
	auto_buf bytes = { 0 };
	struct index index;
	struct err partial = { 0 };
	int r;

	r = blob_read(push->store, &push->root, MANIFEST_SIZE_MAX, &bytes, err);
	if (r >= 0)
		r = index_parse(buf_text(&bytes), bytes.size_bytes, &push->arena, &index, err);
	if (r < 0)
		return r;
	if (push->request->platform)
		return choose_platform(push, &index, err);
	r = add_children(push, &index, &partial);
	if (r >= 0)
		return 0;
	if (push->request->all_platforms || r != -ENOENT) {
		*err = partial;
		if (r == -ENOENT) { /* not the whole image is missing */
			err->hint[0] = '\0';
			err_hint(err, "'rootlet pull --all-platforms' fetches the whole index");
		}
		return r;
	}
	log_info("only this machine's platform is pushed: of the others not all is in the store");
	push->blob_count = 0;
	map_done(&push->seen);
	return choose_platform(push, &index, err);
}

/* The name it is found by is where it goes, unless another is given. */
static int find_image(struct push *push, struct err *err)
{
	const struct push_request *request = push->request;
	struct ref_entry *entries;
	size_t count = 0;
	int r;

	r = image_find_entries(push->store, request->image, &push->arena, &entries, &count, err);
	if (r < 0)
		return r;
	push->root = entries[0].descriptor;
	if (request->destination)
		return ref_parse(request->destination, &push->destination, err);
	if (count > 1 || entries[0].untagged) {
		fail_plain(err, EINVAL, "'%s' does not say where to", request->image);
		err_hint(err, "name the destination: rootlet push %s HOST/NAME:TAG",
			 request->image);
		return -EINVAL;
	}
	push->destination = entries[0].ref;
	return 0;
}

static int collect(struct push *push, struct err *err)
{
	int r = find_image(push, err);

	if (r < 0)
		return r;
	if (media_type_is_index(push->root.media_type))
		r = add_index(push, err);
	else
		r = flatten(push, &push->root, err) ?: add_image(push, &push->root, err);
	return r < 0 ? err_wrap(err, "'%s'", push->request->image) : 0;
}

/* ---- where it may be already ---- */

/* Other repositories of the same registry whose images, by the names in this store, hold a blob:
 * it can be mounted from there. One list per blob. */
static void note_source(struct push *push, const char *name, const struct descriptor *blob,
			struct strings *mount_from)
{
	uintptr_t number = (uintptr_t)map_get(&push->seen, blob->digest.text);

	if (number > 0 && !strings_contains(&mount_from[number - 1], name))
		strings_add(&mount_from[number - 1], name);
}

static void note_manifest(struct push *push, const char *name, const struct descriptor *descriptor,
			  struct strings *mount_from)
{
	struct manifest manifest;

	if (read_manifest(push, descriptor, &manifest, NULL) < 0)
		return;
	for (size_t i = 0; i < manifest.layer_count; i++)
		note_source(push, name, &manifest.layers[i], mount_from);
	note_source(push, name, &manifest.config, mount_from);
}

static void note_image(struct push *push, const char *name, const struct descriptor *root,
		       struct strings *mount_from)
{
	auto_buf bytes = { 0 };
	struct index index;

	if (!media_type_is_index(root->media_type)) {
		note_manifest(push, name, root, mount_from);
		return;
	}
	if (blob_read(push->store, root, MANIFEST_SIZE_MAX, &bytes, NULL) < 0 ||
	    index_parse(buf_text(&bytes), bytes.size_bytes, &push->arena, &index, NULL) < 0)
		return;
	for (size_t i = 0; i < index.manifest_count; i++)
		note_manifest(push, name, &index.manifests[i], mount_from);
}

static int find_mount_sources(struct push *push, struct strings *mount_from, struct err *err)
{
	const struct ref *there = &push->endpoint.ref;
	struct ref_entry *entries;
	size_t count = 0;
	int r = refs_list(push->store, &push->arena, &entries, &count, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		const struct ref *ref = &entries[i].ref;

		if (!entries[i].untagged && strcmp(ref->host, there->host) == 0 &&
		    strcmp(ref->name, there->name) != 0)
			note_image(push, ref->name, &entries[i].descriptor, mount_from);
	}
	return 0;
}

/* ---- sending ---- */

struct sending {
	struct push *push;
	const struct descriptor *blob;
	unsigned item;
};

static void on_sent(void *context, uint64_t sent_bytes)
{
	const struct sending *sending = context;

	progress_move(sending->push->request->progress, sending->item, "uploading", sent_bytes, 0);
}

static const char *const outcomes[] = {
	[UPLOAD_PRESENT] = "present",
	[UPLOAD_MOUNTED] = "mounted",
	[UPLOAD_SENT] = "done",
};

struct blob_job {
	struct push *push;
	struct strings *mount_from; /* one list per blob */
};

static int send_blob(const struct blob_job *job, size_t index, unsigned item,
		     const char **ret_outcome, struct err *err)
{
	struct push *push = job->push;
	struct sending sending = { push, &push->blobs[index], item };
	enum registry_upload_result result;
	auto_fd fd = -1;
	int r = blob_open(push->store, &sending.blob->digest, &fd, NULL, err);

	if (r < 0)
		return r;
	const struct registry_upload upload = {
		.descriptor = sending.blob,
		.fd = fd,
		.mount_from = &job->mount_from[index],
		.sent = on_sent,
		.context = &sending,
	};

	r = registry_put_blob(push->registry, push->endpoint.ref.name, &upload, &result, err);
	if (r >= 0)
		*ret_outcome = outcomes[result];
	return r;
}

static int blob_job(void *context, size_t index, struct err *err)
{
	const struct blob_job *job = context;
	struct progress *progress = job->push->request->progress;
	const struct descriptor *blob = &job->push->blobs[index];
	const char *outcome = NULL;
	char label[64];
	char hex[13];
	unsigned item;
	int r;

	snprintf(label, sizeof(label), "blob %s", digest_short(&blob->digest, hex));
	item = progress_begin(progress, label, NULL, blob->size_bytes);
	r = send_blob(job, index, item, &outcome, err);
	progress_end(progress, item, r < 0 ? "failed" : outcome);
	return r;
}

static int send_blobs(struct push *push, struct err *err)
{
	auto_free struct strings *mount_from = memory_zeroed(push->blob_count + 1,
							     sizeof(*mount_from));
	struct blob_job job = { push, mount_from };
	unsigned threads = push->request->threads;
	int r = find_mount_sources(push, mount_from, err);

	if (r >= 0)
		r = parallel_run(push->blob_count, threads ? threads : PUSH_THREADS_DEFAULT,
				 blob_job, &job, &push->cancel, err);
	for (size_t i = 0; i < push->blob_count; i++)
		strings_done(&mount_from[i]);
	return r;
}

static int send_manifest(struct push *push, const struct descriptor *descriptor,
			 const char *reference, struct err *err)
{
	auto_buf bytes = { 0 };
	int r = blob_read(push->store, descriptor, MANIFEST_SIZE_MAX, &bytes, err);

	if (r < 0)
		return err_wrap(err, "manifest '%s'", descriptor->digest.text);
	return registry_put_manifest(push->registry, push->endpoint.ref.name, reference,
				     descriptor->media_type, &bytes, err);
}

static int send_manifests(struct push *push, struct err *err)
{
	const char *tag = push->endpoint.ref.tag;

	for (size_t i = 0; i < push->child_count; i++) {
		int r = send_manifest(push, &push->children[i], push->children[i].digest.text, err);

		if (r < 0)
			return r;
	}
	return send_manifest(push, &push->root, *tag ? tag : push->root.digest.text, err);
}

/* A digest in the destination is a promise that cannot be kept by chance. */
static int check_destination(const struct push *push, struct err *err)
{
	const struct digest *digest = &push->destination.digest;

	if (digest_is_none(digest) || digest_equal(digest, &push->root.digest))
		return 0;
	return fail_plain(err, EINVAL, "the image has the digest %s, not %s",
			  push->root.digest.text, digest->text);
}

static int push_with(struct push *push, char *const *environ_list, struct err *err)
{
	struct remote_settings settings = push->request->remote;
	char name[REF_TEXT_MAX];
	int r;

	settings.cancel = &push->cancel;
	r = collect(push, err);
	if (r >= 0)
		r = check_destination(push, err);
	if (r >= 0)
		r = remote_init(&push->remote, &settings, environ_list, err);
	if (r >= 0)
		r = registries_push(&push->remote.registries, &push->destination, &push->endpoint,
				    err);
	if (r < 0)
		return r;
	r = registry_open(&push->remote, &push->endpoint, NULL, &push->registry, err);
	if (r >= 0)
		r = send_blobs(push, err);
	if (r >= 0)
		r = send_manifests(push, err);
	return r < 0 ? err_wrap(err, "'%s'", ref_format(&push->destination, name)) : 0;
}

int push(const struct store *store, const struct push_request *request, char *const *environ_list,
	 struct push_result *ret_result, struct err *err)
{
	struct push state = { .store = store, .request = request };
	int r = push_with(&state, environ_list, err);

	if (r >= 0) {
		ret_result->ref = state.destination;
		ret_result->digest = state.root.digest;
	}
	push_done(&state);
	return r;
}
