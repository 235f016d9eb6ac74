// SPDX-License-Identifier: Apache-2.0
/* Newer ways to say which file is meant: openat2(2) with RESOLVE_*, and attributes by directory and
 * name. What the kernel does not have yet is left out. */
#include "torture.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/xattr.h>

static char folder[64];

/* f, d/f, d/up -> ../f, d/out -> /etc/passwd, d/in -> f, d/dangling -> none */
static int enter_folder(void)
{
	static const char *const links[][2] = { { "../f", "d/up" },
						{ "/etc/passwd", "d/out" },
						{ "f", "d/in" },
						{ "none", "d/dangling" } };
	int fd;

	strcpy(folder, "/tmp/paths-XXXXXX");
	must(mkdtemp(folder) && chdir(folder) == 0 && mkdir("d", 0755) == 0);
	for (int i = 0; i < 2; i++) {
		fd = open(i ? "d/f" : "f", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
		must(fd >= 0 && write(fd, i ? "inner" : "outer", 5) == 5 && close(fd) == 0);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		must(symlink(links[i][0], links[i][1]) == 0);
	fd = open("d", O_PATH | O_DIRECTORY | O_CLOEXEC);
	must(fd >= 0);
	return fd;
}

/* Of the folder, as the root has it. */
static const char *below(char path[], const char *name)
{
	snprintf(path, sizeof(folder) + 16, "%s/%s", folder + 1, name);
	return path;
}

static void leave_folder(void)
{
	must(chdir("/") == 0);
	must(in_child(execlp("rm", "rm", "-r", folder, (char *)NULL)) == 0);
}

static int opens(int dirfd, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC,
				.mode = flags & O_CREAT ? 0600 : 0,
				.resolve = resolve };

	int fd;

	do /* EAGAIN: somebody, anywhere, mounted or renamed meanwhile */
		fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN);
	return fd;
}

static bool says(int fd, const char *text)
{
	char said[6] = "";

	return fd >= 0 && read(fd, said, 5) == 5 && strcmp(said, text) == 0 && close(fd) == 0;
}

static bool has_openat2(void)
{
	int fd = opens(AT_FDCWD, "/", O_PATH, 0);

	return fd >= 0 && close(fd) == 0;
}

static void paths_stay_beneath(void)
{
	int fd;

	if (!has_openat2())
		return;
	fd = enter_folder();
	must(says(opens(fd, "f", O_RDONLY, RESOLVE_BENEATH), "inner"));
	must(says(opens(fd, "in", O_RDONLY, RESOLVE_BENEATH), "inner"));
	must(says(opens(AT_FDCWD, "d/../f", O_RDONLY, RESOLVE_BENEATH), "outer"));
	must_fail(EXDEV, opens(fd, "../f", O_RDONLY, RESOLVE_BENEATH));
	must_fail(EXDEV, opens(fd, "up", O_RDONLY, RESOLVE_BENEATH));
	must_fail(EXDEV, opens(fd, "out", O_RDONLY, RESOLVE_BENEATH));
	must_fail(EXDEV, opens(fd, "/etc/passwd", O_RDONLY, RESOLVE_BENEATH));
	must_fail(ENOENT, opens(fd, "none", O_RDONLY, RESOLVE_BENEATH));
	must_fail(EINVAL, opens(fd, "f", O_RDONLY, RESOLVE_BENEATH | RESOLVE_IN_ROOT));
	must_fail(EINVAL, opens(fd, "f", O_RDONLY, 1 << 20));
	must(close(opens(fd, "made", O_RDWR | O_CREAT | O_EXCL, RESOLVE_BENEATH)) == 0);
	must_fail(EEXIST, opens(fd, "made", O_RDWR | O_CREAT | O_EXCL, RESOLVE_BENEATH));
	must(access("d/made", F_OK) == 0);
	must_fail(EXDEV, opens(fd, "../made", O_RDWR | O_CREAT, RESOLVE_BENEATH));
	must(access("made", F_OK) < 0);
	leave_folder();
}

static void a_directory_is_the_root(void)
{
	int fd;

	if (!has_openat2())
		return;
	fd = enter_folder();
	must(says(opens(fd, "/f", O_RDONLY, RESOLVE_IN_ROOT), "inner"));
	must(says(opens(fd, "../../f", O_RDONLY, RESOLVE_IN_ROOT), "inner"));
	must(says(opens(fd, "up", O_RDONLY, RESOLVE_IN_ROOT), "inner"));
	must_fail(ENOENT, opens(fd, "out", O_RDONLY, RESOLVE_IN_ROOT));
	must(close(opens(fd, "/made", O_RDWR | O_CREAT, RESOLVE_IN_ROOT)) == 0);
	must(access("d/made", F_OK) == 0);
	fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	must(close(opens(fd, "../etc/./passwd", O_RDONLY, RESOLVE_IN_ROOT)) == 0);
	leave_folder();
}

static void links_are_refused_where_asked(void)
{
	int fd;

	if (!has_openat2())
		return;
	fd = enter_folder();
	must(says(opens(fd, "f", O_RDONLY, RESOLVE_NO_SYMLINKS), "inner"));
	must_fail(ELOOP, opens(fd, "in", O_RDONLY, RESOLVE_NO_SYMLINKS));
	must(close(opens(fd, "in", O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS)) == 0);
	must(close(opens(AT_FDCWD, "/etc/passwd", O_RDONLY, RESOLVE_NO_SYMLINKS)) == 0);
	must_fail(ELOOP, opens(AT_FDCWD, "/proc/self/cwd", O_RDONLY, RESOLVE_NO_MAGICLINKS));
	must(says(opens(fd, "in", O_RDONLY, RESOLVE_NO_MAGICLINKS), "inner"));
	must(says(opens(fd, "f", O_RDONLY, RESOLVE_NO_XDEV), "inner"));
	must_fail(EXDEV, opens(AT_FDCWD, "/proc/version", O_RDONLY, RESOLVE_NO_XDEV));
	leave_folder();
}

