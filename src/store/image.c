// SPDX-License-Identifier: Apache-2.0
#include "store/image.h"

#include <string.h>

#include "base/banned.h"
#include "base/strings.h"
#include "store/blob.h"

#define ID_PREFIX_MIN 4

void image_done(struct image *image)
{
	config_done(&image->config);
	arena_done(&image->arena);
	memset(image, 0, sizeof(*image));
}

const struct digest *image_id(const struct image *image)
{
	return &image->manifest.config.digest;
}

static int choose_manifest(const struct store *store, struct image *image,
			   const struct platform *platform, struct err *err)
{
	struct platform host = platform_host();
	struct index index;
	auto_buf bytes = { 0 };
	int r;

	image->descriptor = image->root;
	if (!media_type_is_index(image->root.media_type))
		return 0;
	r = blob_read(store, &image->root, MANIFEST_SIZE_MAX, &bytes, err);
	if (r == 0)
		r = index_parse(buf_text(&bytes), bytes.size_bytes, &image->arena, &index, err);
	if (r == 0)
		r = index_select(&index, platform ? platform : &host, &image->descriptor, err);
	return r;
}

static int load(const struct store *store, struct image *image, const struct platform *platform,
		struct err *err)
{
	auto_buf manifest = { 0 };
	auto_buf config = { 0 };
	int r = choose_manifest(store, image, platform, err);

	if (r < 0)
		return r;
	r = blob_read(store, &image->descriptor, MANIFEST_SIZE_MAX, &manifest, err);
	if (r < 0)
		return err_wrap(err, "manifest");
	r = manifest_parse(buf_text(&manifest), manifest.size_bytes, &image->arena,
			   &image->manifest, err);
	if (r < 0)
		return err_wrap(err, "%s", image->descriptor.digest.text);
	r = blob_read(store, &image->manifest.config, CONFIG_SIZE_MAX, &config, err);
	if (r < 0)
		return err_wrap(err, "config");
	return config_parse(buf_text(&config), config.size_bytes, &image->config, err);
}

int image_load_descriptor(const struct store *store, const struct descriptor *root,
			  const struct platform *platform, struct image *ret_image, struct err *err)
{
	struct image image = { .root = *root };
	int r;

	image.root.media_type = arena_copy(&image.arena, root->media_type);
	image.root.artifact_type = NULL;
	image.root.platform = (struct platform){ 0 };
	image.root.annotations = (struct annotations){ 0 };
	r = load(store, &image, platform, err);
	if (r < 0) {
		image_done(&image);
		return r;
	}
	*ret_image = image;
	return 0;
}

/* --- ids --- */

static bool is_id(const char *text)
{
	size_t length;

	if (text_starts(text, "sha256:"))
		text += strlen("sha256:");
	length = strlen(text);
	return length >= ID_PREFIX_MIN && length <= DIGEST_HEX_LENGTH &&
	       strspn(text, "0123456789abcdef") == length;
}

static const char *id_hex(const char *text)
{
	return text_starts(text, "sha256:") ? text + strlen("sha256:") : text;
}

/* An entry's own digest, or the id of the image it leads to. A damaged image has no id. */
static bool entry_has_id(const struct store *store, const struct ref_entry *entry, const char *hex,
			 struct digest *ret_id)
{
	auto_image image = { 0 };

	if (image_load_descriptor(store, &entry->descriptor, NULL, &image, NULL) < 0) {
		*ret_id = entry->descriptor.digest;
		return text_starts(digest_hex(&entry->descriptor.digest), hex);
	}
	*ret_id = *image_id(&image);
	return text_starts(digest_hex(image_id(&image)), hex) ||
	       text_starts(digest_hex(&entry->descriptor.digest), hex) ||
	       text_starts(digest_hex(&image.descriptor.digest), hex);
}

static int find_by_id(const struct store *store, const char *text, struct arena *arena,
		      struct ref_entry **ret_entries, size_t *ret_count, struct err *err)
{
	struct ref_entry *entries;
	struct digest id = { 0 };
	size_t count;
	size_t found = 0;
	int r = refs_list_everywhere(store, arena, &entries, &count, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		struct digest this_id;

		if (!entry_has_id(store, &entries[i], id_hex(text), &this_id))
			continue;
		if (found && !digest_equal(&id, &this_id))
			return fail_plain(err, EINVAL, "'%s' is the beginning of several image ids",
					  text);
		id = this_id;
		entries[found++] = entries[i];
	}
	if (!found)
		return fail_plain(err, ENOENT, "no image has the name or id '%s'", text);
	*ret_entries = entries;
	*ret_count = found;
	return 0;
}

static int find_by_name(const struct store *store, const char *text, struct arena *arena,
			struct ref_entry **ret_entries, size_t *ret_count, struct err *err)
{
	struct ref_entry *entry = arena_new(arena, struct ref_entry);
	int r = ref_parse(text, &entry->ref, err);

	if (r == 0)
		r = refs_find(store, &entry->ref, arena, entry, err);
	if (r < 0)
		return r;
	*ret_entries = entry;
	*ret_count = 1;
	return 0;
}

int image_find_entries(const struct store *store, const char *text, struct arena *arena,
		       struct ref_entry **ret_entries, size_t *ret_count, struct err *err)
{
	bool only_id = text_starts(text, "sha256:");
	int r = only_id ? -ENOENT : find_by_name(store, text, arena, ret_entries, ret_count, err);

	if (r == 0 || (!only_id && !is_id(text)))
		return r;
	err_clear(err);
	return find_by_id(store, text, arena, ret_entries, ret_count, err);
}

int image_load(const struct store *store, const char *text, const struct platform *platform,
	       struct image *ret_image, struct err *err)
{
	auto_arena arena = { 0 };
	struct ref_entry *entries;
	size_t count;
	int r = image_find_entries(store, text, &arena, &entries, &count, err);

	if (r < 0)
		return r;
	r = image_load_descriptor(store, &entries[0].descriptor, platform, ret_image, err);
	if (r < 0)
		return err_wrap(err, "image '%s'", text);
	ret_image->ref = entries[0].ref;
	return 0;
}
