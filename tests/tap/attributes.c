// SPDX-License-Identifier: Apache-2.0
/* What root can say of files beside owner and mode. These claims hold for real root on a file
 * system like ext4, too. With TORTURE_LISTS set, the working directory is not on the host's own
 * tree. */
#include "files.h"

#include <grp.h>
#include <sys/xattr.h>

static void privileged_attributes_are_kept(void)
{
	static const char names[] = "security.capability";
	static const unsigned char caps[20] = { 1, 0, 0, 2, 0, 32 };
	char list[256];
	char value[64];
	ssize_t n;
	int fd;

	make("f");
	must(setxattr("f", "security.capability", caps, sizeof(caps), 0) == 0);
	must(getxattr("f", "security.capability", NULL, 0) == 20);
	must(getxattr("f", "security.capability", value, sizeof(value)) == 20);
	must(memcmp(value, caps, 20) == 0);
	must_fail(ERANGE, getxattr("f", "security.capability", value, 19));
	must(setxattr("f", "trusted.a", "x", 1, XATTR_CREATE) == 0);
	must_fail(EEXIST, setxattr("f", "trusted.a", "y", 1, XATTR_CREATE));
	must(setxattr("f", "trusted.a", "yy", 2, XATTR_REPLACE) == 0);
	must_fail(ENODATA, setxattr("f", "trusted.b", "y", 1, XATTR_REPLACE));
	n = listxattr("f", list, sizeof(list));
	must(n > 0 && listxattr("f", NULL, 0) == n);
	must(memmem(list, (size_t)n, names, sizeof(names)));
	must(memmem(list, (size_t)n, "trusted.a", 10));
	must_fail(ERANGE, listxattr("f", list, 3));
	fd = open("f", O_RDONLY | O_CLOEXEC);
	must(fgetxattr(fd, "trusted.a", value, sizeof(value)) == 2);
	must(fremovexattr(fd, "trusted.a") == 0);
	must_fail(ENODATA, lgetxattr("f", "trusted.a", value, sizeof(value)));
	must_fail(ENODATA, removexattr("f", "trusted.a"));
	must(fsetxattr(fd, "trusted.empty", "", 0, 0) == 0);
	must(fgetxattr(fd, "trusted.empty", value, sizeof(value)) == 0);
	must(chown("f", 1, 1) == 0); /* takes capabilities away */
	must_fail(ENODATA, getxattr("f", "security.capability", value, sizeof(value)));
	must(setxattr("f", "security.capability", caps, sizeof(caps), 0) == 0);
	write_to("f", 0); /* so does a write */
	must_fail(ENODATA, getxattr("f", "security.capability", value, sizeof(value)));
	must(symlink("f", "s") == 0);
	must(lsetxattr("s", "trusted.link", "1", 1, 0) == 0);
	must_fail(ENODATA, getxattr("s", "trusted.link", value, sizeof(value)));
	must_fail(ENODATA, getxattr("f", "security.nothing", value, sizeof(value)));
	must_fail(ENOENT, setxattr("gone", "trusted.a", "x", 1, 0));
}

/* setfacl -m g:4:r-x, as systemd's journal has it. */
static void access_lists_may_name_anybody(void)
{
	static const unsigned char acl[] = {
		2, 0,	0,   0,	  1,   0,   7,	  0, 255, 255, 255, 255, 4,   0,    5,
		0, 255, 255, 255, 255, 8,   0,	  5, 0,	  4,   0,   0,	 0,   0x10, 0,
		7, 0,	255, 255, 255, 255, 0x20, 0, 0,	  0,   255, 255, 255, 255,
	};
	char value[64];

	must(mkdir("d", 0755) == 0);
	if (setxattr("d", "system.posix_acl_access", acl, sizeof(acl), 0) < 0) {
		must(errno == EOPNOTSUPP);
		return;
	}
	must(getxattr("d", "system.posix_acl_access", value, sizeof(value)) == sizeof(acl));
	must(memcmp(value, acl, sizeof(acl)) == 0);
	must(mode_of("d") == 0770);
	must(setxattr("d", "system.posix_acl_default", acl, sizeof(acl), 0) == 0);
	must(setxattr("d", "system.posix_acl_access", "junk!", 5, 0) == -1);
	must(removexattr("d", "system.posix_acl_access") == 0);
	must_fail(ENODATA, getxattr("d", "system.posix_acl_access", value, sizeof(value)));
}

/* setfacl -m g:0:---: the kernel knows root's id, too, and on the host's own tree takes us for the
 * owner of whatever we are shown. */
