/* SPDX-License-Identifier: Apache-2.0 */
/* Subordinate ids: ranges an administrator gave a user, mapped by the privileged programs
 * newuidmap(1) and newgidmap(1). Source: subuid(5), subgid(5), user_namespaces(7). */
#ifndef SYS_SUBID_H
#define SYS_SUBID_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "sys/ids.h"

#define SUBID_RANGES_MAX 64 /* of one user; the kernel takes 340 lines of a map since 4.15 */

struct subid_range {
	uint32_t first;
	uint32_t count;
};

struct subid_ranges {
	struct subid_range item[SUBID_RANGES_MAX]; /* as the file has them; none overlaps another */
	size_t count;
	uint32_t total; /* ids in all of them */
};

struct subids {
	struct subid_ranges uid;
	struct subid_ranges gid;
};

/* The ranges in the text of a subuid / subgid file for a user, who may stand there by name or by
 * number. Lines that are not NAME:FIRST:COUNT, and ranges that overlap an earlier one, are passed
 * over. False when there is none. */
bool subid_ranges(const char *text, const char *name, uid_t uid, struct subid_ranges *ret_ranges);

/* The user's ranges: the files, else getsubids(1), which knows LDAP and sssd.
 * -ENOENT, named in err: no range of uids, or none of gids. */
int subid_find(const struct user *user, struct subids *ret_ids, struct err *err) must_check;

/* One line of a map (user_namespaces(7)). */
struct id_map {
	uint32_t inside;
	uint32_t outside;
	uint32_t count;
};

struct id_maps {
	struct id_map item[SUBID_RANGES_MAX + 2];
	size_t count;
};

/* Which ids are real inside, and whom they are outside. */
struct id_space {
	bool is_here; /* those of the user namespace this process is in: none of its own */
	struct id_maps uid;
	struct id_maps gid;
};

/* The id `own` inside is `caller` outside; all others, from 0 up, are those of the ranges. */
void id_maps_fill(const struct subid_ranges *ranges, uint32_t own, uint32_t caller,
		  struct id_maps *ret_maps);
bool id_maps_has(const struct id_maps *maps, uint32_t inside);
uint64_t id_maps_count(const struct id_maps *maps);
/* One user or one group only: nobody to be root of, no ranges to give. */
bool id_space_has_one(const struct id_space *space);

/* The largest space the user has, where own_uid and own_gid are the user. Errors as subid_find. */
int id_space_of_user(const struct user *user, uid_t own_uid, gid_t own_gid,
		     struct id_space *ret_space, struct err *err) must_check;
/* The ids that are real where this process is (/proc/self/uid_map and gid_map). */
int id_space_here(struct id_space *ret_space, struct err *err) must_check;
/* 0 when uid and gid are real in the space; else -EOVERFLOW: err names the id, whose it is (`what`)
 * and which ids there are, the hint what would give more. */
int id_space_check(const struct id_space *space, uid_t uid, gid_t gid, const char *what,
		   struct err *err) must_check;
/* May root among these ids make devices? (Those of the initial user namespace.) */
bool id_space_has_devices(const struct id_space *space);
/* A short text that differs between spaces whose ids are others outside. */
void id_space_name(const struct id_space *space, struct buf *ret_name);

/* Write the maps of `pid`, a child that made a user namespace, by newuidmap and newgidmap.
 * -ENOENT: one is not installed. -ECHILD: it refused, and err has its words. */
int id_space_map(const struct id_space *space, pid_t pid, struct err *err) must_check;

/* Move this process, which must have one thread, into a user namespace of its own with these ids.
 */
int id_space_enter(const struct id_space *space, struct err *err) must_check;

/* Call inside(context) as root of such a space: in a child with a user namespace of its own and
 * nothing else, or right here when the space is that of the caller. Fork-safe with threads around.
 */
int id_space_call(const struct id_space *space, int (*inside)(void *context, struct err *err),
		  void *context, struct err *err) must_check;

/* The first id above every range in this text (and at least 100000): where a new one fits. */
uint32_t subid_first_free(const char *text);

#endif
