// SPDX-License-Identifier: Apache-2.0
#include "engine/dev.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "sys/mount.h"
#include "sys/openat2.h"

static const char *const devices[] = { "null", "zero", "full", "random", "urandom", "tty", NULL };

/* What the host does not have it cannot give. The mount points are one empty file by several names,
 * which costs half of several. */
static int bind_devices(int dev_fd, struct err *err)
{
	int r = mknodat(dev_fd, devices[0], S_IFREG | 0666, 0);

	for (size_t i = 1; r == 0 && devices[i]; i++)
		r = linkat(dev_fd, devices[0], dev_fd, devices[i], 0);
	if (r < 0)
		return fail(err, errno, "mount points for devices");
	return mount_files("/dev", devices, dev_fd, err);
}

static int make_links(int dev_fd, struct err *err)
{
	static const char *const links[][2] = {
		{ "/proc/self/fd", "fd" },	 { "/proc/self/fd/0", "stdin" },
		{ "/proc/self/fd/1", "stdout" }, { "/proc/self/fd/2", "stderr" },
		{ "pts/ptmx", "ptmx" },
	};

	for (size_t i = 0; i < array_count(links); i++)
		if (symlinkat(links[i][0], dev_fd, links[i][1]) < 0)
			return fail(err, errno, "link '/dev/%s'", links[i][1]);
	return 0;
}

/* *ret_covered_fd, unless NULL, is the directory below the mount. */
static int mount_below(int dev_fd, const char *name, const char *type,
		       const struct mount_option *options, unsigned attrs, int *ret_covered_fd,
		       struct err *err)
{
	auto_fd target = -1;
	int r;

	if (mkdirat(dev_fd, name, 0755) < 0)
		return fail(err, errno, "make '/dev/%s'", name);
	target = openat(dev_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target < 0)
		return fail(err, errno, "open '/dev/%s'", name);
	r = mount_new(type, type, options, attrs, target, NULL, err);
	if (r < 0)
		return err_wrap(err, "/dev/%s", name);
	if (ret_covered_fd)
		*ret_covered_fd = take_fd(&target);
	return 0;
}

/* In the same memory; a mount of its own only when a size was asked for. */
static int make_shm(int dev_fd, uint64_t shm_bytes, struct err *err)
{
	char size[32];
	struct mount_option options[3] = { { "mode", "1777" }, { "size", size } };

	if (shm_bytes) {
		snprintf(size, sizeof(size), "%llu", (unsigned long long)shm_bytes);
		return mount_below(dev_fd, "shm", "tmpfs", options, MOUNT_NOSUID | MOUNT_NODEV,
				   NULL, err);
	}
	if (mkdirat(dev_fd, "shm", 0) < 0 || fchmodat(dev_fd, "shm", 01777, 0) < 0)
		return fail(err, errno, "make '/dev/shm'");
	return 0;
}

/* The empty directory, over the target: one in memory where there is some already. */
static int put_folder(struct tree *tree, int target_fd, int *ret_dev_fd, struct err *err)
{
	auto_mount_source source = MOUNT_SOURCE_NONE;
	char name[16];
	int r = tree_memory_directory(tree, 0755, name, err);

	if (r == 0)
		r = mount_take(tree->memory_fd, name, false, 0, &source, err);
	if (r == 0)
		r = mount_put(&source, target_fd, NULL, ret_dev_fd, err);
	return r < 0 ? err_wrap(err, "/dev") : 0;
}

/* Else the memory itself. */
static int put_memory(struct tree *tree, const struct box_mount *mount, int target_fd,
		      int *ret_dev_fd, struct err *err)
{
	static const struct mount_option options[] = { { "mode", "0755" }, { NULL, NULL } };
	int r = mount_new("tmpfs", "rootlet", options, MOUNT_NOSUID | MOUNT_NODEV, target_fd, NULL,
			  err);

	if (r < 0)
		return err_wrap(err, "/dev");
	*ret_dev_fd = openat2_in_root(tree->root_fd, mount->target,
				      O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	return *ret_dev_fd < 0 ? fail(err, -*ret_dev_fd, "open '%s'", mount->target) : 0;
}

/* What is memory from then on lies below devpts, out of sight. */
int dev_mount(struct tree *tree, const struct box_mount *mount, int target_fd, struct err *err)
{
	static const struct mount_option pts_options[] = {
		{ "newinstance", NULL }, { "ptmxmode", "0666" }, { "mode", "0620" }, { NULL, NULL }
	};
	bool has_memory = tree->memory_fd >= 0;
	auto_fd dev_fd = -1;
	int r = has_memory ? put_folder(tree, target_fd, &dev_fd, err)
			   : put_memory(tree, mount, target_fd, &dev_fd, err);

	if (r == 0)
		r = bind_devices(dev_fd, err);
	if (r == 0)
		r = make_links(dev_fd, err);
	if (r == 0)
		r = mount_below(dev_fd, "pts", "devpts", pts_options, MOUNT_NOSUID | MOUNT_NOEXEC,
				has_memory ? NULL : &tree->memory_fd, err);
	return r < 0 ? r : make_shm(dev_fd, mount->size_bytes, err);
}