static void access_lists_that_name_root_alone_count(void)
{
	static const unsigned char acl[] = {
		2, 0,	0,   0,	  1,   0,   6,	  0, 255, 255, 255, 255, 4,   0,    4,
		0, 255, 255, 255, 255, 8,   0,	  0, 0,	  0,   0,   0,	 0,   0x10, 0,
		4, 0,	255, 255, 255, 255, 0x20, 0, 4,	  0,   255, 255, 255, 255,
	};
	char value[64];

	if (!getenv("TORTURE_LISTS"))
		return;
	make("f");
	must(chown("f", 5, 6) == 0);
	if (setxattr("f", "system.posix_acl_access", acl, sizeof(acl), 0) < 0) {
		must(errno == EOPNOTSUPP);
		return;
	}
	must(getxattr("f", "system.posix_acl_access", value, sizeof(value)) == sizeof(acl));
	must(memcmp(value, acl, sizeof(acl)) == 0);
	must(mode_of("f") == 0644);
	must(in_child(must(setgroups(0, NULL) == 0 && setgid(0) == 0 && setuid(33) == 0);
		      must_fail(EACCES, open("f", O_RDONLY | O_CLOEXEC))) == 0);
	must(in_child(must(setgroups(0, NULL) == 0 && setgid(7) == 0 && setuid(33) == 0);
		      must(open("f", O_RDONLY | O_CLOEXEC) >= 0)) == 0);
	must(chmod("f", 0600) == 0 && chmod("f", 0644) == 0);
	must(setxattr("f", "system.posix_acl_access", acl, 28, 0) == -1);
	must(removexattr("f", "system.posix_acl_access") == 0);
	must_fail(ENODATA, getxattr("f", "system.posix_acl_access", value, sizeof(value)));
}

/* setfacl -d -m u:33:rwx; the umask does not count where there is such a list. */
static void lists_for_new_files_are_inherited(void)
{
	static const unsigned char acl[] = {
		2, 0,  0,   0,	 1,   0,   7,	 0, 255, 255, 255, 255, 2,   0,	   7,
		0, 33, 0,   0,	 0,   4,   0,	 5, 0,	 255, 255, 255, 255, 0x10, 0,
		7, 0,  255, 255, 255, 255, 0x20, 0, 5,	 0,   255, 255, 255, 255,
	};
	unsigned char value[128];
	struct stat st;
	int fd;

	umask(077);
	must(mkdir("d", 0755) == 0);
	if (setxattr("d", "system.posix_acl_default", acl, sizeof(acl), 0) < 0) {
		must(errno == EOPNOTSUPP);
		return;
	}
	fd = open("d/f", O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
	must(fd >= 0 && close(fd) == 0);
	must(stat("d/f", &st) == 0 && (st.st_mode & 07777) == 0664);
	must(getxattr("d/f", "system.posix_acl_access", value, sizeof(value)) == sizeof(acl));
	must(memcmp(value + 12, acl + 12, 16) == 0); /* the mode cuts the others */
	must(chmod("d/f", 0640) == 0);
	must(getxattr("d/f", "system.posix_acl_access", value, sizeof(value)) == sizeof(acl));
	must(value[6] == 6 && value[14] == 7 && value[30] == 4 && value[38] == 0);
	must_fail(EACCES, setxattr("d/f", "system.posix_acl_default", acl, sizeof(acl), 0));
	must_fail(EINVAL, setxattr("d", "system.posix_acl_default", acl, sizeof(acl) - 8, 0));
	fd = open("d", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	must(fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0664 && close(fd) == 0);
	must(mkdir("d/s", 0755) == 0);
	must(stat("d/s", &st) == 0 && (st.st_mode & 07777) == 0755);
	must(getxattr("d/s", "system.posix_acl_default", value, sizeof(value)) == sizeof(acl));
	must(memcmp(value, acl, sizeof(acl)) == 0);
	must(mkdir("d/s/p", 0700) == 0 && stat("d/s/p", &st) == 0 && (st.st_mode & 07777) == 0700);
	must(symlink("f", "d/l") == 0 && mkfifo("d/s/q", 0666) == 0);
	must(stat("d/s/q", &st) == 0 && (st.st_mode & 07777) == 0664);
	must(removexattr("d", "system.posix_acl_default") == 0);
	fd = open("d/g", O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
	must(fd >= 0 && close(fd) == 0);
	must(stat("d/g", &st) == 0 && (st.st_mode & 07777) == 0600);
}

static const struct claim claims[] = {
	CLAIM(privileged_attributes_are_kept),
	CLAIM(access_lists_may_name_anybody),
	CLAIM(access_lists_that_name_root_alone_count),
	CLAIM(lists_for_new_files_are_inherited),
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	int failures = 0;

	for (const struct claim *claim = claims; claim->name; claim++)
		failures += run_in_folder(claim, argc, argv);
	return failures != 0;
}
