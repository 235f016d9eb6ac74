// SPDX-License-Identifier: Apache-2.0
/* The kinds of mounts a box can have, each put on its mount point. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/seldom.h"
#include "engine/dev.h"
#include "engine/seed.h"
#include "engine/tree.h"
#include "sys/openat2.h"

static unsigned attrs_of(const struct box_mount *mount)
{
	return mount->read_only ? MOUNT_READ_ONLY : 0;
}

int tree_wants_directory(const struct box_mount *mount, bool *ret_directory, struct err *err)
{
	struct stat st = { .st_mode = S_IFDIR };

	if (mount->kind == BOX_MOUNT_BIND && stat(mount->source, &st) < 0)
		return fail(err, errno, "bind '%s'", mount->source);
	*ret_directory = mount->kind != BOX_MOUNT_FILE && S_ISDIR(st.st_mode);
	return 0;
}

/* Why the kernel says no more than "Invalid argument". */
static seldom void explain_kinds(const struct box_mount *mount, int target_fd, struct err *err)
{
	struct stat st;
	bool is_directory;

	if (tree_wants_directory(mount, &is_directory, NULL) < 0 || fstat(target_fd, &st) < 0 ||
	    is_directory == S_ISDIR(st.st_mode))
		return;
	err_hint(err, is_directory ? "a directory cannot be mounted over what is no directory"
				   : "only a directory can be mounted over a directory");
}

/* Put what was taken on the mount's place; what it is decides what is made when that is missing. */
static int put(struct tree *tree, const struct box_mount *mount, struct mount_source *source,
	       struct err *err)
{
	auto_fd target = -1;
	int r;

	if (mount->is_kept && (mount->uid || mount->gid) && !mount->read_only &&
	    fchownat(source->fd, "", mount->uid, mount->gid, AT_EMPTY_PATH) < 0)
		return fail(err, errno, "give it to %u:%u", mount->uid, mount->gid);
	target = tree_open_target(tree, mount, source->fd, err);
	if (target < 0)
		return target;
	r = mount_put(source, target, NULL, NULL, err);
	if (r < 0)
		explain_kinds(mount, target, err);
	return r;
}

static int bind_path(struct tree *tree, const struct box_mount *mount, const char *path,
		     unsigned attrs, struct err *err)
{
	auto_mount_source source = MOUNT_SOURCE_NONE;
	int r = mount_take(AT_FDCWD, path, true, attrs, &source, err);

	if (r == 0)
		r = put(tree, mount, &source, err);
	return r < 0 ? err_wrap(err, "bind '%s' at '%s'", path, mount->target) : 0;
}

static int bind_host(struct tree *tree, const struct box_mount *mount, struct err *err)
{
	int r;

	if (!tree_binds_host(mount))
		return bind_path(tree, mount, mount->source, attrs_of(mount), err);
	r = put(tree, mount, &tree->host[--tree->host_count], err);
	return r < 0 ? err_wrap(err, "bind '/' at '%s'", mount->target) : 0;
}

/* A directory in the tmpfs there is anyway. */
static int share_memory(struct tree *tree, const struct box_mount *mount, int target_fd,
			struct err *err)
{
	auto_mount_source source = MOUNT_SOURCE_NONE;
	char name[16];
	int r = tree_need_memory(tree, tree->host_root_fd, err);

	if (r == 0)
		r = tree_memory_directory(tree, mount->mode ? mount->mode : 01777, name, err);
	if (r == 0)
		r = mount_take(tree->memory_fd, name, false, attrs_of(mount), &source, err);
	return r < 0 ? r : mount_put(&source, target_fd, NULL, NULL, err);
}

static int new_tmpfs(const struct box_mount *mount, int target_fd, struct err *err)
{
	char size[32];
	char mode[16];
	const struct mount_option options[] = { { "mode", mode },
						{ "size", size },
						{ NULL, NULL } };

	snprintf(mode, sizeof(mode), "%04o", mount->mode ? mount->mode : 01777);
	snprintf(size, sizeof(size), "%llu", (unsigned long long)mount->size_bytes);
	return mount_new("tmpfs", "tmpfs", options, MOUNT_NOSUID | MOUNT_NODEV | attrs_of(mount),
			 target_fd, NULL, err);
}

