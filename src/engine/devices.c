// SPDX-License-Identifier: Apache-2.0
/* The caller waits while we look at it through /proc, all of it relative to what it has: its root,
 * its working directory, its descriptors. It can be gone any time, and its pid another's: what was
 * opened counts only if the notification is still valid afterwards. */
#include "engine/devices.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/strings.h"
#include "rootfs/real.h"
#include "sys/openat2.h"

#ifdef __x86_64__
#define ARCH_NATIVE AUDIT_ARCH_X86_64
#else
#define ARCH_NATIVE AUDIT_ARCH_AARCH64
#endif

/* ---- the filter ---- */

#define DATA(field)	((uint32_t)offsetof(struct seccomp_data, field))
#define LOW(number)	(DATA(args) + 8 * (number))
#define LOAD(offset)	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define IF(value, y, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, y, n)
#define GIVE(result)	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_##result)

/* mode in argument `mode`, device in the next. A character device 0:0 is overlayfs's whiteout,
 * which everybody may make. */
#define CALL(number, mode)                                                                \
	IF(number, 0, 9), LOAD(LOW(mode)), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, S_IFMT),   \
		IF(S_IFBLK, 5, 0), IF(S_IFCHR, 0, 3), LOAD(LOW((mode) + 1)), IF(0, 1, 0), \
		GIVE(USER_NOTIF), GIVE(ALLOW), GIVE(USER_NOTIF)

int devices_listen(void)
{
	struct sock_filter filter[] = {
		LOAD(DATA(arch)),     IF(ARCH_NATIVE, 1, 0), GIVE(ALLOW), LOAD(DATA(nr)),
#ifdef SYS_mknod
		CALL(SYS_mknod, 1),
#endif
		CALL(SYS_mknodat, 2), GIVE(ALLOW),
	};
	struct sock_fprog program = { .len = array_count(filter), .filter = filter };
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			  &program);

	return fd < 0 ? -errno : (int)fd;
}

/* ---- who asks ---- */

struct asker {
	pid_t pid;
	uint64_t capabilities; /* effective */
	uid_t uid;	       /* of files it makes */
	gid_t gid;
	mode_t umask;
};

