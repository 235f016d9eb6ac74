// SPDX-License-Identifier: Apache-2.0
#include "flow/pack_root.h"

#include <endian.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/strings.h"
#include "engine/root_tree.h"
#include "flow/pack_box.h"
#include "flow/pack_trailer.h"
#include "flow/squash_serve.h"
#include "sys/mount.h"

#define LAUNCHER    "/.rootlet/launch"
#define LINKS_MAX   40
#define SERVERS_MAX 3 /* that do not answer */
#define REAL	    "/.rootlet/real/"
#define OWN_NAME    "rootlet-pack"

/* --- which file this is --- */

static int open_self(const char *execfn, struct pack_self *self, struct err *err)
{
	self->path = "/proc/self/exe";
	self->fd = open(self->path, O_RDONLY | O_CLOEXEC);
	if (self->fd < 0) { /* a root without /proc */
		self->path = execfn;
		self->fd = open(execfn, O_RDONLY | O_CLOEXEC);
	}
	if (self->fd < 0 || fstat(self->fd, &self->st) < 0)
		return fail(err, errno, "open the program's own file '%s'", execfn);
	return 0;
}

static void read_trailer(struct pack_self *self)
{
	struct pack_trailer trailer;
	off_t place = self->st.st_size - (off_t)sizeof(trailer);

	if (place < 0 || pread(self->fd, &trailer, sizeof(trailer), place) != sizeof(trailer) ||
	    memcmp(trailer.magic, PACK_TRAILER_MAGIC, sizeof(trailer.magic)) != 0)
		return;
	self->has_image = true;
	self->base = le64toh(trailer.base);
}

/* --- the launcher: a link leads to it, and the link's place is the program's --- */

static bool find_root(const char *path, char root[PATH_MAX])
{
	size_t length;

	if (!realpath(path, root) || !text_ends(root, LAUNCHER))
		return false;
	length = strlen(root) - strlen(LAUNCHER);
	root[length ? length : 1] = '\0';
	return true;
}

/* The path with no links in its folder; false when there is none. */
static bool resolve_folder(const char *path, char resolved[PATH_MAX])
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t length;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path + 1) : 1,
		 slash ? path : ".");
	if (!realpath(folder, resolved))
		return false;
	length = strlen(resolved);
	return (size_t)snprintf(resolved + length, PATH_MAX - length, "%s%s", length > 1 ? "/" : "",
				name) < PATH_MAX - length;
}

static bool is_program(const char *root, const char *inside)
{
	char path[PATH_MAX];
	struct stat st;

	return (size_t)snprintf(path, sizeof(path), "%s" REAL "%s",
				strcmp(root, "/") == 0 ? "" : root, inside) < sizeof(path) &&
	       lstat(path, &st) == 0;
}

/* Where the link `path` leads next; false when it is none. */
static bool follow(char path[PATH_MAX])
{
	char target[PATH_MAX];
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	char *slash = strrchr(path, '/');

	if (length < 0 || !slash)
		return false;
	target[length] = '\0';
	if (target[0] == '/')
		slash = path - 1;
	return (size_t)snprintf(slash + 1, PATH_MAX - (size_t)(slash + 1 - path), "%s", target) <
	       PATH_MAX - (size_t)(slash + 1 - path);
}

/* From the name it was called by through the user's own links to the pack's. */
static const char *find_program(const char *name, const char *root, struct arena *arena)
{
	size_t skip = strcmp(root, "/") == 0 ? 1 : strlen(root) + 1;
	char given[PATH_MAX];
	char path[PATH_MAX];

	snprintf(given, sizeof(given), "%s", name);
	for (int i = 0; i < LINKS_MAX && resolve_folder(given, path); i++) {
		if (strncmp(path, root, skip - 1) == 0 && is_program(root, path + skip))
			return arena_printf(arena, "/%s", path + skip);
		if (!follow(path))
			break;
		memcpy(given, path, sizeof(given));
	}
	return NULL;
}

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int find_launcher(const char *execfn, const char *argv0, struct arena *arena,
			 struct pack_self *self, struct err *err)
{
	char root[PATH_MAX];

	/* of a script whose interpreter is in the pack, execfn is the script */
	if (!find_root(execfn, root) && !find_root(argv0, root) && !find_root(self->path, root))
		return fail_plain(err, ENOENT,
				  "'%s' is neither a packed program nor a relocatable "
				  "pack's launcher",
				  execfn);
	self->root = arena_copy(arena, root);
	self->program = find_program(execfn, root, arena);
	if (!self->program && strchr(argv0, '/'))
		self->program = find_program(argv0, root, arena);
	if (!self->program && strcmp(last_name(argv0), OWN_NAME) != 0 &&
	    strcmp(last_name(argv0), last_name(LAUNCHER)) != 0)
		return fail_plain(err, ENOENT, "'%s' is no program of the pack in '%s'", argv0,
				  root);
	return 0;
}