static int seed(const struct tree *tree, const struct box_mount *mount, struct err *err)
{
	auto_fd fd = -1;

	if (!mount->source)
		return 0;
	fd = openat2_in_root(tree->root_fd, mount->target, O_RDONLY | O_DIRECTORY, 0);
	return fd < 0 ? fail(err, -fd, "open it") : seed_directory(mount->source, fd, err);
}

static int mount_tmpfs(struct tree *tree, const struct box_mount *mount, struct err *err)
{
	auto_fd target = tree_open_target(tree, mount, -1, err);
	int r;

	if (target < 0)
		return err_wrap(err, "tmpfs");
	r = mount->size_bytes ? new_tmpfs(mount, target, err)
			      : share_memory(tree, mount, target, err);
	if (r == 0)
		r = seed(tree, mount, err);
	return r < 0 ? err_wrap(err, "tmpfs at '%s'", mount->target) : 0;
}

static int mount_proc(struct tree *tree, const struct box_mount *mount, struct err *err)
{
	auto_fd target = -1;
	int r;

	if (!tree->plan->box->private_ns.pid)
		return bind_path(tree, mount, "/proc", 0, err);
	target = tree_open_target(tree, mount, -1, err);
	if (target < 0)
		return err_wrap(err, "proc");
	r = mount_new("proc", "proc", NULL, MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC, target, NULL,
		      err);
	if (r == -EPERM)
		err_hint(err, "this process sees only part of /proc (a container?), so the kernel "
			      "refuses a fresh one: try --pid host");
	return r;
}

/* What /sys/class/net shows are the devices of the network that the file system was mounted in. */
static int new_sys(struct tree *tree, const struct box_mount *mount, struct err *err)
{
	auto_fd target = tree_open_target(tree, mount, -1, err);

	return target < 0 ? err_wrap(err, "sys")
			  : mount_new("sysfs", "sysfs", NULL,
				      MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC | MOUNT_READ_ONLY,
				      target, NULL, err);
}

/* What programs learn their limits from is a mount of its own in there. */
static int bind_groups(struct tree *tree, const struct box_mount *mount, struct err *err)
{
	static const char groups[] = "/sys/fs/cgroup";
	auto_buf target = { 0 };
	struct box_mount below = *mount;

	if (access(groups, F_OK) < 0)
		return 0;
	buf_printf(&target, "%s/fs/cgroup", mount->target);
	below.target = target.bytes;
	return bind_path(tree, &below, groups, MOUNT_READ_ONLY, err);
}

/* The kernel refuses a fresh one where somebody hides parts of this one, as in many containers. */
static int mount_sys(struct tree *tree, const struct box_mount *mount, struct err *err)
{
	int r = tree->plan->box->private_ns.network ? new_sys(tree, mount, err) : -EPERM;

	if (r != -EPERM)
		return r < 0 ? r : bind_groups(tree, mount, err);
	err_clear(err);
	return bind_path(tree, mount, "/sys", MOUNT_READ_ONLY, err);
}

static int mount_dev(struct tree *tree, const struct box_mount *mount, struct err *err)
{
	auto_fd target = tree_open_target(tree, mount, -1, err);

	return target < 0 ? err_wrap(err, "dev") : dev_mount(tree, mount, target, err);
}

/* What may be written goes to memory on top; one layer alone needs an upper directory in any case.
 */
