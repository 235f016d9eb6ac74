// SPDX-License-Identifier: Apache-2.0
/* Rows: how they are found, made, changed and moved (lies_table.h). */
#include <errno.h>

#include "rootemu/lies_table.h"

/* Where a file is looked for: files that were made one after the other have numbers one after the
 * other, and are mostly looked for together, so their places are neighbours, in the same lines of
 * the processor's cache and the same pages. What is above them is mixed in, for the numbers of
 * other devices and of far parts of a file system not to meet in the same places. */
static uint64_t place_of(const struct file_id *id)
{
	uint64_t far = (id->inode / BUCKETS ^ id->device << 20) * 0x9e3779b97f4a7c15ul;

	return id->inode + (far >> 32);
}

static uint64_t *bloom_word(const struct lies *lies, uint64_t place)
{
	return (uint64_t *)(void *)(lies->base + BLOOM_AT) + (place / 4 & (BLOOM_WORDS - 1));
}

static uint64_t bloom_bits(const struct file_id *id)
{
	uint64_t hash = (id->inode ^ id->device) * 0x81dadef4bc2dd44dul;

	return 1ul << (hash >> 52 & 63) | 1ul << (hash >> 58 & 63);
}

static uint32_t *bucket_of(const struct lies *lies, uint64_t place)
{
	return (uint32_t *)(void *)(lies->base + BUCKETS_AT) + (place & (BUCKETS - 1));
}

/* A directory's birth time does not count: overlayfs copies it up, with a new one, when something
 * is made in it, which no call on the directory itself announces. Its inode number stays. */
static bool has_birth(const struct statx *statx)
{
	return (statx->stx_mask & STATX_BTIME) && !lies_is_birthless_type(statx->stx_mode);
}

struct file_id lies_id_of(const struct statx *statx)
{
	struct file_id id = {
		.device = (uint64_t)statx->stx_dev_major << 32 | statx->stx_dev_minor,
		.inode = statx->stx_ino,
		.birth_ns = LIES_NO_BIRTH,
		.is_nameless = statx->stx_nlink == 0,
	};

	if (has_birth(statx))
		id.birth_ns = (uint64_t)statx->stx_btime.tv_sec * 1000000000ul +
			      statx->stx_btime.tv_nsec;
	if (!id.birth_ns)
		id.birth_ns = LIES_NO_BIRTH;
	return id;
}

static struct lie_row *find_in(struct lies *lies, uint32_t reference, const struct file_id *id)
{
	for (struct lie_row *row = lies_row_at(lies, reference); row;
	     row = lies_row_at(lies, row->next))
		if (row->inode == id->inode && row->device == id->device)
			return row;
	return NULL;
}

static struct lie_row *find_any(struct lies *lies, const struct file_id *id)
{
	uint64_t place = place_of(id);
	uint64_t bits = bloom_bits(id);

	/* not one row: its page is there already, that of the filter may not be */
	if (!lies_load(&lies_header(lies)->row_count))
		return NULL;
	if ((lies_load(bloom_word(lies, place)) & bits) != bits)
		return NULL;
	return find_in(lies, lies_load(bucket_of(lies, place)), id);
}

bool lies_row_is(const struct lie_row *row, const struct file_id *id)
{
	uint64_t birth_ns = lies_load(&row->birth_ns);

	return birth_ns && (birth_ns == id->birth_ns || lies_load(&row->moving)) &&
	       (id->is_nameless || lies_load(&row->names) == NAMES_ARE_THERE);
}

/* An alias is one as long as it stands for the file it was made for. */
static struct lie_row *follow_alias(struct lies *lies, struct lie_row *row,
				    const struct file_id *id)
{
	uint32_t alias_of = row ? lies_load(&row->alias_of) : 0;

	if (alias_of && (!id->birth_ns || lies_load(&row->birth_ns) == id->birth_ns))
		return lies_row_at(lies, alias_of);
	return row;
}

struct lie_row *lies_find(struct lies *lies, const struct file_id *id)
{
	struct lie_row *row = follow_alias(lies, find_any(lies, id), id);

	if (!row || (id->birth_ns ? !lies_row_is(row, id) : !lies_load(&row->birth_ns)))
		return NULL;
	return row;
}

/* The inode has another file now. Readers see no row while the birth time is 0. */
static void start_anew(struct lie_row *row, const struct file_id *id)
{
	lies_store(&row->birth_ns, 0);
	lies_store(&row->owner, (uint64_t)LIES_KEEP << 32 | LIES_KEEP);
	lies_store(&row->mode, 0);
	lies_store(&row->rdev, 0);
	lies_store(&row->xattrs, 0);
	lies_store(&row->changed_ns, 0);
	lies_store(&row->moving, 0);
	lies_store(&row->alias_of, 0);
	lies_store(&row->names, id->is_nameless ? NAMES_WERE_NEVER : NAMES_ARE_THERE);
	lies_store(&row->birth_ns, id->birth_ns);
}

static struct lie_row *add(struct lies *lies, const struct file_id *id)
{
	uint64_t place = place_of(id);
	uint32_t *bucket = bucket_of(lies, place);
	uint32_t reference = lies_cut(lies, sizeof(struct lie_row));
	struct lie_row *row = lies_row_at(lies, reference);
	struct lie_row *theirs;
	uint32_t head;

	if (!row)
		return NULL;
	row->device = id->device;
	row->inode = id->inode;
	start_anew(row, id);
	__atomic_fetch_or(bloom_word(lies, place), bloom_bits(id), __ATOMIC_ACQ_REL);
	do {
		head = lies_load(bucket);
		theirs = find_in(lies, head, id);
		if (theirs)
			return theirs;
		row->next = head;
	} while (!lies_swap(bucket, head, reference));
	__atomic_fetch_add(&lies_header(lies)->row_count, 1, __ATOMIC_ACQ_REL);
	return row;
}