int pack_self_find(const char *execfn, const char *argv0, struct arena *arena,
		   struct pack_self *ret_self, struct err *err)
{
	struct pack_self self = { .fd = -1 };
	int r = open_self(execfn, &self, err);

	if (r < 0)
		return r;
	read_trailer(&self);
	if (!self.has_image)
		r = find_launcher(execfn, argv0, arena, &self, err);
	if (r == 0)
		*ret_self = self;
	return r;
}

/* --- a root for all runs --- */

struct start {
	const struct pack_self *self;
	const struct squash_share *share;
	const char *root; /* in the server's mount namespace */
};

/* In a child of the server: the tree of mounts that a run would make. */
static int stand(void *context, struct err *err)
{
	const struct start *start = context;
	auto_fd root_fd = open(start->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_pack_description description = { 0 };
	struct root_plan plan;
	struct box box;
	const struct engine_job job = { .box = &box };
	int r;

	if (root_fd < 0)
		return fail(err, errno, "open '%s'", start->root);
	box_init(&box);
	r = pack_description_read(root_fd, &description, err);
	if (r == 0)
		r = pack_make_box(start->root, root_fd, &description, &box, err);
	if (r == 0)
		r = pack_box_bind_whole(&box, root_fd, err);
	pack_box_stack(&box);
	if (r == 0)
		r = root_tree_plan(&job, &plan, err);
	if (r == 0)
		r = root_tree_enter(&plan, err);
	return r < 0 ? r : mount_uncover(err);
}

static _Noreturn void serve(struct start *start, int error_fd)
{
	const struct squash_service service = { .path = start->self->has_image ? start->self->path
									       : NULL,
						.base = start->self->base,
						.share = start->share,
						.stand = stand,
						.context = start };
	struct err err = { 0 };
	char number[16];

	snprintf(number, sizeof(number), "%d", error_fd);
	setenv(ERR_FD_VARIABLE, number, 1);
	if (squash_serve(&service, &err) < 0)
		(void)io_write_all(error_fd, &err, sizeof(err));
	_exit(0);
}

/* A child becomes the server; it ends when runs can connect, or with a reason. */
static int start_server(void *context, struct err *err)
{
	struct err reason;
	int fds[2];
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail(err, errno, "pipe");
	pid = fork();
	if (pid == 0)
		serve(context, fds[1]);
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return fail(err, errno, "fork");
	}
	n = io_read_full(fds[0], &reason, sizeof(reason));
	close(fds[0]);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (n != sizeof(reason))
		return 0;
	if (err)
		*err = reason;
	return -reason.code;
}

/* --- entering it --- */

/* What a run wants to find where it was. */
struct place {
	const char *path;
	struct stat st;
};

#define PLACES 3

static size_t find_places(char cwd[PATH_MAX], struct place places[PLACES])
{
	const char *const paths[PLACES] = { getcwd(cwd, PATH_MAX), getenv("HOME"),
					    getenv("TMPDIR") };
	size_t count = 0;

	for (size_t i = 0; i < PLACES; i++)
		if (paths[i] && paths[i][0] == '/' && stat(paths[i], &places[count].st) == 0)
			places[count++].path = paths[i];
	return count;
}

static bool has_places(const struct place *place, size_t count)
{
	struct stat st;

	for (size_t i = 0; i < count; i++)
		if (strcmp(place[i].path, "/") != 0 &&
		    (stat(place[i].path, &st) < 0 || st.st_dev != place[i].st.st_dev ||
		     st.st_ino != place[i].st.st_ino))
			return false;
	return true;
}

static bool is_standing(const struct squash_served *served)
{
	struct stat image;
	struct stat root;

	return served->count > 2 && fstat(served->fd[0], &image) == 0 &&
	       fstat(served->fd[1], &root) == 0 && image.st_ino != root.st_ino;
}

static int enter(const struct pack_self *self, struct pack_root *root, const char *point,
		 struct err *err)
{
	const struct squash_served *served = &root->served;
	struct place place[PLACES];
	char cwd[PATH_MAX];
	size_t count = find_places(cwd, place);
	bool has_cwd = count > 0 && place[0].path == cwd;
	int r = squash_enter_user(served, err);

