// SPDX-License-Identifier: Apache-2.0
#include "flow/cache_spec.h"

#include <string.h>

#include "base/banned.h"
#include "base/strings.h"
#include "dockerfile/values.h"
#include "image/ref.h"

/* What an option sets. IGNORED ones are accepted with the value that says what happens anyway. */
enum word { WORD_TYPE, WORD_REF, WORD_PATH, WORD_TAG, WORD_MODE, WORD_IGNORE_ERROR, WORD_FIXED };

struct option {
	const char *name;
	enum word word;
	bool from; /* may stand in --cache-from */
	bool to;
	const char *fixed; /* WORD_FIXED: the only value */
};

static const struct option options[] = {
	{ "type", WORD_TYPE, true, true, NULL },
	{ "ref", WORD_REF, true, true, NULL },
	{ "src", WORD_PATH, true, false, NULL },
	{ "dest", WORD_PATH, false, true, NULL },
	{ "tag", WORD_TAG, true, true, NULL },
	{ "digest", WORD_TAG, true, false, NULL },
	{ "mode", WORD_MODE, false, true, NULL },
	{ "ignore-error", WORD_IGNORE_ERROR, false, true, NULL },
	{ "oci-mediatypes", WORD_FIXED, false, true, "true" },
	{ "image-manifest", WORD_FIXED, false, true, "true" },
	{ "compression", WORD_FIXED, false, true, "gzip" },
	{ "force-compression", WORD_FIXED, false, true, "false" },
};

struct reading {
	enum cache_direction direction;
	struct cache_spec spec;
	bool has_type;
};

static const struct option *find(const struct reading *reading, const char *name)
{
	for (size_t i = 0; i < array_count(options); i++)
		if (strcmp(options[i].name, name) == 0 &&
		    (reading->direction == CACHE_FROM ? options[i].from : options[i].to))
			return &options[i];
	return NULL;
}

static int set_type(struct reading *reading, const char *value, struct err *err)
{
	static const char *const types[] = {
		[CACHE_REGISTRY] = "registry", [CACHE_LOCAL] = "local", [CACHE_INLINE] = "inline"
	};
	size_t count = array_count(types);

	reading->has_type = true;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(types[i], value) != 0)
			continue;
		reading->spec.type = (enum cache_spec_type)i;
		if (i != CACHE_INLINE || reading->direction == CACHE_TO)
			return 0;
		fail_plain(err, EINVAL, "type=inline is for --cache-to");
		err_hint(err, "the image itself is the cache: type=registry,ref=IMAGE");
		return -EINVAL;
	}
	return fail_plain(err, ENOTSUP, "type '%s' is not registry, local or inline", value);
}

static int set_mode(struct reading *reading, const char *value, struct err *err)
{
	reading->spec.max = strcmp(value, "max") == 0;
	if (reading->spec.max || strcmp(value, "min") == 0)
		return 0;
	return fail_plain(err, EINVAL, "mode '%s' is neither min nor max", value);
}

static int set(struct reading *reading, const struct option *option, const char *value,
	       struct err *err)
{
	struct cache_spec *spec = &reading->spec;

	switch (option->word) {
	case WORD_TYPE:
		return set_type(reading, value, err);
	case WORD_REF:
		spec->ref = value;
		return 0;
	case WORD_PATH:
		spec->path = value;
		return 0;
	case WORD_TAG:
		spec->tag = value;
		return 0;
	case WORD_MODE:
		return set_mode(reading, value, err);
	case WORD_IGNORE_ERROR:
		if (boolean_parse(value, &spec->ignore_error) == 0)
			return 0;
		return fail_plain(err, EINVAL, "ignore-error '%s' is neither true nor false",
				  value);
	case WORD_FIXED:
		if (strcmp(value, option->fixed) == 0)
			return 0;
		return fail_plain(err, ENOTSUP, "%s=%s is not supported, only %s", option->name,
				  value, option->fixed);
	}
	return 0;
}

static int read_pair(struct reading *reading, char *pair, struct err *err)
{
	char *equals = strchr(pair, '=');
	const struct option *option;

	if (!equals || !equals[1])
		return fail_plain(err, EINVAL, "'%s' is not NAME=VALUE", pair);
	*equals = '\0';
	option = find(reading, pair);
	if (!option)
		return fail_plain(err, ENOTSUP, "'%s' is not supported", pair);
	return set(reading, option, equals + 1, err);
}

static int check_ref(const struct cache_spec *spec, enum cache_direction direction, struct err *err)
{
	struct ref ref;
	int r = ref_parse(spec->ref, &ref, err);

	if (r == 0 && direction == CACHE_TO && !digest_is_none(&ref.digest))
		r = fail_plain(err, EINVAL, "a digest cannot be chosen");
	return r;
}

/* A word that its type needs, or has no use for. */
static int check(const struct reading *reading, struct err *err)
{
	const struct cache_spec *spec = &reading->spec;
	const char *place = reading->direction == CACHE_FROM ? "src" : "dest";

	if (!reading->has_type)
		return fail_plain(err, EINVAL, "type= is missing");
	if ((spec->type == CACHE_REGISTRY) != (spec->ref != NULL))
		return fail_plain(err, EINVAL,
				  spec->ref ? "ref= is for type=registry" : "ref= is missing");
	if ((spec->type == CACHE_LOCAL) != (spec->path != NULL))
		return fail_plain(err, EINVAL,
				  spec->path ? "%s= is for type=local" : "%s= is missing", place);
	if (spec->tag && spec->type != CACHE_LOCAL)
		return fail_plain(err, EINVAL, "tag= and digest= are for type=local");
	if (spec->max && spec->type == CACHE_INLINE)
		return fail_plain(err, ENOTSUP,
				  "mode=max: an image can carry only the steps it is made of");
	return spec->ref ? check_ref(spec, reading->direction, err) : 0;
}

static int parse(struct reading *reading, char *text, struct err *err)
{
	if (*text && !strchr(text, '=')) {
		reading->spec.ref = text;
		return check_ref(&reading->spec, reading->direction, err);
	}
	for (char *pair; (pair = strsep(&text, ","));) {
		int r = read_pair(reading, pair, err);

		if (r < 0)
			return r;
	}
	return check(reading, err);
}

int cache_spec_parse(const char *text, enum cache_direction direction, struct arena *arena,
		     struct cache_spec *ret_spec, struct err *err)
{
	struct reading reading = { .direction = direction, .spec.text = text };
	int r = parse(&reading, arena_copy(arena, text), err);

	if (r < 0)
		return err_wrap(err, "--cache-%s '%s'", direction == CACHE_FROM ? "from" : "to",
				text);
	*ret_spec = reading.spec;
	return 0;
}
