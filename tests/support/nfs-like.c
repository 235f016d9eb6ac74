// SPDX-License-Identifier: Apache-2.0
/* A directory seen as through NFS, for tests on kernels that have none:
 *
 *     nfs-like UID GID BACKING MOUNTPOINT
 *
 * Each mount of one BACKING directory stands for a machine that shares it. As there: what was
 * looked up is believed for a minute, whatever others do; no flock(2), no extended attributes, no
 * O_TMPFILE, no devices, no rename flags (so that overlayfs takes it for nothing), and a file that
 * is deleted while open is renamed to a hidden one (libfuse does so). Other than there: opening a
 * directory does not make the kernel look again at what it knows of it, so this is the harder of
 * the two; but that something is missing is not remembered, which NFS does and forgets when the
 * directory is opened.
 *
 * As there, too, that makes replacing a file that is open on the same machine two steps. The file
 * ".hold" in BACKING stops such a replacement between the two: while it is there and holds the path
 * of the file (as "/store/index.json"), which is until somebody on any machine has looked for that
 * file and has not found it.
 *
 * With NFS_LIKE_SYNC in the environment it is as an export with `sync`, the rule: what a request
 * has changed is on the server's disk when it is answered, and what was written when it is closed.
 *
 * Started as root: mounts, becomes UID:GID, says "ready" on standard output, and serves until the
 * mount is gone. */
#define FUSE_USE_VERSION 35
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BELIEVED_S 60

static int backing_fd;
static int is_sync;

static const char *below(const char *path)
{
	return path[1] ? path + 1 : ".";
}

static int answer(int result)
{
	return result < 0 ? -errno : 0;
}

/* The same of a request that changes something. */
static int changed(int result)
{
	result = answer(result);
	return result == 0 && is_sync ? answer(syncfs(backing_fd)) : result;
}

static void *start(struct fuse_conn_info *connection, struct fuse_config *config)
{
	(void)connection;
	config->use_ino = 1;
	config->entry_timeout = BELIEVED_S;
	config->attr_timeout = BELIEVED_S;
	config->negative_timeout = 0;
	return NULL;
}

