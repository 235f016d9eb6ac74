// SPDX-License-Identifier: Apache-2.0
#include "flow/images.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/banned.h"
#include "flow/image_facts.h"
#include "flow/parallel.h"
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

/* An index of which nothing is for this machine is shown by any image of it that is there. */
static int load_any(const struct store *store, const struct descriptor *root, struct image *image,
		    struct err *err)
{
	struct platform any = { 0 };
	int r = image_load_descriptor(store, root, NULL, image, err);

	return r == -ENOENT ? image_load_descriptor(store, root, &any, image, err) : r;
}

/* What a listing is made of, for the threads that make it. */
struct listing {
	const struct store *store;
	struct image_item *items;
	size_t count;
	pthread_mutex_t lock; /* of the arena */
	struct arena *arena;
	struct image_memory memory;
};

static const char *keep(struct listing *listing, const char *text)
{
	const char *copy;

	pthread_mutex_lock(&listing->lock);
	copy = arena_copy(listing->arena, text);
	pthread_mutex_unlock(&listing->lock);
	return copy;
}

/* From memory, else by reading it. */
static const struct image_facts *find_facts(struct listing *listing, struct image_item *item)
{
	const struct image_facts *facts = image_memory_find(&listing->memory,
							    &item->entry.descriptor);
	auto_image image = { 0 };
	struct err err = { 0 };

	if (facts)
		return facts;
	if (load_any(listing->store, &item->entry.descriptor, &image, &err) == 0)
		return image_memory_add(&listing->memory, &image);
	item->problem = keep(listing, err.text);
	return NULL;
}

static void fill(struct listing *listing, struct image_item *item)
{
	const struct image_facts *facts = find_facts(listing, item);

	if (!facts)
		return;
	item->id = facts->config.digest;
	item->size_bytes = image_memory_size(&listing->memory, facts);
	item->platform = keep(listing, facts->platform);
	item->created = keep(listing, facts->created);
	time_parse(facts->created, &item->created_s);
}

static bool same_image(const struct image_item *a, const struct image_item *b)
{
	return digest_equal(&a->entry.descriptor.digest, &b->entry.descriptor.digest);
}

/* Not the entry: another thread may just be looking at it. */
static void copy_facts(const struct image_item *from, struct image_item *to)
{
	to->id = from->id;
	to->created_s = from->created_s;
	to->created = from->created;
	to->size_bytes = from->size_bytes;
	to->platform = from->platform;
	to->problem = from->problem;
}

/* An image with many names is read once: the first of equal digests is filled, and copied. */
static int fill_group(void *context, size_t index, struct err *err)
{
	struct listing *listing = context;
	struct image_item *first = &listing->items[index];

	(void)err; /* what cannot be read is listed with its problem */
	if (index > 0 && same_image(first - 1, first))
		return 0;
	fill(listing, first);
	for (size_t i = index + 1; i < listing->count && same_image(first, &listing->items[i]); i++)
		copy_facts(first, &listing->items[i]);
	return 0;
}

static int by_digest(const void *left, const void *right)
{
	const struct image_item *a = left;
	const struct image_item *b = right;

	return strcmp(a->entry.descriptor.digest.text, b->entry.descriptor.digest.text);
}

static int newest_first(const void *left, const void *right)
{
	const struct image_item *a = left;
	const struct image_item *b = right;

	if (a->created_s != b->created_s)
		return a->created_s < b->created_s ? 1 : -1;
	return a->rank < b->rank ? -1 : a->rank > b->rank;
}

/* Reading a thousand images is mostly waiting for the file system; few are not worth a thread. */
static unsigned thread_count(size_t count)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t wanted = 1 + count / 64;

	if (processors < 1)
		processors = 1;
	if (wanted > (size_t)processors)
		wanted = (size_t)processors;
	return wanted > 8 ? 8 : (unsigned)wanted;
}

static int fill_all(struct listing *listing, struct err *err)
{
	atomic_bool cancel = false;
	int r;

	qsort(listing->items, listing->count, sizeof(*listing->items), by_digest);
	r = parallel_run(listing->count, thread_count(listing->count), fill_group, listing, &cancel,
			 err);
	if (r == 0)
		qsort(listing->items, listing->count, sizeof(*listing->items), newest_first);
	return r;
}

int images_list(const struct store *store, struct arena *arena, struct image_item **ret_items,
		size_t *ret_count, struct err *err)
{
	struct listing listing = { .store = store,
				   .lock = PTHREAD_MUTEX_INITIALIZER,
				   .arena = arena };
	struct ref_entry *entries;
	int r = refs_list_everywhere(store, arena, &entries, &listing.count, err);

	if (r < 0)
		return r;
	listing.items = arena_array(arena, struct image_item, listing.count);
	for (size_t i = 0; i < listing.count; i++)
		listing.items[i] = (struct image_item){ .entry = entries[i],
							.rank = i,
							.id = entries[i].descriptor.digest,
							.created = "",
							.platform = "" };
	if (listing.count) {
		image_memory_init(&listing.memory, store);
		r = fill_all(&listing, err);
		if (r == 0)
			image_memory_save(&listing.memory);
		image_memory_done(&listing.memory);
	}
	if (r < 0)
		return r;
	*ret_items = listing.items;
	*ret_count = listing.count;
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
