// SPDX-License-Identifier: Apache-2.0
/* Root and mounts, all by fd: the root is mounted, mount points are found or made inside it with
 * openat2(RESOLVE_IN_ROOT), things are mounted on them, pivot_root comes last. */
#include "engine/root_tree.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "engine/dev.h"
#include "sys/mount.h"
#include "sys/openat2.h"

#define HOST_BINDS_MAX 4
#define LAYERS_MAX     500 /* the kernel's OVL_MAX_STACK */

struct engine_made *engine_made_new(void)
{
	void *made = mmap(NULL, sizeof(struct engine_made), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return made == MAP_FAILED ? NULL : made;
}

void engine_made_free(struct engine_made *made)
{
	if (made)
		munmap(made, sizeof(*made));
}

static int open_directory(const char *path, struct err *err)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? fail(err, errno, "root directory '%s'", path) : fd;
}

static bool lacks_mount_point(const struct box *box, int root_fd)
{
	for (size_t i = 0; i < box->mounts.count; i++) {
		const struct box_mount *mount = &box->mounts.item[i];
		auto_fd fd = openat2_in_root(root_fd, mount->target, O_PATH, 0);
		bool inside_another = false;

		/* A target below an earlier mount will be made there, not in the root. */
		for (size_t j = 0; j < i && !inside_another; j++)
			inside_another = text_starts(mount->target, box->mounts.item[j].target);
		if (fd == -ENOENT && !inside_another && !mount->optional)
			return true;
	}
	return false;
}

int root_tree_plan(const struct engine_job *job, struct root_plan *ret_plan, struct err *err)
{
	const struct box *box = job->box;
	struct root_plan plan = { .box = box, .made = job->made };
	auto_fd root_fd = -1;

	if (box->root.kind == BOX_ROOT_OVERLAY && box->root.lower.count > LAYERS_MAX)
		return fail_plain(err, E2BIG, "%zu layers: overlay takes at most %d",
				  box->root.lower.count, LAYERS_MAX);
	if (box->root.kind == BOX_ROOT_DIRECTORY) {
		root_fd = open_directory(box->root.path, err);
		if (root_fd < 0)
			return root_fd;
		plan.overlay_on_directory = box->root.read_only && lacks_mount_point(box, root_fd);
	}
	*ret_plan = plan;
	return 0;
}

/* The directory bound over itself: a mount of ours that can become / . */
static int mount_directory(const struct root_plan *plan, int *ret_root_fd, struct err *err)
{
	const struct box_root *root = &plan->box->root;
	auto_fd source = open_directory(root->path, err);
	int fd;
	int r;

	if (source < 0)
		return source;
	r = mount_bind(source, source, true, root->read_only ? MOUNT_READ_ONLY : 0, err);
	if (r < 0)
		return err_wrap(err, "mount '%s' as root", root->path);
	fd = open_directory(root->path, err);
	if (fd < 0)
		return fd;
	*ret_root_fd = fd;
	return 0;
}

/* A tmpfs that holds upper/ and work/. It is mounted over "/", where only fds reach it: every
 * other place could hide a layer's path. */
static int make_memory_upper(int host_root_fd, int *ret_fd, struct err *err)
{
	static const struct mount_option options[] = { { "mode", "0700" }, { NULL, NULL } };
	auto_fd fd = -1;
	int r = mount_new("tmpfs", "rootlet", options, 0, host_root_fd, &fd, err);

	if (r < 0)
		return err_wrap(err, "memory for changes to the root");
	if (mkdirat(fd, "upper", 0755) < 0 || mkdirat(fd, "work", 0700) < 0)
		return fail(err, errno, "memory for changes to the root");
	*ret_fd = take_fd(&fd);
	return 0;
}

static int mount_overlay(const struct root_plan *plan, int *ret_root_fd, struct err *err)
{
	const struct box_root *root = &plan->box->root;
	struct mount_option options[LAYERS_MAX + 4];
	char upper[PATH_MAX];
	char work[PATH_MAX];
	auto_fd host_root_fd = open_directory("/", err);
	auto_fd memory_fd = -1;
	size_t n = 0;
	int r;

	if (host_root_fd < 0)
		return host_root_fd;
	if (root->kind == BOX_ROOT_DIRECTORY)
		options[n++] = (struct mount_option){ "lowerdir+", root->path, true };
	for (size_t i = 0; i < root->lower.count; i++)
		options[n++] = (struct mount_option){ "lowerdir+", root->lower.item[i], true };
	if (root->upper) {
		snprintf(upper, sizeof(upper), "%s", root->upper);
		snprintf(work, sizeof(work), "%s", root->work);
	} else {
		r = make_memory_upper(host_root_fd, &memory_fd, err);
		if (r < 0)
			return r;
		snprintf(upper, sizeof(upper), "/proc/self/fd/%d/upper", memory_fd);
		snprintf(work, sizeof(work), "/proc/self/fd/%d/work", memory_fd);
	}
	options[n++] = (struct mount_option){ "upperdir", upper, true };
	options[n++] = (struct mount_option){ "workdir", work, true };
	options[n++] = (struct mount_option){ "userxattr", NULL };
	options[n] = (struct mount_option){ NULL, NULL };
	r = mount_new("overlay", "rootlet", options, 0, memory_fd >= 0 ? memory_fd : host_root_fd,
		      ret_root_fd, err);
	if (r < 0 && plan->made && root->kind == BOX_ROOT_OVERLAY)
		plan->made->overlay_refused = true;
	return r < 0 ? err_wrap(err, "stack the root's layers") : 0;
}

