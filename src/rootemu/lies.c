// SPDX-License-Identifier: Apache-2.0
/* Layout of the file: header, what belongs to the tap, bloom filter, buckets, arena. Every exec
 * needs the first two, so they lie in pages that one page fault maps.
 *
 * A bucket heads a chain of rows; rows and attribute records are cut from the arena and never
 * freed, so a reference, counted in units of 16 bytes from the start of the file, stays valid.
 * Adding is one compare-and-swap of the bucket. Words that belong together (uid with gid, mask with
 * bits) are one 64-bit word. A writer killed half way has lost an unlinked row, or left a row whose
 * birth time is 0, which matches nothing and is made anew by the next writer. */
#include "rootemu/lies.h"

#include <errno.h>
#include <linux/mman.h>
#include <string.h>

#define MAGIC	    0x33656964656c6261ul
#define BLOOM_WORDS (1u << 14)
#define BUCKETS	    (1u << 17)
#define UNIT	    16u
#define CHUNK	    (4ul << 20)
#define TYPED_MAX   8

struct header {
	uint64_t magic;
	uint32_t arena_next; /* first free unit */
	uint32_t row_count;  /* ever made: 0 means that nobody has lied yet */
	uint32_t any_setgid;
	uint32_t any_birthless;
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
	uint32_t unused;
};

