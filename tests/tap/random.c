// SPDX-License-Identifier: Apache-2.0
/* Random calls about files, and what each answered, for two kernels' answers to be compared:
 *
 *     random FOLDER SEED STEPS
 *
 * The same seed makes the same calls, as far as the answers are the same. FOLDER is empty and
 * root's. What is left out is what cannot be the same: devices are not opened and carry no content;
 * who writes always writes something; where two errors are due, which of them is said is not
 * compared. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ANY(array)   ((array)[below(COUNT(array))])
#define NAMES_MAX    64
#define HOME_FD	     99
#define NR_FCHMODAT2 452

static uint64_t state;
static int step;
static int with_lists; /* access control lists and attributes of users, too */

static unsigned below(unsigned limit)
{
	state ^= state << 13; /* xorshift64 */
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 11) % limit);
}

static const char *const folders[] = { ".", "d0", "d1", "d0/d1", "d2" };
static const char *const names[] = { "n0", "n1", "n2", "n3", "d0", "d1", "d2" };

/* Good until as many others have been asked for. */
static const char *any_path(void)
{
	static char rooms[8][32];
	static unsigned next;
	char *room = rooms[next++ % COUNT(rooms)];
	unsigned kind = below(20);

	if (kind == 0)
		return ANY(folders);
	snprintf(room, sizeof(rooms[0]), "%s/%s%s", ANY(folders), ANY(names), kind == 1 ? "/" : "");
	return room;
}

static uid_t any_id(void)
{
	static const uid_t ids[] = { 0, 1, 33, 1000, 70000 };

	return ANY(ids);
}

static uid_t any_id_or_none(void)
{
	return below(8) ? any_id() : (uid_t)-1;
}

static mode_t any_mode(void)
{
	static const mode_t modes[] = { 0644,  0755,  0600, 0,	  0777,	 04755, 02755, 06711,
					01777, 02775, 0444, 0111, 07777, 0070,	0007,  0700 };

	return ANY(modes);
}

/* The error itself only where there is one thing to complain of. */
static const char *complaint(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case EISDIR:
	case EEXIST:
	case EINVAL:
	case ENOTEMPTY:
	case EACCES:
	case EPERM:
	case EADDRINUSE:
	case EXDEV:
	case EBUSY:
	case ENXIO:
	case ELOOP:
	case ENODATA:
		return "refused";
	default:
		return strerror(error);
	}
}

static void said(const char *call, const char *path, const char *other, long result)
{
	int error = errno;

	printf("%d %s %s %s: %s\n", step, call, path, other,
	       result < 0 ? complaint(error) : "done");
}

static int is_device(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));
}

/* --- what can be seen */

static void print_stat(const struct stat *st)
{
	printf(" %o %u:%u", st->st_mode, st->st_uid, st->st_gid);
	if (!S_ISDIR(st->st_mode))
		printf(" %lu links", (unsigned long)st->st_nlink);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		printf(" %u,%u", major(st->st_rdev), minor(st->st_rdev));
}

static void show_file(const char *path)
{
	struct stat st;
	struct statx x;

	printf("    %s", path);
	if (lstat(path, &st) < 0)
		printf(" %s", complaint(errno));
	else
		print_stat(&st);
	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &x) == 0 &&
	    (x.stx_uid != st.st_uid || x.stx_gid != st.st_gid || x.stx_mode != st.st_mode))
		printf(" but statx says %o %u:%u", x.stx_mode, x.stx_uid, x.stx_gid);
	printf("\n");
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void show_attributes(const char *path)
{
	char list[4096];
	char *found[NAMES_MAX];
	size_t count = 0;
	ssize_t bytes = llistxattr(path, list, sizeof(list));

	for (char *at = list; bytes > 0 && at < list + bytes && count < NAMES_MAX;
	     at += strlen(at) + 1)
		found[count++] = at;
	qsort(found, count, sizeof(found[0]), compare_texts);
	for (size_t i = 0; i < count; i++) {
		unsigned char value[1024];
		ssize_t size = lgetxattr(path, found[i], value, sizeof(value));

		printf("    %s %s", path, found[i]);
		for (ssize_t at = 0; at < size; at++)
			printf(" %02x", value[at]);
		printf("\n");
	}
}

