/* SPDX-License-Identifier: Apache-2.0 */
/* What this host lets this user do, found out by doing it.
 *
 * Nothing here looks at versions: each fact is probed by trying the thing, in a child where it
 * would change the caller, once, when it is first asked for (a run that needs no answer pays for
 * none). What was refused keeps the errno seen and the rule behind it. */
#ifndef SYS_HOST_H
#define SYS_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "sys/ids.h"
#include "sys/rule.h"

enum host_fact {
	/* namespaces */
	HOST_USER_NAMESPACE,	/* clone(CLONE_NEWUSER) and writing the maps */
	HOST_NAMESPACE_MOUNT,	/* the capabilities inside are real: a tmpfs mounts */
	HOST_NAMESPACE_PROC,	/* a pid namespace with a /proc of its own */
	HOST_NAMESPACE_NETWORK, /* a network namespace whose loopback comes up */
	HOST_SUBORDINATE_IDS,	/* newuidmap and newgidmap map this user's ranges */
	HOST_ROOT,		/* the caller is root among the ids here, and may mount */
	/* file systems to mount */
	HOST_OVERLAY_STORE, /* overlay with userxattr in a user namespace, upper on the store */
	HOST_OVERLAY_TMPFS, /* the same with its upper in memory */
	HOST_FUSE,	    /* /dev/fuse opens, and mounts in a user namespace */
	HOST_FUSERMOUNT,    /* fusermount3(1), for mounts without a user namespace */
	/* processes */
	HOST_SECCOMP_FILTER, /* a filter can be installed */
	HOST_SECCOMP_TRAP,   /* SECCOMP_RET_TRAP brings SIGSYS to a handler */
	HOST_SECCOMP_NOTIFY, /* a filter with a listener (user notification) */
	HOST_LANDLOCK,
	HOST_PTRACE,	  /* tracing a child from call to call */
	HOST_EXEC_MEMORY, /* written memory may become executable */
	HOST_CGROUP,	  /* cgroup v2, delegated: a child group can be made */
	/* newer calls that have a fallback */
	HOST_OPENAT2,
	HOST_NEW_MOUNT_API, /* open_tree, move_mount, mount_setattr */
	HOST_CLONE3,
	/* the file system the store is, or would be, on */
	HOST_STORE_WRITE,    /* detail: its type and free space */
	HOST_STORE_EXEC,     /* not mounted noexec */
	HOST_STORE_XATTR,    /* user.* attributes */
	HOST_STORE_WHITEOUT, /* character devices 0:0, as overlay wants them */
	HOST_STORE_REFLINK,
	HOST_STORE_HARD_LINK,
	HOST_STORE_LOCK,    /* flock(2) */
	HOST_STORE_TMPFILE, /* O_TMPFILE */
	/* programs */
	HOST_PRIVATE_NETWORK,  /* pasta(1) or slirp4netns(1) */
	HOST_FOREIGN_PROGRAMS, /* qemu-user for another architecture */
	HOST_VIRTUAL_MACHINE,  /* QEMU and /dev/kvm */
	HOST_FACT_COUNT
};

struct fact {
	bool usable;
	int error;		    /* errno seen, 0 when usable or when no call was involved */
	char detail[RULE_TEXT_MAX]; /* what was seen, or which attempt failed */
	struct rule rule;	    /* of a refusal; its texts may be empty */
};

struct host {
	struct arena arena;
	struct user user;
	char *store_path;      /* as given */
	char *store_directory; /* the nearest existing directory at or above it */
	bool probed[HOST_FACT_COUNT];
	struct fact fact[HOST_FACT_COUNT];
};

/* store_path is where the store is or will be; NULL leaves the facts about it refused. */
void host_init(struct host *host, const char *store_path);
void host_done(struct host *host);
#define auto_host cleanup(host_done) struct host

/* Probes at first use. The result belongs to host. Needs no privilege; the caller must have one
 * thread, since probes fork into namespaces. */
const struct fact *host_fact(struct host *host, enum host_fact which);

const char *host_fact_name(enum host_fact which);  /* "user-namespace": for JSON */
const char *host_fact_title(enum host_fact which); /* "user namespaces": for people */
const char *host_fact_group(enum host_fact which); /* "namespaces": heading; same for a run */

/* Put a refused fact into an error: "title: detail", and its rule and remedy as the hint. */
int host_refuse(struct host *host, enum host_fact which, struct err *err);

#endif