/* Is a replacement of this path to be held? */
static int is_held(const char *path)
{
	char held[4096];
	int fd = openat(backing_fd, ".hold", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, held, sizeof(held) - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return 0;
	held[n] = '\0';
	held[strcspn(held, "\n")] = '\0';
	return strcmp(held, path) == 0;
}

static int looked_for(const char *path, int result)
{
	if (result == -ENOENT && is_held(path))
		unlinkat(backing_fd, ".hold", 0);
	return result;
}

static int get_attributes(const char *path, struct stat *st, struct fuse_file_info *file)
{
	if (file)
		return answer(fstat((int)file->fh, st));
	return looked_for(path, answer(fstatat(backing_fd, below(path), st, AT_SYMLINK_NOFOLLOW)));
}

static int read_link(const char *path, char *text, size_t room)
{
	ssize_t n = readlinkat(backing_fd, below(path), text, room - 1);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	return 0;
}

static int make_node(const char *path, mode_t mode, dev_t device)
{
	if (!S_ISREG(mode) && !S_ISFIFO(mode))
		return -EPERM;
	return changed(mknodat(backing_fd, below(path), mode, device));
}

static int make_directory(const char *path, mode_t mode)
{
	return changed(mkdirat(backing_fd, below(path), mode));
}

static int remove_file(const char *path)
{
	return changed(unlinkat(backing_fd, below(path), 0));
}

static int remove_directory(const char *path)
{
	return changed(unlinkat(backing_fd, below(path), AT_REMOVEDIR));
}

static int make_link(const char *target, const char *path)
{
	return changed(symlinkat(target, backing_fd, below(path)));
}

static int change_name(const char *from, const char *to, unsigned flags)
{
	int result;

	if (flags)
		return -EINVAL;
	result = changed(renameat(backing_fd, below(from), backing_fd, below(to)));
	if (result == 0 && strncmp(strrchr(to, '/'), "/.fuse_hidden", 13) == 0)
		while (is_held(from))
			usleep(1000);
	return result;
}

static int make_hard_link(const char *from, const char *to)
{
	return changed(linkat(backing_fd, below(from), backing_fd, below(to), 0));
}

static int change_mode(const char *path, mode_t mode, struct fuse_file_info *file)
{
	return changed(file ? fchmod((int)file->fh, mode)
			    : fchmodat(backing_fd, below(path), mode, 0));
}

static int change_owner(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *file)
{
	(void)file;
	return changed(fchownat(backing_fd, below(path), uid, gid, AT_SYMLINK_NOFOLLOW));
}

static int change_size(const char *path, off_t size, struct fuse_file_info *file)
{
	int result;
	int fd;

	if (file)
		return changed(ftruncate((int)file->fh, size));
	fd = openat(backing_fd, below(path), O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	result = changed(ftruncate(fd, size));
	close(fd);
	return result;
}

static int change_times(const char *path, const struct timespec times[2],
			struct fuse_file_info *file)
{
	return changed(file ? futimens((int)file->fh, times)
			    : utimensat(backing_fd, below(path), times, AT_SYMLINK_NOFOLLOW));
}

/* The kernel appends by itself, as an NFS client does. */
static int open_file(const char *path, struct fuse_file_info *file)
{
	int fd = openat(backing_fd, below(path), (file->flags & ~O_APPEND) | O_CLOEXEC);

	if (fd < 0)
		return looked_for(path, -errno);
	file->fh = (uint64_t)fd;
	return 0;
}

static int create_file(const char *path, mode_t mode, struct fuse_file_info *file)
{
	int fd = openat(backing_fd, below(path), (file->flags & ~O_APPEND) | O_CLOEXEC, mode);

	if (fd < 0)
		return -errno;
	file->fh = (uint64_t)fd;
	return changed(0);
}

static int read_bytes(const char *path, char *bytes, size_t size, off_t offset,
		      struct fuse_file_info *file)
{
	ssize_t n = pread((int)file->fh, bytes, size, offset);

	(void)path;
	return n < 0 ? -errno : (int)n;
}

static int write_bytes(const char *path, const char *bytes, size_t size, off_t offset,
		       struct fuse_file_info *file)
{
	ssize_t n = pwrite((int)file->fh, bytes, size, offset);

	(void)path;
	return n < 0 ? -errno : (int)n;
}

static int flush_file(const char *path, struct fuse_file_info *file)
{
	(void)path;
	return is_sync ? answer(fsync((int)file->fh)) : 0;
}

static int release_file(const char *path, struct fuse_file_info *file)
{
	(void)path;
	close((int)file->fh);
	return 0;
}

static int sync_file(const char *path, int only_data, struct fuse_file_info *file)
{
	(void)path;
	return answer(only_data ? fdatasync((int)file->fh) : fsync((int)file->fh));
}

static int sync_directory(const char *path, int only_data, struct fuse_file_info *file)
{
	(void)path;
	(void)only_data;
	return answer(fsync(dirfd((DIR *)(uintptr_t)file->fh)));
}

static int open_directory(const char *path, struct fuse_file_info *file)
{
	int fd = openat(backing_fd, below(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		return -errno;
	file->fh = (uintptr_t)dir;
	return 0;
}

static int read_directory(const char *path, void *list, fuse_fill_dir_t fill, off_t offset,
			  struct fuse_file_info *file, enum fuse_readdir_flags flags)
{
	DIR *dir = (DIR *)(uintptr_t)file->fh;
	struct dirent *entry;

	(void)path;
	(void)offset;
	(void)flags;
	rewinddir(dir);
	while ((entry = readdir(dir))) {
		const struct stat st = { .st_ino = entry->d_ino, .st_mode = DTTOIF(entry->d_type) };

		if (fill(list, entry->d_name, &st, 0, 0))
			return -ENOMEM;
	}
	return 0;
}

static int release_directory(const char *path, struct fuse_file_info *file)
{
	(void)path;
	closedir((DIR *)(uintptr_t)file->fh);
	return 0;
}

static int file_system(const char *path, struct statvfs *st)
{
	(void)path;
	return answer(fstatvfs(backing_fd, st));
}

static int refuse_lock(const char *path, struct fuse_file_info *file, int operation)
{
	(void)path;
	(void)file;
	(void)operation;
	return -ENOLCK;
}

static const struct fuse_operations operations = {
	.init = start,
	.getattr = get_attributes,
	.readlink = read_link,
	.mknod = make_node,
	.mkdir = make_directory,
	.unlink = remove_file,
	.rmdir = remove_directory,
	.symlink = make_link,
	.rename = change_name,
	.link = make_hard_link,
	.chmod = change_mode,
	.chown = change_owner,
	.truncate = change_size,
	.utimens = change_times,
	.open = open_file,
	.create = create_file,
	.read = read_bytes,
	.write = write_bytes,
	.flush = flush_file,
	.release = release_file,
	.fsync = sync_file,
	.opendir = open_directory,
	.readdir = read_directory,
	.fsyncdir = sync_directory,
	.releasedir = release_directory,
	.statfs = file_system,
	.flock = refuse_lock,
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static unsigned number(const char *text)
{
	return (unsigned)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
	char place[32];
	char options[128];
	char *arguments[] = { argv[0], NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, arguments);
	struct fuse_loop_config loop = { .clone_fd = 0, .max_idle_threads = 8 };
	struct fuse *fuse;
	int status;
	int fd;

	if (argc != 5)
		return 2;
	umask(0);
	is_sync = getenv("NFS_LIKE_SYNC") != NULL;
	backing_fd = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = open("/dev/fuse", O_RDWR);
	if (backing_fd < 0 || fd < 0)
		die("open");
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other,default_permissions", fd,
		 number(argv[1]), number(argv[2]));
	if (mount("nfs-like", argv[4], "fuse", MS_NOSUID | MS_NODEV, options) < 0)
		die("mount");
	if (setgroups(0, NULL) < 0 ||
	    setresgid(number(argv[2]), number(argv[2]), number(argv[2])) ||
	    setresuid(number(argv[1]), number(argv[1]), number(argv[1])) ||
	    prctl(PR_SET_DUMPABLE, 1) < 0) /* the sanitizer looks for leaks at the end */
		die("setuid");
	snprintf(place, sizeof(place), "/dev/fd/%d", fd);
	fuse = fuse_new(&args, &operations, sizeof(operations), NULL);
	if (!fuse || fuse_mount(fuse, place) != 0)
		return 1;
	puts("ready");
	fflush(stdout);
	status = fuse_loop_mt(fuse, &loop);
	fuse_destroy(fuse);
	fuse_opt_free_args(&args);
	return status != 0;
}