static void show_folder(const char *path)
{
	DIR *folder = opendir(path);
	char *found[NAMES_MAX];
	size_t count = 0;
	struct dirent *entry;

	printf("    in %s:", path);
	while (folder && count < NAMES_MAX && (entry = readdir(folder)))
		if (asprintf(&found[count++], "%s(%d)", entry->d_name, entry->d_type) < 0)
			abort();
	qsort(found, count, sizeof(found[0]), compare_texts);
	for (size_t i = 0; i < count; i++) {
		printf(" %s", found[i]);
		free(found[i]);
	}
	printf("%s\n", folder ? "" : complaint(errno));
	if (folder)
		closedir(folder);
}

static void show_all(void)
{
	for (size_t i = 0; i < COUNT(folders); i++) {
		show_folder(folders[i]);
		show_file(folders[i]);
		show_attributes(folders[i]);
		for (size_t k = 0; k < COUNT(names); k++) {
			char path[64];

			snprintf(path, sizeof(path), "%s/%s", folders[i], names[k]);
			show_file(path);
			show_attributes(path);
		}
	}
}

/* --- calls */

static void call_open(const char *path, const char *other)
{
	static const int flags[] = { O_CREAT | O_WRONLY,
				     O_CREAT | O_EXCL | O_RDWR,
				     O_CREAT | O_TRUNC | O_WRONLY,
				     O_CREAT | O_RDONLY,
				     O_RDWR,
				     O_WRONLY | O_TRUNC,
				     O_RDONLY,
				     O_WRONLY | O_APPEND,
				     O_RDONLY | O_NOFOLLOW,
				     O_CREAT | O_RDWR | O_NOFOLLOW };
	int with = ANY(flags);
	mode_t mode = any_mode();
	struct stat st;
	int fd;

	(void)other;
	if (is_device(path))
		return;
	fd = open(path, with | O_NONBLOCK, mode);
	said("open", path, "", fd);
	if (fd < 0)
		return;
	if (with & (O_WRONLY | O_RDWR))
		said("write", path, "", write(fd, "abc", 3));
	fstat(fd, &st);
	print_stat(&st);
	printf("\n");
	close(fd);
}

static void call_mkdir(const char *path, const char *other)
{
	(void)other;
	said("mkdir", path, "", mkdir(path, any_mode()));
}

static void call_mknod(const char *path, const char *other)
{
	static const mode_t types[] = { S_IFIFO, S_IFCHR, S_IFBLK, S_IFREG, S_IFSOCK };
	mode_t type = ANY(types);
	mode_t mode = any_mode();

	(void)other;
	said("mknod", path, "", mknod(path, type | mode, makedev(below(3) + 1, below(300))));
}

static void call_symlink(const char *path, const char *other)
{
	(void)other;
	said("symlink", path, "", symlink(below(2) ? "n0" : "../d1/n1", path));
}

static void call_link(const char *path, const char *other)
{
	long r = linkat(AT_FDCWD, path, AT_FDCWD, other, below(4) ? 0 : AT_SYMLINK_FOLLOW);

	said("link", path, other, r);
	show_file(other);
}

static void call_rename(const char *path, const char *other)
{
	static const unsigned flags[] = { 0, 0, 1 /* RENAME_NOREPLACE */, 2 /* RENAME_EXCHANGE */ };
	long r = syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, other, ANY(flags));

	said("rename", path, other, r);
	show_file(other);
}

static void call_unlink(const char *path, const char *other)
{
	(void)other;
	said("unlink", path, "", unlink(path));
}

static void call_rmdir(const char *path, const char *other)
{
	(void)other;
	said("rmdir", path, "", rmdir(path));
}

