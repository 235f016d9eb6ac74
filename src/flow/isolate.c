// SPDX-License-Identifier: Apache-2.0
/* Making an environment: beside its place, then renamed into it, so that a run, a crash or an error
 * sees the old one, the new one or none. */
#include "flow/isolate.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "codec/json.h"
#include "codec/sha256.h"
#include "flow/dest.h"
#include "flow/isolate_image.h"
#include "flow/isolate_recipe.h"
#include "flow/isolate_shell.h"
#include "flow/root_lock.h"
#include "sys/ids.h"
#include "sys/openat2.h"
#include "sys/remove.h"

void isolate_request_done(struct isolate_request *request)
{
	strings_done(&request->with);
	strings_done(&request->hide);
	json_free(request->recipe);
	arena_done(&request->arena);
}

void isolate_made_done(struct isolate_made *made)
{
	strings_done(&made->notes);
	strings_done(&made->missing);
}

/* ---- what is asked for ---- */

/* A reference has none of these at its beginning. */
static bool names_path(const char *source)
{
	return text_starts(source, "image:/") || text_starts(source, "image:./") ||
	       text_starts(source, "image:../");
}

/* Paths in a source are kept absolute: it is read again when the host has changed. */
static int absolute_source(const struct isolate_request *request, struct arena *arena,
			   const char **ret_source, struct err *err)
{
	static const char *const with_path[] = { "files:", "tar:", "dir:", "image:" };
	const char *source = request->source;
	char real[PATH_MAX];

	if (!source)
		source = access("/var/lib/dpkg/status", R_OK) == 0 ? "dpkg" : "host";
	for (size_t i = 0; i < array_count(with_path); i++) {
		const char *path = source + strlen(with_path[i]);

		if (!text_starts(source, with_path[i]) ||
		    (strcmp(with_path[i], "image:") == 0 && !names_path(source)))
			continue;
		if (!*path || !realpath(path, real))
			return fail(err, *path ? errno : ENOENT, "--from '%s'", source);
		*ret_source = arena_printf(arena, "%s%s", with_path[i], real);
		return 0;
	}
	if (strcmp(source, "host") != 0 && strcmp(source, "dpkg") != 0 &&
	    !(request->recipe && strcmp(source, "files") == 0) &&
	    !(text_starts(source, "dpkg:") && source[5]) &&
	    !(text_starts(source, "image:") && source[6])) {
		fail_plain(err, EINVAL, "--from '%s' is no source", source);
		err_hint(err, "dpkg[:PKG,..], files:LIST, image:REF, tar:FILE, dir:PATH or host");
		return -EINVAL;
	}
	*ret_source = arena_copy(arena, source);
	return 0;
}

bool isolate_is_of_host_files(const char *source)
{
	return strcmp(source, "host") == 0 || text_starts(source, "dpkg") ||
	       text_starts(source, "files");
}

/* Found out before anything is made. */
static int check_path(const char *path, struct err *err)
{
	auto_buf name = { 0 };
	const char *last;

	buf_add_text(&name, path);
	while (name.size_bytes && name.bytes[name.size_bytes - 1] == '/')
		buf_truncate(&name, name.size_bytes - 1);
	last = strrchr(buf_text(&name), '/');
	last = last ? last + 1 : buf_text(&name);
	if (last[0] && strcmp(last, ".") != 0 && strcmp(last, "..") != 0)
		return 0;
	return fail_plain(err, EINVAL, "'%s' cannot be an environment: it needs a name of its own",
			  path);
}

static int check_request(const struct isolate_request *request, const char *source, struct err *err)
{
	if (check_path(request->path, err) < 0)
		return -EINVAL;
	if (isolate_is_of_host_files(source))
		return 0;
	if (request->with.count) {
		fail_plain(err, EINVAL, "--with adds packages of this host, and --from %s is none",
			   source);
		err_hint(err, "--from dpkg, files: or host; an image gets more by rootlet build");
		return -EINVAL;
	}
	if (request->hide.count)
		return fail_plain(
			err, EINVAL,
			"--hide goes with files of this host; rootlet run --hide hides in "
			"any root");
	return 0;
}

/* ---- what is written ---- */

struct making {
	const struct isolate_request *request;
	const char *source;
	int fd; /* of the directory being made */
	const char *root;
	char key[SHA256_HEX_LENGTH + 1];
	struct json *mounts; /* or NULL */
	struct strings env;  /* of an image */
	struct isolate_made *made;
};

