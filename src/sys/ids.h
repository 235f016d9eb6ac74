/* SPDX-License-Identifier: Apache-2.0 */
/* Users and groups: files in passwd(5) and group(5) form, read by ourselves.
 *
 * The static program has no NSS; names that /etc/passwd lacks (LDAP, sssd) come from running
 * getent(1). Inside a root only its own files count: nothing of the host must leak in. */
#ifndef SYS_IDS_H
#define SYS_IDS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

struct user {
	const char *name; /* in the arena */
	uid_t uid;
	gid_t gid;
	const char *home;
	const char *shell;
	/* ids_resolve only: other groups that list the user, in the arena; none with :GROUP */
	gid_t *groups;
	size_t group_count;
};

/* Find a user or group in the text of a passwd / group file. False when absent. */
bool ids_user_by_name(const char *passwd, const char *name, struct arena *arena,
		      struct user *ret_user);
bool ids_user_by_id(const char *passwd, uid_t uid, struct arena *arena, struct user *ret_user);
bool ids_group_by_name(const char *group, const char *name, gid_t *ret_gid);
bool ids_group_by_id(const char *group, gid_t gid, struct arena *arena, const char **ret_name);

/* The caller as the host knows it: /etc/passwd, else getent. Never fails: without any entry the
 * name is the number, home "/" and shell "/bin/sh". */
void ids_caller(struct arena *arena, struct user *ret_user);

/* USER[:GROUP] as docker takes it: names looked up in these texts (either may be ""), numbers
 * taken as they are; without :GROUP the user's own group, else 0. */
int ids_resolve(const char *spec, const char *passwd, const char *group, struct arena *arena,
		struct user *ret_user, struct err *err) must_check;

#endif