static void call_chown(const char *path, const char *other)
{
	uid_t uid = any_id_or_none();
	gid_t gid = any_id_or_none();
	unsigned way = below(4);
	char wanted[64];
	int fd = -1;
	long r;

	(void)other;
	if (way == 2 && !is_device(path))
		fd = open(path, O_RDONLY | O_NONBLOCK);
	if (way == 3)
		fd = open(path, O_PATH | O_NOFOLLOW);
	if (fd >= 0)
		r = way == 2 ? fchown(fd, uid, gid) : fchownat(fd, "", uid, gid, AT_EMPTY_PATH);
	else
		r = way == 0 ? chown(path, uid, gid) : lchown(path, uid, gid);
	snprintf(wanted, sizeof(wanted), "%d:%d by %d:%d", (int)uid, (int)gid, setfsuid(-1),
		 setfsgid(-1));
	said("chown", path, wanted, r);
	show_file(path);
	if (fd >= 0)
		close(fd);
}

static void call_chmod(const char *path, const char *other)
{
	mode_t mode = any_mode();
	unsigned way = below(3);
	int fd = way == 1 && !is_device(path) ? open(path, O_RDONLY | O_NONBLOCK) : -1;
	long r;

	(void)other;
	if (fd >= 0)
		r = fchmod(fd, mode);
	else if (way == 2)
		r = syscall(NR_FCHMODAT2, AT_FDCWD, path, mode, below(2) ? AT_SYMLINK_NOFOLLOW : 0);
	else
		r = chmod(path, mode);
	said("chmod", path, "", r);
	show_file(path);
	if (fd >= 0)
		close(fd);
}

static void call_truncate(const char *path, const char *other)
{
	(void)other;
	if (is_device(path))
		return;
	said("truncate", path, "", truncate(path, below(5)));
	show_file(path);
}

static const char *const attributes[] = { "user.a",    "user.b",       "trusted.a",
					  "trusted.b", "security.foo", "security.capability" };

static void call_setxattr(const char *path, const char *other)
{
	static const unsigned char capability[20] = { 1, 0, 0, 2, 0, 0x20 };
	const char *name = attributes[with_lists ? below(6) : 2 + below(4)];
	int is_capability = strcmp(name, "security.capability") == 0;
	const void *value = is_capability ? (const void *)capability : "value";
	size_t size = is_capability ? sizeof(capability) : 5;

	(void)other;
	if (is_device(path))
		return;
	said("setxattr", path, name,
	     below(2) ? lsetxattr(path, name, value, size, (int)below(3))
		      : setxattr(path, name, value, size, 0));
}

static void call_removexattr(const char *path, const char *other)
{
	const char *name = ANY(attributes);

	(void)other;
	said("removexattr", path, name,
	     below(2) ? lremovexattr(path, name) : removexattr(path, name));
}

static void call_listxattr(const char *path, const char *other)
{
	(void)other;
	show_attributes(path);
}

static void call_access(const char *path, const char *other)
{
	int mode = (int)below(8);

	(void)other;
	said("access", path, "", faccessat(AT_FDCWD, path, mode, below(2) ? AT_EACCESS : 0));
}

static void become_root(void)
{
	if (seteuid(0) < 0 || setegid(0) < 0)
		printf("cannot become root again: %s\n", strerror(errno));
	setfsuid(0);
	setfsgid(0);
}

static void call_seteuid(const char *path, const char *other)
{
	gid_t groups[2] = { any_id(), any_id() };
	int is_root = below(3) == 0;
	uid_t uid = any_id();
	gid_t gid = any_id();

	(void)path;
	(void)other;
	become_root();
	said("setgroups", "", "", setgroups(below(3), groups));
	said("setegid", "", "", setegid(is_root ? 0 : gid));
	said("seteuid", "", "", seteuid(is_root ? 0 : uid));
}

static void call_setfsuid(const char *path, const char *other)
{
	(void)path;
	(void)other;
	become_root();
	setfsgid(any_id());
	setfsuid(any_id());
}

static void call_umask(const char *path, const char *other)
{
	static const mode_t masks[] = { 0, 022, 027 };

	(void)path;
	(void)other;
	umask(ANY(masks));
}

static void call_utimensat(const char *path, const char *other)
{
	const struct timespec times[2] = { { 1000, 0 }, { 2000, 0 } };
	unsigned way = below(3);

	(void)other;
	said("utimensat", path, "",
	     utimensat(AT_FDCWD, path, way == 0 ? NULL : times,
		       way == 2 ? AT_SYMLINK_NOFOLLOW : 0));
}

