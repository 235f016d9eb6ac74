// SPDX-License-Identifier: Apache-2.0
/* run, from request to box: the root (run_root.c), who runs in it, then mounts, environment and
 * command. */
#include "flow/run.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "engine/network.h"
#include "flow/environment.h"
#include "flow/host_files.h"
#include "flow/run_cache.h"
#include "flow/run_env.h"
#include "flow/run_environment.h"
#include "flow/run_root.h"
#include "flow/run_seccomp.h"
#include "flow/run_shield.h"
#include "rootfs/stack.h"
#include "sys/openat2.h"

#define ID_FILE_BYTES ((size_t)16 << 20)

void run_request_done(struct run_request *request)
{
	strings_done(&request->command);
	box_mounts_done(&request->mounts);
	strings_done(&request->env);
	strings_done(&request->env_files);
	strings_done(&request->env_host_globs);
	strings_done(&request->unset_env_globs);
	strings_done(&request->hidden);
	strings_done(&request->scratch);
}

/* ---- who ---- */

/* A file of a directory: one call, for it is read at every start. */
static void read_directory_file(int directory_fd, const char *path, struct buf *text)
{
	auto_fd fd = openat2_in_root(directory_fd, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    io_read_to_end(fd, ID_FILE_BYTES, text, NULL) < 0)
		buf_truncate(text, 0);
}

/* The names the root knows; a file that is missing or no file knows none. */
static int read_names(struct run_root *root, struct err *err)
{
	auto_view view = { 0 };
	int r;

	if (root->directory_fd >= 0) {
		read_directory_file(root->directory_fd, "/etc/passwd", &root->passwd);
		read_directory_file(root->directory_fd, "/etc/group", &root->group);
		return 0;
	}
	r = rootfs_stack_view(&root->store, &root->image.config, &view, err);
	if (r < 0)
		return r;
	view_read_text(&view, "/etc/passwd", ID_FILE_BYTES, &root->passwd);
	view_read_text(&view, "/etc/group", ID_FILE_BYTES, &root->group);
	return 0;
}

/* Where changes are kept these files may be among them. */
static void read_changed_names(struct run_root *root)
{
	auto_buf passwd = { 0 };
	auto_buf group = { 0 };

	if (run_changes_read(&root->changes, "/etc/passwd", ID_FILE_BYTES, &passwd)) {
		buf_truncate(&root->passwd, 0);
		buf_add_text(&root->passwd, buf_text(&passwd));
	}
	if (run_changes_read(&root->changes, "/etc/group", ID_FILE_BYTES, &group)) {
		buf_truncate(&root->group, 0);
		buf_add_text(&root->group, buf_text(&group));
	}
}

/* Home of the caller inside a root that does not know them: theirs if it is there, else / . */
static const char *home_inside(const struct run_root *root, const char *home)
{
	auto_fd fd = openat2_in_root(root->directory_fd, home, O_PATH | O_DIRECTORY, 0);

	return fd < 0 ? "/" : home;
}

/* Something is put where the home is, so it need not be there. */
static bool keeps_home(const struct run_request *request, const struct run_root *root)
{
	return root->environment || request->home || request->empty_home || request->pure ||
	       request->host_root;
}

static int choose_user(const struct run_request *request, struct box *box, struct run_root *root,
		       struct user *ret_user, struct err *err)
{
	const char *spec = request->user;

	int r = read_names(root, err);

	if (r < 0)
		return r;
	if (root->changes.path)
		read_changed_names(root);
	if (!spec && root->is_image)
		spec = root->image.config.user && root->image.config.user[0]
			       ? root->image.config.user
			       : "0";
	if (spec)
		return ids_resolve(spec, buf_text(&root->passwd), buf_text(&root->group),
				   &box->arena, ret_user, err);
	ids_caller(&box->arena, ret_user);
	if (!ids_user_by_id(buf_text(&root->passwd), getuid(), &box->arena, ret_user)) {
		if (!keeps_home(request, root))
			ret_user->home = home_inside(root, ret_user->home);
		ret_user->shell = "/bin/sh";
	}
	ret_user->gid = getgid();
	return 0;
}

