// SPDX-License-Identifier: Apache-2.0
/* Finding Spack and its environment, and what a command in the one sees of the other. */
#include "flow/spack.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/banned.h"
#include "base/io.h"
#include "sys/ids.h"

/* Written by `spack isolate --build-environment`: the environment's path, in the folder of the
 * site's settings, or of the user's where that is somebody else's. */
#define CHOICE_FILE "rootlet-environment"

void spack_done(struct spack *spack)
{
	box_mounts_done(&spack->mounts);
	strings_done(&spack->settings);
	strings_done(&spack->externals);
	arena_done(&spack->arena);
}

/* ---- which ---- */

/* The folder two above, without links; NULL when there is none. */
static const char *two_above(const char *path, struct arena *arena)
{
	char real[PATH_MAX];

	if (!realpath(path, real))
		return NULL;
	for (int i = 0; i < 2; i++) {
		char *slash = strrchr(real, '/');

		if (!slash)
			return NULL;
		*slash = '\0';
	}
	return arena_copy(arena, real);
}

/* A program in the bin of an environment is a shim. */
static bool is_shim(const char *program, struct arena *arena)
{
	const char *slash = strrchr(program, '/');

	return slash &&
	       environment_is(arena_printf(arena, "%.*s/..", (int)(slash - program), program));
}

/* But for shims; NULL when there is none. */
static const char *find_on_path(const char *name, struct arena *arena)
{
	const char *folders = getenv("PATH") ?: "";

	while (*folders) {
		size_t length = strcspn(folders, ":");
		const char *program = arena_printf(arena, "%.*s/%s", (int)length, folders, name);

		if (length && access(program, X_OK) == 0 && !is_shim(program, arena))
			return program;
		folders += length + (folders[length] == ':');
	}
	return NULL;
}

static bool is_spack(const char *root, struct arena *arena)
{
	return access(arena_printf(arena, "%s/bin/spack", root), X_OK) == 0;
}

/* The folder, or a program in its bin. */
static int use_named(const char *what, const char *path, struct arena *arena, const char **ret_root,
		     struct err *err)
{
	char real[PATH_MAX];
	const char *above;

	if (!realpath(path, real))
		return fail(err, errno, "%s '%s'", what, path);
	above = two_above(path, arena);
	if (is_spack(real, arena))
		*ret_root = arena_copy(arena, real);
	else if (text_ends(real, "/bin/spack") && is_spack(above, arena))
		*ret_root = above;
	else
		return fail_plain(err, ENOENT, "%s '%s': there is no bin/spack in it", what, path);
	return 0;
}

int spack_find(const char *given, struct arena *arena, const char **ret_root, struct err *err)
{
	const char *variable = getenv("SPACK_ROOT");
	const char *found;

	if (given)
		return use_named("--spack", given, arena, ret_root, err);
	if (variable && *variable)
		return use_named("SPACK_ROOT", variable, arena, ret_root, err);
	found = find_on_path("spack", arena);
	if (found)
		found = two_above(found, arena);
	if (!found || !is_spack(found, arena)) {
		fail_plain(err, ENOENT, "no Spack: neither SPACK_ROOT is set nor is spack on PATH");
		err_hint(err, "--spack DIR names its folder");
		return -ENOENT;
	}
	*ret_root = found;
	return 0;
}

/* The one that is set, if it is no shim, else what Spack would take. */
static const char *find_python(struct arena *arena)
{
	static const char *const names[] = { "python3", "python", "python2" };
	const char *set = getenv("SPACK_PYTHON");
	const char *found = NULL;

	if (set && strchr(set, '/') && access(set, X_OK) == 0 && !is_shim(set, arena))
		return set;
	if (set && *set && !strchr(set, '/'))
		found = find_on_path(set, arena);
	for (size_t i = 0; !found && i < array_count(names); i++)
		found = find_on_path(names[i], arena);
	return found;
}