static int write_description(const struct making *making, struct err *err)
{
	auto_json *json = json_new_object();
	auto_buf text = { 0 };
	auto_buf key = { 0 };

	json_set_integer(json, "version", 1);
	json_set_text(json, "source", making->source);
	json_set_strings(json, "with", &making->request->with);
	json_set_strings(json, "hide", &making->request->hide);
	json_set_bool(json, "network", making->request->network);
	json_set_bool(json, "host-files", isolate_is_of_host_files(making->source));
	json_set_text(json, "root", making->root);
	buf_printf(&key, "sha256:%s", making->key);
	json_set_text(json, "key", key.bytes);
	json_set_integer(json, "visible", (int64_t)making->made->visible);
	json_set_strings(json, "env", &making->env);
	json_set_strings(json, "notes", &making->made->notes);
	if (making->request->recipe)
		json_set(json, "recipe", json_copy_of(making->request->recipe));
	if (making->mounts)
		json_set(json, "mounts", json_copy_of(making->mounts));
	json_print(json, JSON_PRETTY, &text);
	buf_add_char(&text, '\n');
	return io_replace_file_unsynced_at(making->fd, ENVIRONMENT_FILE, text.bytes,
					   text.size_bytes, 0644, err);
}

/* What tells one set of visible things from another. */
static void hash_visible(const struct visible *visible, char ret_key[SHA256_HEX_LENGTH + 1])
{
	auto_buf text = { 0 };

	for (size_t i = 0; i < visible->count; i++) {
		const struct visible_item *item = visible->item[i];

		buf_printf(&text, "%d %o %llu %s %s ", item->kind, item->mode,
			   (unsigned long long)item->size_bytes, item->path, item->source ?: "");
		buf_add(&text, item->content ?: "", item->content_bytes);
		buf_add_char(&text, '\0');
	}
	sha256_hex(buf_text(&text), text.size_bytes, ret_key);
}

static int make_directory(int fd, const char *name, int *ret_fd, struct err *err)
{
	if (mkdirat(fd, name, 0755) < 0)
		return fail(err, errno, "make '%s'", name);
	*ret_fd = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? fail(err, errno, "open '%s'", name) : 0;
}

/* So that the root can be used as it is: run_environment.c. */
void isolate_make_mount_points(int root_fd)
{
	static const char *const points[] = { "/proc", "/sys", "/dev", "/tmp", "/var/tmp" };
	auto_arena arena = { 0 };
	struct user user;
	auto_fd home = -1;

	for (size_t i = 0; i < array_count(points); i++) {
		auto_fd fd = openat2_make_directories(root_fd, points[i], 0755);

		(void)fd; /* without it another way is taken */
	}
	ids_caller(&arena, &user);
	home = openat2_make_directories(root_fd, user.home, 0755);
}

/* Where the file system has no whiteouts, or nobody may make them, the copy stands in. */
static int write_host_root(struct making *making, const struct visible *visible, struct err *err)
{
	struct isolate_layer layer = { 0 };
	auto_fd root_fd = -1;
	int r = make_directory(making->fd, ENVIRONMENT_ROOT, &root_fd, err);

	if (r == 0)
		r = isolate_write_layer(visible, root_fd, &layer, err);
	if (r == -EOPNOTSUPP) {
		err_clear(err);
		json_free(take_ptr(layer.mounts));
		cleanup_fd(&root_fd);
		root_fd = -1;
		r = remove_tree(making->fd, ENVIRONMENT_ROOT, err);
		if (r == 0)
			r = make_directory(making->fd, ENVIRONMENT_ROOT, &root_fd, err);
		if (r == 0)
			r = isolate_copy(visible, root_fd, err);
	}
	if (r == 0)
		isolate_make_mount_points(root_fd);
	if (r == 0)
		r = io_replace_file_unsynced_at(making->fd, ENVIRONMENT_FRESH,
						buf_text(&layer.fresh), layer.fresh.size_bytes,
						0644, err);
	making->mounts = layer.mounts;
	buf_done(&layer.fresh);
	return r;
}

static int make_of_host_files(struct making *making, struct err *err)
{
	auto_fd host_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_visible visible;
	int r;

	visible_init(&visible, host_fd);
	r = isolate_show(making->request, making->source, &visible, &making->made->notes, err);
	if (r < 0)
		return r;
	making->root = ENVIRONMENT_ROOT;
	making->made->visible = visible.count;
	hash_visible(&visible, making->key);
	return write_host_root(making, &visible, err);
}

static int make_of_root(struct making *making, struct arena *arena, struct err *err)
{
	struct isolate_root root = { .env = &making->env };
	int r = isolate_find_root(making->request->store, making->source, arena, &root, err);

	if (r < 0) {
		buf_done(&root.fresh);
		return r;
	}
	making->root = root.path;
	isolate_root_key(root.identity, making->key);
	if (root.fresh.size_bytes)
		r = io_replace_file_unsynced_at(making->fd, ENVIRONMENT_FRESH, root.fresh.bytes,
						root.fresh.size_bytes, 0644, err);
	buf_done(&root.fresh);
	return r;
}

