// SPDX-License-Identifier: Apache-2.0
/* An ACL follows the mode of its file, and the mode the ACL (acl(5), "Correspondence between ACL
 * entries and file permission bits"). A new file gets its directory's default ACL, and the umask
 * does not count then ("Object creation and default ACLs"; fs/posix_acl.c, posix_acl_create). */
#include "tap/blob/acl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>
#include <sys/stat.h>

#include "tap/blob/scratch.h"

enum rank { OWNER, USERS, GROUP, GROUPS, MASK, OTHER, RANKS };

struct acl {
	struct posix_acl_xattr_entry *entry;
	size_t count;
};

/* In the order in which they have to come (posix_acl_valid in fs/posix_acl.c); -1: no such tag. */
static int rank_of(unsigned tag)
{
	static const uint16_t tags[] = { ACL_USER_OBJ, ACL_USER, ACL_GROUP_OBJ,
					 ACL_GROUP,    ACL_MASK, ACL_OTHER };

	for (int i = 0; i < RANKS; i++)
		if (tags[i] == tag)
			return i;
	return -1;
}

static bool is_valid(const struct acl *acl)
{
	unsigned count[RANKS] = { 0 };
	int last = 0;

	for (size_t i = 0; i < acl->count; i++) {
		const struct posix_acl_xattr_entry *entry = &acl->entry[i];
		int rank = rank_of(entry->e_tag);

		if (rank < last || (entry->e_perm & ~7u) ||
		    ((rank == USERS || rank == GROUPS) && entry->e_id == LIES_KEEP))
			return false;
		count[rank]++;
		last = rank;
	}
	return count[OWNER] == 1 && count[GROUP] == 1 && count[OTHER] == 1 && count[MASK] <= 1 &&
	       (count[MASK] == 1 || !(count[USERS] + count[GROUPS]));
}

/* In place, little endian as it is everywhere we run. */
static long read_acl(const void *value, size_t size_bytes, struct acl *ret_acl)
{
	const struct posix_acl_xattr_header *header = value;

	if (size_bytes < sizeof(*header) || header->a_version != POSIX_ACL_XATTR_VERSION ||
	    (size_bytes - sizeof(*header)) % sizeof(*ret_acl->entry))
		return -EINVAL;
	ret_acl->entry = (struct posix_acl_xattr_entry *)(uintptr_t)(header + 1);
	ret_acl->count = (size_bytes - sizeof(*header)) / sizeof(*ret_acl->entry);
	return is_valid(ret_acl) ? 0 : -EINVAL;
}

/* Where the three bits of this entry are in a mode; -1: nowhere. The mask's are the group's. */
static int shift_of(const struct acl *acl, const struct posix_acl_xattr_entry *entry)
{
	int rank = rank_of(entry->e_tag);

	if (rank == OWNER)
		return 6;
	if (rank == OTHER)
		return 0;
	if (rank == MASK)
		return 3;
	return rank == GROUP && rank_of(acl->entry[acl->count - 2].e_tag) != MASK ? 3 : -1;
}

long acl_mode(const void *value, size_t size_bytes)
{
	struct acl acl;
	long r = read_acl(value, size_bytes, &acl);
	long mode = 0;

	for (size_t i = 0; r == 0 && i < acl.count; i++) {
		int shift = shift_of(&acl, &acl.entry[i]);

		if (shift >= 0)
			mode |= (long)acl.entry[i].e_perm << shift;
	}
	return r < 0 ? r : mode;
}

bool acl_is_more_than_mode(size_t size_bytes)
{
	return size_bytes >
	       sizeof(struct posix_acl_xattr_header) + 3 * sizeof(struct posix_acl_xattr_entry);
}

bool acl_any_default(void)
{
	return lies_any_xattr(&tap.lies) && lies_may_have_xattr(&tap.lies, ACL_DEFAULT);
}

/* The mode's bits; or, when a file is made, nobody gets more than the mode says that was asked
 * for. */
static void set_bits(const struct acl *acl, uint32_t mode, bool is_made)
{
	for (size_t i = 0; i < acl->count; i++) {
		struct posix_acl_xattr_entry *entry = &acl->entry[i];
		int shift = shift_of(acl, entry);

		if (shift >= 0)
			entry->e_perm = mode >> shift & (is_made ? entry->e_perm : 7u);
	}
}

static void give(const struct where *made, void *value, size_t size_bytes, uint32_t mode)
{
	struct statx x;
	struct acl acl;

	if (read_acl(value, size_bytes, &acl) < 0 || files_look(made, &x) < 0)
		return;
	if (S_ISDIR(x.stx_mode))
		xattr_say(made, ACL_DEFAULT, value, size_bytes);
	set_bits(&acl, mode, true);
	files_set_mode(made, (uint32_t)acl_mode(value, size_bytes) | (x.stx_mode & 07000));
	if (acl.count > 3)
		xattr_say(made, ACL_ACCESS, value, size_bytes);
}

void acl_follow_mode(struct lie_row *row, uint32_t mode)
{
	const void *value;
	uint32_t size_bytes;
	struct acl acl;
	void *copy;

	if (!lies_may_have_xattr(&tap.lies, ACL_ACCESS) ||
	    lies_xattr_get(&tap.lies, row, ACL_ACCESS, &value, &size_bytes) != LIES_XATTR_SET ||
	    acl_mode(value, size_bytes) == (long)(mode & 0777))
		return;
	copy = scratch_take(size_bytes);
	if (!copy)
		return;
	memcpy(copy, value, size_bytes);
	if (read_acl(copy, size_bytes, &acl) == 0) {
		set_bits(&acl, mode, false);
		lies_xattr_set(&tap.lies, row, ACL_ACCESS, copy, size_bytes);
	}
	scratch_put(copy);
}

void acl_inherit(const struct where *made, const struct lie_row *parent, uint32_t mode)
{
	const void *value;
	uint32_t size_bytes;
	void *copy;

	if (!parent ||
	    lies_xattr_get(&tap.lies, parent, ACL_DEFAULT, &value, &size_bytes) != LIES_XATTR_SET)
		return;
	copy = scratch_take(size_bytes);
	if (!copy)
		return;
	memcpy(copy, value, size_bytes);
	give(made, copy, size_bytes, mode);
	scratch_put(copy);
}
