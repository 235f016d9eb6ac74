// SPDX-License-Identifier: Apache-2.0
/* Probes of namespaces and of what can be mounted in them. Each acts in a child that goes away
 * with all its mounts. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/mount.h>

#include "base/banned.h"
#include "base/io.h"
#include "sys/host_probe.h"
#include "sys/mount.h"
#include "sys/ns.h"
#include "sys/process.h"
#include "sys/subid.h"

#define MOUNT_SPACE (CLONE_NEWUSER | CLONE_NEWNS)

static int do_nothing(struct host *host, struct err *err)
{
	(void)host;
	(void)err;
	return 0;
}

int probe_user_namespace(struct host *host, struct err *err)
{
	return host_in_child(CLONE_NEWUSER, do_nothing, host, err);
}

/* Mount a new file system over "/": it lies on top, unused, and hides nothing from this process,
 * whose root stays the directory below. */
static int mount_on_top(const char *type, const struct mount_option *options, int *ret_root_fd,
			struct err *err)
{
	auto_fd top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (top < 0)
		return fail(err, errno, "open /");
	r = mount_isolate(err);
	if (r == 0)
		r = mount_new(type, type, options, MOUNT_NOSUID | MOUNT_NODEV, top, ret_root_fd,
			      err);
	return r;
}

static const struct mount_option no_options[] = { { NULL, NULL } };

static int mount_tmpfs(struct host *host, struct err *err)
{
	(void)host;
	return mount_on_top("tmpfs", no_options, NULL, err);
}

int probe_namespace_mount(struct host *host, struct err *err)
{
	return host_in_child(MOUNT_SPACE, mount_tmpfs, host, err);
}

static int mount_proc(struct host *host, struct err *err)
{
	(void)host;
	return mount_on_top("proc", no_options, NULL, err);
}

int probe_namespace_proc(struct host *host, struct err *err)
{
	return host_in_child(MOUNT_SPACE | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS, mount_proc,
			     host, err);
}

static int loopback_up(struct host *host, struct err *err)
{
	(void)host;
	return ns_loopback_up(err);
}

int probe_namespace_network(struct host *host, struct err *err)
{
	return host_in_child(CLONE_NEWUSER | CLONE_NEWNET, loopback_up, host, err);
}

static int accept_ids(void *context, struct err *err)
{
	(void)context;
	return setresuid(0, 0, 0) < 0 ? fail(err, errno, "become user 0 inside") : 0;
}

int probe_subordinate_ids(struct host *host, struct err *err)
{
	struct id_space space;
	struct subids ids;
	int r;

	r = subid_find(&host->user, &ids, err);
	if (r == 0)
		r = id_space_of_user(&host->user, 0, 0, &space, err);
	if (r == 0)
		r = id_space_call(&space, accept_ids, NULL, err);
	if (r < 0)
		return r;
	return host_detail(err, "%u uids from %u, %u gids from %u%s", ids.uid.total,
			   ids.uid.item[0].first, ids.gid.total, ids.gid.item[0].first,
			   ids.uid.count > 1 || ids.gid.count > 1 ? ", in several ranges" : "");
}

/* Root with one id, as in a user namespace of Type III, has nobody to be root of. */
int probe_root(struct host *host, struct err *err)
{
	struct id_space space;
	int r = id_space_here(&space, err);

	if (r < 0)
		return r;
	if (geteuid() != 0)
		return fail_plain(err, EPERM, "%s (%u) is not root", host->user.name, geteuid());
	if (id_space_has_one(&space))
		return fail_plain(err, EPERM, "only one id is mapped here");
	r = host_in_child(CLONE_NEWNS, mount_tmpfs, host, err);
	return r < 0 ? r
		     : host_detail(err, "%llu ids%s", (unsigned long long)id_maps_count(&space.uid),
				   id_maps_count(&space.uid) == UINT32_MAX ? ", all there are"
									   : "");
}

/* An overlay on the directories lower, upper, work below `base`, with a whiteout made in it: some
 * file systems mount as upper and fail at the first deletion. */
