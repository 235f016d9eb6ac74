// SPDX-License-Identifier: Apache-2.0
/* Run a command where the kernel refuses what it names: deny GROUP[,GROUP...] CMD [ARGS...]
 *
 * A seccomp filter stands in for the machines rootlet must also work on: containers that forbid
 * user namespaces, kernels without the newer calls. It needs no privilege (by no_new_privs, which
 * root does not need and is spared), and as on those machines nothing inside can lift it. */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Younger than libseccomp: Linux 6.15, 6.13. */
#define OPEN_TREE_ATTR 467
#define LISTXATTRAT    465

#define array_count(array) (sizeof(array) / sizeof((array)[0]))

struct rule {
	const char *group;
	int syscall;
	int errno_value;
	unsigned flag; /* only when the first argument has this bit; 0: always */
	bool is_value; /* only when it is just that */
};

static const struct rule rules[] = {
	/* what a container engine's default profile does to processes without CAP_SYS_ADMIN */
	{ "userns", SCMP_SYS(unshare), EPERM, CLONE_NEWUSER },
	{ "userns", SCMP_SYS(clone), EPERM, CLONE_NEWUSER },
	{ "userns", SCMP_SYS(clone3), ENOSYS, 0 }, /* flags are behind a pointer: libc falls back */
	{ "mount", SCMP_SYS(mount), EPERM, 0 },
	{ "mount", SCMP_SYS(umount2), EPERM, 0 },
	{ "mount", SCMP_SYS(pivot_root), EPERM, 0 },
	{ "mount", SCMP_SYS(open_tree), EPERM, 0 },
	{ "mount", SCMP_SYS(move_mount), EPERM, 0 },
	{ "mount", SCMP_SYS(fsopen), EPERM, 0 },
	{ "mount", SCMP_SYS(fsmount), EPERM, 0 },
	{ "mount", SCMP_SYS(mount_setattr), EPERM, 0 },
	{ "mount", OPEN_TREE_ATTR, EPERM, 0 },
	{ "ptrace", SCMP_SYS(ptrace), EPERM, 0 },
	{ "ptrace", SCMP_SYS(process_vm_readv), EPERM, 0 },
	{ "ptrace", SCMP_SYS(process_vm_writev), EPERM, 0 },
	{ "seccomp", SCMP_SYS(seccomp), EPERM, 0 },
	/* a kernel without CONFIG_SECCOMP; and one that has another idea of what is wrong */
	{ "no-filters", SCMP_SYS(seccomp), ENOSYS, 0 },
	{ "no-filters", SCMP_SYS(prctl), EINVAL, PR_SET_SECCOMP, true },
	{ "odd-filters", SCMP_SYS(seccomp), EINVAL, 0 },
	{ "odd-filters", SCMP_SYS(prctl), EINVAL, PR_SET_SECCOMP, true },
	/* kernels before each of these */
	{ "new-mount", SCMP_SYS(open_tree), ENOSYS, 0 },
	{ "new-mount", SCMP_SYS(move_mount), ENOSYS, 0 },
	{ "new-mount", SCMP_SYS(fsopen), ENOSYS, 0 },
	{ "new-mount", SCMP_SYS(fsconfig), ENOSYS, 0 },
	{ "new-mount", SCMP_SYS(fsmount), ENOSYS, 0 },
	{ "new-mount", OPEN_TREE_ATTR, ENOSYS, 0 },
	{ "mount-setattr", SCMP_SYS(mount_setattr), ENOSYS, 0 },
	{ "mount-setattr", OPEN_TREE_ATTR, ENOSYS, 0 },
	{ "open-tree-attr", OPEN_TREE_ATTR, ENOSYS, 0 },
	{ "openat2", SCMP_SYS(openat2), ENOSYS, 0 },
	{ "clone3", SCMP_SYS(clone3), ENOSYS, 0 },
	{ "close-range", SCMP_SYS(close_range), ENOSYS, 0 },
	{ "pidfd", SCMP_SYS(pidfd_open), ENOSYS, 0 },
	{ "statx", SCMP_SYS(statx), ENOSYS, 0 },
	{ "listxattrat", LISTXATTRAT, ENOSYS, 0 },
	{ "faccessat2", SCMP_SYS(faccessat2), ENOSYS, 0 },
	{ "landlock", SCMP_SYS(landlock_create_ruleset), ENOSYS, 0 },
	{ "copy", SCMP_SYS(copy_file_range), ENOSYS, 0 },
	{ "hard-links", SCMP_SYS(linkat), EPERM, 0 }, /* of the file system: link(2) */
	/* done, says the kernel, and does nothing: for tests on a busy disk */
	{ "sync", SCMP_SYS(fsync), 0, 0 },
	{ "sync", SCMP_SYS(fdatasync), 0, 0 },
	{ "sync", SCMP_SYS(syncfs), 0, 0 },
	{ "sync", SCMP_SYS(sync), 0, 0 },
};

static int usage(void)
{
	fprintf(stderr, "usage: deny GROUP[,GROUP...] CMD [ARGS...]\ngroups:");
	for (size_t i = 0; i < array_count(rules); i++)
		if (i == 0 || strcmp(rules[i].group, rules[i - 1].group) != 0)
			fprintf(stderr, " %s", rules[i].group);
	fprintf(stderr, "\n");
	return 2;
}

static int add_rule(scmp_filter_ctx filter, const struct rule *rule)
{
	struct scmp_arg_cmp has_flag = SCMP_A0(SCMP_CMP_MASKED_EQ, rule->flag, rule->flag);
	struct scmp_arg_cmp has_value = SCMP_A0(SCMP_CMP_EQ, rule->flag);

	return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO((unsigned)rule->errno_value),
				      rule->syscall, rule->flag ? 1 : 0,
				      rule->is_value ? &has_value : &has_flag);
}

/* The number of rules added for this group, or -1. */
static int add_group(scmp_filter_ctx filter, const char *group)
{
	int count = 0;

	for (size_t i = 0; i < array_count(rules); i++) {
		if (strcmp(rules[i].group, group) != 0)
			continue;
		if (add_rule(filter, &rules[i]) < 0)
			return -1;
		count++;
	}
	return count;
}

static int deny(scmp_filter_ctx filter, char *groups)
{
	char *group;

	if (seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW) < 0 ||
	    seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, geteuid() != 0) < 0)
		return -1;
	while ((group = strsep(&groups, ",")))
		if (add_group(filter, group) <= 0)
			return -1;
	return seccomp_load(filter);
}

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = argc < 3 ? NULL : seccomp_init(SCMP_ACT_ALLOW);
	int r = filter ? deny(filter, argv[1]) : -1;

	seccomp_release(filter);
	if (r < 0)
		return usage();
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
