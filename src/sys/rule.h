/* SPDX-License-Identifier: Apache-2.0 */
/* Why the host refuses something, and the exact line somebody would type to change that.
 *
 * Sources: the kernel's Documentation/admin-guide/sysctl (kernel, user), user_namespaces(7),
 * seccomp(2), ptrace(2) "Yama", Documentation/admin-guide/LSM. */
#ifndef SYS_RULE_H
#define SYS_RULE_H

#include <stdbool.h>

#include "base/err.h"
#include "sys/ids.h"

#define RULE_TEXT_MAX 256

struct rule {
	char forbids[RULE_TEXT_MAX]; /* the sysctl, profile, file or missing program; "" unknown */
	char admin[RULE_TEXT_MAX];   /* what an administrator types, as root; "" nothing helps */
	char user[RULE_TEXT_MAX];    /* what the user can do alone; "" nothing */
};

/* A user namespace could not be made and gave `error`. */
void rule_user_namespace(int error, struct rule *ret_rule);

/* The line that gives `program` alone what kernel.apparmor_restrict_unprivileged_userns takes from
 * everybody (apparmor.d(5), "userns"). False, and text of no use: its path needs quoting or is too
 * long. */
bool rule_apparmor_profile(const char *program, char text[RULE_TEXT_MAX]);

/* A user namespace was made but its capabilities are void: mounting in it gave `error`. */
void rule_namespace_mount(int error, struct rule *ret_rule);

/* The user has no subordinate ids, or newuidmap is missing or powerless. */
void rule_subordinate_ids(const struct user *user, struct rule *ret_rule);

/* The caller is not root, or a root that may not mount (`error`). */
void rule_root(const struct user *user, int error, struct rule *ret_rule);

void rule_fuse(int error, struct rule *ret_rule);
void rule_ptrace(int error, struct rule *ret_rule);
void rule_seccomp(int error, struct rule *ret_rule);
void rule_landlock(int error, struct rule *ret_rule);

/* A program is missing: the line that installs it on this distribution. The names of the package
 * are those of Debian, Fedora and openSUSE. */
void rule_install(const char *program, const char *debian, const char *fedora, const char *suse,
		  struct rule *ret_rule);

/* Put the rule and what helps against it into err's hint. */
void rule_add_hint(const struct rule *rule, struct err *err);

/* The number in /proc/sys for "user.max_user_namespaces" and the like; -1 when there is none. */
long rule_sysctl(const char *name) must_check;

/* What kind of container this process is in ("docker", "podman", ...); NULL for none known. */
const char *rule_container(void);

/* A seccomp filter, or no_new_privs, is already on this process (/proc/self/status). */
bool rule_has_seccomp_filter(void);
bool rule_has_no_new_privs(void);

/* The process lives in a chroot(2): / is no mount point of its mount namespace. */
bool rule_in_chroot(void);

/* "tap" or "ptrace": the engine of a rootlet that this process runs inside of; NULL: none, or one
 * that does not stand between a process and the kernel. */
const char *rule_engine_around(void);
/* If there is one: it is what forbids `what`, and true. */
bool rule_set_inside(struct rule *rule, const char *what);

#endif