static int try_overlay(const char *base, int base_fd, struct err *err)
{
	char lower[4200], upper[4200], work[4200];
	const struct mount_option options[] = { { "lowerdir", lower },
						{ "upperdir", upper },
						{ "workdir", work },
						{ "userxattr", NULL },
						{ NULL, NULL } };
	auto_fd file = -1;
	auto_fd merged = -1;
	int r;

	snprintf(lower, sizeof(lower), "%s/lower", base);
	snprintf(upper, sizeof(upper), "%s/upper", base);
	snprintf(work, sizeof(work), "%s/work", base);
	if (mkdirat(base_fd, "lower", 0755) < 0 || mkdirat(base_fd, "upper", 0755) < 0 ||
	    mkdirat(base_fd, "work", 0755) < 0)
		return fail(err, errno, "make directories in '%s'", base);
	file = openat(base_fd, "lower/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (file < 0)
		return fail(err, errno, "create '%s/lower/file'", base);
	r = mount_on_top("overlay", options, &merged, err);
	if (r < 0)
		return r;
	if (unlinkat(merged, "file", 0) < 0)
		return fail(err, errno, "delete a file of overlay's lower layer");
	if (faccessat(merged, "file", F_OK, 0) == 0)
		return fail_plain(err, EIO, "a file deleted in overlay is still there");
	return 0;
}

static int overlay_in_scratch(struct host *host, struct err *err)
{
	auto_fd fd = open(host->store_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail(err, errno, "open '%s'", host->store_directory);
	return try_overlay(host->store_directory, fd, err);
}

int probe_overlay_store(struct host *host, struct err *err)
{
	char path[4096];
	struct host inside = *host;
	int r = host_scratch_make(host, path, err);

	if (r < 0)
		return r;
	inside.store_directory = path;
	r = host_in_child(MOUNT_SPACE, overlay_in_scratch, &inside, err);
	host_scratch_remove(path);
	return r;
}

static int overlay_in_tmpfs(struct host *host, struct err *err)
{
	auto_fd tmpfs = -1;
	char base[32];
	int r;

	(void)host;
	r = mount_on_top("tmpfs", no_options, &tmpfs, err);
	if (r < 0)
		return r;
	snprintf(base, sizeof(base), "/proc/self/fd/%d", tmpfs);
	return try_overlay(base, tmpfs, err);
}

int probe_overlay_tmpfs(struct host *host, struct err *err)
{
	return host_in_child(MOUNT_SPACE, overlay_in_tmpfs, host, err);
}

static int mount_fuse(struct host *host, struct err *err)
{
	auto_fd fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char number[12];
	const struct mount_option options[] = { { "fd", number },
						{ "rootmode", "40000" },
						{ "user_id", "0" },
						{ "group_id", "0" },
						{ NULL, NULL } };

	(void)host;
	if (fuse < 0)
		return fail(err, errno, "open /dev/fuse");
	snprintf(number, sizeof(number), "%d", fuse);
	return mount_on_top("fuse", options, NULL, err);
}

int probe_fuse(struct host *host, struct err *err)
{
	auto_fd fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fuse <
	    0) /* said before asking for a namespace, which may be refused for its own reason */
		return fail(err, errno, "open /dev/fuse");
	return host_in_child(MOUNT_SPACE, mount_fuse, host, err);
}

int probe_fusermount(struct host *host, struct err *err)
{
	char path[PROCESS_PATH_MAX];

	(void)host;
	if (!process_find("fusermount3", path))
		return fail_plain(err, ENOENT, "fusermount3 is not installed");
	if (rule_has_no_new_privs())
		return fail_plain(err, EPERM, "no_new_privs is set: %.200s has no privilege", path);
	if (access("/dev/fuse", F_OK) < 0)
		return fail(err, errno, "/dev/fuse");
	return host_detail(err, "%.200s", path);
}

static int clone_tree(struct host *host, struct err *err)
{
	struct mount_attr attrs = { .attr_set = MOUNT_ATTR_RDONLY };
	int r = mount_isolate(err);
	auto_fd tree = -1;

	(void)host;
	if (r < 0)
		return r;
	/* AT_RECURSIVE: without it a user namespace may not take a part of what it inherited */
	tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/",
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (tree < 0)
		return fail(err, errno, "open_tree");
	if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attrs, sizeof(attrs)) < 0)
		return fail(err, errno, "mount_setattr");
	return 0;
}

int probe_new_mount_api(struct host *host, struct err *err)
{
	return host_in_child(MOUNT_SPACE, clone_tree, host, err);
}
