// SPDX-License-Identifier: Apache-2.0
/* run: what ROOT means. An environment by its folder, a directory, a squashfs or tar file by its
 * path, an image by its name. */
#include "flow/run_root.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/log.h"
#include "flow/environment.h"
#include "flow/mount_points.h"
#include "flow/root_lock.h"
#include "flow/run_environment.h"
#include "flow/run_squash.h"
#include "flow/tar_root.h"
#include "rootfs/stack.h"

void run_root_init(struct run_root *root)
{
	*root = (struct run_root){ .store = STORE_NONE,
				   .directory_fd = -1,
				   .environment_fd = -1,
				   .served_fd = -1,
				   .changes = RUN_CHANGES_NONE };
	view_init(&root->layers);
}

void run_root_done(struct run_root *root)
{
	run_changes_done(&root->changes);
	layer_holds_done(&root->holds);
	view_done(&root->layers);
	image_done(&root->image);
	store_done(&root->store);
	if (root->environment)
		environment_done(root->environment);
	arena_done(&root->arena);
	buf_done(&root->passwd);
	buf_done(&root->group);
	cleanup_fd(&root->directory_fd);
	cleanup_fd(&root->environment_fd);
	cleanup_fd(&root->served_fd);
}

static bool is_path(const char *root)
{
	return root[0] == '/' || root[0] == '.' || root[0] == '~';
}

static const char *expand_home(const char *path, struct arena *arena)
{
	struct user user;

	if (path[0] != '~' || (path[1] && path[1] != '/'))
		return path;
	ids_caller(arena, &user);
	return arena_printf(arena, "%s%s", getenv("HOME") ?: user.home, path + 1);
}

/* The host's tree as it is, with its mounts: no jail, but what is mounted over it is ours alone. */
static int use_host(const struct run_request *request, struct box *box, struct run_root *root,
		    struct err *err)
{
	box->root.kind = BOX_ROOT_DIRECTORY;
	box->root.path = "/";
	box->root.read_only = request->read_only;
	root->directory_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root->directory_fd < 0 ? fail(err, errno, "root '/'") : 0;
}

static int use_directory(const struct run_request *request, const char *path, struct box *box,
			 struct run_root *root, struct err *err)
{
	/* a buffer of ours would come on top of its own */
	auto_free char *real = realpath(path, NULL);

	if (!real)
		return fail(err, errno, "root '%s'", path);
	if (strcmp(real, "/") == 0) {
		fail_plain(err, EINVAL, "the host's own / cannot be the root of a box");
		err_hint(err, "--host-root runs a command in the host's tree");
		return -EINVAL;
	}
	box->root.kind = BOX_ROOT_DIRECTORY;
	box->root.path = arena_copy(&box->arena, real);
	box->root.read_only = !request->write;
	root->directory_fd = openat(AT_FDCWD, real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root->directory_fd < 0) /* enough for looking things up */
		root->directory_fd = open(real, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root->directory_fd < 0)
		return fail(err, errno, "root '%s'", path);
	root->is_locked = root_lock_share(root->directory_fd);
	return 0;
}

int run_tidy(const struct run_root *root, const struct box *box, const struct engine_made *made,
	     const struct emulation *emulation, struct err *err)
{
	if (root->changes.path)
		return mount_points_remove(box, made, emulation, err);
	if (made->count == 0 || box->root.kind != BOX_ROOT_DIRECTORY || root->is_image)
		return 0;
	if (!root->is_locked || !root_lock_alone(root->directory_fd)) {
		log_verbose("mount points stay in '%s': it is in use elsewhere", box->root.path);
		return 0;
	}
	return mount_points_remove(box, made, NULL, err);
}

