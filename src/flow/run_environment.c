// SPDX-License-Identifier: Apache-2.0
#include "flow/run_environment.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/log.h"
#include "base/strings.h"
#include "flow/environment.h"
#include "flow/root_lock.h"
#include "flow/tar_root.h"

extern char **environ;

/* ---- the root ---- */

static int ask_image_program(const char *command, const char *store, const char *path,
			     struct err *err)
{
	const char *const plain[] = { "rootlet-image", command, path, NULL };
	const char *const with_store[] = { "rootlet-image", command, "--store", store, path, NULL };
	auto_buf output = { 0 };

	return tar_root_program(store ? with_store : plain, &output, err);
}

static bool needs_refresh(const struct environment *environment)
{
	return environment->is_host_files ? !environment_is_fresh(environment)
					  : access(environment->root, F_OK) < 0;
}

int run_environment_load(const char *store, const char *path, struct environment *ret_environment,
			 struct err *err)
{
	int r = environment_load(path, ret_environment, err);

	if (r < 0 || !needs_refresh(ret_environment))
		return r;
	log_verbose("'%s' is made again: what it is made of has changed", path);
	environment_done(ret_environment);
	r = ask_image_program("__refresh-environment", store, path, err);
	return r < 0 ? r : environment_load(path, ret_environment, err);
}

static int check(const struct run_request *request, struct err *err)
{
	if (!request->write && !request->overlay && !request->commit)
		return 0;
	fail_plain(err, EINVAL, "%s: an environment never changes",
		   request->write     ? "--write"
		   : request->overlay ? "--overlay"
				      : "--commit");
	err_hint(err, "rootlet isolate export makes a directory or an image of it, which can");
	return -EINVAL;
}

int run_use_environment(const struct run_request *request, const char *path, struct box *box,
			struct run_root *root, struct err *err)
{
	struct environment *environment = arena_new(&root->arena, struct environment);
	int r = check(request, err);

