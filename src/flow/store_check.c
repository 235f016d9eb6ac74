// SPDX-License-Identifier: Apache-2.0
/* From what all the rest stands on to what is derived from it: blobs are hashed first, and go when
 * they are not what they are called; then names, the images they lead to, layers (compared with a
 * tree that is unpacked anew from the blob), steps, records, index.json. */
#include "flow/store_check.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/map.h"
#include "base/memory.h"
#include "codec/sha256.h"
#include "flow/build_cache.h"
#include "flow/parallel.h"
#include "flow/tree_compare.h"
#include "rootfs/layer.h"
#include "rootfs/level.h"
#include "store/blob.h"
#include "store/image.h"
#include "store/layers.h"
#include "sys/remove.h"

#define THREADS 4

struct check {
	const struct store_check_request *request;
	const struct store *store;
	struct store_check_result result;
	struct arena arena;
	pthread_mutex_t lock; /* of result, map and reports, while blobs are hashed */
	struct strings blobs; /* names in blobs/sha256 */
	struct map blob_of;   /* diff id -> hex of a blob that has it, from images and steps */
	struct err *err;
};

static void report(struct check *check, enum store_verdict verdict, const char *kind,
		   const char *name, const char *text)
{
	const struct store_finding finding = {
		.verdict = verdict, .kind = kind, .name = name, .text = text
	};

	pthread_mutex_lock(&check->lock);
	check->result.found[verdict]++;
	check->request->found(check->request->context, &finding);
	pthread_mutex_unlock(&check->lock);
}

/* What `repair` puts right by removing it. */
static int report_removable(struct check *check, const struct store_finding *finding,
			    const char *path, struct err *err)
{
	auto_buf said = { 0 };

	if (!check->request->repair) {
		report(check, STORE_REPAIRABLE, finding->kind, finding->name, finding->text);
		return 0;
	}
	if (remove_tree(check->store->dirfd, path, err) < 0)
		return err_wrap(err, "repair");
	buf_printf(&said, "%s; removed", finding->text);
	report(check, STORE_REPAIRED, finding->kind, finding->name, buf_text(&said));
	return 0;
}

/* The same for what is called as its path. */
static int report_file(struct check *check, const char *kind, const char *path, const char *text,
		       struct err *err)
{
	const struct store_finding finding = { .kind = kind, .name = path, .text = text };

	return report_removable(check, &finding, path, err);
}

static bool is_hex(const char *name)
{
	return strlen(name) == DIGEST_HEX_LENGTH &&
	       strspn(name, "0123456789abcdef") == DIGEST_HEX_LENGTH;
}

