// SPDX-License-Identifier: Apache-2.0
#include "cmd/mount_opt.h"

#include <limits.h>
#include <string.h>

#include "base/banned.h"
#include "base/number.h"

/* A host path as an absolute one without symlinks; it must exist. */
static int host_path(const char *text, struct arena *arena, const char **ret_path, struct err *err)
{
	char path[PATH_MAX];

	if (!realpath(text, path))
		return fail(err, errno, "source '%s'", text);
	*ret_path = arena_copy(arena, path);
	return 0;
}

/* "/", "/." and "/a/..", whatever a is: ".." of a symbolic link is not looked at. */
static bool is_root(const char *target)
{
	int depth = 0;

	while (*target) {
		size_t length = strcspn(target, "/");

		if (length == 2 && strncmp(target, "..", 2) == 0)
			depth -= depth > 0;
		else if (length > 1 || (length == 1 && *target != '.'))
			depth++;
		target += length + (target[length] == '/');
	}
	return depth == 0;
}

static int check_target(const char *target, struct err *err)
{
	if (!target || target[0] != '/')
		return fail_plain(err, EINVAL,
				  "the place in the root must be an absolute path, not '%s'",
				  target ? target : "");
	if (!is_root(target))
		return 0;
	fail_plain(err, EINVAL, "nothing can be mounted over the root itself ('%s')", target);
	err_hint(err, "a directory becomes the root as the first operand: rootlet run DIR");
	return -EINVAL;
}

static bool is_path(const char *text)
{
	return text[0] == '/' || text[0] == '.' || strchr(text, '/');
}

static int volume_option(const char *option, struct box_mount *mount, struct err *err)
{
	if (strcmp(option, "ro") == 0)
		mount->read_only = true;
	else if (strcmp(option, "rw") == 0)
		mount->read_only = false;
	else if (strcmp(option, "z") != 0 && strcmp(option, "Z") != 0)
		return fail_plain(err, EINVAL, "unknown option '%s' (ro, rw, z, Z)", option);
	return 0;
}

static int parse_volume(const char *text, struct arena *arena, struct box_mount *mount,
			struct err *err)
{
	char *rest = arena_copy(arena, text);
	const char *source = strsep(&rest, ":");
	const char *target = strsep(&rest, ":");
	const char *option;
	int r = 0;

	if (!is_path(source)) {
		fail_plain(err, EINVAL, "'%s' is not a path; there are no named volumes", source);
		err_hint(err, "write ./%s for a directory here", source);
		return -EINVAL;
	}
	if (rest && strchr(rest, ':'))
		return fail_plain(err, EINVAL, "too many ':', and no path here can hold one");
	while (r == 0 && (option = strsep(&rest, ",")))
		r = volume_option(option, mount, err);
	if (r == 0)
		r = host_path(source, arena, &mount->source, err);
	if (r < 0)
		return r;
	mount->target = target ? target : source[0] == '/' ? source : mount->source;
	return check_target(mount->target, err);
}

int mount_opt_volume(const char *text, struct arena *arena, struct box_mounts *mounts,
		     struct err *err)
{
	struct box_mount mount = { .kind = BOX_MOUNT_BIND };
	int r = parse_volume(text, arena, &mount, err);

	if (r < 0)
		return err_wrap(err, "bind '%s'", text);
	*box_mounts_add(mounts, mount.kind, mount.target) = mount;
	return 0;
}

static int parse_size(const char *text, uint64_t *ret_bytes, struct err *err)
{
	int r = number_parse_size(text, ret_bytes);

	return r < 0 ? fail_plain(err, -r, "'%s' is not a size such as 64m", text) : 0;
}

static int parse_mode(const char *text, mode_t *ret_mode, struct err *err)
{
	uint32_t mode;

	if (number_parse_octal(text, &mode) < 0 || mode > 07777)
		return fail_plain(err, EINVAL, "'%s' is not an octal mode", text);
	*ret_mode = mode;
	return 0;
}

static int tmpfs_option(const char *option, struct box_mount *mount, struct err *err)
{
	if (text_starts(option, "size="))
		return parse_size(option + 5, &mount->size_bytes, err);
	if (text_starts(option, "mode="))
		return parse_mode(option + 5, &mount->mode, err);
	if (strcmp(option, "ro") == 0 || strcmp(option, "rw") == 0) {
		mount->read_only = option[1] == 'o';
		return 0;
	}
	return fail_plain(err, EINVAL, "unknown option '%s' (size=, mode=, ro, rw)", option);
}

int mount_opt_tmpfs(const char *text, struct arena *arena, struct box_mounts *mounts,
		    struct err *err)
{
	struct box_mount mount = { .kind = BOX_MOUNT_TMPFS };
	char *rest = arena_copy(arena, text);
	const char *option;
	int r;

	mount.target = strsep(&rest, ":");
	r = check_target(mount.target, err);
	while (r == 0 && (option = strsep(&rest, ",")))
		r = tmpfs_option(option, &mount, err);
	if (r < 0)
		return err_wrap(err, "tmpfs '%s'", text);
	*box_mounts_add(mounts, mount.kind, mount.target) = mount;
	return 0;
}