static int open_of(pid_t pid, const char *what, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool find_line(const char *status, const char *name, const char **ret_value)
{
	const char *at = strstr(status, name);

	if (at)
		*ret_value = at + strlen(name);
	return at;
}

static int read_asker(pid_t pid, struct asker *ret_asker)
{
	auto_fd fd = open_of(pid, "status", O_RDONLY);
	struct asker asker = { .pid = pid };
	const char *caps, *uids, *gids, *umask;
	unsigned long long effective;
	char status[4096];
	ssize_t n = fd < 0 ? -1 : io_read_full(fd, status, sizeof(status) - 1);

	if (n <= 0)
		return -EPERM;
	status[n] = '\0';
	if (!find_line(status, "\nCapEff:\t", &caps) || !find_line(status, "\nUid:\t", &uids) ||
	    !find_line(status, "\nGid:\t", &gids) || !find_line(status, "\nUmask:\t", &umask) ||
	    sscanf(caps, "%llx", &effective) != 1 ||
	    sscanf(uids, "%*u %*u %*u %u", &asker.uid) != 1 ||
	    sscanf(gids, "%*u %*u %*u %u", &asker.gid) != 1 ||
	    sscanf(umask, "%o", &asker.umask) != 1)
		return -EPERM;
	asker.capabilities = effective;
	*ret_asker = asker;
	return 0;
}

static bool is_same(int a, int b)
{
	struct stat st_a;
	struct stat st_b;

	return fstat(a, &st_a) == 0 && fstat(b, &st_b) == 0 && st_a.st_dev == st_b.st_dev &&
	       st_a.st_ino == st_b.st_ino;
}

/* Root of this user namespace, not of one within it. */
static bool may_make(const struct asker *asker)
{
	auto_fd own = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	auto_fd theirs = open_of(asker->pid, "ns/user", O_RDONLY);

	return asker->capabilities >> CAP_MKNOD & 1 && own >= 0 && theirs >= 0 &&
	       is_same(own, theirs);
}

/* ---- what is asked ---- */

struct wish {
	int dirfd;
	mode_t mode;
	unsigned major, minor;
	char path[PATH_MAX];
};

/* Page by page: what follows the text may not be mapped. */
static int read_path(pid_t pid, uint64_t address, char path[PATH_MAX])
{
	size_t length = 0;

	while (length < PATH_MAX) {
		size_t part = 4096 - (address + length) % 4096;
		struct iovec here = { path + length, PATH_MAX - length };
		struct iovec there = { (void *)(uintptr_t)(address + length), part };
		ssize_t n;

		if (here.iov_len > part)
			here.iov_len = part;
		there.iov_len = here.iov_len;
		n = process_vm_readv(pid, &here, 1, &there, 1, 0);
		if (n <= 0)
			return n < 0 && errno != EFAULT ? -EPERM : -EFAULT;
		if (memchr(path + length, '\0', (size_t)n))
			return path[0] ? 0 : -ENOENT;
		length += (size_t)n;
	}
	return -ENAMETOOLONG;
}

/* dev_t as the call takes it is 32 bits (new_decode_dev). */
static int read_wish(const struct seccomp_notif *call, struct wish *wish)
{
	int first = call->data.nr == SYS_mknodat ? 1 : 0; /* the path's argument */
	uint32_t device = (uint32_t)call->data.args[first + 2];

	wish->dirfd = first ? (int)call->data.args[0] : AT_FDCWD;
	wish->mode = (mode_t)call->data.args[first + 1];
	wish->major = device >> 8 & 0xfff;
	wish->minor = (device & 0xff) | (device >> 12 & 0xfff00);
	return read_path((pid_t)call->pid, call->data.args[first], wish->path);
}

/* The directory it is to be made in, O_PATH; *ret_name is the last component. Symbolic links are
 * followed as the asker would: inside its root, which for relative paths must be ours. */
static int open_parent(const struct asker *asker, struct wish *wish, const char **ret_name)
{
	auto_fd root = open_of(asker->pid, "root", O_PATH | O_DIRECTORY);
	auto_fd own_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_fd base = -1;
	char *slash = strrchr(wish->path, '/');
	char directory[32];
	int fd;

	if (root < 0 || own_root < 0)
		return -EPERM;
	*ret_name = slash ? slash + 1 : wish->path;
	if (!**ret_name || strcmp(*ret_name, ".") == 0 || strcmp(*ret_name, "..") == 0)
		return -EEXIST;
	if (slash == wish->path)
		return take_fd(&root);
	if (slash)
		*slash = '\0';
	if (wish->path[0] == '/')
		return openat2_in_root(root, wish->path, O_PATH | O_DIRECTORY, 0);
	if (!is_same(root, own_root))
		return -EPERM;
	snprintf(directory, sizeof(directory), "fd/%d", wish->dirfd);
	base = open_of(asker->pid, wish->dirfd == AT_FDCWD ? "cwd" : directory, O_PATH);
	if (base < 0)
		return base == -ENOENT ? -EBADF : base;
	fd = openat(base, slash ? wish->path : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* ---- the answer ---- */

static int dress(const struct asker *asker, const struct wish *wish, int parent, const char *name)
{
	auto_fd fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat directory;
	gid_t gid;
	int r;

	if (fd < 0 || fstat(parent, &directory) < 0)
		return -errno;
	gid = directory.st_mode & S_ISGID ? directory.st_gid : asker->gid;
	r = real_mark_device(fd, wish->mode & S_IFMT, wish->major, wish->minor);
	if (r == 0 && fchownat(fd, "", asker->uid, gid, AT_EMPTY_PATH) < 0)
		r = -errno;
	return r;
}

static int make(const struct asker *asker, const struct wish *wish, int parent, const char *name)
{
	mode_t mode = wish->mode & 0777 & ~asker->umask;
	int r;

	if (mknodat(parent, name, S_IFREG | 0600, 0) < 0)
		return -errno;
	r = dress(asker, wish, parent, name);
	if (r == 0 && fchmodat(parent, name, mode, 0) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(parent, name, 0);
	return r;
}

static int grant(int listener_fd, const struct seccomp_notif *call)
{
	struct asker asker;
	struct wish wish;
	const char *name;
	auto_fd parent = -1;
	int r = read_asker((pid_t)call->pid, &asker);

	if (r < 0 || !may_make(&asker))
		return -EPERM;
	r = read_wish(call, &wish);
	if (r < 0)
		return r;
	parent = open_parent(&asker, &wish, &name);
	if (parent < 0)
		return parent;
	if (ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &call->id) < 0)
		return -EINTR;
	return make(&asker, &wish, parent, name);
}

void devices_answer(int listener_fd)
{
	/* The kernel's structs may be larger than those we were compiled with (seccomp_unotify(2)).
	 */
	union {
		struct seccomp_notif call;
		char room[512];
	} in = { .room = "" };
	union {
		struct seccomp_notif_resp answer;
		char room[512];
	} out = { .room = "" };

	if (ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_RECV, &in) < 0)
		return; /* it was killed meanwhile */
	out.answer.id = in.call.id;
	out.answer.error = grant(listener_fd, &in.call);
	(void)ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_SEND, &out);
}