static int names_in(struct check *check, const char *folder, struct strings *names)
{
	auto_fd fd = openat(check->store->dirfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0
				       : fail(check->err, errno, "open '%s' in '%s'", folder,
					      check->store->path);
	r = directory_names(fd, names, check->err);
	strings_sort(names);
	return r;
}

/* ---- blobs ---- */

/* 1: it is what it is called; 0: it is not, or it cannot be read; -ENOENT: it went meanwhile. */
static int blob_is_sound(struct check *check, const struct digest *digest)
{
	char hex[SHA256_HEX_LENGTH + 1];
	auto_fd fd = -1;
	int r = blob_open(check->store, digest, &fd, NULL, NULL);

	if (r < 0)
		return r == -ENOENT ? r : 0;
	return sha256_file(fd, hex, NULL) == 0 && strcmp(hex, digest_hex(digest)) == 0;
}

static int check_blob(void *context, size_t index, struct err *err)
{
	struct check *check = context;
	const char *name = check->blobs.item[index];
	struct digest digest;
	char path[STORE_NAME_MAX + NAME_MAX];

	snprintf(path, sizeof(path), "blobs/sha256/%s", name);
	if (name[0] == '.') /* what NFS keeps of a file that somebody still reads */
		return 0;
	if (!is_hex(name))
		return report_file(check, "stray", path, "no blob is called so", err);
	digest = digest_of_hex(name);
	if (check->request->quick || blob_is_sound(check, &digest) != 0)
		return 0;
	return report_removable(check,
				&(struct store_finding){ .kind = "blob",
							 .name = digest.text,
							 .text = "its bytes have another digest" },
				path, err);
}

static int check_blobs(struct check *check)
{
	atomic_bool cancel = false;
	int r = names_in(check, "blobs/sha256", &check->blobs);

	if (r < 0)
		return r;
	check->result.blobs = check->blobs.count;
	return parallel_run(check->blobs.count, THREADS, check_blob, check, &cancel, check->err);
}

/* ---- names and what they lead to ---- */

static void remember(struct check *check, const struct digest *diff_id, const struct digest *blob)
{
	map_set(&check->blob_of, digest_hex(diff_id), arena_copy(&check->arena, digest_hex(blob)));
}

static void report_missing(struct check *check, const char *name, const char *what,
			   const struct descriptor *descriptor)
{
	auto_buf text = { 0 };

	buf_printf(&text, "its %s %s is not in the store; pull or import the image again", what,
		   descriptor->digest.text);
	report(check, STORE_LOST, "image", name, buf_text(&text));
}

static void check_manifest(struct check *check, const char *name,
			   const struct descriptor *descriptor)
{
	auto_image image = { 0 };
	struct platform any = { 0 };
	struct err err = { 0 };
	auto_arena arena = { 0 };
	auto_buf bytes = { 0 };
	struct manifest manifest;

	if (blob_read(check->store, descriptor, MANIFEST_SIZE_MAX, &bytes, NULL) < 0 ||
	    manifest_parse(buf_text(&bytes), bytes.size_bytes, &arena, &manifest, &err) < 0) {
		report_missing(check, name, "manifest", descriptor);
		return;
	}
	if (!blob_present(check->store, &manifest.config))
		report_missing(check, name, "config", &manifest.config);
	for (size_t i = 0; i < manifest.layer_count; i++)
		if (!blob_present(check->store, &manifest.layers[i]))
			report_missing(check, name, "layer", &manifest.layers[i]);
	if (image_load_descriptor(check->store, descriptor, &any, &image, NULL) < 0)
		return; /* an artifact, or its config is missing */
	for (size_t i = 0; i < image.config.diff_id_count && i < image.manifest.layer_count; i++)
		remember(check, &image.config.diff_ids[i], &image.manifest.layers[i].digest);
}

/* Of an index only what was fetched is there, at least one. */
static void check_index(struct check *check, const char *name, const struct descriptor *root)
{
	auto_arena arena = { 0 };
	auto_buf bytes = { 0 };
	struct index index;
	size_t there = 0;

	if (blob_read(check->store, root, MANIFEST_SIZE_MAX, &bytes, NULL) < 0 ||
	    index_parse(buf_text(&bytes), bytes.size_bytes, &arena, &index, NULL) < 0) {
		report_missing(check, name, "index", root);
		return;
	}
	for (size_t i = 0; i < index.manifest_count; i++) {
		if (!blob_present(check->store, &index.manifests[i]))
			continue;
		check_manifest(check, name, &index.manifests[i]);
		there++;
	}
	if (there == 0 && index.manifest_count > 0)
		report_missing(check, name, "manifest", &index.manifests[0]);
}

static int check_damaged_names(struct check *check, const struct strings *damaged)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < damaged->count; i++)
		r = report_file(check, "name", damaged->item[i],
				"it does not say which image it names", check->err);
	return r;
}

static int check_names(struct check *check)
{
	auto_strings damaged = { 0 };
	struct ref_entry *entries;
	size_t count;
	int r = refs_list_sound(check->store, &check->arena, &entries, &count, &damaged,
				check->err);

	if (r == 0)
		r = check_damaged_names(check, &damaged);
	for (size_t i = 0; r == 0 && i < count; i++) {
		const struct descriptor *root = &entries[i].descriptor;
		char text[REF_TEXT_MAX];
		const char *name = entries[i].untagged ? root->digest.text
						       : ref_format(&entries[i].ref, text);

		if (media_type_is_index(root->media_type))
			check_index(check, name, root);
		else
			check_manifest(check, name, root);
		check->result.images++;
	}
	return r;
}

/* ---- steps of the build cache ---- */

