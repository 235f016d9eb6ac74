// SPDX-License-Identifier: Apache-2.0
/* Extended attributes: each row heads a chain of records, the newest first, of which the first of a
 * name counts. */
#include <errno.h>
#include <string.h>

#include "rootemu/lies_table.h"

static struct lies_record *record_at(struct lies *lies, uint32_t reference)
{
	struct lies_record *record = reference ? lies_at(lies, reference, sizeof(*record)) : NULL;

	if (!record)
		return NULL;
	return lies_at(lies, reference, sizeof(*record) + record->name_bytes + record->value_bytes);
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
	return lies_load(&lies_header(lies)->attributes) != 0;
}

bool lies_may_have_xattr(const struct lies *lies, const char *name)
{
	return (lies_load(&lies_header(lies)->attributes) & name_bit(name)) != 0;
}

static struct lies_record *find_record(struct lies *lies, uint32_t reference, const char *name)
{
	for (struct lies_record *r = record_at(lies, reference); r; r = record_at(lies, r->next))
		if (strcmp(r->bytes, name) == 0)
			return r;
	return NULL;
}

enum lies_xattr lies_xattr_get(struct lies *lies, const struct lie_row *row, const char *name,
			       const void **ret_value, uint32_t *ret_size_bytes)
{
	const struct lies_record *record = find_record(lies, lies_load(&row->xattrs), name);

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
	uint32_t reference = lies_cut(lies, sizeof(struct lies_record) + name_bytes + size_bytes);
	struct lies_record *record;
	uint32_t head;

	if (!reference)
		return -ENOSPC;
	record = lies_at(lies, reference, sizeof(*record) + name_bytes + size_bytes);
	record->name_bytes = (uint16_t)name_bytes;
	record->value_bytes = size_bytes;
	record->state = state;
	memcpy(record->bytes, name, name_bytes);
	if (value)
		memcpy(record->bytes + name_bytes, value, size_bytes);
	__atomic_fetch_or(&lies_header(lies)->attributes, name_bit(name), __ATOMIC_ACQ_REL);
	do {
		head = lies_load(&row->xattrs);
		record->next = head;
	} while (!lies_swap(&row->xattrs, head, reference));
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
	if (find_record(lies, lies_load(&row->xattrs), name))
		put_record(lies, row, name, NULL, 0, LIES_XATTR_UNKNOWN);
}

bool lies_xattr_next(struct lies *lies, const struct lie_row *row, uint32_t *cursor,
		     const char **ret_name, bool *ret_removed)
{
	uint32_t head = lies_load(&row->xattrs);
	struct lies_record *record = record_at(lies, *cursor ? *cursor : head);

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
