// SPDX-License-Identifier: Apache-2.0
#include "flow/images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"
#include "store/layers.h"

/* RFC 3339: 2024-01-31T23:59:60.123+01:00 or Z. Leap seconds run into the next minute. */
bool time_parse(const char *text, int64_t *ret_seconds)
{
	struct tm parts = { 0 };
	int consumed = 0;
	int hours = 0;
	int minutes = 0;
	char sign;

	if (!text ||
	    sscanf(text, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon,
		   &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &consumed) < 6 ||
	    consumed < 19)
		return false;
	text += consumed;
	if (*text == '.')
		text += 1 + strspn(text + 1, "0123456789");
	sign = *text;
	if (sign != 'Z' && sign != 'z' &&
	    ((sign != '+' && sign != '-') || sscanf(text + 1, "%2d:%2d", &hours, &minutes) != 2))
		return false;
	parts.tm_year -= 1900;
	parts.tm_mon -= 1;
	*ret_seconds = (int64_t)timegm(&parts) -
		       (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return true;
}

uint64_t image_size(const struct store *store, const struct image *image)
{
	uint64_t total = 0;

	for (size_t i = 0; i < image->manifest.layer_count; i++) {
		uint64_t size = i < image->config.diff_id_count
					? layer_tar_bytes(store, &image->config.diff_ids[i])
					: 0;

		total += size ? size : image->manifest.layers[i].size_bytes;
	}
	return total;
}

static const char *problem_text(struct arena *arena, const struct err *err)
{
	return arena_copy(arena, err->text);
}

/* An index of which nothing is for this machine is shown by any image of it that is there. */
static int load_any(const struct store *store, const struct descriptor *root, struct image *image,
		    struct err *err)
{
	struct platform any = { 0 };
	int r = image_load_descriptor(store, root, NULL, image, err);

	return r == -ENOENT ? image_load_descriptor(store, root, &any, image, err) : r;
}

static void fill(const struct store *store, struct arena *arena, const struct ref_entry *entry,
		 struct image_item *item)
{
	auto_image image = { 0 };
	struct platform platform;
	struct err err = { 0 };
	char text[64];

	*item = (struct image_item){
		.entry = *entry, .id = entry->descriptor.digest, .created = "", .platform = ""
	};
	if (load_any(store, &entry->descriptor, &image, &err) < 0) {
		item->problem = problem_text(arena, &err);
		return;
	}
	platform = config_platform(&image.config);
	item->id = *image_id(&image);
	item->size_bytes = image_size(store, &image);
	item->platform = arena_copy(arena, platform_format(&platform, text));
	if (image.config.created)
		item->created = arena_copy(arena, image.config.created);
	time_parse(image.config.created, &item->created_s);
}

static int newest_first(const void *left, const void *right)
{
	const struct image_item *a = left;
	const struct image_item *b = right;
	char text_a[REF_TEXT_MAX];
	char text_b[REF_TEXT_MAX];

	if (a->created_s != b->created_s)
		return a->created_s < b->created_s ? 1 : -1;
	if (a->entry.untagged || b->entry.untagged)
		return a->entry.untagged - b->entry.untagged;
	return strcmp(ref_format(&a->entry.ref, text_a), ref_format(&b->entry.ref, text_b));
}

int images_list(const struct store *store, struct arena *arena, struct image_item **ret_items,
		size_t *ret_count, struct err *err)
{
	struct ref_entry *entries;
	struct image_item *items;
	size_t count;
	int r = refs_list(store, arena, &entries, &count, err);

	if (r < 0)
		return r;
	items = arena_array(arena, struct image_item, count);
	for (size_t i = 0; i < count; i++)
		fill(store, arena, &entries[i], &items[i]);
	if (count)
		qsort(items, count, sizeof(*items), newest_first);
	*ret_items = items;
	*ret_count = count;
	return 0;
}

/* --- inspect --- */

static struct json *tags_of(const struct image *image, const struct ref_entry *entries,
			    size_t count, bool digests)
{
	struct json *array = json_new_array();
	char text[REF_TEXT_MAX];

	for (size_t i = 0; i < count; i++) {
		struct ref ref = entries[i].ref;

		if (entries[i].untagged ||
		    !digest_equal(&entries[i].descriptor.digest, &image->root.digest))
			continue;
		if (digests) {
			ref.tag[0] = '\0';
			ref.digest = image->root.digest;
		}
		json_add_text(array, ref_familiar(&ref, text));
	}
	return array;
}

static struct json *rootfs_of(const struct config *config)
{
	struct json *object = json_new_object();
	struct json *layers = json_new_array();

	for (size_t i = 0; i < config->diff_id_count; i++)
		json_add_text(layers, config->diff_ids[i].text);
	json_set_text(object, "Type", "layers");
	json_set(object, "Layers", layers);
	return object;
}

/* The member "config" of the image's own config, as it is written. */
static struct json *config_of(const struct config *config)
{
	auto_buf text = { 0 };
	auto_json *json = NULL;

	config_print(config, &text);
	if (json_parse(text.bytes, text.size_bytes, &json, NULL) < 0)
		return json_new_object();
	return json_copy_of(json_get(json, "config"));
}

struct json *image_describe(const struct store *store, const struct image *image,
			    const struct ref_entry *entries, size_t count)
{
	const struct config *config = &image->config;
	struct json *object = json_new_object();
	const char *comment = NULL;

	for (size_t i = 0; i < config->history_count; i++)
		comment = config->history[i].comment;
	json_set_text(object, "Id", image_id(image)->text);
	json_set(object, "RepoTags", tags_of(image, entries, count, false));
	json_set(object, "RepoDigests", tags_of(image, entries, count, true));
	json_set_text(object, "Comment", comment ? comment : "");
	json_set_text(object, "Created", config->created ? config->created : "");
	json_set_text(object, "Author", config->author ? config->author : "");
	json_set_text(object, "Architecture", config->architecture ? config->architecture : "");
	json_set_text(object, "Variant", config->variant);
	json_set_text(object, "Os", config->os ? config->os : "");
	json_set_text(object, "OsVersion", config->os_version);
	json_set_integer(object, "Size", (int64_t)image_size(store, image));
	json_set(object, "RootFS", rootfs_of(config));
	json_set(object, "Config", config_of(config));
	json_set(object, "Descriptor", descriptor_to_json(&image->descriptor));
	return object;
}