struct mount_words {
	const char *type, *source, *target, *size, *mode, *id, *sharing, *cache_mode;
	bool read_only;
};

static int mount_flag(const char *word, const char *value, bool *ret_flag, struct err *err)
{
	bool set = !value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0;

	if (!set && strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
		return fail_plain(err, EINVAL, "%s: '%s' is neither true nor false", word, value);
	*ret_flag = set;
	return 0;
}

static int mount_word(char *word, struct mount_words *words, struct err *err)
{
	char *value = strchr(word, '=');
	struct {
		const char *name;
		const char **into;
	} const keys[] = { { "type", &words->type },
			   { "source", &words->source },
			   { "src", &words->source },
			   { "target", &words->target },
			   { "destination", &words->target },
			   { "dst", &words->target },
			   { "tmpfs-size", &words->size },
			   { "tmpfs-mode", &words->mode },
			   { "id", &words->id },
			   { "sharing", &words->sharing },
			   { "mode", &words->cache_mode } };

	if (value)
		*value++ = '\0';
	if (strcmp(word, "readonly") == 0 || strcmp(word, "ro") == 0)
		return mount_flag(word, value, &words->read_only, err);
	for (size_t i = 0; value && i < array_count(keys); i++) {
		if (strcmp(word, keys[i].name) == 0) {
			*keys[i].into = value;
			return 0;
		}
	}
	return fail_plain(err, EINVAL, "unknown word '%s'", word);
}

static int cache_of_words(const struct mount_words *words, struct box_mount *mount, struct err *err)
{
	static const char *const names[] = {
		[BOX_SHARED] = "shared", [BOX_LOCKED] = "locked", [BOX_PRIVATE] = "private"
	};

	if (words->source || words->size || words->mode)
		return fail_plain(err, EINVAL,
				  "type=cache takes target=, id=, sharing=, mode= and readonly");
	mount->cache_id = words->id && *words->id ? words->id : words->target;
	mount->mode = 0755;
	for (size_t i = 0; words->sharing && i <= array_count(names); i++) {
		if (i == array_count(names))
			return fail_plain(err, EINVAL, "sharing=%s (shared, private or locked)",
					  words->sharing);
		if (strcmp(names[i], words->sharing) == 0) {
			mount->sharing = (enum box_sharing)i;
			break;
		}
	}
	return words->cache_mode ? parse_mode(words->cache_mode, &mount->mode, err) : 0;
}

static int mount_of_words(const struct mount_words *words, struct arena *arena,
			  struct box_mount *mount, struct err *err)
{
	int r = check_target(words->target, err);

	mount->target = words->target;
	mount->read_only = words->read_only;
	if (r < 0)
		return r;
	if (text_equal(words->type, "cache"))
		return cache_of_words(words, mount, err);
	if (words->id || words->sharing || words->cache_mode)
		return fail_plain(err, EINVAL, "id=, sharing= and mode= are for type=cache");
	if (text_equal(words->type, "tmpfs")) {
		mount->kind = BOX_MOUNT_TMPFS;
		if (words->source)
			return fail_plain(err, EINVAL, "a tmpfs has no source=");
		if (words->size)
			r = parse_size(words->size, &mount->size_bytes, err);
		if (r == 0 && words->mode)
			r = parse_mode(words->mode, &mount->mode, err);
		return r;
	}
	if (!text_equal(words->type, "bind"))
		return fail_plain(err, EINVAL, "type '%s' (bind, tmpfs or cache)",
				  words->type ? words->type : "");
	if (!words->source)
		return fail_plain(err, EINVAL, "source= is missing");
	if (words->size || words->mode)
		return fail_plain(err, EINVAL, "tmpfs-size= and tmpfs-mode= are for type=tmpfs");
	return host_path(words->source, arena, &mount->source, err);
}

/* Cut the next word off, as in CSV: in double quotes it may hold commas, and "" means ". */
static char *next_word(char **rest)
{
	char *word = *rest;
	char *to = word;
	char *from = word;

	if (!word || *word != '"')
		return strsep(rest, ",");
	for (from++; *from && (from[0] != '"' || from[1] == '"'); from++) {
		from += from[0] == '"';
		*to++ = *from;
	}
	*rest = strchr(from, ',');
	if (*rest)
		(*rest)++;
	*to = '\0';
	return word;
}

int mount_opt_mount(const char *text, struct arena *arena, struct box_mounts *mounts,
		    struct err *err)
{
	struct box_mount mount = { .kind = BOX_MOUNT_BIND };
	struct mount_words words = { 0 };
	char *rest = arena_copy(arena, text);
	char *word;
	int r = 0;

	while (r == 0 && (word = next_word(&rest)))
		r = mount_word(word, &words, err);
	if (r == 0)
		r = mount_of_words(&words, arena, &mount, err);
	if (r < 0)
		return err_wrap(err, "mount '%s'", text);
	*box_mounts_add(mounts, mount.kind, mount.target) = mount;
	return 0;
}
