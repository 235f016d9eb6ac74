// SPDX-License-Identifier: Apache-2.0
#include "flow/isolate_image.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "flow/import.h"
#include "flow/obtain.h"
#include "rootfs/merge.h"

extern char **environ;

static int merge(const struct store *store, const struct image *image, struct arena *arena,
		 struct isolate_root *root, struct err *err)
{
	const struct config *config = &image->config;
	auto_buf path = { 0 };
	int r = merge_read_only(store, config->diff_ids, config->diff_id_count, &path, err);

	if (r < 0)
		return r;
	root->path = arena_copy(arena, path.bytes);
	root->identity = arena_copy(arena, image_id(image)->text);
	strings_add_all(root->env, config->env.item);
	return 0;
}

static int of_image(const struct store *store, const char *name, struct arena *arena,
		    struct isolate_root *root, struct err *err)
{
	const struct obtain_request request = { .name = name };
	auto_image image = { 0 };
	int r = obtain_image(store, &request, environ, &image, err);

	return r < 0 ? r : merge(store, &image, arena, root, err);
}

struct found {
	struct digest id;
	unsigned count;
};

static int note_id(void *context, const struct digest *id, const struct ref *ref, struct err *err)
{
	struct found *found = context;

	(void)ref;
	(void)err;
	found->id = *id;
	found->count++;
	return 0;
}

static bool has(const char *folder, const char *name)
{
	auto_buf path = { 0 };
	struct stat st;

	buf_printf(&path, "%s/%s", folder, name);
	return lstat(path.bytes, &st) == 0;
}

static bool looks_like_root(const char *folder)
{
	return has(folder, "usr") || has(folder, "bin") || has(folder, "etc") || has(folder, "lib");
}

/* An archive made outside of the root has it in one folder: "rootfs/usr/bin". */
static void skip_leading_folder(struct arena *arena, struct isolate_root *root)
{
	DIR *stream = looks_like_root(root->path) ? NULL : opendir(root->path);
	const struct dirent *entry;
	const char *only = NULL;
	unsigned count = 0;

	if (!stream)
		return;
	while ((entry = readdir(stream)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
			only = arena_printf(arena, "%s/%s", root->path, entry->d_name);
			count++;
		}
	closedir(stream);
	if (count == 1 && looks_like_root(only))
		root->path = only;
}

/* What is written anew when the image at this place becomes another. */
static int watch(const char *path, struct buf *fresh, struct err *err)
{
	auto_buf file = { 0 };
	struct stat st;

	buf_add_text(&file, path);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		buf_add_text(&file, "/index.json");
	if (stat(file.bytes, &st) < 0)
		return fail(err, errno, "'%s'", file.bytes);
	environment_watch(fresh, &st.st_ctim, file.bytes);
	return 0;
}

static int of_archive(const struct store *store, const char *path, bool is_image,
		      struct arena *arena, struct isolate_root *root, struct err *err)
{
	struct found found = { 0 };
	const struct import_request request = { .store = store,
						.source = path,
						.images_only = is_image,
						.imported = note_id,
						.context = &found };
	auto_image image = { 0 };
	int r = watch(path, &root->fresh, err);

	if (r == 0)
		r = import_run(&request, err);
	if (r == 0 && found.count > 1) {
		fail_plain(err, EINVAL, "%u images are in it", found.count);
		err_hint(err, "rootlet load, then image:NAME");
		r = -EINVAL;
	}
	if (r == 0)
		r = image_load(store, found.id.text, NULL, &image, err);
	if (r == 0)
		r = merge(store, &image, arena, root, err);
	if (r == 0 && !is_image)
		skip_leading_folder(arena, root);
	return r;
}

static bool is_at_path(const char *source)
{
	return text_starts(source, "tar:") || text_starts(source, "image:/");
}

int isolate_find_root(const char *store_path, const char *source, struct arena *arena,
		      struct isolate_root *ret_root, struct err *err)
{
	const char *name = strchr(source, ':') + 1;
	auto_store store = STORE_NONE;
	int r;

	if (text_starts(source, "dir:")) {
		struct stat st;

		if (stat(name, &st) < 0 || !S_ISDIR(st.st_mode))
			return fail(err, ENOTDIR, "--from '%s'", source);
		ret_root->path = ret_root->identity = arena_copy(arena, name);
		return 0;
	}
	r = store_open(store_path, &store, err);
	if (r == 0)
		r = is_at_path(source) ? of_archive(&store, name, text_starts(source, "image:"),
						    arena, ret_root, err)
				       : of_image(&store, name, arena, ret_root, err);
	return r < 0 ? err_wrap(err, "--from '%s'", source) : 0;
}

void isolate_root_key(const char *identity, char ret_key[SHA256_HEX_LENGTH + 1])
{
	sha256_hex(identity, strlen(identity), ret_key);
}

static bool names_image_of(const char *store_path, const char *name, const char *key)
{
	auto_store store = STORE_NONE;
	auto_image image = { 0 };
	struct err ignored = { 0 };
	char now[SHA256_HEX_LENGTH + 1];

	if (store_open(store_path, &store, &ignored) < 0 ||
	    image_load(&store, name, NULL, &image, &ignored) < 0)
		return false;
	isolate_root_key(image_id(&image)->text, now);
	return text_ends(key, now);
}

bool isolate_root_is_current(const char *store, const struct environment *environment)
{
	const char *source = environment->source;

	if (is_at_path(source))
		return environment_is_fresh(environment);
	return !text_starts(source, "image:") ||
	       names_image_of(store, strchr(source, ':') + 1, environment->key);
}