/* Those of another machine's image, or deleted ones, are unpacked first. */
static int hold_layers(struct run_root *root, struct err *err)
{
	const struct config *config = &root->image.config;
	int r = layer_holds_add(&root->store, config->diff_ids, config->diff_id_count, &root->holds,
				err);

	if (r != -ENOENT)
		return r;
	err_clear(err);
	r = tar_root_unpack(&root->store, image_id(&root->image), err);
	if (r == 0)
		r = layer_holds_add(&root->store, config->diff_ids, config->diff_id_count,
				    &root->holds, err);
	return r;
}

/* An id is no name that a registry would know. */
static int pull_image(const char *name, struct box *box, struct run_root *root, struct err *err)
{
	const char *pulled;
	int r;

	if (text_starts(name, "sha256:"))
		return image_load(&root->store, name, NULL, &root->image, err);
	log_info("pulling %s", name);
	r = tar_root_pull(&root->store, name, &box->arena, &pulled, err);
	if (r < 0)
		return err_wrap(err, "pull '%s'", name);
	return image_load(&root->store, pulled, NULL, &root->image, err);
}

static int find_image(const struct run_request *request, const char *name, struct box *box,
		      struct run_root *root, struct err *err)
{
	int r;

	if (text_equal(request->pull, "always"))
		return pull_image(name, box, root, err);
	r = image_load(&root->store, name, NULL, &root->image, err);
	if (r != -ENOENT)
		return r;
	if (access(name, F_OK) == 0) {
		err->hint[0] = '\0'; /* what is meant is at hand, not in a registry */
		err_hint(err, "a directory or file is written as a path: ./%s", name);
		return r;
	}
	if (text_equal(request->pull, "never"))
		return r;
	err_clear(err);
	return pull_image(name, box, root, err);
}

static int use_image(const struct run_request *request, const char *name, struct box *box,
		     struct run_root *root, struct err *err)
{
	int r = find_image(request, name, box, root, err);

	if (r < 0)
		return r;
	root->is_image = true;
	box->root.read_only = request->read_only;
	r = hold_layers(root, err);
	if (r < 0)
		return r;
	r = rootfs_stack(&root->store, &root->image.config, box, err);
	return r == -ENOTSUP ? run_use_copy(root, box, false, err) : r;
}

static int use_file(const struct run_request *request, const char *path, struct box *box,
		    struct run_root *root, struct err *err)
{
	const char *id;
	int r;

	if (run_is_squashfs(path)) {
		r = run_mount_squashfs(request, path, box, root, err);
		if (r != -EOPNOTSUPP)
			return r < 0 ? err_wrap(err, "root '%s'", request->root) : 0;
		log_verbose("'%s' is unpacked and not mounted: %s", request->root, err->text);
		err_clear(err);
	}
	r = tar_root_import(&root->store, path, &box->arena, &id, err);

	return r < 0 ? r : use_image(request, id, box, root, err);
}

int run_find_root(const struct run_request *request, struct box *box, struct run_root *root,
		  struct err *err)
{
	const char *path;
	struct stat st;
	int r;

	if (request->read_only && request->write)
		return fail_plain(err, EINVAL, "--read-only and --write exclude each other");
	if (request->host_root)
		return use_host(request, box, root, err);
	path = expand_home(request->root, &box->arena);
	/* by any name: nothing else has such a file */
	if (is_path(request->root) ? environment_take_back(path) : environment_is(path))
		return run_use_environment(request, path, box, root, err);
	if (is_path(request->root)) {
		if (stat(path, &st) < 0)
			return fail(err, errno, "root '%s'", request->root);
		if (S_ISDIR(st.st_mode))
			return use_directory(request, path, box, root, err);
	}
	if (request->write) {
		fail_plain(err, EINVAL,
			   "--write: an image never changes; only a directory can be "
			   "written");
		err_hint(err, "changes to an image are kept by building a new one");
		return -EINVAL;
	}
	r = store_open(request->store, &root->store, err);
	if (r < 0)
		return r;
	if (is_path(request->root))
		return use_file(request, path, box, root, err);
	return use_image(request, request->root, box, root, err);
}