/* uid 0 resolves as root even in a root without /etc/passwd. */
static void name_root(struct user *user)
{
	if (user->uid != 0 || strcmp(user->name, "0") != 0)
		return;
	user->name = "root";
	user->home = "/root";
}

/* ---- the rest ---- */

static bool is_private(const char *choice, bool otherwise)
{
	return choice ? strcmp(choice, "host") != 0 : otherwise;
}

static int check_hostname(const struct run_request *request, struct err *err)
{
	const char *name = request->hostname;

	if (!name)
		return 0;
	if (!host_name_is_valid(name))
		return fail_plain(err, EINVAL,
				  "--hostname '%s': 1 to %d letters, digits, '-', '_' and '.' make "
				  "a host name",
				  name, HOST_NAME_BYTES_MAX);
	if (text_equal(request->uts, "host"))
		return fail_plain(err, EINVAL,
				  "--hostname '%s' would rename the host itself with --uts host",
				  name);
	return 0;
}

/* uname(2) has room for 64 bytes. */
static int check_kernel_release(const struct run_request *request, struct err *err)
{
	const char *release = request->kernel_release;
	size_t length = release ? strlen(release) : 1;

	return length >= 1 && length <= 64
		       ? 0
		       : fail_plain(err, EINVAL, "--kernel-release '%s': 1 to 64 bytes fit",
				    release);
}

static int set_namespaces(const struct run_request *request, const struct run_root *root,
			  struct box *box, struct err *err)
{
	bool closed = root->environment && !root->environment->network;
	int r = 0;

	box->private_ns = (struct box_private){
		.pid = is_private(request->pid, !request->host_root),
		.ipc = is_private(request->ipc, !request->host_root),
		.uts = is_private(request->uts, !request->host_root),
		.network = is_private(request->network, closed),
	};
	box->asked_ns = (struct box_private){
		.pid = is_private(request->pid, false),
		.ipc = is_private(request->ipc, false),
		.uts = is_private(request->uts, false),
		.network = is_private(request->network, false),
	};
	box->hostname = request->hostname;
	if (!box->hostname && closed && box->private_ns.network && box->private_ns.uts)
		box->hostname = ENVIRONMENT_HOSTNAME;
	box->kernel_release = request->kernel_release;
	box->terminal = request->terminal;
	if (request->network && strcmp(request->network, "private") == 0)
		r = network_find(&box->arena, &box->network_program, err);
	return r < 0 ? err_wrap(err, "--network private") : 0;
}

/* A read-only root still gets a place to write. */
static void add_scratch(struct box *box)
{
	if (box->root.read_only)
		box_mounts_add(&box->mounts, BOX_MOUNT_TMPFS, "/tmp")->optional = true;
}

/* A user without a home gets none in the root directory itself. */
static void name_home(const struct run_request *request, const struct run_root *root,
		      struct user *user, struct arena *arena)
{
	if (keeps_home(request, root) && strcmp(user->home, "/") == 0)
		user->home = arena_printf(arena, "/home/%s", user->name);
}

/* Where the command begins, if that is below a home that is empty inside. */
static void add_working_directory(const struct run_request *request, const struct user *user,
				  struct box *box)
{
	char cwd[PATH_MAX];
	struct box_mount *mount;

	if (!request->host_root || request->cwd || !getcwd(cwd, sizeof(cwd)) ||
	    !path_is_below(cwd, user->home))
		return;
	mount = box_mounts_add(&box->mounts, BOX_MOUNT_BIND, arena_copy(&box->arena, cwd));
	mount->source = mount->target;
	mount->read_only = request->read_only;
}

static void add_home(const struct run_request *request, const struct user *user, struct box *box)
{
	struct box_mount *mount;

	if (request->home) {
		mount = box_mounts_add(&box->mounts, BOX_MOUNT_BIND, user->home);
		mount->source = request->home;
	} else if (request->empty_home || request->pure) {
		mount = box_mounts_add(&box->mounts, BOX_MOUNT_TMPFS, user->home);
		mount->mode = 0700;
		add_working_directory(request, user, box);
	}
}