struct record {
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

_Static_assert(sizeof(struct header) <= LIES_GUEST_AT, "the header is in front");
_Static_assert(sizeof(struct lie_row) % UNIT == 0, "rows are cut in units");
_Static_assert(ARENA_AT % 64 == 0 && (size_t)ARENA_AT < CHUNK, "the fixed part fits one chunk");

#define load(address)	      __atomic_load_n(address, __ATOMIC_ACQUIRE)
#define store(address, value) __atomic_store_n(address, value, __ATOMIC_RELEASE)

static bool swap(uint32_t *address, uint32_t old, uint32_t new)
{
	return __atomic_compare_exchange_n(address, &old, new, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

static struct header *header_of(const struct lies *lies)
{
	return (struct header *)(void *)lies->base;
}

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
	};

	if (has_birth(statx))
		id.birth_ns = (uint64_t)statx->stx_btime.tv_sec * 1000000000ul +
			      statx->stx_btime.tv_nsec;
	if (!id.birth_ns)
		id.birth_ns = LIES_NO_BIRTH;
	return id;
}

/* Two threads may come here at once: both map the same bytes at the same place. */
static int map_more(struct lies *lies, size_t need_bytes)
{
	size_t from = load(&lies->mapped_bytes);
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
	store(&lies->mapped_bytes, to);
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
	if (header_of(lies)->magic == 0) {
		header_of(lies)->arena_next = ARENA_AT / UNIT;
		store(&header_of(lies)->magic, MAGIC);
	}
	if (header_of(lies)->magic != MAGIC) {
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

bool lies_empty(const struct lies *lies)
{
	return load(&header_of(lies)->row_count) == 0;
}

void lies_settle(struct lies *lies, uint64_t born_ns)
{
	store(&header_of(lies)->unsettled_ns, ~born_ns);
}

static uint64_t settled_ns(const struct lies *lies)
{
	return ~load(&header_of(lies)->unsettled_ns);
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

uint32_t lies_remounts(const struct lies *lies)
{
	return load(&header_of(lies)->remounts);
}

void lies_note_remount(struct lies *lies)
{
	__atomic_fetch_add(&header_of(lies)->remounts, 1, __ATOMIC_ACQ_REL);
}

bool lies_any_setgid(const struct lies *lies)
{
	return load(&header_of(lies)->any_setgid) != 0;
}

void lies_note_setgid(struct lies *lies)
{
	if (!lies_any_setgid(lies))
		store(&header_of(lies)->any_setgid, 1);
}

bool lies_any_type(const struct lies *lies)
{
	return load(&header_of(lies)->typed[0]) != 0;
}

void lies_note_type(struct lies *lies, uint64_t device)
{
	uint64_t *typed = header_of(lies)->typed;

	for (size_t i = 0; i < TYPED_MAX - 1; i++) {
		uint64_t known = load(&typed[i]);

		if (known == device ||
		    (!known && __atomic_compare_exchange_n(&typed[i], &known, device, false,
							   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)))
			return;
	}
	store(&typed[TYPED_MAX - 1], 1);
}

bool lies_may_lie_of_type(struct lies *lies, uint64_t inode)
{
	const uint64_t *typed = header_of(lies)->typed;

	for (size_t i = 0; i < TYPED_MAX - 1; i++) {
		struct file_id id = { .device = load(&typed[i]), .inode = inode };

		if (!id.device)
			return false;
		if (lies_find(lies, &id))
			return true;
	}
	return load(&typed[TYPED_MAX - 1]) != 0;
}

bool lies_any_birthless(const struct lies *lies)
{
	return load(&header_of(lies)->any_birthless) != 0;
}

/* The memory behind a reference; size_bytes of it are mapped afterwards. NULL: it cannot be. */
static void *at(struct lies *lies, uint32_t reference, size_t size_bytes)
{
	size_t offset = (size_t)reference * UNIT;

	if (offset + size_bytes > load(&lies->mapped_bytes) &&
	    map_more(lies, offset + size_bytes) < 0)
		return NULL;
	return lies->base + offset;
}

static struct lie_row *row_at(struct lies *lies, uint32_t reference)
{
	return reference ? at(lies, reference, sizeof(struct lie_row)) : NULL;
}

static struct record *record_at(struct lies *lies, uint32_t reference)
{
	struct record *record = reference ? at(lies, reference, sizeof(*record)) : NULL;

	if (!record)
		return NULL;
	return at(lies, reference, sizeof(*record) + record->name_bytes + record->value_bytes);
}

/* Returns a reference to zeroed memory, 0 when the file is full. */
static uint32_t cut(struct lies *lies, size_t size_bytes)
{
	uint32_t units = (uint32_t)((size_bytes + UNIT - 1) / UNIT);
	uint32_t *next = &header_of(lies)->arena_next;
	uint32_t reference;

	if (load(next) > LIES_FILE_BYTES / UNIT - units)
		return 0;
	reference = __atomic_fetch_add(next, units, __ATOMIC_ACQ_REL);
	return at(lies, reference, size_bytes) ? reference : 0;
}

static struct lie_row *find_in(struct lies *lies, uint32_t reference, const struct file_id *id)
{
	for (struct lie_row *row = row_at(lies, reference); row; row = row_at(lies, row->next))
		if (row->inode == id->inode && row->device == id->device)
			return row;
	return NULL;
}

static struct lie_row *find_any(struct lies *lies, const struct file_id *id)
{
	uint64_t place = place_of(id);
	uint64_t bits = bloom_bits(id);

	if (lies_empty(lies)) /* its page is there already, that of the filter may not be */
		return NULL;
	if ((load(bloom_word(lies, place)) & bits) != bits)
		return NULL;
	return find_in(lies, load(bucket_of(lies, place)), id);
}

bool lies_row_is(const struct lie_row *row, const struct file_id *id)
{
	uint64_t birth_ns = load(&row->birth_ns);

	return birth_ns && (birth_ns == id->birth_ns || load(&row->moving));
}

/* An alias is one as long as it stands for the file it was made for. */
static struct lie_row *follow_alias(struct lies *lies, struct lie_row *row,
				    const struct file_id *id)
{
	uint32_t alias_of = row ? load(&row->alias_of) : 0;

	if (alias_of && (!id->birth_ns || load(&row->birth_ns) == id->birth_ns))
		return row_at(lies, alias_of);
	return row;
}

struct lie_row *lies_find(struct lies *lies, const struct file_id *id)
{
	struct lie_row *row = follow_alias(lies, find_any(lies, id), id);

	if (!row || (id->birth_ns ? !lies_row_is(row, id) : !load(&row->birth_ns)))
		return NULL;
	return row;
}

/* The inode has another file now. Readers see no row while the birth time is 0. */
static void start_anew(struct lie_row *row, const struct file_id *id)
{
	store(&row->birth_ns, 0);
	store(&row->owner, (uint64_t)LIES_KEEP << 32 | LIES_KEEP);
	store(&row->mode, 0);
	store(&row->rdev, 0);
	store(&row->xattrs, 0);
	store(&row->changed_ns, 0);
	store(&row->moving, 0);
	store(&row->alias_of, 0);
	store(&row->birth_ns, id->birth_ns);
}

static struct lie_row *add(struct lies *lies, const struct file_id *id)
{
	uint64_t place = place_of(id);
	uint32_t *bucket = bucket_of(lies, place);
	uint32_t reference = cut(lies, sizeof(struct lie_row));
	struct lie_row *row = row_at(lies, reference);
	struct lie_row *theirs;
	uint32_t head;

	if (!row)
		return NULL;
	row->device = id->device;
	row->inode = id->inode;
	start_anew(row, id);
	__atomic_fetch_or(bloom_word(lies, place), bloom_bits(id), __ATOMIC_ACQ_REL);
	do {
		head = load(bucket);
		theirs = find_in(lies, head, id);
		if (theirs)
			return theirs;
		row->next = head;
	} while (!swap(bucket, head, reference));
	__atomic_fetch_add(&header_of(lies)->row_count, 1, __ATOMIC_ACQ_REL);
	if (id->birth_ns == LIES_NO_BIRTH)
		store(&header_of(lies)->any_birthless, 1);
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
		store(&row->birth_ns, 0);
}

void lies_read(const struct lie_row *row, struct lie *ret_lie)
{
	uint64_t owner = load(&row->owner);
	uint64_t mode = load(&row->mode);
	uint64_t rdev = load(&row->rdev);

	*ret_lie = (struct lie){
		.uid = (uint32_t)(owner >> 32),
		.gid = (uint32_t)owner,
		.mode_mask = (uint32_t)(mode >> 32),
		.mode_bits = (uint32_t)mode,
		.rdev_major = (uint32_t)(rdev >> 32),
		.rdev_minor = (uint32_t)rdev,
		.changed_ns = load(&row->changed_ns),
	};
}

void lies_set_owner(struct lie_row *row, uint32_t uid, uint32_t gid)
{
	uint64_t old = load(&row->owner);
	uint64_t new;

	do {
		new = (uint64_t)(uid == LIES_KEEP ? (uint32_t)(old >> 32) : uid) << 32 |
		      (gid == LIES_KEEP ? (uint32_t)old : gid);
	} while (!__atomic_compare_exchange_n(&row->owner, &old, new, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE));
}

void lies_set_mode(struct lie_row *row, uint32_t mask, uint32_t bits)
{
	store(&row->mode, (uint64_t)mask << 32 | (bits & mask));
}

void lies_set_device(struct lie_row *row, uint32_t rdev_major, uint32_t rdev_minor)
{
	store(&row->rdev, (uint64_t)rdev_major << 32 | rdev_minor);
}

void lies_set_changed(struct lie_row *row, uint64_t changed_ns)
{
	store(&row->changed_ns, changed_ns);
}

void lies_note_real_mode(struct lie_row *row, uint32_t mode)
{
	store(&row->real_mode, mode);
}

uint32_t lies_real_mode(const struct lie_row *row)
{
	return load(&row->real_mode);
}

void lies_move_begin(struct lie_row *row)
{
	store(&row->moving, 1);
}

static bool is_typed(const struct lie_row *row)
{
	return (load(&row->mode) >> 32 & 0170000) != 0;
}

/* With a new inode the old row stays: other hard links of a lower file still lead to it. */
int lies_move_end(struct lies *lies, struct lie_row *row, const struct file_id *now)
{
	struct lie_row *moved = row;

	if (row->device != now->device || row->inode != now->inode) {
		moved = lies_make(lies, now);
		if (moved) {
			store(&moved->owner, load(&row->owner));
			store(&moved->mode, load(&row->mode));
			store(&moved->rdev, load(&row->rdev));
			store(&moved->xattrs, load(&row->xattrs));
			store(&moved->real_mode, load(&row->real_mode));
			store(&moved->changed_ns, load(&row->changed_ns));
			if (is_typed(row))
				lies_note_type(lies, now->device);
		}
	} else if (load(&row->birth_ns) != now->birth_ns) {
		store(&row->birth_ns, now->birth_ns);
	}
	store(&row->moving, 0);
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
		store(&alias->alias_of, (uint32_t)(((unsigned char *)row - lies->base) / UNIT));
	return 0;
}

static uint64_t name_bit(const char *name)
{
	uint32_t hash = 0;

	while (*name)
		hash = hash * 31 + (unsigned char)*name++;
	return 1ul << (hash >> 5 & 63);
}

bool lies_any_xattr(const struct lies *lies)
{
	return load(&header_of(lies)->attributes) != 0;
}

bool lies_may_have_xattr(const struct lies *lies, const char *name)
{
	return (load(&header_of(lies)->attributes) & name_bit(name)) != 0;
}

static struct record *find_record(struct lies *lies, uint32_t reference, const char *name)
{
	for (struct record *r = record_at(lies, reference); r; r = record_at(lies, r->next))
		if (strcmp(r->bytes, name) == 0)
			return r;
	return NULL;
}

enum lies_xattr lies_xattr_get(struct lies *lies, const struct lie_row *row, const char *name,
			       const void **ret_value, uint32_t *ret_size_bytes)
{
	const struct record *record = find_record(lies, load(&row->xattrs), name);

	if (!record || record->state != LIES_XATTR_SET)
		return record ? (enum lies_xattr)record->state : LIES_XATTR_UNKNOWN;
	*ret_value = record->bytes + record->name_bytes;
	*ret_size_bytes = record->value_bytes;
	return LIES_XATTR_SET;
}

static int put_record(struct lies *lies, struct lie_row *row, const char *name, const void *value,
		      uint32_t size_bytes, enum lies_xattr state)
{
	size_t name_bytes = strlen(name) + 1;
	uint32_t reference = cut(lies, sizeof(struct record) + name_bytes + size_bytes);
	struct record *record;
	uint32_t head;

	if (!reference)
		return -ENOSPC;
	record = at(lies, reference, sizeof(*record) + name_bytes + size_bytes);
	record->name_bytes = (uint16_t)name_bytes;
	record->value_bytes = size_bytes;
	record->state = state;
	memcpy(record->bytes, name, name_bytes);
	if (value)
		memcpy(record->bytes + name_bytes, value, size_bytes);
	__atomic_fetch_or(&header_of(lies)->attributes, name_bit(name), __ATOMIC_ACQ_REL);
	do {
		head = load(&row->xattrs);
		record->next = head;
	} while (!swap(&row->xattrs, head, reference));
	return 0;
}

int lies_xattr_set(struct lies *lies, struct lie_row *row, const char *name, const void *value,
		   uint32_t size_bytes)
{
	return put_record(lies, row, name, value, size_bytes,
			  value ? LIES_XATTR_SET : LIES_XATTR_REMOVED);
}

void lies_xattr_forget(struct lies *lies, struct lie_row *row, const char *name)
{
	if (find_record(lies, load(&row->xattrs), name))
		put_record(lies, row, name, NULL, 0, LIES_XATTR_UNKNOWN);
}

bool lies_xattr_next(struct lies *lies, const struct lie_row *row, uint32_t *cursor,
		     const char **ret_name, bool *ret_removed)
{
	uint32_t head = load(&row->xattrs);
	struct record *record = record_at(lies, *cursor ? *cursor : head);

	if (*cursor && record)
		record = record_at(lies, record->next);
	while (record && (record->state == LIES_XATTR_UNKNOWN ||
			  find_record(lies, head, record->bytes) != record))
		record = record_at(lies, record->next);
	if (!record)
		return false;
	*cursor = (uint32_t)(((unsigned char *)record - lies->base) / UNIT);
	*ret_name = record->bytes;
	*ret_removed = record->state == LIES_XATTR_REMOVED;
	return true;
}

uint32_t lies_xattr_count(struct lies *lies, const struct lie_row *row)
{
	uint32_t cursor = 0;
	uint32_t count = 0;
	const char *name;
	bool removed;

	while (lies_xattr_next(lies, row, &cursor, &name, &removed))
		count += !removed;
	return count;
}

static bool says_something(const struct lie_row *row)
{
	return load(&row->birth_ns) && !load(&row->alias_of) &&
	       (load(&row->owner) != ((uint64_t)LIES_KEEP << 32 | LIES_KEEP) || load(&row->mode) ||
		load(&row->xattrs));
}

struct lie_row *lies_next(struct lies *lies, struct lies_cursor *cursor, struct file_id *ret_id)
{
	const uint32_t *buckets = (const uint32_t *)(const void *)(lies->base + BUCKETS_AT);

	for (;;) {
		struct lie_row *row = row_at(lies, cursor->reference);

		while (!row && cursor->bucket < BUCKETS) {
			cursor->reference = load(&buckets[cursor->bucket++]);
			row = row_at(lies, cursor->reference);
		}
		if (!row)
			return NULL;
		cursor->reference = row->next;
		if (says_something(row)) {
			*ret_id = (struct file_id){ row->device, row->inode, load(&row->birth_ns) };
			return row;
		}
	}
}
