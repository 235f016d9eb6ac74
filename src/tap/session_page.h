/* SPDX-License-Identifier: Apache-2.0 */
/* What the hosted library tells every tap of a session: the front of the shared table file. And
 * the addresses both must agree on. */
#ifndef TAP_SESSION_PAGE_H
#define TAP_SESSION_PAGE_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "pathmap/pathmap.h"
#include "rootemu/creds.h"
#include "rootemu/lies.h"
#include "sys/tap_address.h"
#include "tap/control.h"

#define TAP_WINDOW 0x100000u /* bytes from TAP_BASE whose system calls pass the filter */

/* Behind it, for what every exec touches of either to be in one page table: three fewer to make and
 * to take down. */
#define TAP_TABLE_BASE (TAP_BASE + TAP_WINDOW)

/* Low 16 bits of SECCOMP_RET_TRAP, found in si_errno: tells our traps from those of a filter that
 * the program installed itself. */
#define TAP_TRAP_DATA 0x7a9u

#define TAP_PAGE_MAGIC 0x3170617465746f6ful
#define TAP_FILTER_MAX 1536
#define TAP_WATCH_MAX  512

enum tap_page_flags {
	TAP_PAGE_ROOT = 1,	      /* emulate root */
	TAP_PAGE_HOST_TREE = 2,	      /* on files the user does not own, without a user namespace */
	TAP_PAGE_UNKNOWN_IS_REAL = 4, /* show the real owner of files nothing was said about */
	TAP_PAGE_TRAP_ONLY = 8,	      /* patch no call sites */
	TAP_PAGE_ONE_ID = 16,	      /* show files of ids that are not mapped as root's */
	TAP_PAGE_TRANSLATE = 32,      /* paths are the guest's: struct tap_place */
};

/* Who a process believes to be, for others to see; see blob/people.c. */
#define TAP_PEOPLE	  1024
#define TAP_PERSON_GROUPS 42
struct tap_person {
	uint32_t pid; /* 0: free */
	uint32_t group_count;
	struct creds_ids user, group;
	struct creds_caps caps;
	uint32_t said_uid, said_gid; /* over sockets */
	uint32_t groups[TAP_PERSON_GROUPS];
};

/* The files of struct tap_control's first three descriptors: what they are, should somebody have
 * put others in their places. */
#define TAP_FILES 3
struct tap_file {
	uint64_t device; /* major << 32 | minor */
	uint64_t inode;
};

/* How far calls in libc's text are from its beginning: blob/text.c. */
#define TAP_DISTANCES 64

/* Calls that were refused, the last of them: blob/refused.h. */
#define TAP_REFUSALS 8
struct tap_refused {
	uint32_t number; /* of the call */
	int32_t error;
	char program[16]; /* comm, as ps(1) shows it */
};

struct tap_page {
	uint64_t magic;
	uint32_t flags;
	uint32_t fd_base; /* descriptors from here up may be ours: see struct tap_control */
	uint32_t filter_count;
	uint32_t watch_count;
	uint32_t people_count;	/* ever told of: 0 means that all are who they were at first */
	uint32_t refused_count; /* ever; the next is refused[refused_count % TAP_REFUSALS] */
	uint32_t place_version; /* the newest struct tap_place */
	uint32_t place_claimed; /* versions that somebody writes or has written, beside the first */
	struct tap_file files[TAP_FILES];
	struct tap_refused refused[TAP_REFUSALS];
	uint32_t distances[TAP_DISTANCES];
	struct sock_filter filter[TAP_FILTER_MAX];
	struct sock_filter watch[TAP_WATCH_MAX]; /* of processes that may be refused things */
	struct tap_person people[TAP_PEOPLE];
};

/* Behind the lies in the same file, with TAP_PAGE_TRANSLATE: what the processes see where. Each
 * time one of them mounts something there is another version, at the next offset and address; those
 * before it stay, for somebody may be looking at them. */
#define TAP_PLACE_OFFSET LIES_FILE_BYTES
#define TAP_PLACE_BASE	 (TAP_TABLE_BASE - 0x10000000ul)
#define TAP_PLACE_STRIDE 0x50000ul
#define TAP_PLACES	 512u

#define TAP_NAME_BITS 1024
#define TAP_PIVOTS    8

struct tap_place {
	char hostname[72];	 /* what uname(2) says; "": the host's */
	char kernel_release[72]; /* likewise */
	char folder[128];	 /* of the host, where a tmpfs may be made; "": nowhere */
	/* pivot_root(2): who had the one root has the other; one after another. */
	uint32_t pivot_count;
	struct tap_pivot {
		char from[TAP_CHROOT_MAX], to[TAP_CHROOT_MAX]; /* as struct tap_control.chroot */
	} pivots[TAP_PIVOTS];
	uint64_t proc_device; /* st_dev of /proc */
	/* A bloom filter of every name in a guest path of the map: any other is just a name in its
	 * directory, whichever that is. */
	uint64_t names[TAP_NAME_BITS / 64];
	struct pathmap map;
};

static inline uint32_t tap_name_bit(const char *name, size_t length)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)name[i]) * 16777619u;
	return (hash ^ hash >> 16) % TAP_NAME_BITS;
}

static inline size_t tap_place_bytes(const struct tap_place *place)
{
	return offsetof(struct tap_place, map.text) + place->map.text_bytes;
}

_Static_assert(sizeof(struct tap_place) <= TAP_PLACE_STRIDE &&
		       TAP_PLACE_STRIDE * TAP_PLACES <= 0x10000000ul,
	       "they fit");
_Static_assert(LIES_GUEST_AT + sizeof(struct tap_page) <= LIES_GUEST_END, "it fits");

static inline struct tap_page *tap_page_of(const struct lies *lies)
{
	return (struct tap_page *)(void *)(lies->base + LIES_GUEST_AT);
}

#endif