static void add_mounts(const struct run_request *request, const struct user *user,
		       const struct run_root *root, struct box *box)
{
	if (request->host_root) {
		if (box->private_ns.pid)
			box_mounts_add(&box->mounts, BOX_MOUNT_PROC, "/proc");
		add_scratch(box);
		if (box->network_program)
			host_files_add_name_server(box);
	} else {
		host_files_add_kernel(box, request->shm_bytes);
		if (root->environment)
			run_environment_add_mounts(request, user, root, box);
		else
			add_scratch(box);
		host_files_add_network(box, NULL);
		host_files_add_user(box, user, buf_text(&root->passwd), buf_text(&root->group));
	}
	add_home(request, user, box);
	for (size_t i = 0; i < request->mounts.count; i++) {
		const struct box_mount *mount = &request->mounts.item[i];

		*box_mounts_add(&box->mounts, mount->kind, mount->target) = *mount;
	}
}

/* ENTRYPOINT and CMD as in docker: a new entry point drops the image's command. */
static void set_command(const struct run_request *request, const struct run_root *root,
			const struct user *user, struct box *box)
{
	const struct config *config = &root->image.config;

	if (request->shell) {
		strings_add(&box->argv, user->shell[0] ? user->shell : "/bin/sh");
		strings_add_all(&box->argv, request->command.item);
		return;
	}
	if (request->entrypoint && request->entrypoint[0])
		strings_add(&box->argv, request->entrypoint);
	else if (!request->entrypoint && root->is_image)
		strings_add_all(&box->argv, config->entrypoint.item);
	if (request->command.count)
		strings_add_all(&box->argv, request->command.item);
	else if (!request->entrypoint && root->is_image)
		strings_add_all(&box->argv, config->cmd.item);
}

/* Before we open files ourselves, which would pass for the caller's. */
static int check_fds(const struct run_request *request, struct err *err)
{
	for (uint64_t fd = 3; fd - 3 < request->preserve_fds; fd++)
		if (fd > INT_MAX || fcntl((int)fd, F_GETFD) < 0) {
			fail(err, EBADF, "--preserve-fds %llu: descriptor %llu",
			     (unsigned long long)request->preserve_fds, (unsigned long long)fd);
			err_hint(err, "it passes so many descriptors on, beginning with 3");
			return -EBADF;
		}
	return 0;
}

static const char *host_cwd(struct arena *arena)
{
	char path[PATH_MAX];

	return getcwd(path, sizeof(path)) ? arena_copy(arena, path) : "/";
}

static const char *cwd_inside(const struct run_request *request, const struct run_root *root,
			      struct box *box)
{
	struct arena *arena = &box->arena;

	if (root->environment)
		return run_environment_cwd(request, box);
	if (request->cwd)
		return request->cwd;
	if (root->is_image && root->image.config.working_dir)
		return root->image.config.working_dir;
	return request->host_root ? host_cwd(arena) : "/";
}

static int keep_changes(const struct run_request *request, struct box *box, struct run_root *root,
			struct err *err)
{
	if (root->is_copy)
		return fail_plain(err, ENOTSUP,
				  "changes cannot be kept: the image's layers cannot be stacked");
	if (request->overlay)
		return run_changes_open(&root->changes, request->overlay, box, err);
	if (!root->is_image)
		return fail_plain(err, EINVAL, "--commit: '%s' is not an image", request->root);
	return run_changes_open_in_store(&root->changes, &root->store, box, err);
}

