// SPDX-License-Identifier: Apache-2.0
#include "flow/build_cache.h"

#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "store/blob.h"
#include "store/layers.h"

#define RECORD_BYTES ((size_t)64 * 1024)
#define INPUTS_BYTES ((size_t)1 << 30)
#define NAME_BYTES   128
#define TEXT_BYTES   200

static const char *record_name(const char *key_hex, const char *suffix, char name[NAME_BYTES])
{
	snprintf(name, NAME_BYTES, BUILD_CACHE_FOLDER "/%s%s", key_hex, suffix);
	return name;
}

int build_cached_parse(const struct json *record, struct arena *arena,
		       struct build_cached *ret_cached, struct err *err)
{
	struct build_cached cached = { 0 };
	const char *diff_id = json_text(json_get(record, "diffId"));
	const char *created;
	int r = json_need_text(record, "created", &created, err);

	if (r < 0)
		return r;
	cached.created = arena_copy(arena, created);
	cached.text = arena_copy(arena, json_get_text(record, "text") ?: "");
	if (diff_id) {
		r = digest_parse(diff_id, &cached.diff_id, err);
		if (r == 0)
			r = descriptor_parse(json_get(record, "layer"), arena, &cached.layer, err);
	}
	if (r == 0)
		*ret_cached = cached;
	return r;
}

int build_cache_read(const struct store *store, const char *key_hex, struct arena *arena,
		     struct build_cached *ret_cached, struct err *err)
{
	auto_buf text = { 0 };
	auto_json *record = NULL;
	struct build_cached cached;
	char name[NAME_BYTES];
	int r;

	r = io_read_file_at(store->dirfd, record_name(key_hex, "", name), RECORD_BYTES, &text, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_wrap(err, "build cache");
	if (json_parse(text.bytes, text.size_bytes, &record, NULL) < 0 ||
	    build_cached_parse(record, arena, &cached, NULL) < 0)
		return 0;
	*ret_cached = cached;
	return 1;
}

int build_cache_get(const struct store *store, const char *key_hex, struct arena *arena,
		    struct build_cached *ret_cached, struct err *err)
{
	struct build_cached cached;
	char name[NAME_BYTES];
	int r = build_cache_read(store, key_hex, arena, &cached, err);

	if (r <= 0)
		return r;
	if (!digest_is_none(&cached.diff_id) &&
	    (!layer_present(store, &cached.diff_id) || !blob_present(store, &cached.layer)))
		return 0;
	/* For pruning alone; a store that cannot be written to is not pruned either. */
	(void)!utimensat(store->dirfd, record_name(key_hex, "", name), NULL, 0);
	*ret_cached = cached;
	return 1;
}

int build_cache_inputs(const struct store *store, const char *key_hex, struct buf *inputs,
		       struct err *err)
{
	char name[NAME_BYTES];

	return io_read_file_at(store->dirfd, record_name(key_hex, ".inputs", name), INPUTS_BYTES,
			       inputs, err);
}

/* As far as a line of a list can show it, whole characters only. */
static void set_text(struct json *record, const char *text)
{
	size_t length = strcspn(text, "\n");
	auto_buf shown = { 0 };

	if (length > TEXT_BYTES)
		length = TEXT_BYTES;
	while (length && (text[length] & 0xc0) == 0x80)
		length--;
	buf_add(&shown, text, length);
	json_set_text(record, "text", buf_text(&shown));
}

struct json *build_cached_to_json(const struct build_cached *cached)
{
	struct json *record = json_new_object();

	if (!digest_is_none(&cached->diff_id)) {
		json_set_text(record, "diffId", cached->diff_id.text);
		json_set(record, "layer", descriptor_to_json(&cached->layer));
	}
	json_set_text(record, "created", cached->created);
	set_text(record, cached->text);
	return record;
}

int build_cache_put(const struct store *store, const char *key_hex,
		    const struct build_cached *cached, const char *inputs, size_t inputs_bytes,
		    struct err *err)
{
	auto_json *record = build_cached_to_json(cached);
	auto_buf text = { 0 };
	char name[NAME_BYTES];
	int r;

	json_print(record, JSON_ONE_LINE, &text);
	buf_add_char(&text, '\n');
	r = store_make_folder(store, BUILD_CACHE_FOLDER, err);
	if (r == 0 && inputs)
		r = io_replace_file_unsynced_at(store->dirfd, record_name(key_hex, ".inputs", name),
						inputs, inputs_bytes, 0600, err);
	if (r == 0)
		r = io_replace_file_unsynced_at(store->dirfd, record_name(key_hex, "", name),
						text.bytes, text.size_bytes, 0600, err);
	return r < 0 ? err_wrap(err, "build cache") : 0;
}

int build_cache_remove(const struct store *store, const char *key_hex, struct err *err)
{
	static const char *const suffixes[] = { "", ".inputs" };
	char name[NAME_BYTES];

	for (size_t i = 0; i < array_count(suffixes); i++) {
		record_name(key_hex, suffixes[i], name);
		if (unlinkat(store->dirfd, name, 0) < 0 && errno != ENOENT)
			return fail(err, errno, "remove '%s' in the store", name);
	}
	return 0;
}
