/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/ld.so.cache: which library file the dynamic linker takes for a name. Read for a host, and
 * written anew for a root that has only some of the host's libraries, for `ldconfig -p` and those
 * who ask it would else tell of libraries that are not there.
 *
 * Source: glibc's dl-cache.h; the format since glibc 2.2, alone or behind the older one. */
#ifndef POLICY_LDCACHE_H
#define POLICY_LDCACHE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "policy/visible.h"

struct ldcache_entry {
	const char *name; /* "libz.so.1" */
	const char *path;
	uint32_t flags;	   /* kind and machine type, as the file has them */
	uint64_t hardware; /* not 0: for some processors only */
};

struct ldcache {
	struct arena arena;
	struct ldcache_entry *entry; /* in the file's order */
	size_t count;
};

/* An empty cache where the root has none; -EUCLEAN: damaged. */
int ldcache_read(int root_fd, struct ldcache *ret_cache, struct err *err) must_check;
/* From the bytes of a file; for tests. */
int ldcache_parse(const void *bytes, size_t size_bytes, struct ldcache *ret_cache,
		  struct err *err) must_check;
/* As a file of the newer format; entries for some processors only are left out. */
void ldcache_print(const struct ldcache *cache, struct buf *ret_bytes);
void ldcache_done(struct ldcache *cache);
#define auto_ldcache cleanup(ldcache_done) struct ldcache

/* Show the host's cache without what is not shown; nothing where the host has none. */
int ldcache_show(struct visible *visible, struct err *err) must_check;

#endif