	if (r < 0)
		return r;
	root->is_entered = has_cwd && is_standing(served) &&
			   setns(served->fd[1], CLONE_NEWNS) == 0 && has_places(place, count) &&
			   chdir(cwd) == 0;
	if (!root->is_entered)
		r = squash_enter(served, has_cwd ? cwd : NULL, err);
	root->outside = self->has_image ? point : self->root;
	if (r == 0)
		root->path = root->is_entered ? "/" : root->outside;
	return r;
}

static int join(const struct pack_self *self, struct arena *arena, struct pack_root *root,
		struct err *err)
{
	struct squash_share share;
	struct start start = { .self = self, .share = &share };
	int r = -ETIMEDOUT;

	for (unsigned number = 0; r == -ETIMEDOUT && number < SERVERS_MAX; number++) {
		if (err)
			err_clear(err);
		r = squash_share_names_of_pack(&self->st, number, arena, &share, err);
		start.root = self->has_image ? share.point : self->root;
		if (r == 0)
			r = squash_join(&share, start_server, &start, &root->served, err);
	}
	return r < 0 ? r : enter(self, root, share.point, err);
}

/* --- */

bool pack_may_mount(const char *engine)
{
	return !engine || strcmp(engine, "auto") == 0 || strcmp(engine, "userns") == 0;
}

static int unpack_image(const struct pack_self *self, struct arena *arena, struct pack_root *root,
			struct err *err)
{
	int r = pack_unpack(self->fd, self->base, &self->st, arena, &root->unpacked, err);

	root->path = root->unpacked.root;
	buf_printf(&root->how, "image: unpacked in '%s'\n", root->path);
	return r;
}

static int open_image(const struct pack_self *self, const char *engine, struct arena *arena,
		      struct pack_root *root, struct err *err)
{
	int r;

	if (!pack_may_mount(engine)) {
		buf_printf(&root->how, "image: engine %s has no mounts\n", engine);
		return unpack_image(self, arena, root, err);
	}
	r = join(self, arena, root, err);
	if (r == 0) {
		buf_add_text(&root->how, "image: mounted by FUSE\n");
		return 0;
	}
	buf_printf(&root->how, "image: not mounted: %s\n", err ? err->text : "refused");
	if (err)
		err_clear(err);
	return unpack_image(self, arena, root, err);
}

/* Without a process that serves it a relocatable pack's run makes its root by itself; so does root,
 * who gets none that stands. */
static void open_folder(const struct pack_self *self, const char *engine, struct arena *arena,
			struct pack_root *root)
{
	root->path = self->root;
	if (pack_may_mount(engine) && geteuid() != 0)
		(void)!join(self, arena, root, NULL);
}

int pack_root_open(const struct pack_self *self, const char *engine, struct arena *arena,
		   struct pack_root *ret_root, struct err *err)
{
	struct pack_root root = { .fd = -1,
				  .served = { .socket = -1 },
				  .unpacked = { .lock_fd = -1 } };
	int r = 0;

	if (self->has_image)
		r = open_image(self, engine, arena, &root, err);
	else
		open_folder(self, engine, arena, &root);
	if (r == 0)
		root.fd = open(root.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && root.fd < 0)
		r = fail(err, errno, "open '%s'", root.path);
	if (r < 0)
		pack_root_done(&root);
	else
		*ret_root = root;
	return r;
}

/* Who entered a user namespace may do all in there, and is closed to who may not: programs under a
 * tracer open what it has open by /proc/PID/fd, and are of those. */
static int become_ordinary(struct err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	if (syscall(SYS_capset, &header, none) < 0)
		return fail(err, errno, "capset");
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 ? fail(err, errno, "PR_SET_DUMPABLE") : 0;
}

int pack_root_leave(struct pack_root *root, struct err *err)
{
	char cwd[PATH_MAX];
	int r = squash_enter(&root->served, getcwd(cwd, sizeof(cwd)), err);

	if (r == 0)
		r = become_ordinary(err);
	if (r < 0)
		return r;
	cleanup_fd(&root->fd);
	root->is_entered = false;
	root->path = root->outside;
	root->fd = open(root->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root->fd < 0 ? fail(err, errno, "open '%s'", root->path) : 0;
}

void pack_root_done(struct pack_root *root)
{
	cleanup_fd(&root->fd);
	root->fd = -1;
	squash_served_done(&root->served);
	root->served = (struct squash_served){ .socket = -1 };
	pack_unpack_done(&root->unpacked);
	buf_done(&root->how);
}