/* What cannot go together. */
static int check_request(const struct run_request *request, struct err *err)
{
	if (request->home && (request->empty_home || request->pure))
		return fail_plain(err, EINVAL, "--home and an empty home exclude each other");
	if (request->host_root && request->write)
		return fail_plain(err, EINVAL,
				  "--host-root: the host's files can be written anyway, where the "
				  "user may; --write is for a directory");
	if ((request->overlay || request->commit) &&
	    (request->write || request->read_only || request->host_root))
		return fail_plain(err, EINVAL,
				  "%s goes with none of --write, --read-only, --host-root",
				  request->overlay ? "--overlay" : "--commit");
	if (request->overlay && request->commit)
		return fail_plain(err, EINVAL, "--overlay and --commit exclude each other");
	if (request->commit) {
		struct ref ref;
		int r = ref_parse(request->commit, &ref, err);

		if (r < 0)
			return err_wrap(err, "--commit");
	}
	return check_fds(request, err);
}

/* After all mounts are known: what is mounted there cannot be hidden. */
static int hide_paths(const struct run_request *request, struct box *box, struct err *err)
{
	strings_each(&request->hidden, given) {
		size_t length = strlen(given);
		char *path;

		while (length > 0 && given[length - 1] == '/')
			length--;
		path = arena_copy_bytes(&box->arena, given, length);
		if (given[0] != '/' || length == 0 || text_ends(path, "/.") ||
		    text_ends(path, "/.."))
			return fail_plain(err, EINVAL,
					  "--hide '%s': not an absolute path of something in the "
					  "root",
					  given);
		if (text_starts(path, "/proc/") || text_starts(path, "/sys/") ||
		    text_starts(path, "/dev/"))
			return fail_plain(err, EINVAL,
					  "--hide '%s': what the kernel shows cannot be hidden",
					  given);
		for (size_t i = 0; i < box->mounts.count; i++)
			if (strcmp(box->mounts.item[i].target, path) == 0)
				return fail_plain(err, EINVAL,
						  "--hide '%s': something is mounted there", given);
		strings_add(&box->hidden, path);
	}
	return 0;
}

int run_make_box(const struct run_request *request, struct box *box, struct run_root *root,
		 struct err *err)
{
	struct user user;
	int r = check_request(request, err);

	if (r == 0)
		r = check_hostname(request, err);
	if (r == 0)
		r = check_kernel_release(request, err);
	if (r == 0)
		r = run_find_root(request, box, root, err);
	if (r == 0 && (request->overlay || request->commit))
		r = keep_changes(request, box, root, err);
	if (r == 0)
		r = choose_user(request, box, root, &user, err);
	if (r < 0)
		return r;
	name_root(&user);
	name_home(request, root, &user, &box->arena);
	box->uid = user.uid;
	box->gid = user.gid;
	box->groups = user.groups;
	box->group_count = user.group_count;
	if (!root->is_image) { /* whose files these are is the caller's choice of a user */
		box->own_uid = user.uid;
		box->own_gid = user.gid;
	}
	if (root->is_image)
		strings_add_all(&box->env, root->image.config.env.item);
	r = set_namespaces(request, root, box, err);
	if (r < 0)
		return r;
	add_mounts(request, &user, root, box);
	root->store_path = request->store;
	r = run_caches_open(root, box, err);
	if (r < 0)
		return r;
	box->cwd = arena_copy(&box->arena, cwd_inside(request, root, box));
	if (box->cwd[0] != '/')
		return fail_plain(err, EINVAL, "working directory '%s' is not absolute", box->cwd);
	r = hide_paths(request, box, err);
	if (r < 0)
		return r;
	box->limits = request->limits;
	box->drop_capabilities = request->drop_capabilities;
	if (request->seccomp) {
		r = run_seccomp(request->seccomp, box, err);
		if (r < 0)
			return r;
	}
	box->timeout_s = request->timeout_s;
	box->preserve_fds = (unsigned)request->preserve_fds;
	box->make_cwd = root->is_image && !box->root.read_only;
	set_command(request, root, &user, box);
	if (box->argv.count == 0) {
		fail_plain(err, EINVAL, "no command given, and the root has none of its own");
		err_hint(err, "rootlet run %s -- COMMAND", request->root);
		return -EINVAL;
	}
	if (root->environment)
		run_environment_add_variables(root, box);
	if (root->environment ? root->environment->is_host_files
			      : request->host_root && request->pure)
		run_shield(box);
	return run_env_fill(request, &user, box, err);
}