void spack_on_host(const char *root, struct arena *arena, struct strings *ret_command)
{
	const char *python = find_python(arena);

	if (python) {
		setenv("SPACK_PYTHON", python, 1);
		strings_add(ret_command, python);
	}
	strings_printf(ret_command, "%s/bin/spack", root);
}

/* ---- the environment ---- */

static bool read_choice(const char *folder, struct arena *arena, const char **ret_path)
{
	auto_buf text = { 0 };

	if (io_read_file_at(AT_FDCWD, arena_printf(arena, "%s/" CHOICE_FILE, folder), PATH_MAX,
			    &text, NULL) < 0)
		return false;
	*ret_path = arena_copy_bytes(arena, buf_text(&text), strcspn(buf_text(&text), "\n"));
	return true;
}

int spack_environment(const char *root, struct arena *arena, const char **ret_path, struct err *err)
{
	const char *active = getenv("ROOTLET_ACTIVE");

	if (active && *active) {
		*ret_path = arena_copy(arena, active);
		return 0;
	}
	if (read_choice(arena_printf(arena, "%s/etc/spack", root), arena, ret_path) ||
	    read_choice(arena_printf(arena, "%s/.spack", getenv("HOME") ?: "/"), arena, ret_path))
		return 0;
	fail_plain(err, ENOENT, "which environment? None is active, and this Spack has none");
	err_hint(err, "rootlet isolate create ENV makes one, rootlet spack ENV -- ... uses it");
	return -ENOENT;
}

/* ---- the run ---- */

static void bind(struct run_request *request, const char *source, const char *target,
		 bool read_only)
{
	struct box_mount *mount = box_mounts_add(&request->mounts, BOX_MOUNT_BIND, target);

	mount->source = source;
	mount->read_only = read_only;
}

/* Folders come before what is in them, and so does that of the settings. */
static void bind_all(const struct spack *spack, const char *scope, struct run_request *request)
{
	size_t length = strlen(spack->scope);
	bool done = false;

	for (size_t i = 0; i < spack->mounts.count; i++) {
		const struct box_mount *mount = &spack->mounts.item[i];

		if (!done && strncmp(mount->target, spack->scope, length) == 0 &&
		    mount->target[length] == '/') {
			bind(request, scope, spack->scope, false);
			done = true;
		}
		bind(request, mount->source, mount->target, mount->read_only);
	}
	if (!done)
		bind(request, scope, spack->scope, false);
}

/* What is empty inside and lies where it does outside, for Spack's paths begin there. */
static void add_scratch(struct run_request *request, const char *variable)
{
	const char *path = getenv(variable);

	if (!path || path[0] != '/' || strcmp(path, "/") == 0)
		return;
	strings_add(&request->scratch, path);
	strings_printf(&request->env, "%s=%s", variable, path);
}

/* The home is empty, but a fine place to be. */
static void stay_at_home(struct spack *spack, struct run_request *request)
{
	const char *home = getenv("HOME");
	char cwd[PATH_MAX];

	if (home && getcwd(cwd, sizeof(cwd)) && strcmp(cwd, home) == 0)
		request->cwd = arena_copy(&spack->arena, cwd);
}

void spack_fill_request(struct spack *spack, const char *scope, struct run_request *request)
{
	add_scratch(request, "HOME");
	add_scratch(request, "TMPDIR");
	stay_at_home(spack, request);
	bind_all(spack, scope, request);
	strings_each(&spack->settings, name)
		bind(request, arena_printf(&spack->arena, "%s/%s", spack->scope, name),
		     arena_printf(&spack->arena, "%s/%s", spack->scope, name), true);
	strings_printf(&request->env, "SPACK_ROOT=%s", spack->root);
	strings_add(&request->unset_env_globs, "SPACK_PYTHON");
	strings_add(&request->unset_env_globs, "SPACK_DISABLE_LOCAL_CONFIG");
	if (getenv("SPACK_DISABLE_LOCAL_CONFIG"))
		strings_add(&request->env, "SPACK_SYSTEM_CONFIG_PATH=/nonexistent");
}
