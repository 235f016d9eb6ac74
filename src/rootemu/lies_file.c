// SPDX-License-Identifier: Apache-2.0
/* The file itself, its memory, and what is known of all rows together. */
#include <errno.h>
#include <linux/mman.h>

#include "rootemu/lies_table.h"

#define MAGIC 0x33656964656c6261ul
#define CHUNK (4ul << 20)

_Static_assert(sizeof(struct lies_header) <= LIES_GUEST_AT, "the header is in front");
_Static_assert(sizeof(struct lie_row) % UNIT == 0, "rows are cut in units");
_Static_assert(ARENA_AT % 64 == 0 && (size_t)ARENA_AT < CHUNK, "the fixed part fits one chunk");

/* Two threads may come here at once: both map the same bytes at the same place. */
int lies_map_more(struct lies *lies, size_t need_bytes)
{
	size_t from = lies_load(&lies->mapped_bytes);
	size_t to = (need_bytes + CHUNK - 1) & ~(CHUNK - 1);
	long r;

	if (to <= from)
		return 0;
	if (to > LIES_FILE_BYTES)
		return -ENOSPC;
	r = raw6(__NR_mmap, lies->base + from, to - from, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, lies->fd, from);
	if (raw_is_error(r))
		return (int)r;
	lies_store(&lies->mapped_bytes, to);
	return 0;
}

int lies_map(struct lies *lies, int fd, void *address, bool all)
{
	size_t size_bytes = all ? LIES_FILE_BYTES : CHUNK;
	long r = raw6(__NR_mmap, address, size_bytes, PROT_READ | PROT_WRITE,
		      MAP_SHARED | (address ? MAP_FIXED_NOREPLACE : 0), fd, 0);

	if (raw_is_error(r))
		return (int)r;
	*lies = (struct lies){ .fd = fd, .base = (unsigned char *)r, .mapped_bytes = size_bytes };
	if (lies_header(lies)->magic == 0) {
		lies_header(lies)->arena_next = ARENA_AT / UNIT;
		lies_store(&lies_header(lies)->magic, MAGIC);
	}
	if (lies_header(lies)->magic != MAGIC) {
		lies_unmap(lies);
		return -EUCLEAN;
	}
	return 0;
}

void lies_unmap(struct lies *lies)
{
	raw2(__NR_munmap, lies->base, lies->mapped_bytes);
	lies->base = NULL;
	lies->mapped_bytes = 0;
}

uint32_t lies_cut(struct lies *lies, size_t size_bytes)
{
	uint32_t units = (uint32_t)((size_bytes + UNIT - 1) / UNIT);
	uint32_t *next = &lies_header(lies)->arena_next;
	uint32_t reference;

	if (lies_load(next) > LIES_FILE_BYTES / UNIT - units)
		return 0;
	reference = __atomic_fetch_add(next, units, __ATOMIC_ACQ_REL);
	return lies_at(lies, reference, size_bytes) ? reference : 0;
}

bool lies_empty(const struct lies *lies)
{
	return lies_load(&lies_header(lies)->row_count) == 0;
}

void lies_settle(struct lies *lies, uint64_t born_ns)
{
	lies_store(&lies_header(lies)->unsettled_ns, ~born_ns);
}

static uint64_t settled_ns(const struct lies *lies)
{
	return ~lies_load(&lies_header(lies)->unsettled_ns);
}

bool lies_any_may_move(const struct lies *lies)
{
	return settled_ns(lies) != 0;
}

bool lies_may_move(const struct lies *lies, const struct statx *statx)
{
	uint64_t settled = settled_ns(lies);

	if (!settled || lies_is_birthless_type(statx->stx_mode))
		return false;
	return lies_id_of(statx).birth_ns < settled;
}

bool lies_is_lower(const struct lies *lies, const struct statx *statx)
{
	return settled_ns(lies) != LIES_UNSETTLED && lies_may_move(lies, statx);
}

uint32_t lies_remounts(const struct lies *lies)
{
	return lies_load(&lies_header(lies)->remounts);
}

void lies_note_remount(struct lies *lies)
{
	__atomic_fetch_add(&lies_header(lies)->remounts, 1, __ATOMIC_ACQ_REL);
}

bool lies_any_setgid(const struct lies *lies)
{
	return lies_load(&lies_header(lies)->any_setgid) != 0;
}

void lies_note_setgid(struct lies *lies)
{
	if (!lies_any_setgid(lies))
		lies_store(&lies_header(lies)->any_setgid, 1);
}

bool lies_any_type(const struct lies *lies)
{
	return lies_load(&lies_header(lies)->typed[0]) != 0;
}

void lies_note_type(struct lies *lies, uint64_t device)
{
	uint64_t *typed = lies_header(lies)->typed;

	for (size_t i = 0; i < TYPED_MAX - 1; i++) {
		uint64_t known = lies_load(&typed[i]);

		if (known == device ||
		    (!known && __atomic_compare_exchange_n(&typed[i], &known, device, false,
							   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)))
			return;
	}
	lies_store(&typed[TYPED_MAX - 1], 1);
}

bool lies_may_lie_of_type(struct lies *lies, uint64_t inode)
{
	const uint64_t *typed = lies_header(lies)->typed;

	for (size_t i = 0; i < TYPED_MAX - 1; i++) {
		struct file_id id = { .device = lies_load(&typed[i]), .inode = inode };

		if (!id.device)
			return false;
		if (lies_find(lies, &id))
			return true;
	}
	return lies_load(&typed[TYPED_MAX - 1]) != 0;
}
