// SPDX-License-Identifier: Apache-2.0
#include "engine/dev.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "sys/mount.h"

static int bind_device(int dev_fd, const char *name, struct err *err)
{
	char path[32];
	int r;

	snprintf(path, sizeof(path), "/dev/%s", name);
	if (access(path, F_OK) < 0)
		return 0; /* a host without it cannot give it */
	if (mknodat(dev_fd, name, S_IFREG | 0666, 0) < 0)
		return fail(err, errno, "mount point for '%s'", path);
	r = mount_bind_file(path, dev_fd, name, err);
	return r < 0 ? err_wrap(err, "device '%s'", path) : 0;
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

static int mount_below(int dev_fd, const char *name, const char *type,
		       const struct mount_option *options, unsigned attrs, struct err *err)
{
	auto_fd target = -1;
	int r;

	if (mkdirat(dev_fd, name, 0755) < 0)
		return fail(err, errno, "make '/dev/%s'", name);
	target = openat(dev_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target < 0)
		return fail(err, errno, "open '/dev/%s'", name);
	r = mount_new(type, type, options, attrs, target, NULL, err);
	return r < 0 ? err_wrap(err, "/dev/%s", name) : 0;
}

/* /dev is a tmpfs already: a mount of its own only when a size was asked for. */
static int make_shm(int dev_fd, uint64_t shm_bytes, struct err *err)
{
	char size[32];
	struct mount_option options[3] = { { "mode", "1777" }, { "size", size } };

	if (shm_bytes) {
		snprintf(size, sizeof(size), "%llu", (unsigned long long)shm_bytes);
		return mount_below(dev_fd, "shm", "tmpfs", options, MOUNT_NOSUID | MOUNT_NODEV,
				   err);
	}
	if (mkdirat(dev_fd, "shm", 0) < 0 || fchmodat(dev_fd, "shm", 01777, 0) < 0)
		return fail(err, errno, "make '/dev/shm'");
	return 0;
}

int dev_mount(int target_fd, uint64_t shm_bytes, int *ret_fd, struct err *err)
{
	static const char *const devices[] = { "null", "zero", "full", "random", "urandom", "tty" };
	static const struct mount_option dev_options[] = { { "mode", "0755" }, { NULL, NULL } };
	static const struct mount_option pts_options[] = {
		{ "newinstance", NULL }, { "ptmxmode", "0666" }, { "mode", "0620" }, { NULL, NULL }
	};
	auto_fd dev_fd = -1;
	int r;

	r = mount_new("tmpfs", "dev", dev_options, MOUNT_NOSUID, target_fd, &dev_fd, err);
	for (size_t i = 0; r == 0 && i < array_count(devices); i++)
		r = bind_device(dev_fd, devices[i], err);
	if (r == 0)
		r = make_links(dev_fd, err);
	if (r == 0)
		r = mount_below(dev_fd, "pts", "devpts", pts_options, MOUNT_NOSUID | MOUNT_NOEXEC,
				err);
	if (r == 0)
		r = make_shm(dev_fd, shm_bytes, err);
	if (r == 0 && ret_fd)
		*ret_fd = take_fd(&dev_fd);
	return r;
}
