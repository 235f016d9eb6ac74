// SPDX-License-Identifier: Apache-2.0
/* Probes of the store's file system, each in a scratch directory of its own, and of programs. */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/xattr.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/log.h"
#include "base/number.h"
#include "base/reason.h"
#include "sys/host_probe.h"
#include "sys/process.h"
#include "sys/remove.h"

int host_scratch_make(const struct host *host, char path[4096], struct err *err)
{
	if (!host->store_directory)
		return fail_plain(err, ENOENT, "no store was named");
	if (snprintf(path, 4096, "%s/.rootlet-probe-XXXXXX", host->store_directory) >= 4096)
		return fail(err, ENAMETOOLONG, "'%s'", host->store_directory);
	if (!mkdtemp(path))
		return fail(err, errno, "make a directory in '%s'", host->store_directory);
	return 0;
}

void host_scratch_remove(const char *path)
{
	struct err err = { 0 };

	if (remove_tree(AT_FDCWD, path, &err) < 0)
		log_warning("left behind: %s", err.text);
}

/* Run `attempt` on a scratch directory held by an fd. */
static int in_scratch(const struct host *host, int (*attempt)(int dir_fd, struct err *err),
		      struct err *err)
{
	char path[4096];
	int r = host_scratch_make(host, path, err);

	if (r < 0)
		return r;
	auto_fd fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? fail(err, errno, "open '%s'", path) : attempt(fd, err);
	host_scratch_remove(path);
	return r;
}

static int make_file(int dir_fd, const char *name, int *ret_fd, struct err *err)
{
	int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return fail(err, errno, "create a file");
	*ret_fd = fd;
	return 0;
}

/* Magic numbers: linux/magic.h and, for those outside the kernel, their own sources. */
static const char *type_name(unsigned long type)
{
	static const struct {
		unsigned long magic;
		const char *name;
	} types[] = {
		{ 0xef53, "ext4" },	  { 0x58465342, "xfs" },     { 0x9123683e, "btrfs" },
		{ 0x01021994, "tmpfs" },  { 0x794c7630, "overlay" }, { 0x6969, "nfs" },
		{ 0x0bd00bd0, "lustre" }, { 0x47504653, "gpfs" },    { 0x19830326, "beegfs" },
		{ 0x65735546, "fuse" },	  { 0x2fc12fc1, "zfs" },     { 0xca451a4e, "bcachefs" },
		{ 0xf2f52010, "f2fs" },	  { 0x01021997, "9p" },	     { 0x00c36400, "ceph" },
		{ 0xfe534d42, "cifs" },	  { 0x858458f6, "ramfs" },   { 0x73717368, "squashfs" },
		{ 0x5346414f, "afs" },	  { 0x2011bab0, "exfat" },   { 0x4d44, "vfat" },
		{ 0x7461636f, "ocfs2" },  { 0x01161970, "gfs2" },
	};

	for (size_t i = 0; i < array_count(types); i++)
		if (types[i].magic == type)
			return types[i].name;
	return NULL;
}

static int write_something(int dir_fd, struct err *err)
{
	struct statfs st;
	char size[16];
	auto_fd fd = -1;
	const char *name;
	int r = make_file(dir_fd, "file", &fd, err);

	if (r < 0)
		return r;
	r = io_write_all(fd, "x", 1);
	if (r < 0)
		return fail(err, -r, "write a file");
	if (fstatfs(fd, &st) < 0)
		return fail(err, errno, "statfs");
	name = type_name((unsigned long)st.f_type & 0xffffffff);
	number_format_size((uint64_t)st.f_bavail * (uint64_t)st.f_bsize, size);
	if (name)
		return host_detail(err, "%s, %s free", name, size);
	return host_detail(err, "file system type 0x%lx, %s free", (unsigned long)st.f_type, size);
}

int probe_store_write(struct host *host, struct err *err)
{
	int r = in_scratch(host, write_something, err);
	char before[RULE_TEXT_MAX];

	if (r < 0)
		return r;
	snprintf(before, sizeof(before), "%.100s", err->text);
	return host_detail(err, "%s: %s", host->store_path, before);
}

int probe_store_exec(struct host *host, struct err *err)
{
	struct statvfs st;

	if (!host->store_directory)
		return fail_plain(err, ENOENT, "no store was named");
	if (statvfs(host->store_directory, &st) < 0)
		return fail(err, errno, "statvfs '%s'", host->store_directory);
	if (st.f_flag & ST_NOEXEC)
		return fail_plain(err, EACCES, "'%s' is mounted noexec", host->store_directory);
	return 0;
}

static int set_attribute(int dir_fd, struct err *err)
{
	auto_fd fd = -1;
	int r = make_file(dir_fd, "file", &fd, err);

	if (r < 0)
		return r;
	if (fsetxattr(fd, "user.rootlet", "1", 1, 0) < 0)
		return fail(err, errno, "set an attribute user.rootlet");
	return 0;
}