static int fill(void *context, int fd, struct err *err)
{
	struct making *making = context;
	auto_arena arena = { 0 };
	int r;

	making->fd = fd;
	r = isolate_is_of_host_files(making->source) ? make_of_host_files(making, err)
						     : make_of_root(making, &arena, err);
	if (r == 0)
		isolate_warn(isolate_is_of_host_files(making->source) ? NULL : making->root,
			     &making->made->notes);
	if (r == 0)
		r = write_description(making, err);
	json_free(take_ptr(making->mounts));
	strings_done(&making->env);
	return r < 0 ? r : isolate_write_shell(fd, making->request->path, err);
}

/* ---- into place ---- */

/* Does a run use it? They hold a lock on it; who has just made it does so for a moment. */
static int check_unused(const char *path, struct err *err)
{
	auto_environment environment = { 0 };
	auto_fd fd = -1;
	struct err ignored = { 0 };

	if (environment_load(path, &environment, &ignored) < 0)
		return 0; /* damaged: nothing runs there */
	fd = open(environment.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || root_lock_alone_soon(fd))
		return 0;
	fail_plain(err, EBUSY, "a command runs in '%s'", path);
	err_hint(err, "--force removes it all the same");
	return -EBUSY;
}

/* What Spack found and the user added to it is not ours to remove; whether it still holds is looked
 * at when it is used. Who is killed before this loses what can be found again. */
static int keep_settings(const char *old, const char *path, struct err *err)
{
	auto_buf from = { 0 };
	auto_buf to = { 0 };

	buf_printf(&from, "%s/" ENVIRONMENT_SPACK, old);
	buf_printf(&to, "%s/" ENVIRONMENT_SPACK, path);
	return rename(from.bytes, to.bytes) < 0 && errno != ENOENT
		       ? fail(err, errno, "keep '%s'", to.bytes)
		       : 0;
}

#define STEPS_TRIES 100

/* Where there is no exchange (NFS). Who is killed between the first two steps leaves the old one
 * beside its place, and whoever looks for it next gives it its name back: also while we are only
 * slow, and then we begin again. */
static int exchange_by_steps(const char *work, const char *path, struct err *err)
{
	auto_buf old = { 0 };
	bool is_done = false;

	buf_printf(&old, "%s" ENVIRONMENT_OLD_SUFFIX, work);
	for (int i = 0; !is_done && i < STEPS_TRIES; i++) {
		if (rename(path, old.bytes) < 0 && errno != ENOENT)
			return fail(err, errno, "rename '%s'", path);
		is_done = rename(work, path) == 0;
		if (!is_done && errno != ENOTEMPTY && errno != EEXIST) {
			int r = fail(err, errno, "rename to '%s'", path);

			(void)!rename(old.bytes, path);
			return r;
		}
	}
	if (!is_done)
		return fail_plain(err, EBUSY, "'%s' is being made by somebody else", path);
	if (rename(old.bytes, work) < 0 && errno != ENOENT) /* swept up, as below */
		return fail(err, errno, "rename '%s'", old.bytes);
	return 0;
}

static int exchange(const char *work, const char *path, struct err *err)
{
	if (renameat2(AT_FDCWD, work, AT_FDCWD, path, RENAME_EXCHANGE) == 0)
		return 0;
	return errno == EINVAL || errno == ENOSYS ? exchange_by_steps(work, path, err)
						  : fail(err, errno, "rename to '%s'", path);
}

/* The old one first goes to the new one's place, at once. */
static int replace(const char *work, const char *path, int *work_fd, struct err *err)
{
	int r = check_unused(path, err);

	if (r < 0)
		return r;
	r = exchange(work, path, err);
	if (r == 0)
		r = keep_settings(work, path, err);
	if (r < 0)
		return r;
	close(take_fd(work_fd));
	r = remove_tree(AT_FDCWD, work, err);
	if (r != -ENOENT)
		return r;
	err_clear(err); /* somebody who makes the same swept it up */
	return 0;
}

/* *work_fd, which holds the lock, is closed when the old one has to be removed. */
static int move_into_place(const char *work, const char *path, int *work_fd, struct err *err)
{
	int error;

	if (environment_is(path))
		return replace(work, path, work_fd, err);
	if (rename(work, path) == 0)
		return 0;
	error = errno;
	if (error == ENOTEMPTY && environment_is(path)) /* made meanwhile */
		return replace(work, path, work_fd, err);
	if (error == ENOTEMPTY || error == EEXIST || error == ENOTDIR)
		return fail_plain(err, EEXIST, "'%s' exists and is no environment", path);
	return fail(err, error, "rename to '%s'", path);
}

#define WORK_TRIES 100

/* Beside the environment's place; what others have left there goes away, and one who does the same
 * may take ours for that before we have locked it. */