static int check_step(struct check *check, const char *key)
{
	auto_arena arena = { 0 };
	struct build_cached cached;
	char path[256];

	snprintf(path, sizeof(path), BUILD_CACHE_FOLDER "/%.200s", key);
	check->result.steps++;
	if (build_cache_read(check->store, key, &arena, &cached, NULL) <= 0)
		return report_file(check, "step", path, "its record is damaged", check->err);
	if (digest_is_none(&cached.diff_id))
		return 0;
	if (!blob_present(check->store, &cached.layer))
		return report_file(check, "step", path, "its layer is not in the store",
				   check->err);
	remember(check, &cached.diff_id, &cached.layer.digest);
	return 0;
}

static int check_steps(struct check *check)
{
	auto_strings names = { 0 };
	int r = names_in(check, BUILD_CACHE_FOLDER, &names);

	for (size_t i = 0; r == 0 && i < names.count; i++)
		if (!strchr(names.item[i], '.'))
			r = check_step(check, names.item[i]);
	return r;
}

/* ---- layers ---- */

/* Put what the blob unpacks to in the place of what is there. */
static int replace_layer(struct check *check, struct layer_staged *staged, const char *text)
{
	auto_buf said = { 0 };
	int r = layer_remove(check->store, &staged->diff_id, check->err);

	if (r == -EBUSY) {
		err_clear(check->err);
		buf_printf(&said, "%s; it is in use and stays as it is", text);
		report(check, STORE_LOST, "layer", staged->diff_id.text, buf_text(&said));
		return 0;
	}
	if (r == 0)
		r = layer_commit(check->store, &staged, 1, check->err);
	if (r < 0)
		return err_wrap(check->err, "repair");
	buf_printf(&said, "%s; unpacked again", text);
	report(check, STORE_REPAIRED, "layer", staged->diff_id.text, buf_text(&said));
	return 0;
}

static int report_layer(struct check *check, struct layer_staged *staged, const char *text)
{
	if (check->request->repair)
		return replace_layer(check, staged, text);
	report(check, STORE_REPAIRABLE, "layer", staged->diff_id.text, text);
	return 0;
}

/* Directories that a build passed on its way have no entry in the layer's archive either; the build
 * knew what they look like, so that its record need not call them implicit. */
static void print_explicit(const struct owners *owners, struct buf *text)
{
	for (size_t i = 0; i < owners->count; i++)
		owners->item[i].implicit = false;
	owners_print(owners, text);
}

static bool record_is_same(struct check *check, struct layer_staged *staged)
{
	auto_arena arena = { 0 };
	auto_buf wanted = { 0 };
	auto_buf present = { 0 };
	struct owners copy;
	struct owners owners;

	if (layer_owners(check->store, &staged->diff_id, &arena, &owners, NULL) < 0)
		return false;
	owners_copy(&staged->owners, &arena, &copy);
	print_explicit(&copy, &wanted);
	print_explicit(&owners, &present);
	return strcmp(buf_text(&present), buf_text(&wanted)) == 0;
}

static int compare_layer(struct check *check, struct layer_staged *staged)
{
	char name[STORE_NAME_MAX];
	auto_buf difference = { 0 };
	bool same = false;
	const struct tree_pair pair = { .dirfd = check->store->dirfd,
					.name = store_layer_name(&staged->diff_id, name),
					.expected = staged->work_name,
					.owners = &staged->owners };
	int r = tree_compare(&pair, &same, &difference, check->err);

	if (r == -ENOENT) { /* gone since */
		err_clear(check->err);
		return 0;
	}
	if (r < 0)
		return r;
	if (!same)
		return report_layer(check, staged, buf_text(&difference));
	return record_is_same(check, staged)
		       ? 0
		       : report_layer(check, staged, "its record of owners is another");
}

static int check_contents(struct check *check, const struct digest *diff_id,
			  const struct digest *blob)
{
	auto_layer_staged staged = { 0 };
	auto_fd fd = -1;
	struct byte_source source = byte_source_fd(&fd);
	struct layer_request layer = { .source = &source, .diff_id = diff_id };
	struct err err = { 0 };
	int r = blob_open(check->store, blob, &fd, NULL, NULL);

	if (r < 0)
		return 0; /* reported with the image, or gone since */
	r = layer_stage(check->store, &layer, &staged, &err);
	if (r == -EUCLEAN || r == -EINVAL) {
		report(check, STORE_LOST, "layer", diff_id->text, err.text);
		return 0;
	}
	if (r < 0) {
		*check->err = err;
		return r;
	}
	return compare_layer(check, &staged);
}