	if (r == 0)
		r = run_environment_load(request->store, path, environment, err);
	if (r < 0)
		return r;
	root->environment = environment;
	root->environment_fd = open(environment->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	root->directory_fd = open(environment->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root->directory_fd < 0)
		return fail(err, errno, "environment '%s': '%s'", path, environment->root);
	if (root->environment_fd >= 0)
		root->is_locked = root_lock_share(root->environment_fd);
	box->root.kind = BOX_ROOT_OVERLAY;
	box->root.read_only = true;
	box->is_walled = true;
	strings_add(&box->root.lower, environment->root);
	return 0;
}

static bool is_of(const struct environment *environment, const struct box_mount *mount)
{
	for (size_t i = 0; i < environment->mounts.count; i++)
		if (environment->mounts.item[i].target == mount->target)
			return true;
	return false;
}

/* In a copy only those are mounts that something of the box's own would cover. */
static bool take_from_copy(const char *copy, struct box *box, struct box_mount *mount)
{
	for (size_t i = 0; i < box->mounts.count; i++) {
		const struct box_mount *cover = &box->mounts.item[i];

		if (cover->kind != BOX_MOUNT_TMPFS || !path_is_in(mount->target, cover->target))
			continue;
		mount->kind = BOX_MOUNT_BIND;
		mount->source = arena_printf(&box->arena, "%s%s", copy, mount->target);
		return true;
	}
	return false;
}

int run_environment_use_copy(struct run_root *root, struct box *box, struct err *err)
{
	const struct environment *environment = root->environment;
	const char *copy = environment->root;
	size_t kept = 0;

	if (environment->mounts.count) {
		int r;

		copy = arena_printf(&box->arena, "%s/%s", environment->path, ENVIRONMENT_COPY);
		r = access(copy, F_OK) == 0
			    ? 0
			    : ask_image_program("__copy-environment", NULL, environment->path, err);
		if (r < 0)
			return err_wrap(err,
					"a copy of the files, for they cannot be stacked here");
	}
	for (size_t i = 0; i < box->mounts.count; i++)
		if (!is_of(environment, &box->mounts.item[i]) ||
		    take_from_copy(copy, box, &box->mounts.item[i]))
			box->mounts.item[kept++] = box->mounts.item[i];
	box->mounts.count = kept;
	strings_clear(&box->root.lower);
	box->root.kind = BOX_ROOT_DIRECTORY;
	box->root.path = copy;
	return 0;
}

/* Made where it is missing, or there already. */
static bool has_point(const struct run_root *root, const struct box *box, size_t index)
{
	const char *target = box->mounts.item[index].target;

	if (box->mounts.item[index].optional)
		return true;
	for (size_t i = 0; i < index; i++)
		if (box->mounts.item[i].kind == BOX_MOUNT_TMPFS &&
		    path_is_below(target, box->mounts.item[i].target))
			return true;
	return faccessat(root->directory_fd, target + 1, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* What is in the root itself is links and texts: nothing is lost where programs may not be run from
 * its file system. */
void run_environment_use_directory(const struct run_root *root, struct box *box)
{
	const struct environment *environment = root->environment;

	if (!environment->is_host_files || box->hidden.count || box->make_cwd)
		return;
	for (size_t i = 0; i < box->mounts.count; i++)
		if (!has_point(root, box, i))
			return;
	strings_clear(&box->root.lower);
	box->root.kind = BOX_ROOT_DIRECTORY;
	box->root.path = environment->root;
}

/* ---- mounts ---- */

static void add_all(const struct box_mounts *mounts, struct box *box)
{
	for (size_t i = 0; i < mounts->count; i++)
		*box_mounts_add(&box->mounts, mounts->item[i].kind,
				mounts->item[i].target) = mounts->item[i];
}

/* What a caller may not show without saying so: their whole home, and what the environment is there
 * to replace. */
static bool may_be_shown(const char *path, const char *home)
{
	static const char *const own[] = { "/usr",   "/etc",	"/bin",	 "/sbin", "/lib",  "/lib32",
					   "/lib64", "/libx32", "/boot", "/dev",  "/proc", "/sys" };

	for (size_t i = 0; i < array_count(own); i++)
		if (path_is_in(path, own[i]))
			return false;
	return strcmp(path, "/") != 0 && strcmp(path, "/tmp") != 0 &&
	       strcmp(path, "/var/tmp") != 0 && !path_is_in(home, path);
}

static bool is_inside(const struct box *box, const char *path)
{
	for (size_t i = 0; i < box->mounts.count; i++)
		if (box->mounts.item[i].kind == BOX_MOUNT_BIND &&
		    path_is_in(path, box->mounts.item[i].target))
			return true;
	return false;
}

/* What is listed in a place of the command's own is seen in it: mounts come later, links are in the
 * environment's root. */
static void add_place(const struct run_root *root, struct box *box, const char *path, mode_t mode)
{
	struct box_mount *mount = box_mounts_add(&box->mounts, BOX_MOUNT_TMPFS, path);

	mount->mode = mode;
	if (root->environment->is_host_files &&
	    faccessat(root->directory_fd, path + 1, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		mount->source = arena_printf(&box->arena, "%s%s", root->environment->root, path);
}

static bool bind_at_its_place(struct box *box, const struct user *user, const char *path)
{
	const char *home = getenv("HOME");
	char *copy;

	if (!may_be_shown(path, user->home) ||
	    (home && home[0] == '/' && !may_be_shown(path, home)))
		return false;
	copy = arena_copy(&box->arena, path);
	box_mounts_add(&box->mounts, BOX_MOUNT_BIND, copy)->source = copy;
	return true;
}

/* Or all of the directory where the shell was told to use the environment, when it is in that:
 * builds beside their sources see both. */
static void add_working_directory(const struct run_request *request, const struct user *user,
				  struct box *box)
{
	const char *tree = getenv("ROOTLET_TREE");
	char cwd[PATH_MAX];

	if (request->cwd || !getcwd(cwd, sizeof(cwd)))
		return;
	if (!tree || tree[0] != '/' || !path_is_in(cwd, tree) ||
	    !bind_at_its_place(box, user, tree))
		(void)bind_at_its_place(box, user, cwd);
}

void run_environment_add_mounts(const struct run_request *request, const struct user *user,
				const struct run_root *root, struct box *box)
{
	add_place(root, box, "/tmp", 01777);
	add_place(root, box, "/var/tmp", 01777);
	if (!request->home && strcmp(user->home, "/") != 0)
		add_place(root, box, user->home, 0700);
	strings_each(&request->scratch, path)
		add_place(root, box, path, 0700);
	add_all(&root->environment->mounts, box);
	add_all(&root->environment->binds, box);
	add_working_directory(request, user, box);
}

const char *run_environment_cwd(const struct run_request *request, struct box *box)
{
	char cwd[PATH_MAX];

	if (request->cwd)
		return request->cwd;
	if (!getcwd(cwd, sizeof(cwd)))
		return "/tmp";
	if (!is_inside(box, cwd)) {
		log_info("'%s' is not seen inside: the command begins in /tmp", cwd);
		return "/tmp";
	}
	return arena_copy(&box->arena, cwd);
}

/* ---- variables ---- */

/* Where a variable of this name may come in. */
static bool matches(const char *entry, const char *const *globs)
{
	auto_buf name = { 0 };

	buf_add(&name, entry, strcspn(entry, "="));
	for (; globs && *globs; globs++)
		if (fnmatch(*globs, buf_text(&name), 0) == 0)
			return true;
	return false;
}

static const char *const passed[] = { "TERM",	   "COLORTERM",		"NO_COLOR",  "SPACK_*",
				      "MAKEFLAGS", "SOURCE_DATE_EPOCH", "ROOTLET_*", NULL };
static const char *const with_network[] = { "http_proxy", "https_proxy", "ftp_proxy",	"no_proxy",
					    "all_proxy",  "HTTP_PROXY",	 "HTTPS_PROXY", "FTP_PROXY",
					    "NO_PROXY",	  "ALL_PROXY",	 NULL };
/* Those that would have changed what a build does. */
static const char *const missed[] = {
	"LD_*",
	"LIBRARY_PATH",
	"CPATH",
	"C_INCLUDE_PATH",
	"CPLUS_INCLUDE_PATH",
	"OBJC_INCLUDE_PATH",
	"PKG_CONFIG*",
	"CMAKE_*",
	"PYTHON*",
	"PERL5*",
	"BASH_ENV",
	"ENV",
	"CC",
	"CXX",
	"FC",
	"F77",
	"CFLAGS",
	"CXXFLAGS",
	"CPPFLAGS",
	"LDFLAGS",
	"FFLAGS",
	"GIT_*",
	"GCC_*",
	"ACLOCAL_PATH",
	"MANPATH",
	"JAVA_*",
	"CONDA_*",
	"VIRTUAL_ENV",
	"R_*",
	"MODULEPATH",
	"LOADEDMODULES",
	NULL,
};

void run_environment_add_variables(struct run_root *root, struct box *box)
{
	const struct environment *environment = root->environment;
	char *const *pass = environment->pass.item;
	auto_buf dropped = { 0 };

	strings_add_all(&box->env, environment->env.item);
	for (char **entry = environ; *entry; entry++) {
		size_t length = strcspn(*entry, "=");

		if (matches(*entry, passed) || matches(*entry, (const char *const *)pass) ||
		    (!box->private_ns.network && matches(*entry, with_network)))
			strings_add(&box->env, *entry);
		else if (matches(*entry, missed))
			buf_printf(&dropped, "%s%.*s", dropped.size_bytes ? ", " : "", (int)length,
				   *entry);
		else
			log_debug("variable not passed on: %.*s", (int)length, *entry);
	}
	if (dropped.size_bytes)
		log_info("variables not passed on: %s (--env-host passes one)", dropped.bytes);
	strings_env_set(&box->env, "LANG", "C.UTF-8");
	strings_each(&environment->set, entry) {
		size_t length = strcspn(entry, "=");
		const char *name = arena_copy_bytes(&box->arena, entry, length);

		strings_env_set(&box->env, name, entry + length + 1);
	}
	strings_env_set(&box->env, "ROOTLET_ENV", environment->path);
}
