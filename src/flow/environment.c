// SPDX-License-Identifier: Apache-2.0
#include "flow/environment.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/number.h"
#include "codec/json.h"

#define FILE_MAX_BYTES	((size_t)64 << 20)
#define FRESH_MAX_BYTES ((size_t)256 << 20)

bool environment_is(const char *path)
{
	char file[PATH_MAX];

	return snprintf(file, sizeof(file), "%s/%s", path, ENVIRONMENT_FILE) < (int)sizeof(file) &&
	       access(file, F_OK) == 0;
}

void environment_done(struct environment *environment)
{
	strings_done(&environment->with);
	strings_done(&environment->hide);
	strings_done(&environment->env);
	strings_done(&environment->notes);
	strings_done(&environment->set);
	strings_done(&environment->pass);
	json_free(environment->recipe);
	box_mounts_done(&environment->mounts);
	box_mounts_done(&environment->binds);
	for (size_t i = 0; i < environment->layers_count; i++)
		strings_done(&environment->layers[i]);
	arena_done(&environment->arena);
	*environment = (struct environment){ 0 };
}

/* Paths of the environment itself are kept relative to it, so that it can be moved. */
static const char *absolute(struct environment *environment, const char *path)
{
	return path[0] == '/' ? arena_copy(&environment->arena, path)
			      : arena_printf(&environment->arena, "%s/%s", environment->path, path);
}

static int read_layers(struct environment *environment, const struct json *json,
		       struct box_mount *mount, struct err *err)
{
	struct strings *layers = &environment->layers[environment->layers_count++];
	auto_strings written = { 0 };
	int r = json_read_strings(json, "layers", &written, err);

	strings_each(&written, layer)
		strings_add(layers, absolute(environment, layer));
	mount->layers = layers;
	mount->source = "/";
	return r;
}

static int read_mount(struct environment *environment, const struct json *json, struct err *err)
{
	const char *source = json_get_text(json, "source");
	struct box_mount *mount;
	const char *target;
	int r = json_need_text(json, "target", &target, err);

	if (r < 0)
		return r;
	target = arena_copy(&environment->arena, target);
	mount = box_mounts_add(&environment->mounts, source ? BOX_MOUNT_BIND : BOX_MOUNT_LAYERS,
			       target);
	mount->read_only = true;
	if (!source)
		return read_layers(environment, json, mount, err);
	mount->source = arena_copy(&environment->arena, source);
	return 0;
}

static int read_mounts(struct environment *environment, const struct json *mounts, struct err *err)
{
	size_t count = json_count(mounts);
	int r = 0;

	environment->layers = arena_array(&environment->arena, struct strings, count + 1);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = read_mount(environment, json_at(mounts, i), err);
	return r;
}

static int read_recipe(struct environment *environment, const struct json *recipe, struct err *err)
{
	const struct json *binds = json_get(recipe, "bind");
	int r = json_read_strings(recipe, "env", &environment->set, err);

	if (r == 0)
		r = json_read_strings(recipe, "pass", &environment->pass, err);
	for (size_t i = 0; r == 0 && i < json_count(binds); i++) {
		const struct json *bind = json_at(binds, i);
		struct box_mount *mount;
		const char *source;
		const char *target;

		r = json_need_text(bind, "source", &source, err);
		if (r == 0)
			r = json_need_text(bind, "target", &target, err);
		if (r < 0)
			break;
		mount = box_mounts_add(&environment->binds, BOX_MOUNT_BIND,
				       arena_copy(&environment->arena, target));
		mount->source = arena_copy(&environment->arena, source);
		mount->read_only = !json_is_true(json_get(bind, "write"));
	}
	environment->recipe = recipe ? json_copy_of(recipe) : NULL;
	return r;
}

