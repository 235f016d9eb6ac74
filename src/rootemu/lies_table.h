/* SPDX-License-Identifier: Apache-2.0 */
/* The table of lies inside, for rootemu/lies*.c alone.
 *
 * Layout of the file: header, what belongs to the tap, bloom filter, buckets, arena. Every exec
 * needs the first two, so they lie in pages that one page fault maps.
 *
 * A bucket heads a chain of rows; rows and attribute records are cut from the arena and never
 * freed, so a reference, counted in units of 16 bytes from the start of the file, stays valid.
 * Adding is one compare-and-swap of the bucket. Words that belong together (uid with gid, mask with
 * bits) are one 64-bit word. A writer killed half way has lost an unlinked row, or left a row whose
 * birth time is 0, which matches nothing and is made anew by the next writer. */
#ifndef ROOTEMU_LIES_TABLE_H
#define ROOTEMU_LIES_TABLE_H

#include "rootemu/lies.h"

#define BLOOM_WORDS (1u << 14)
#define BUCKETS	    (1u << 17)
#define UNIT	    16u
#define TYPED_MAX   8

struct lies_header {
	uint64_t magic;
	uint32_t arena_next; /* first free unit */
	uint32_t row_count;  /* ever made: 0 means that nobody has lied yet */
	uint32_t any_setgid;
	uint32_t unused;
	/* devices with files whose type is a lie; 0: no more; the last: there are others, too */
	uint64_t typed[TYPED_MAX];
	uint64_t attributes;   /* a bit, by name, for each that was ever recorded */
	uint64_t unsettled_ns; /* see lies_settle; its complement, so that 0 is the safe answer */
	uint32_t remounts;
};

struct lie_row {
	uint64_t device;
	uint64_t inode;
	uint64_t birth_ns; /* 0: matches nothing */
	uint64_t owner;	   /* uid << 32 | gid */
	uint64_t mode;	   /* mask << 32 | bits */
	uint64_t rdev;	   /* major << 32 | minor */
	uint32_t next;	   /* in the bucket */
	uint32_t xattrs;   /* newest attribute record */
	uint32_t moving;
	uint32_t real_mode;
	uint64_t changed_ns;
	uint32_t alias_of; /* the row that counts, when this one was made by lies_alias */
	uint32_t names;	   /* enum lies_names */
};

/* NEVER: also on a file system that counts no links. */
enum lies_names { NAMES_ARE_THERE, NAMES_WERE_NEVER, NAMES_ARE_GONE };

struct lies_record {
	uint32_t next; /* older record of the same row; a name counts where it comes first */
	uint32_t value_bytes;
	uint16_t name_bytes; /* with its NUL */
	uint16_t state;	     /* enum lies_xattr */
	uint32_t unused;
	char bytes[]; /* name, value */
};

enum {
	BLOOM_AT = LIES_GUEST_END,
	BUCKETS_AT = BLOOM_AT + BLOOM_WORDS * 8,
	ARENA_AT = BUCKETS_AT + BUCKETS * 4,
};

#define lies_load(address)	   __atomic_load_n(address, __ATOMIC_ACQUIRE)
#define lies_store(address, value) __atomic_store_n(address, value, __ATOMIC_RELEASE)

static inline bool lies_swap(uint32_t *address, uint32_t old, uint32_t new)
{
	return __atomic_compare_exchange_n(address, &old, new, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

static inline struct lies_header *lies_header(const struct lies *lies)
{
	return (struct lies_header *)(void *)lies->base;
}

/* In lies_file.c: see that need_bytes of the file are mapped; 0 or -errno. */
int lies_map_more(struct lies *lies, size_t need_bytes);
/* Returns a reference to zeroed memory, 0 when the file is full. */
uint32_t lies_cut(struct lies *lies, size_t size_bytes);

/* The memory behind a reference; size_bytes of it are mapped afterwards. NULL: it cannot be. */
static inline void *lies_at(struct lies *lies, uint32_t reference, size_t size_bytes)
{
	size_t offset = (size_t)reference * UNIT;

	if (offset + size_bytes > lies_load(&lies->mapped_bytes) &&
	    lies_map_more(lies, offset + size_bytes) < 0)
		return NULL;
	return lies->base + offset;
}

static inline struct lie_row *lies_row_at(struct lies *lies, uint32_t reference)
{
	return reference ? lies_at(lies, reference, sizeof(struct lie_row)) : NULL;
}

#endif
