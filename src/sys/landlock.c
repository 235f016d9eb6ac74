// SPDX-License-Identifier: Apache-2.0
#include "sys/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/io.h"

/* linux/landlock.h of the machine this is built on may be older than the kernel it runs on. */
#define RIGHT(n)   (1ull << (n))
#define EXECUTE	   RIGHT(0)
#define WRITE_FILE RIGHT(1)
#define READ_FILE  RIGHT(2)
#define READ_DIR   RIGHT(3)
#define REFER	   RIGHT(13) /* ABI 2 */
#define TRUNCATE   RIGHT(14) /* ABI 3 */
#define IOCTL_DEV  RIGHT(15) /* ABI 5 */
#define OF_FILES   (EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV)
#define OF_READERS (EXECUTE | READ_FILE | READ_DIR | IOCTL_DEV)
#define ABI_REFER  2
#define ABI_TRUNC  3
#define ABI_IOCTL  5
#define ABI_SCOPED 6

#define SCOPE_SIGNAL 2u
#define RIGHTS_MAKE  (RIGHT(13) - RIGHT(4)) /* remove and make, of every type */

static long abi_version(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

static uint64_t rights_of(long abi)
{
	return EXECUTE | WRITE_FILE | READ_FILE | READ_DIR | RIGHTS_MAKE | REFER |
	       (abi >= ABI_TRUNC ? TRUNCATE : 0) | (abi >= ABI_IOCTL ? IOCTL_DEV : 0);
}

/* struct landlock_ruleset_attr */
struct ruleset {
	uint64_t files, network;
	uint64_t scoped; /* ABI 6 */
};

int landlock_begin(bool keeps_signals)
{
	long abi = abi_version();
	bool scopes = keeps_signals && abi >= ABI_SCOPED;
	struct ruleset ruleset = { .files = rights_of(abi), .scoped = scopes ? SCOPE_SIGNAL : 0 };
	long fd;

	if (abi < 0)
		return -errno;
	if (abi < ABI_REFER)
		return -EOPNOTSUPP;
	fd = syscall(SYS_landlock_create_ruleset, &ruleset,
		     scopes ? sizeof(ruleset) : sizeof(ruleset.files), 0);
	return fd < 0 ? -errno : (int)fd;
}

int landlock_allow(int ruleset_fd, const char *path, bool read_only, struct err *err)
{
	auto_fd fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = { .parent_fd = fd };
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : fail(err, errno, "allow '%s'", path);
	if (fstat(fd, &st) < 0)
		return fail(err, errno, "allow '%s'", path);
	rule.allowed_access = rights_of(abi_version());
	if (read_only)
		rule.allowed_access &= OF_READERS;
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= OF_FILES;
	if (syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return fail(err, errno, "allow '%s': landlock_add_rule", path);
	return 0;
}

int landlock_enforce(int ruleset_fd, struct err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(err, errno, "no_new_privs");
	if (syscall(SYS_landlock_restrict_self, ruleset_fd, 0) < 0)
		return fail(err, errno, "landlock_restrict_self");
	return 0;
}