/* The tree being built. */
struct tree {
	const struct root_plan *plan;
	int root_fd;
	int scratch_fd; /* a tmpfs for the content of files: the box's /dev when it has one */
	/* Copies of the host's whole tree for binds of "/", taken before the root's layers are
	 * stacked over it. */
	int host_fd[HOST_BINDS_MAX];
	size_t host_count;
};

static bool binds_host(const struct box_mount *mount)
{
	return mount->kind == BOX_MOUNT_BIND && strcmp(mount->source, "/") == 0;
}

static int copy_host_trees(struct tree *tree, struct err *err)
{
	const struct box_mounts *mounts = &tree->plan->box->mounts;

	for (size_t i = 0; i < mounts->count; i++) {
		int r;

		if (!binds_host(&mounts->item[i]))
			continue;
		if (tree->host_count == HOST_BINDS_MAX)
			return fail_plain(err, E2BIG, "more than %d binds of '/'", HOST_BINDS_MAX);
		r = mount_copy_tree("/", &tree->host_fd[tree->host_count], err);
		if (r < 0)
			return err_wrap(err, "bind '/'");
		tree->host_count++;
	}
	return 0;
}

/* Remember a mount point that had to be made, by its path without symlinks. */
static void note_made(struct engine_made *made, int fd)
{
	char link[32];
	ssize_t length;

	if (!made || made->count == ENGINE_MADE_MAX)
		return;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, made->path[made->count], ENGINE_MADE_PATH_SIZE - 1);
	if (length > 0)
		made->path[made->count++][length] = '\0';
}

/* The mount point of `mount`, made when missing; -ENOENT for an optional one that is missing. */
static int open_target(struct tree *tree, const struct box_mount *mount, bool directory,
		       struct err *err)
{
	bool created = false;
	int fd;

	if (mount->optional)
		fd = openat2_in_root(tree->root_fd, mount->target, O_PATH, 0);
	else
		fd = openat2_make_target(tree->root_fd, mount->target, directory, &created);
	if (fd < 0)
		return fail(err, -fd, "mount point '%s' in the root", mount->target);
	if (created)
		note_made(tree->plan->made, fd);
	return fd;
}

static int attach_host_tree(struct tree *tree, const struct box_mount *mount, struct err *err)
{
	auto_fd host_fd = tree->host_fd[--tree->host_count];
	auto_fd target = open_target(tree, mount, true, err);
	int r;

	if (target < 0)
		return err_wrap(err, "bind '/'");
	r = mount_attach_tree(host_fd, target, mount->read_only ? MOUNT_READ_ONLY : 0, err);
	return r < 0 ? err_wrap(err, "bind '/' at '%s'", mount->target) : 0;
}

static int bind_host(struct tree *tree, const struct box_mount *mount, struct err *err)
{
	auto_fd source = open(mount->source, O_PATH | O_CLOEXEC);
	auto_fd target = -1;
	struct stat st;
	int r;

	if (source < 0 || fstat(source, &st) < 0)
		return fail(err, errno, "bind '%s': source", mount->source);
	if (tree->host_count && binds_host(mount))
		return attach_host_tree(tree, mount, err);
	target = open_target(tree, mount, S_ISDIR(st.st_mode), err);
	if (target < 0)
		return err_wrap(err, "bind '%s'", mount->source);
	r = mount_bind(source, target, true, mount->read_only ? MOUNT_READ_ONLY : 0, err);
	return r < 0 ? err_wrap(err, "bind '%s' at '%s'", mount->source, mount->target) : 0;
}