/* The root has mount points below it. */
static void above_mounts_it_is_the_same(void)
{
	char d[sizeof(folder) + 16];
	int fd;

	if (!has_openat2())
		return;
	close(enter_folder());
	fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	must(says(opens(fd, below(d, "d/f"), O_RDONLY, RESOLVE_BENEATH), "inner"));
	must(says(opens(fd, below(d, "d/in"), O_RDONLY, RESOLVE_BENEATH), "inner"));
	must(says(opens(fd, below(d, "d/up"), O_RDONLY, RESOLVE_BENEATH), "outer"));
	must(says(opens(fd, below(d, "d/../f"), O_RDONLY, RESOLVE_BENEATH), "outer"));
	must_fail(EXDEV, opens(fd, below(d, "d/out"), O_RDONLY, RESOLVE_BENEATH));
	must_fail(EXDEV, opens(fd, "../etc/passwd", O_RDONLY, RESOLVE_BENEATH));
	must_fail(EXDEV, opens(fd, "etc/../../etc/passwd", O_RDONLY, RESOLVE_BENEATH));
	must_fail(EXDEV, opens(fd, "/etc/passwd", O_RDONLY, RESOLVE_BENEATH));
	must_fail(EXDEV, opens(fd, "proc/self/cwd", O_PATH, RESOLVE_BENEATH));
	must_fail(ELOOP, opens(fd, "proc/self/cwd/f", O_RDONLY, RESOLVE_NO_MAGICLINKS));
	must(close(opens(fd, "proc/self/status", O_RDONLY, RESOLVE_BENEATH)) == 0);
	must_fail(ELOOP, opens(fd, below(d, "d/in"), O_RDONLY, RESOLVE_NO_SYMLINKS));
	must_fail(EXDEV, opens(fd, "proc/version", O_RDONLY, RESOLVE_NO_XDEV));
	must_fail(EXDEV, opens(fd, "proc/../etc/passwd", O_RDONLY, RESOLVE_NO_XDEV));
	must(close(opens(fd, "/../etc/passwd", O_RDONLY, RESOLVE_IN_ROOT)) == 0);
	must(close(opens(fd, below(d, "d/out"), O_RDONLY, RESOLVE_IN_ROOT)) == 0);
	must(close(opens(fd, below(d, "d/made"), O_RDWR | O_CREAT | O_EXCL, RESOLVE_BENEATH)) == 0);
	must_fail(EEXIST,
		  opens(fd, below(d, "d/made"), O_RDWR | O_CREAT | O_EXCL, RESOLVE_BENEATH));
	must(access("d/made", F_OK) == 0);
	must(close(opens(fd, below(d, "new"), O_RDWR | O_CREAT, RESOLVE_NO_SYMLINKS)) == 0);
	must(access("new", F_OK) == 0);
	must(close(fd) == 0);
	leave_folder();
}

struct attribute {
	uint64_t value;
	uint32_t size_bytes;
	uint32_t flags;
};

#define SETXATTRAT    463
#define GETXATTRAT    464
#define LISTXATTRAT   465
#define REMOVEXATTRAT 466

static void attributes_are_named_by_directory(void)
{
	char text[64] = "value";
	struct attribute attribute = { .value = (uintptr_t)text, .size_bytes = 5 };
	int fd = enter_folder();

	if (syscall(SETXATTRAT, fd, "f", 0, "user.name", &attribute, sizeof(attribute)) < 0 &&
	    (errno == ENOSYS || errno == EOPNOTSUPP)) {
		leave_folder();
		return;
	}
	must(getxattr("d/f", "user.name", text, sizeof(text)) == 5);
	attribute.flags = XATTR_CREATE;
	must_fail(EEXIST, syscall(SETXATTRAT, fd, "in", 0, "user.name", &attribute, 16));
	attribute = (struct attribute){ .value = (uintptr_t)text, .size_bytes = sizeof(text) };
	memset(text, 0, sizeof(text));
	must(syscall(GETXATTRAT, fd, "in", 0, "user.name", &attribute, 16) == 5);
	must(strcmp(text, "value") == 0);
	must_fail(ENODATA, syscall(GETXATTRAT, fd, "in", AT_SYMLINK_NOFOLLOW, "trusted.name",
				   &attribute, 16));
	must(syscall(LISTXATTRAT, fd, "f", 0, text, sizeof(text)) >= 10);
	must_fail(EINVAL, syscall(GETXATTRAT, fd, "f", 4, "user.name", &attribute, 16));
	must_fail(EINVAL, syscall(GETXATTRAT, fd, "f", 0, "user.name", &attribute, 8));
	must(syscall(REMOVEXATTRAT, fd, "f", 0, "user.name") == 0);
	must_fail(ENODATA, syscall(REMOVEXATTRAT, fd, "f", 0, "user.name"));
	leave_folder();
}

static const struct claim claims[] = {
	CLAIM(paths_stay_beneath),
	CLAIM(a_directory_is_the_root),
	CLAIM(links_are_refused_where_asked),
	CLAIM(above_mounts_it_is_the_same),
	CLAIM(attributes_are_named_by_directory),
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return run_claims(claims, argc, argv);
}