struct lie_row *lies_make(struct lies *lies, const struct file_id *id)
{
	struct lie_row *row = follow_alias(lies, find_any(lies, id), id);

	if (!row)
		row = add(lies, id);
	if (row && !lies_row_is(row, id))
		start_anew(row, id);
	return row;
}

void lies_forget(struct lies *lies, const struct file_id *id)
{
	struct lie_row *row = lies_find(lies, id);

	if (row)
		lies_store(&row->birth_ns, 0);
}

void lies_note_unlinked(struct lie_row *row)
{
	lies_store(&row->names, NAMES_ARE_GONE);
}

void lies_note_linked(struct lie_row *row)
{
	lies_store(&row->names, NAMES_ARE_THERE);
}

void lies_read(const struct lie_row *row, struct lie *ret_lie)
{
	uint64_t owner = lies_load(&row->owner);
	uint64_t mode = lies_load(&row->mode);
	uint64_t rdev = lies_load(&row->rdev);

	*ret_lie = (struct lie){
		.uid = (uint32_t)(owner >> 32),
		.gid = (uint32_t)owner,
		.mode_mask = (uint32_t)(mode >> 32),
		.mode_bits = (uint32_t)mode,
		.rdev_major = (uint32_t)(rdev >> 32),
		.rdev_minor = (uint32_t)rdev,
		.changed_ns = lies_load(&row->changed_ns),
	};
}

void lies_set_owner(struct lie_row *row, uint32_t uid, uint32_t gid)
{
	uint64_t old = lies_load(&row->owner);
	uint64_t new;

	do {
		new = (uint64_t)(uid == LIES_KEEP ? (uint32_t)(old >> 32) : uid) << 32 |
		      (gid == LIES_KEEP ? (uint32_t)old : gid);
	} while (!__atomic_compare_exchange_n(&row->owner, &old, new, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE));
}

void lies_set_mode(struct lie_row *row, uint32_t mask, uint32_t bits)
{
	lies_store(&row->mode, (uint64_t)mask << 32 | (bits & mask));
}

void lies_set_device(struct lie_row *row, uint32_t rdev_major, uint32_t rdev_minor)
{
	lies_store(&row->rdev, (uint64_t)rdev_major << 32 | rdev_minor);
}

void lies_set_changed(struct lie_row *row, uint64_t changed_ns)
{
	lies_store(&row->changed_ns, changed_ns);
}

void lies_note_real_mode(struct lie_row *row, uint32_t mode)
{
	lies_store(&row->real_mode, mode);
}

uint32_t lies_real_mode(const struct lie_row *row)
{
	return lies_load(&row->real_mode);
}

void lies_move_begin(struct lie_row *row)
{
	lies_store(&row->moving, 1);
}

static bool is_typed(const struct lie_row *row)
{
	return (lies_load(&row->mode) >> 32 & 0170000) != 0;
}

/* With a new inode the old row stays: other hard links of a lower file still lead to it. */
int lies_move_end(struct lies *lies, struct lie_row *row, const struct file_id *now)
{
	struct lie_row *moved = row;

	if (row->device != now->device || row->inode != now->inode) {
		moved = lies_make(lies, now);
		if (moved) {
			lies_store(&moved->owner, lies_load(&row->owner));
			lies_store(&moved->mode, lies_load(&row->mode));
			lies_store(&moved->rdev, lies_load(&row->rdev));
			lies_store(&moved->xattrs, lies_load(&row->xattrs));
			lies_store(&moved->real_mode, lies_load(&row->real_mode));
			lies_store(&moved->changed_ns, lies_load(&row->changed_ns));
			if (is_typed(row))
				lies_note_type(lies, now->device);
		}
	} else if (lies_load(&row->birth_ns) != now->birth_ns) {
		lies_store(&row->birth_ns, now->birth_ns);
	}
	lies_store(&row->moving, 0);
	return moved ? 0 : -ENOSPC;
}

int lies_alias(struct lies *lies, struct lie_row *row, const struct file_id *other)
{
	struct lie_row *alias = lies_make(lies, other);

	if (!alias)
		return -ENOSPC;
	if (is_typed(row))
		lies_note_type(lies, other->device);
	if (alias != row)
		lies_store(&alias->alias_of,
			   (uint32_t)(((unsigned char *)row - lies->base) / UNIT));
	return 0;
}

static bool says_something(const struct lie_row *row)
{
	return lies_load(&row->birth_ns) && !lies_load(&row->alias_of) &&
	       lies_load(&row->names) != NAMES_ARE_GONE &&
	       (lies_load(&row->owner) != ((uint64_t)LIES_KEEP << 32 | LIES_KEEP) ||
		lies_load(&row->mode) || lies_load(&row->xattrs));
}

struct lie_row *lies_next(struct lies *lies, struct lies_cursor *cursor, struct file_id *ret_id)
{
	const uint32_t *buckets = (const uint32_t *)(const void *)(lies->base + BUCKETS_AT);

	for (;;) {
		struct lie_row *row = lies_row_at(lies, cursor->reference);

		while (!row && cursor->bucket < BUCKETS) {
			cursor->reference = lies_load(&buckets[cursor->bucket++]);
			row = lies_row_at(lies, cursor->reference);
		}
		if (!row)
			return NULL;
		cursor->reference = row->next;
		if (says_something(row)) {
			*ret_id = (struct file_id){ .device = row->device,
						    .inode = row->inode,
						    .birth_ns = lies_load(&row->birth_ns) };
			return row;
		}
	}
}