static int mount_tmpfs(struct tree *tree, const struct box_mount *mount, struct err *err)
{
	char size[32];
	char mode[16];
	struct mount_option options[3] = { { "mode", mode } };
	auto_fd target = open_target(tree, mount, true, err);
	int r;

	if (target < 0)
		return err_wrap(err, "tmpfs");
	snprintf(mode, sizeof(mode), "%04o", mount->mode ? mount->mode : 01777);
	snprintf(size, sizeof(size), "%llu", (unsigned long long)mount->size_bytes);
	if (mount->size_bytes)
		options[1] = (struct mount_option){ "size", size };
	r = mount_new("tmpfs", "tmpfs", options,
		      MOUNT_NOSUID | MOUNT_NODEV | (mount->read_only ? MOUNT_READ_ONLY : 0), target,
		      NULL, err);
	return r < 0 ? err_wrap(err, "tmpfs at '%s'", mount->target) : 0;
}

static int mount_proc(struct tree *tree, const struct box_mount *mount, struct err *err)
{
	auto_fd target = open_target(tree, mount, true, err);
	auto_fd host_proc = -1;
	int r;

	if (target < 0)
		return err_wrap(err, "proc");
	if (tree->plan->box->private_ns.pid) {
		r = mount_new("proc", "proc", NULL, MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC,
			      target, NULL, err);
		if (r == -EPERM)
			err_hint(err, "this process sees only part of /proc (a container?), so the "
				      "kernel refuses a fresh one: try --pid host");
		return r;
	}
	host_proc = open_directory("/proc", err);
	if (host_proc < 0)
		return host_proc;
	return mount_bind(host_proc, target, true, 0, err);
}

static int mount_sys(struct tree *tree, const struct box_mount *mount, struct err *err)
{
	struct box_mount host = *mount;

	host.source = "/sys";
	host.read_only = true;
	return bind_host(tree, &host, err);
}

static int mount_dev(struct tree *tree, const struct box_mount *mount, struct err *err)
{
	auto_fd target = open_target(tree, mount, true, err);

	if (target < 0)
		return err_wrap(err, "dev");
	return dev_mount(target, mount->size_bytes, tree->scratch_fd < 0 ? &tree->scratch_fd : NULL,
			 err);
}

static int write_content(int directory_fd, const char *name, const struct box_mount *mount,
			 struct err *err)
{
	auto_fd fd = openat(directory_fd, name,
			    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			    mount->mode ? mount->mode : 0644);
	int r;

	if (fd < 0)
		return fail(err, errno, "create");
	r = io_write_all(fd, mount->content, mount->content_bytes);
	return r < 0 ? fail(err, -r, "write") : 0;
}

static int need_scratch(struct tree *tree, struct err *err)
{
	auto_fd host_root_fd = -1;

	if (tree->scratch_fd >= 0)
		return 0;
	host_root_fd = open_directory("/", err);
	if (host_root_fd < 0)
		return host_root_fd;
	return mount_new("tmpfs", "rootlet", NULL, MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC,
			 host_root_fd, &tree->scratch_fd, err);
}

/* The bind keeps the file alive after its name is gone. */
static int bind_content(struct tree *tree, const struct box_mount *mount, struct err *err)
{
	static const char name[] = ".rootlet-file";
	auto_fd target = open_target(tree, mount, false, err);
	auto_fd file_fd = -1;
	int r;

	if (target < 0)
		return target;
	r = need_scratch(tree, err);
	if (r == 0)
		r = write_content(tree->scratch_fd, name, mount, err);
	if (r < 0)
		return r;
	file_fd = openat(tree->scratch_fd, name, O_PATH | O_CLOEXEC);
	if (file_fd < 0)
		return fail(err, errno, "open");
	r = mount_bind(file_fd, target, false, mount->read_only ? MOUNT_READ_ONLY : 0, err);
	unlinkat(tree->scratch_fd, name, 0);
	return r;
}

static void list_layers(const struct strings *layers, struct mount_option *options)
{
	size_t n = 0;

	for (; n < layers->count; n++)
		options[n] = (struct mount_option){ "lowerdir+", layers->item[n] };
	options[n] = (struct mount_option){ NULL, NULL };
}

/* Stack the layers over "/", where only an fd reaches them, with memory on top for what is written
 * (one layer alone needs an upper directory in any case). */
static int stack_layers(const struct box_mount *mount, int *ret_fd, struct err *err)
{
	struct mount_option options[LAYERS_MAX + 4];
	auto_fd host_root_fd = open_directory("/", err);
	auto_fd memory_fd = -1;
	char upper[64];
	char work[64];
	size_t n = mount->layers->count;
	int r;

	if (host_root_fd < 0)
		return host_root_fd;
	if (n > LAYERS_MAX)
		return fail_plain(err, E2BIG, "%zu layers: overlay takes at most %d", n,
				  LAYERS_MAX);
	list_layers(mount->layers, options);
	r = make_memory_upper(host_root_fd, &memory_fd, err);
	if (r < 0)
		return r;
	snprintf(upper, sizeof(upper), "/proc/self/fd/%d/upper", memory_fd);
	snprintf(work, sizeof(work), "/proc/self/fd/%d/work", memory_fd);
	options[n++] = (struct mount_option){ "upperdir", upper };
	options[n++] = (struct mount_option){ "workdir", work };
	options[n++] = (struct mount_option){ "userxattr", NULL };
	options[n] = (struct mount_option){ NULL, NULL };
	return mount_new("overlay", "rootlet", options, 0, memory_fd, ret_fd, err);
}