static int open_work(const char *path, struct buf *work, int *ret_fd, struct err *err)
{
	int r = -ENOENT;

	dest_remove_leftovers(path);
	for (int i = 0; r == -ENOENT && i < WORK_TRIES; i++) {
		auto_fd fd = -1;

		err_clear(err);
		buf_truncate(work, 0);
		buf_add_text(work, path);
		while (work->size_bytes > 1 && work->bytes[work->size_bytes - 1] == '/')
			buf_truncate(work, work->size_bytes - 1);
		r = dest_add_random(work, err);
		if (r == 0)
			r = dest_open_work(work->bytes, true, &fd, err);
		if (r == 0 && !dest_keep_work(fd))
			r = fail(err, ENOENT, "'%s'", work->bytes);
		if (r == 0)
			*ret_fd = take_fd(&fd);
	}
	return r;
}

static int make(struct making *making, bool tests, struct err *err)
{
	auto_buf work = { 0 };
	auto_fd fd = -1;
	int r;

	(void)environment_take_back(making->request->path); /* before what is left over goes */
	r = open_work(making->request->path, &work, &fd, err);
	if (r < 0)
		return r;
	r = fill(making, fd, err);
	if (r == 0 && tests)
		r = isolate_test(making->request->store, work.bytes, &making->made->missing, err);
	if (r == 0)
		r = move_into_place(work.bytes, making->request->path, &fd, err);
	if (r < 0)
		(void)!remove_tree(AT_FDCWD, work.bytes, NULL);
	return r;
}

static bool same_strings(const struct strings *a, const struct strings *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++)
		if (strcmp(a->item[i], b->item[i]) != 0)
			return false;
	return a->count == b->count;
}

/* Made of the same, and nothing has changed since: nothing is to be done. */
static bool is_there(const struct isolate_request *request, const char *source,
		     struct isolate_made *made)
{
	auto_environment environment = { 0 };
	struct err ignored = { 0 };

	if (!environment_is(request->path) ||
	    environment_load(request->path, &environment, &ignored) < 0 ||
	    strcmp(environment.source, source) != 0 || environment.network != request->network ||
	    !same_strings(&environment.with, &request->with) ||
	    !same_strings(&environment.hide, &request->hide) ||
	    !isolate_recipe_equals(environment.recipe, request->recipe) ||
	    access(environment.root, F_OK) < 0 ||
	    !(environment.is_host_files ? environment_is_fresh(&environment)
					: isolate_root_is_current(request->store, &environment)))
		return false;
	made->was_there = true;
	made->visible = environment.visible;
	strings_add_all(&made->notes, environment.notes.item);
	return true;
}

int isolate_create(const struct isolate_request *request, struct isolate_made *ret_made,
		   struct err *err)
{
	struct making making = { .request = request, .made = ret_made };
	auto_arena arena = { 0 };
	int r = absolute_source(request, &arena, &making.source, err);

	if (r < 0 && request->where)
		return err_wrap(err, "%s", request->where);
	if (r == 0)
		r = check_request(request, making.source, err);
	if (r < 0 || is_there(request, making.source, ret_made))
		return r;
	return make(&making, true, err);
}

int isolate_refresh(const char *store, const char *path, struct err *err)
{
	auto_environment environment = { 0 };
	struct isolate_request request = { .store = store, .path = path };
	struct isolate_made made = { 0 };
	struct making making = { .request = &request, .made = &made };
	int r = environment_load(path, &environment, err);

	if (r < 0)
		return r;
	strings_add_all(&request.with, environment.with.item);
	strings_add_all(&request.hide, environment.hide.item);
	request.network = environment.network;
	request.recipe = take_ptr(environment.recipe);
	making.source = environment.source;
	r = make(&making, false, err);
	isolate_made_done(&made);
	isolate_request_done(&request);
	return r < 0 ? err_wrap(err, "this host has changed: make '%s' again", path) : 0;
}

int isolate_remove(const char *path, bool force, struct err *err)
{
	auto_buf work = { 0 };
	int r;

	buf_add_text(&work, path);
	while (work.size_bytes > 1 && work.bytes[work.size_bytes - 1] == '/')
		buf_truncate(&work, work.size_bytes - 1);
	dest_remove_leftovers(buf_text(&work));
	if (!environment_take_back(path))
		return fail_plain(err, access(path, F_OK) < 0 ? ENOENT : EINVAL,
				  "'%s' is no environment", path);
	r = force ? 0 : check_unused(path, err);
	if (r == 0)
		r = dest_add_random(&work, err);
	if (r == 0 && rename(path, work.bytes) < 0)
		r = fail(err, errno, "remove '%s'", path);
	return r < 0 ? r : remove_tree(AT_FDCWD, work.bytes, err);
}