static void call_tmpfile(const char *path, const char *other)
{
	const char *folder = ANY(folders);
	int fd = open(folder, O_TMPFILE | O_RDWR, any_mode());
	char link[32];

	(void)other;
	said("O_TMPFILE", folder, "", fd);
	if (fd < 0)
		return;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (geteuid() == 0 && getegid() == 0) /* else /proc/self is another's */
		said("linkat", path, "", linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW));
	close(fd);
	show_file(path);
}

static void call_readdir(const char *path, const char *other)
{
	(void)path;
	(void)other;
	show_folder(ANY(folders));
}

static void call_set_list(const char *path, const char *other)
{
	static const uint16_t tags[] = { ACL_USER_OBJ, ACL_USER, ACL_GROUP_OBJ,
					 ACL_GROUP,    ACL_MASK, ACL_OTHER };
	struct {
		struct posix_acl_xattr_header header;
		struct posix_acl_xattr_entry entry[COUNT(tags)];
	} list = { .header.a_version = POSIX_ACL_XATTR_VERSION };
	const char *name = below(3) ? "system.posix_acl_access" : "system.posix_acl_default";

	(void)other;
	if (!with_lists)
		return;
	for (size_t i = 0; i < COUNT(tags); i++)
		list.entry[i] = (struct posix_acl_xattr_entry){ tags[i], (uint16_t)below(8),
								(uint32_t)-1 };
	list.entry[1].e_id = any_id();
	list.entry[3].e_id = any_id();
	said("acl", path, name, setxattr(path, name, &list, sizeof(list), 0));
}

static void call_bind(const char *path, const char *other)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)other;
	strcpy(address.sun_path, path);
	said("bind", path, "", bind(fd, (struct sockaddr *)&address, sizeof(address)));
	close(fd);
}

static void call_anything(void);

static void call_fork(const char *path, const char *other)
{
	uid_t uid = any_id();
	pid_t pid;

	(void)path;
	(void)other;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		become_root();
		if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
		    setresuid(uid, uid, uid) < 0)
			printf("cannot become another: %s\n", strerror(errno));
		for (int i = 0; i < 3; i++)
			call_anything();
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	below(3);
}

static void call_chdir(const char *path, const char *other)
{
	char text[256];
	long r = chdir(path);

	(void)other;
	said("chdir", path, "", r);
	if (r == 0)
		show_folder(".");
	if (fchdir(HOME_FD) < 0)
		printf("cannot go back: %s\n", strerror(errno));
	said("readlink", path, "", readlink(path, text, sizeof(text)));
}

static void call_anything(void)
{
	static void (*const calls[])(const char *path, const char *other) = {
		call_open,     call_open,     call_mkdir,    call_mknod,     call_symlink,
		call_link,     call_link,     call_rename,   call_rename,    call_unlink,
		call_rmdir,    call_chown,    call_chown,    call_chmod,     call_chmod,
		call_truncate, call_setxattr, call_setxattr, call_listxattr, call_removexattr,
		call_access,   call_seteuid,  call_setfsuid, call_umask,     call_utimensat,
		call_tmpfile,  call_readdir,  call_set_list, call_bind,	     call_fork,
		call_chdir,
	};
	const char *path = any_path();
	const char *other = any_path();

	ANY(calls)(path, other);
}

/* Directories of all kinds to begin with. */
static int enter(const char *folder)
{
	umask(0);
	if (chdir(folder) < 0 || mkdir("d0", 0777) < 0 || mkdir("d1", 01777) < 0 ||
	    mkdir("d0/d1", 0755) < 0 || mkdir("d2", 02777) < 0 || chmod("d2", 02777) < 0 ||
	    dup2(open(".", O_RDONLY | O_DIRECTORY), HOME_FD) < 0) {
		perror(folder);
		return 1;
	}
	umask(022);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 4 && argc != 5) {
		fprintf(stderr, "usage: random FOLDER SEED STEPS [acl]\n");
		return 2;
	}
	if (enter(argv[1]))
		return 1;
	state = strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15u + 1;
	with_lists = argc == 5;
	for (step = 0; step < atoi(argv[3]); step++)
		call_anything();
	become_root();
	show_all();
	return 0;
}
