// SPDX-License-Identifier: Apache-2.0
#include "flow/build_annotations.h"

#include <string.h>

#include "base/banned.h"

static const char *const places[] = {
	[ANNOTATE_MANIFEST] = "manifest",
	[ANNOTATE_INDEX] = "index",
	[ANNOTATE_MANIFEST_DESCRIPTOR] = "manifest-descriptor",
	[ANNOTATE_INDEX_DESCRIPTOR] = "index-descriptor",
};

static bool find_place(const char *text, enum annotation_place *ret_place)
{
	for (size_t i = 0; i < array_count(places); i++) {
		if (strcmp(places[i], text) != 0)
			continue;
		*ret_place = (enum annotation_place)i;
		return true;
	}
	return false;
}

/* "manifest" or "manifest[linux/arm64]" */
static int parse_place(char *text, struct arena *arena, struct build_annotation *item,
		       struct err *err)
{
	char *bracket = strchr(text, '[');
	struct platform *platform;
	size_t length;

	if (bracket)
		*bracket++ = '\0';
	if (!find_place(text, &item->place))
		return fail_plain(err, EINVAL,
				  "'%s' is not manifest, index, manifest-descriptor or "
				  "index-descriptor",
				  text);
	if (!bracket)
		return 0;
	length = strlen(bracket);
	if (length == 0 || bracket[length - 1] != ']')
		return fail_plain(err, EINVAL, "']' is missing after '%s'", bracket);
	bracket[length - 1] = '\0';
	if (item->place == ANNOTATE_INDEX || item->place == ANNOTATE_INDEX_DESCRIPTOR)
		return fail_plain(err, EINVAL, "an index has no platform of its own");
	platform = arena_new(arena, struct platform);
	item->platform = platform;
	return platform_parse(bracket, arena, platform, err);
}

/* A name may hold a colon itself: what is before the first one is a list of places only where it
 * looks like one. */
static size_t places_length(const char *text)
{
	size_t length = strcspn(text, ":=");
	size_t word = strspn(text, "abcdefghijklmnopqrstuvwxyz-");

	return text[length] == ':' && (word == length || text[word] == '[' || text[word] == ',')
		       ? length
		       : 0;
}

static int parse_one(const char *text, bool has_index, struct arena *arena,
		     struct build_annotation ***end, struct err *err)
{
	size_t length = places_length(text);
	char *place = length ? arena_copy_bytes(arena, text, length)
			     : arena_copy(arena, "manifest");
	const char *name = text + length + (length > 0);
	const char *equals = strchr(name, '=');

	if (!equals || equals == name)
		return fail_plain(err, EINVAL, "not [PLACE:]NAME=VALUE");
	for (char *next; place; place = next) {
		struct build_annotation *item = arena_new(arena, struct build_annotation);
		int r;

		next = strchr(place, ',');
		if (next)
			*next++ = '\0';
		r = parse_place(place, arena, item, err);
		if (r < 0)
			return r;
		if (!has_index &&
		    (item->place == ANNOTATE_INDEX || item->place == ANNOTATE_INDEX_DESCRIPTOR))
			return fail_plain(err, EINVAL,
					  "an image for one platform has no index (--platform A,B "
					  "makes one)");
		item->annotation.key = arena_copy_bytes(arena, name, (size_t)(equals - name));
		item->annotation.value = arena_copy(arena, equals + 1);
		**end = item;
		*end = &item->next;
	}
	return 0;
}

int build_annotations_parse(const struct strings *given, bool has_index, struct arena *arena,
			    struct build_annotation **ret_list, struct err *err)
{
	struct build_annotation **end = ret_list;

	*ret_list = NULL;
	for (size_t i = 0; i < given->count; i++) {
		int r = parse_one(given->item[i], has_index, arena, &end, err);

		if (r < 0)
			return err_wrap(err, "--annotation '%s'", given->item[i]);
	}
	return 0;
}

static void set(struct annotations *annotations, const struct annotation *annotation)
{
	size_t i = annotations->count;

	while (i > 0 && strcmp(annotations->item[i - 1].key, annotation->key) > 0)
		i--;
	if (i > 0 && strcmp(annotations->item[i - 1].key, annotation->key) == 0) {
		annotations->item[i - 1] = *annotation;
		return;
	}
	memmove(&annotations->item[i + 1], &annotations->item[i],
		(annotations->count - i) * sizeof(*annotations->item));
	annotations->item[i] = *annotation;
	annotations->count++;
}

struct annotations build_annotations_for(const struct build_annotation *list,
					 enum annotation_place place,
					 const struct platform *platform, struct arena *arena)
{
	struct annotations annotations = { 0 };
	size_t count = 0;

	for (const struct build_annotation *item = list; item; item = item->next)
		count++;
	annotations.item = arena_array(arena, struct annotation, count);
	for (const struct build_annotation *item = list; item; item = item->next)
		if (item->place == place &&
		    (!item->platform || !platform || platform_matches(item->platform, platform)))
			set(&annotations, &item->annotation);
	return annotations;
}

void build_annotations_add(struct annotations *annotations, const char *key, const char *value,
			   struct arena *arena)
{
	const struct annotation added = { key, value };
	struct annotation *item = arena_array(arena, struct annotation, annotations->count + 1);

	for (size_t i = 0; i < annotations->count; i++)
		item[i] = annotations->item[i];
	annotations->item = item;
	set(annotations, &added);
}