static int read_fields(struct environment *environment, const struct json *json, struct err *err)
{
	const char *source;
	const char *root;
	uint64_t version;
	int r = json_need_u64(json, "version", &version, err);

	if (r == 0 && version != 1)
		return fail_plain(err, EINVAL, "of version %llu, which a newer rootlet made",
				  (unsigned long long)version);
	if (r == 0)
		r = json_need_text(json, "source", &source, err);
	if (r == 0)
		r = json_need_text(json, "root", &root, err);
	if (r == 0)
		r = json_need_u64(json, "visible", &environment->visible, err);
	if (r == 0)
		r = json_read_strings(json, "with", &environment->with, err);
	if (r == 0)
		r = json_read_strings(json, "hide", &environment->hide, err);
	if (r == 0)
		r = json_read_strings(json, "env", &environment->env, err);
	if (r == 0)
		r = json_read_strings(json, "notes", &environment->notes, err);
	if (r < 0)
		return r;
	environment->source = arena_copy(&environment->arena, source);
	environment->root = absolute(environment, root);
	environment->key = arena_copy(&environment->arena, json_get_text(json, "key") ?: "");
	environment->network = json_is_true(json_get(json, "network"));
	environment->is_host_files = json_is_true(json_get(json, "host-files"));
	r = read_recipe(environment, json_get(json, "recipe"), err);
	return r < 0 ? r : read_mounts(environment, json_get(json, "mounts"), err);
}

int environment_load(const char *path, struct environment *ret_environment, struct err *err)
{
	struct environment environment = { 0 };
	auto_json *json = NULL;
	auto_buf text = { 0 };
	char real[PATH_MAX];
	char file[PATH_MAX + 32];
	int r;

	if (!realpath(path, real) && !(environment_take_back(path) && realpath(path, real)))
		return fail(err, errno, "environment '%s'", path);
	snprintf(file, sizeof(file), "%s/%s", real, ENVIRONMENT_FILE);
	environment.path = arena_copy(&environment.arena, real);
	r = io_read_file_at(AT_FDCWD, file, FILE_MAX_BYTES, &text, err);
	if (r == 0)
		r = json_parse(buf_text(&text), text.size_bytes, &json, err);
	if (r == 0)
		r = read_fields(&environment, json, err);
	if (r < 0) {
		environment_done(&environment);
		return err_wrap(err, "environment '%s'", path);
	}
	*ret_environment = environment;
	return 0;
}

/* "SECONDS NANOSECONDS PATH" */
void environment_watch(struct buf *fresh, const struct timespec *changed, const char *path)
{
	buf_printf(fresh, "%lld %ld %s\n", (long long)changed->tv_sec, changed->tv_nsec, path);
}

static bool line_holds(char *line)
{
	char *seconds = strsep(&line, " ");
	char *nanoseconds = line ? strsep(&line, " ") : NULL;
	uint64_t s;
	uint64_t ns;
	struct stat st;

	return line && number_parse_u64(seconds, &s) == 0 &&
	       number_parse_u64(nanoseconds, &ns) == 0 && stat(line, &st) == 0 &&
	       (uint64_t)st.st_ctim.tv_sec == s && (uint64_t)st.st_ctim.tv_nsec == ns;
}

static bool is_all_there(const struct box_mounts *mounts)
{
	for (size_t i = 0; i < mounts->count; i++)
		if (mounts->item[i].kind == BOX_MOUNT_BIND &&
		    faccessat(AT_FDCWD, mounts->item[i].source, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			return false;
	return true;
}

bool environment_is_fresh(const struct environment *environment)
{
	auto_buf path = { 0 };
	auto_buf text = { 0 };
	char *rest;
	char *line;

	buf_printf(&path, "%s/%s", environment->path, ENVIRONMENT_FRESH);
	if (io_read_file_at(AT_FDCWD, path.bytes, FRESH_MAX_BYTES, &text, NULL) < 0)
		return false;
	rest = text.bytes;
	while (rest && *rest && (line = strsep(&rest, "\n")))
		if (*line && !line_holds(line))
			return false;
	return is_all_there(&environment->mounts);
}
