// SPDX-License-Identifier: Apache-2.0
#include "tap/blob/scratch.h"

#include <linux/mman.h>
#include <linux/prctl.h>
#include <stdint.h>

#include "tap/blob/blob.h"

#define SLOTS 8

struct slot {
	uint32_t owner;		   /* thread id; cleared by us, or by the kernel */
	bool watched;		   /* the kernel will */
	uint32_t *program_address; /* what the thread had asked the kernel to clear */
	void *memory;
	size_t size_bytes;
};

HOT static struct slot slots[SLOTS];

static void *map(size_t size_bytes)
{
	long r = raw6(__NR_mmap, NULL, size_bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return raw_is_error(r) ? NULL : (void *)r;
}

/* Kernels without CONFIG_CHECKPOINT_RESTORE do not tell the old address; then a vfork child's
 * scratch memory is lost to its parent. */
static void watch(struct slot *slot)
{
	slot->watched = raw2(__NR_prctl, PR_GET_TID_ADDRESS, &slot->program_address) == 0;
	if (slot->watched)
		raw1(__NR_set_tid_address, &slot->owner);
}

static struct slot *take_slot(void)
{
	uint32_t me = (uint32_t)raw0(__NR_gettid);

	for (size_t i = 0; i < SLOTS; i++) {
		uint32_t nobody = 0;

		if (__atomic_compare_exchange_n(&slots[i].owner, &nobody, me, false,
						__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			return &slots[i];
	}
	return NULL;
}

void *scratch_take(size_t size_bytes)
{
	struct slot *slot = take_slot();

	size_bytes = (size_bytes + 4095) & ~4095ul;
	if (!slot)
		return map(size_bytes);
	if (slot->size_bytes < size_bytes) {
		if (slot->memory)
			raw2(__NR_munmap, slot->memory, slot->size_bytes);
		slot->memory = map(size_bytes);
		slot->size_bytes = slot->memory ? size_bytes : 0;
	}
	if (!slot->memory)
		__atomic_store_n(&slot->owner, 0, __ATOMIC_RELEASE);
	else
		watch(slot);
	return slot->memory;
}

void scratch_put(void *memory)
{
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *slot = &slots[i];

		if (slot->memory != memory || slot->owner != (uint32_t)raw0(__NR_gettid))
			continue;
		if (slot->watched)
			raw1(__NR_set_tid_address, slot->program_address);
		__atomic_store_n(&slot->owner, 0, __ATOMIC_RELEASE);
		return;
	}
}