/* One that no image and no step tells of cannot be compared; it is gc's. */
static int check_layer(struct check *check, const char *hex)
{
	const struct digest diff_id = digest_of_hex(hex);
	const char *blob_hex = map_get(&check->blob_of, hex);
	char name[STORE_NAME_MAX];
	auto_arena arena = { 0 };
	struct owners owners;

	check->result.layers++;
	if (layer_owners(check->store, &diff_id, &arena, &owners, NULL) < 0 &&
	    faccessat(check->store->dirfd, store_layer_name(&diff_id, name), F_OK, 0) == 0 &&
	    (check->request->quick || !blob_hex))
		return report_removable(
			check,
			&(struct store_finding){
				.kind = "layer",
				.name = diff_id.text,
				.text = "its record of owners is missing or damaged" },
			name, check->err);
	if (check->request->quick || !blob_hex)
		return 0;
	const struct digest blob = digest_of_hex(blob_hex);
	return check_contents(check, &diff_id, &blob);
}

static int check_layers(struct check *check)
{
	auto_strings names = { 0 };
	int r = names_in(check, "layers", &names);

	for (size_t i = 0; r == 0 && i < names.count; i++) {
		char path[STORE_NAME_MAX + NAME_MAX];

		snprintf(path, sizeof(path), "layers/%s", names.item[i]);
		r = is_hex(names.item[i]) ? check_layer(check, names.item[i])
					  : report_file(check, "stray", path,
							"no layer is called so", check->err);
	}
	return r;
}

/* ---- what is derived ---- */

static int check_layout(struct check *check)
{
	static const char text[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	auto_buf present = { 0 };

	if (io_read_file_at(check->store->dirfd, "oci-layout", 4096, &present, NULL) == 0 &&
	    strncmp(buf_text(&present), text, strlen(text)) == 0)
		return 0;
	if (!check->request->repair) {
		report(check, STORE_REPAIRABLE, "index", "oci-layout", "is not as it should be");
		return 0;
	}
	if (io_replace_file_at(check->store->dirfd, "oci-layout", text, strlen(text), 0600,
			       check->err) < 0)
		return err_wrap(check->err, "repair");
	report(check, STORE_REPAIRED, "index", "oci-layout", "was not as it should be; written");
	return 0;
}

static int check_index_json(struct check *check)
{
	bool is_true = true;
	bool is_quiet = false;
	int r = refs_index_is_true(check->store, &is_true, check->err);

	if (r == -EINVAL || r == -EUCLEAN) { /* a damaged name was reported and stays */
		err_clear(check->err);
		return 0;
	}
	if (r == 0 && !is_true) /* one who is at work may be about to write it */
		r = store_is_quiet(check->store, &is_quiet, check->err);
	if (r < 0 || is_true || !is_quiet)
		return r;
	if (!check->request->repair) {
		report(check, STORE_REPAIRABLE, "index", "index.json",
		       "does not list the images there are");
		return 0;
	}
	r = refs_write_index(check->store, check->err);
	if (r == 0)
		report(check, STORE_REPAIRED, "index", "index.json",
		       "did not list the images there are; written anew");
	return r;
}

/* ---- all of it ---- */

static int run(struct check *check)
{
	int r = store_announce(check->store, check->err);

	if (r == 0)
		r = check_layout(check);
	if (r == 0)
		r = check_blobs(check);
	if (r == 0)
		r = check_names(check);
	if (r == 0)
		r = check_steps(check);
	if (r == 0)
		r = check_layers(check);
	return r < 0 ? r : check_index_json(check);
}

int store_check(const struct store_check_request *request, struct store_check_result *ret_result,
		struct err *err)
{
	struct check check = { .request = request,
			       .store = request->store,
			       .lock = PTHREAD_MUTEX_INITIALIZER,
			       .err = err };
	unsigned item;
	int r;

	item = progress_begin(request->progress, "store", "checking", 0);
	r = run(&check);
	progress_end(request->progress, item, r < 0 ? "failed" : "done");
	arena_done(&check.arena);
	strings_done(&check.blobs);
	map_done(&check.blob_of);
	if (r == 0)
		*ret_result = check.result;
	return r;
}
