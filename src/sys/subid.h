/* SPDX-License-Identifier: Apache-2.0 */
/* Subordinate ids: ranges an administrator gave a user, mapped by the privileged programs
 * newuidmap(1) and newgidmap(1). Source: subuid(5), subgid(5). */
#ifndef SYS_SUBID_H
#define SYS_SUBID_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "sys/ids.h"

struct subid_range {
	uint32_t first;
	uint32_t count;
};

struct subids {
	struct subid_range uid;
	struct subid_range gid;
};

/* The largest range in the text of a subuid / subgid file for a user, who may stand there by name
 * or by number. False when there is none. Lines that are not NAME:FIRST:COUNT are passed over. */
bool subid_largest(const char *text, const char *name, uid_t uid, struct subid_range *ret_range);

/* The user's ranges: the files, else getsubids(1), which knows LDAP and sssd.
 * -ENOENT, named in err: no range of uids, or none of gids. */
int subid_find(const struct user *user, struct subids *ret_ids, struct err *err) must_check;

/* In the parent of a process that made a user namespace: the user becomes 0 inside and the ranges
 * become 1 and up. -ENOENT: newuidmap or newgidmap is not installed. -ECHILD: it refused, and err
 * has its words. */
int subid_map(pid_t pid, const struct user *user, const struct subids *ids,
	      struct err *err) must_check;

/* The first id above every range in this text (and at least 100000): where a new one fits. */
uint32_t subid_first_free(const char *text);

#endif
