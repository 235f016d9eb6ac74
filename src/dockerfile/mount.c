// SPDX-License-Identifier: Apache-2.0
/* RUN --mount. Keys are read in order and what one may say depends on the type given before it, as
 * in BuildKit: "type=" comes first in every Dockerfile that wants another one than bind. */
#include "dockerfile/mount.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/number.h"
#include "dockerfile/eval_word.h"
#include "dockerfile/path.h"
#include "dockerfile/suggest.h"
#include "dockerfile/values.h"

#define CACHE_MODE  0755
#define SECRET_MODE 0400
#define SSH_MODE    0600

static const char *const types[] = { "bind", "cache", "tmpfs", "secret", "ssh" };
static const char *const sharings[] = { "shared", "private", "locked" };

struct mount_reader {
	struct making *making;
	const struct flag *flag;
	struct step_mount *mount;
	const char *from;
	const char *target; /* as written */
	bool sets_mode;
	bool sets_read_only;
	bool sets_sharing;
};

static char *lower_key(struct arena *arena, const char *field, const char **ret_value)
{
	const char *equals = strchr(field, '=');
	char *key = arena_copy_bytes(arena, field,
				     equals ? (size_t)(equals - field) : strlen(field));

	for (char *c = key; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	*ret_value = equals ? equals + 1 : NULL;
	return key;
}

int mount_from(struct arena *arena, const char *text, const char **ret_from, struct err *err)
{
	const char *const *fields;
	const char *from = NULL;
	size_t count;
	int r;

	r = csv_parse(arena, text, &fields, &count, err);
	if (r < 0)
		return err_wrap(err, "--mount");
	for (size_t i = 0; i < count; i++) {
		const char *value;
		const char *key = lower_key(arena, fields[i], &value);
		const char *dollar = value ? strchr(value, '$') : NULL;

		if (value && !strcmp(key, "type") && !strcasecmp(value, "tmpfs")) {
			*ret_from = NULL;
			return 0;
		}
		if (!value || strcmp(key, "from") != 0)
			continue;
		if (dollar && dollar[1])
			return fail_plain(err, EINVAL,
					  "'from' doesn't support variable expansion, define "
					  "alias stage instead");
		from = value;
	}
	*ret_from = from;
	return 0;
}

static int refuse(struct mount_reader *reader, const char *key, const char *value, const char *why)
{
	return make_refuse(reader->making, &reader->flag->word, "--mount: %s%s%s %s", key,
			   value ? "=" : "", value ? value : "", why);
}

/* Which of some words it is (any case); -1: none of them. */
static int choice(const char *const *choices, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (!strcasecmp(choices[i], text))
			return (int)i;
	return -1;
}

static int set_type(struct mount_reader *reader, const char *key, const char *value)
{
	int type = choice(types, array_count(types), value);

	if (type < 0)
		return refuse(reader, key, value,
			      "is no mount type (bind, cache, tmpfs, secret, "
			      "ssh)");
	reader->mount->kind = (enum mount_kind)type;
	return 0;
}

static int set_sharing(struct mount_reader *reader, const char *key, const char *value)
{
	int sharing = choice(sharings, array_count(sharings), value);

	if (sharing < 0)
		return refuse(reader, key, value, "is no sharing mode (shared, private, locked)");
	reader->mount->sharing = (enum mount_sharing)sharing;
	reader->sets_sharing = true;
	return 0;
}

static int set_boolean(struct mount_reader *reader, const char *key, const char *value,
		       bool *ret_value)
{
	*ret_value = true;
	if (value && boolean_parse(value, ret_value) < 0)
		return refuse(reader, key, value, "is neither true nor false");
	return 0;
}

static int set_read_only(struct mount_reader *reader, const char *key, const char *value)
{
	bool inverted = key[0] == 'r' && (key[1] == 'w' || strstr(key, "write"));
	bool yes;
	int r;

	r = set_boolean(reader, key, value, &yes);
	if (r < 0)
		return r;
	reader->mount->read_only = yes != inverted;
	reader->sets_read_only = true;
	return 0;
}

static int set_required(struct mount_reader *reader, const char *key, const char *value)
{
	if (reader->mount->kind != MOUNT_SECRET && reader->mount->kind != MOUNT_SSH)
		return refuse(reader, key, value, "is for secret and ssh mounts");
	return set_boolean(reader, key, value, &reader->mount->is_required);
}

static int set_size(struct mount_reader *reader, const char *key, const char *value)
{
	if (reader->mount->kind != MOUNT_TMPFS)
		return refuse(reader, key, value, "is for tmpfs mounts");
	if (number_parse_size(value, &reader->mount->size_bytes) < 0)
		return refuse(reader, key, value, "is no size");
	return 0;
}

static int set_env(struct mount_reader *reader, const char *key, const char *value)
{
	if (reader->mount->kind != MOUNT_SECRET)
		return refuse(reader, key, value, "is for secret mounts");
	if (!*value || strchr(value, '='))
		return refuse(reader, key, value, "is no name for a variable");
	reader->mount->env = value;
	return 0;
}

static int set_mode(struct mount_reader *reader, const char *key, const char *value)
{
	if (number_parse_octal(value, &reader->mount->mode) < 0)
		return refuse(reader, key, value, "is no octal number");
	reader->sets_mode = true;
	reader->mount->sets_owner = true;
	return 0;
}

static int set_id(struct mount_reader *reader, const char *key, const char *value)
{
	uint32_t *id = *key == 'u' ? &reader->mount->uid : &reader->mount->gid;

	if (number_parse_u32(value, id) < 0)
		return refuse(reader, key, value, "is no number");
	reader->mount->sets_owner = true;
	return 0;
}

static int set_text(struct mount_reader *reader, const char *key, const char *value)
{
	if (!strcmp(key, "from"))
		reader->from = value;
	else if (!strcmp(key, "id"))
		reader->mount->id = value;
	else if (*key == 's')
		reader->mount->source = value;
	else
		reader->target = value;
	return 0;
}

static const struct {
	const char *key;
	int (*set)(struct mount_reader *reader, const char *key, const char *value);
	bool stands_alone;
} keys[] = {
	{ "type", set_type, false },
	{ "from", set_text, false },
	{ "source", set_text, false },
	{ "src", set_text, false },
	{ "target", set_text, false },
	{ "dst", set_text, false },
	{ "destination", set_text, false },
	{ "id", set_text, false },
	{ "readonly", set_read_only, true },
	{ "ro", set_read_only, true },
	{ "readwrite", set_read_only, true },
	{ "rw", set_read_only, true },
	{ "required", set_required, true },
	{ "sharing", set_sharing, false },
	{ "size", set_size, false },
	{ "env", set_env, false },
	{ "mode", set_mode, false },
	{ "uid", set_id, false },
	{ "gid", set_id, false },
};

static int refuse_key(struct mount_reader *reader, const char *key)
{
	const char *names[array_count(keys)];
	const char *near;

	for (size_t i = 0; i < array_count(keys); i++)
		names[i] = keys[i].key;
	near = suggest(key, names, array_count(names));
	return make_refuse(reader->making, &reader->flag->word,
			   "--mount: unexpected key '%s'%s%s%s", key, near ? " (did you mean " : "",
			   near ? near : "", near ? "?)" : "");
}

static int read_field(struct mount_reader *reader, const char *field)
{
	struct making *making = reader->making;
	const char *value;
	const char *key = lower_key(making->arena, field, &value);
	struct word word = { value, value ? strlen(value) : 0, reader->flag->word.offset, 0 };
	int r = 0;

	if (value)
		r = make_text(making, &word, &value);
	if (r < 0)
		return r;
	for (size_t i = 0; i < array_count(keys); i++) {
		if (strcmp(keys[i].key, key) != 0)
			continue;
		if (!value && !keys[i].stands_alone)
			return refuse(reader, key, NULL, "needs a value");
		return keys[i].set(reader, key, value);
	}
	return refuse_key(reader, key);
}

static int check(struct mount_reader *reader)
{
	const struct step_mount *mount = reader->mount;
	const char *type = types[mount->kind];

	if (mount->sets_owner && (mount->kind == MOUNT_BIND || mount->kind == MOUNT_TMPFS))
		return refuse(reader, "mode, uid and gid", NULL,
			      "are not for bind and tmpfs mounts");
	if (reader->sets_sharing && mount->kind != MOUNT_CACHE)
		return refuse(reader, "sharing", NULL, "is for cache mounts");
	if (mount->kind == MOUNT_SECRET && reader->from)
		return refuse(reader, "from", NULL, "is not for secret mounts");
	if (mount->kind == MOUNT_SECRET && !mount->source && !reader->target && !mount->id)
		return refuse(reader, "type", type, "needs an id or a target");
	if (mount->kind == MOUNT_SECRET && mount->source && mount->id)
		return refuse(reader, "source and id", NULL, "both name the secret");
	return 0;
}

static const char *resolve(struct making *making, const char *target)
{
	const char *dir = making->evaluation->config->working_dir;

	return path_resolve(making->arena, dir ? dir : "/", target);
}

static void finish_secret(struct mount_reader *reader)
{
	struct arena *arena = reader->making->arena;
	struct step_mount *mount = reader->mount;

	if (mount->source)
		mount->id = mount->source;
	if (!mount->id)
		mount->id = path_base(path_clean(arena, reader->target));
	if (!reader->target && !mount->env)
		mount->target = arena_printf(arena, "/run/secrets/%s", path_base(mount->id));
	mount->source = NULL;
}

/* Dockerfile reference, "BuildKit built-in build args": a set of caches of its own. */
static void name_cache(struct making *making, struct step_mount *mount)
{
	const char *set = environment_get(&making->evaluation->plan->build_args,
					  "BUILDKIT_CACHE_MOUNT_NS");

	if (!mount->id)
		mount->id = mount->target;
	if (set && *set)
		mount->id = arena_printf(making->arena, "%s/%s", set, mount->id);
}

static int finish(struct mount_reader *reader)
{
	static const uint32_t modes[] = { 0, CACHE_MODE, 0, SECRET_MODE, SSH_MODE };
	struct making *making = reader->making;
	struct step_mount *mount = reader->mount;
	const char *source = mount->source ? mount->source : "";

	if (!reader->target && mount->kind != MOUNT_SECRET && mount->kind != MOUNT_SSH)
		reader->target = ""; /* the working directory */
	if (!reader->sets_mode)
		mount->mode = modes[mount->kind];
	if (!reader->sets_read_only)
		mount->read_only = mount->kind != MOUNT_CACHE && mount->kind != MOUNT_TMPFS;
	if (reader->target)
		mount->target = resolve(making, reader->target);
	if (mount->target && !strcmp(mount->target, "/"))
		return make_refuse(making, &reader->flag->word,
				   "--mount: invalid mount target \"/\"");
	if (mount->kind == MOUNT_SECRET) {
		finish_secret(reader);
		return 0;
	}
	if (mount->kind == MOUNT_SSH && !mount->id)
		mount->id = "default";
	if (mount->kind == MOUNT_CACHE)
		name_cache(making, mount);
	mount->source = path_clean(making->arena, path_resolve(making->arena, "/", source) + 1);
	return 0;
}

static int find_origin(struct mount_reader *reader)
{
	struct evaluation *evaluation = reader->making->evaluation;
	struct step_mount *mount = reader->mount;

	mount->from.kind = mount->kind == MOUNT_BIND ? ORIGIN_CONTEXT : ORIGIN_SCRATCH;
	if (!reader->from || !*reader->from ||
	    (mount->kind != MOUNT_BIND && mount->kind != MOUNT_CACHE))
		return 0;
	if (plan_origin(evaluation->plan, evaluation->stage->number, reader->from, &mount->from,
			reader->making->err) < 0)
		return make_wrap(reader->making, &reader->flag->word);
	return 0;
}

int make_mount(struct making *making, const struct flag *flag, struct step_mount *ret_mount)
{
	struct mount_reader reader = { .making = making, .flag = flag, .mount = ret_mount };
	const char *const *fields;
	size_t count;
	int r;

	*ret_mount = (struct step_mount){ .kind = MOUNT_BIND };
	if (csv_parse(making->arena, flag->value, &fields, &count, making->err) < 0)
		return make_wrap(making, &flag->word);
	for (size_t i = 0; i < count; i++) {
		r = read_field(&reader, fields[i]);
		if (r < 0)
			return r;
	}
	r = check(&reader);
	if (r == 0)
		r = find_origin(&reader);
	return r == 0 ? finish(&reader) : r;
}