int probe_store_xattr(struct host *host, struct err *err)
{
	return in_scratch(host, set_attribute, err);
}

static int make_whiteout(int dir_fd, struct err *err)
{
	/* needs no privilege since 5.8 (a3c751a50fe6) */
	if (mknodat(dir_fd, "whiteout", S_IFCHR, makedev(0, 0)) < 0)
		return fail(err, errno, "make a character device 0:0");
	return 0;
}

int probe_store_whiteout(struct host *host, struct err *err)
{
	return in_scratch(host, make_whiteout, err);
}

static int share_blocks(int dir_fd, struct err *err)
{
	static const char block[8192];
	auto_fd from = -1;
	auto_fd to = -1;
	int r = make_file(dir_fd, "from", &from, err);

	if (r == 0)
		r = make_file(dir_fd, "to", &to, err);
	if (r < 0)
		return r;
	r = io_write_all(from, block, sizeof(block));
	if (r < 0)
		return fail(err, -r, "write a file");
	if (ioctl(to, FICLONE, from) < 0)
		return fail(err, errno, "ioctl(FICLONE)");
	return 0;
}

int probe_store_reflink(struct host *host, struct err *err)
{
	return in_scratch(host, share_blocks, err);
}

static int link_file(int dir_fd, struct err *err)
{
	auto_fd fd = -1;
	int r = make_file(dir_fd, "file", &fd, err);

	if (r < 0)
		return r;
	if (linkat(dir_fd, "file", dir_fd, "link", 0) < 0)
		return fail(err, errno, "make a hard link");
	return 0;
}

int probe_store_hard_link(struct host *host, struct err *err)
{
	return in_scratch(host, link_file, err);
}

static int lock_file(int dir_fd, struct err *err)
{
	auto_fd fd = -1;
	int r = make_file(dir_fd, "file", &fd, err);

	if (r < 0)
		return r;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return fail(err, errno, "flock");
	return 0;
}

int probe_store_lock(struct host *host, struct err *err)
{
	return in_scratch(host, lock_file, err);
}

static int make_unnamed(int dir_fd, struct err *err)
{
	auto_fd fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		return fail(err, errno, "open with O_TMPFILE");
	return 0;
}

int probe_store_tmpfile(struct host *host, struct err *err)
{
	return in_scratch(host, make_unnamed, err);
}

int probe_private_network(struct host *host, struct err *err)
{
	static const char *const programs[] = { "pasta", "slirp4netns" };
	char path[PROCESS_PATH_MAX];

	(void)host;
	for (size_t i = 0; i < array_count(programs); i++) {
		if (!process_find(programs[i], path))
			continue;
		if (access("/dev/net/tun", R_OK | W_OK) < 0)
			return fail(err, errno, "%s needs /dev/net/tun", programs[i]);
		return host_detail(err, "%.200s", path);
	}
	return fail_plain(err, ENOENT, "neither pasta nor slirp4netns is installed");
}

int probe_foreign_programs(struct host *host, struct err *err)
{
	static const char *const machines[] = { "x86_64",  "i386",    "aarch64", "arm",
						"ppc64le", "riscv64", "s390x" };
	struct utsname own;
	char path[PROCESS_PATH_MAX];
	auto_buf found = { 0 };

	(void)host;
	if (uname(&own) < 0)
		return fail(err, errno, "uname");
	for (size_t i = 0; i < array_count(machines); i++) {
		char name[64], plain[64];

		snprintf(name, sizeof(name), "qemu-%s-static", machines[i]);
		snprintf(plain, sizeof(plain), "qemu-%s", machines[i]);
		if (strcmp(machines[i], own.machine) != 0 &&
		    (process_find(name, path) || process_find(plain, path)))
			buf_printf(&found, "%s%s", found.size_bytes ? " " : "", machines[i]);
	}
	if (!found.size_bytes)
		return fail_plain(err, ENOENT, "no qemu-user program is installed");
	return host_detail(err, "%s", found.bytes);
}

int probe_virtual_machine(struct host *host, struct err *err)
{
	struct utsname own;
	char path[PROCESS_PATH_MAX];
	char name[128];
	auto_fd kvm = -1;

	(void)host;
	if (uname(&own) < 0)
		return fail(err, errno, "uname");
	snprintf(name, sizeof(name), "qemu-system-%s", own.machine);
	if (!process_find(name, path))
		return fail_plain(err, ENOENT, "%s is not installed", name);
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		return host_detail(err, "%.100s; slow: /dev/kvm: %s", path, reason_words(errno));
	return host_detail(err, "%.100s with KVM", path);
}