static int stack_layers(struct tree *tree, const struct box_mount *mount, int target_fd,
			int *ret_fd, struct err *err)
{
	const struct strings *layers = mount->layers;
	struct mount_option options[TREE_LAYERS_MAX + 5];
	size_t n = 0;
	int r;

	if (layers->count > TREE_LAYERS_MAX)
		return fail_plain(err, E2BIG, "%zu layers: overlay takes at most %d", layers->count,
				  TREE_LAYERS_MAX);
	for (; n < layers->count; n++)
		options[n] = (struct mount_option){ "lowerdir+", layers->item[n], true };
	if (mount->read_only && n > 1) {
		options[n++] = (struct mount_option){ "userxattr", NULL };
		options[n] = (struct mount_option){ NULL, NULL };
		return mount_new("overlay", "rootlet", options, MOUNT_READ_ONLY, target_fd, ret_fd,
				 err);
	}
	r = tree_need_memory(tree, tree->host_root_fd, err);
	return r < 0 ? r : tree_overlay_in_memory(tree, options, n, 0755, target_fd, ret_fd, err);
}

static int stack_layers_at(struct tree *tree, const struct box_mount *mount, int target_fd,
			   int *ret_fd, struct err *err)
{
	int r = stack_layers(tree, mount, target_fd, ret_fd, err);

	if (r < 0 && tree->plan->made)
		tree->plan->made->overlay_refused = true;
	return r < 0 ? err_wrap(err, "layers for '%s'", mount->target) : 0;
}

/* At once where they are to be, and not to be taken away again from anywhere else. */
static int mount_all_layers(struct tree *tree, const struct box_mount *mount, struct err *err)
{
	auto_fd target_fd = tree_open_target(tree, mount, -1, err);
	auto_fd stack_fd = -1;

	return target_fd < 0 ? target_fd : stack_layers_at(tree, mount, target_fd, &stack_fd, err);
}

/* Part of what is stacked: that is done over "/", where only an fd reaches it. */
static int mount_layers(struct tree *tree, const struct box_mount *mount, struct err *err)
{
	auto_mount_source source = MOUNT_SOURCE_NONE;
	auto_fd stack_fd = -1;
	auto_fd source_fd = -1;
	int r;

	if (strcmp(mount->source, "/") == 0 && (!mount->read_only || mount->layers->count > 1))
		return mount_all_layers(tree, mount, err);
	r = stack_layers_at(tree, mount, tree->host_root_fd, &stack_fd, err);
	if (r < 0)
		return r;
	source_fd = openat2_in_root(stack_fd, mount->source, O_PATH, 0);
	if (source_fd < 0)
		return fail(err, -source_fd, "'%s' in the layers for '%s'", mount->source,
			    mount->target);
	r = mount_take(source_fd, "", true, attrs_of(mount), &source, err);
	if (r == 0)
		r = put(tree, mount, &source, err);
	return r < 0 ? err_wrap(err, "layers at '%s'", mount->target) : 0;
}

static int bind_content(struct tree *tree, const struct box_mount *mount, struct err *err)
{
	auto_mount_source source = MOUNT_SOURCE_NONE;
	auto_fd point = mount->optional ? tree_open_target(tree, mount, -1, err) : -1;
	char name[16];
	int r;

	if (mount->optional && point < 0)
		return point;
	r = tree_need_memory(tree, tree->host_root_fd, err);
	if (r == 0)
		r = tree_memory_file(tree, mount, name, err);
	if (r == 0)
		r = mount_take(tree->memory_fd, name, false, attrs_of(mount), &source, err);
	return r < 0 ? r : put(tree, mount, &source, err);
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

int tree_mount(struct tree *tree, const struct box_mount *mount, struct err *err)
{
	int (*const makers[])(struct tree *, const struct box_mount *, struct err *) = {
		[BOX_MOUNT_BIND] = bind_host,  [BOX_MOUNT_TMPFS] = mount_tmpfs,
		[BOX_MOUNT_PROC] = mount_proc, [BOX_MOUNT_SYS] = mount_sys,
		[BOX_MOUNT_DEV] = mount_dev,   [BOX_MOUNT_LAYERS] = mount_layers,
		[BOX_MOUNT_FILE] = place_file,
	};

	int r;

	tree->point_missing = false;
	r = makers[mount->kind](tree, mount, err);
	if (r == 0 || !tree->point_missing)
		return r;
	err_clear(err);
	return 0;
}