static int mount_layers(struct tree *tree, const struct box_mount *mount, struct err *err)
{
	auto_fd stack_fd = -1;
	auto_fd source_fd = -1;
	auto_fd target = -1;
	struct stat st;
	int r = stack_layers(mount, &stack_fd, err);

	if (r < 0)
		return err_wrap(err, "layers for '%s'", mount->target);
	source_fd = openat2_in_root(stack_fd, mount->source, O_PATH, 0);
	if (source_fd < 0)
		return fail(err, -source_fd, "'%s' in the layers for '%s'", mount->source,
			    mount->target);
	if (fstat(source_fd, &st) < 0)
		return fail(err, errno, "'%s'", mount->source);
	target = open_target(tree, mount, S_ISDIR(st.st_mode), err);
	if (target < 0)
		return target;
	r = mount_bind(source_fd, target, true, mount->read_only ? MOUNT_READ_ONLY : 0, err);
	return r < 0 ? err_wrap(err, "layers at '%s'", mount->target) : 0;
}

/* In a root that is thrown away the file is simply written, so that programs which replace it by
 * rename(2) (useradd and /etc/passwd) can. */
static int place_file(struct tree *tree, const struct box_mount *mount, struct err *err)
{
	const struct box_root *root = &tree->plan->box->root;
	int r;

	if (root->kind == BOX_ROOT_OVERLAY && !root->upper && !root->read_only) {
		auto_fd fd = openat2_in_root(tree->root_fd, mount->target,
					     O_WRONLY | O_CREAT | O_TRUNC, 0644);

		if (fd >= 0) {
			r = io_write_all(fd, mount->content, mount->content_bytes);
			return r < 0 ? fail(err, -r, "write '%s'", mount->target) : 0;
		}
	}
	r = bind_content(tree, mount, err);
	return r < 0 ? err_wrap(err, "file '%s'", mount->target) : 0;
}

static int make_mount(struct tree *tree, const struct box_mount *mount, struct err *err)
{
	int (*const makers[])(struct tree *, const struct box_mount *, struct err *) = {
		[BOX_MOUNT_BIND] = bind_host,  [BOX_MOUNT_TMPFS] = mount_tmpfs,
		[BOX_MOUNT_PROC] = mount_proc, [BOX_MOUNT_SYS] = mount_sys,
		[BOX_MOUNT_DEV] = mount_dev,   [BOX_MOUNT_LAYERS] = mount_layers,
		[BOX_MOUNT_FILE] = place_file,
	};

	if (mount->optional) {
		auto_fd fd = openat2_in_root(tree->root_fd, mount->target, O_PATH, 0);

		if (fd == -ENOENT)
			return 0;
	}
	return makers[mount->kind](tree, mount, err);
}

static int make_cwd(const struct box *box, int root_fd, struct err *err)
{
	int fd;

	if (!box->make_cwd)
		return 0;
	fd = openat2_make_directories(root_fd, box->cwd, 0755);
	if (fd < 0)
		return fail(err, -fd, "working directory '%s'", box->cwd);
	close(fd);
	return 0;
}

static int enter(struct tree *tree, struct err *err)
{
	const struct box *box = tree->plan->box;
	bool overlay = box->root.kind == BOX_ROOT_OVERLAY || tree->plan->overlay_on_directory;
	int r = overlay ? copy_host_trees(tree, err) : 0;

	if (r == 0)
		r = overlay ? mount_overlay(tree->plan, &tree->root_fd, err)
			    : mount_directory(tree->plan, &tree->root_fd, err);
	for (size_t i = 0; r == 0 && i < box->mounts.count; i++)
		r = make_mount(tree, &box->mounts.item[i], err);
	if (r == 0)
		r = make_cwd(box, tree->root_fd, err);
	if (r == 0 && overlay && box->root.read_only)
		r = mount_add_attrs(tree->root_fd, false, MOUNT_READ_ONLY, err);
	return r < 0 ? r : mount_pivot(tree->root_fd, err);
}

int root_tree_enter(const struct root_plan *plan, struct err *err)
{
	struct tree tree = { .plan = plan, .root_fd = -1, .scratch_fd = -1 };
	int r = enter(&tree, err);

	if (tree.root_fd >= 0)
		close(tree.root_fd);
	if (tree.scratch_fd >= 0)
		close(tree.scratch_fd);
	while (tree.host_count > 0)
		close(tree.host_fd[--tree.host_count]);
	return r;
}
