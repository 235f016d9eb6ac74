// SPDX-License-Identifier: Apache-2.0
/* A new file gets its directory's default ACL, and the umask does not count then (acl(5), "Object
 * creation and default ACLs"; fs/posix_acl.c, posix_acl_create). */
#include "tap/blob/acl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>
#include <sys/stat.h>

#include "tap/blob/scratch.h"
#include "tap/blob/text_number.h"

struct acl {
	struct posix_acl_xattr_entry *entry;
	size_t count;
};

/* In place, little endian as it is everywhere we run. */
static long read_acl(const void *value, size_t size_bytes, struct acl *ret_acl)
{
	const struct posix_acl_xattr_header *header = value;

	if (size_bytes < sizeof(*header) || header->a_version != POSIX_ACL_XATTR_VERSION ||
	    (size_bytes - sizeof(*header)) % sizeof(*ret_acl->entry))
		return -EINVAL;
	ret_acl->entry = (struct posix_acl_xattr_entry *)(uintptr_t)(header + 1);
	ret_acl->count = (size_bytes - sizeof(*header)) / sizeof(*ret_acl->entry);
	return 0;
}

long acl_mode(const void *value, size_t size_bytes)
{
	struct acl acl;
	long r = read_acl(value, size_bytes, &acl);
	long mode = 0;
	bool has_mask = false;

	for (size_t i = 0; r == 0 && i < acl.count; i++) {
		long bits = acl.entry[i].e_perm & 7;

		switch (acl.entry[i].e_tag) {
		case ACL_USER_OBJ:
			mode |= bits << 6;
			break;
		case ACL_GROUP_OBJ:
			mode |= has_mask ? 0 : bits << 3;
			break;
		case ACL_MASK:
			mode = (mode & ~070l) | bits << 3;
			has_mask = true;
			break;
		case ACL_OTHER:
			mode |= bits;
			break;
		case ACL_USER:
		case ACL_GROUP:
			break;
		default:
			return -EINVAL;
		}
	}
	return r < 0 ? r : mode;
}

bool acl_any_default(void)
{
	return lies_any_xattr(&tap.lies) && lies_may_have_xattr(&tap.lies, ACL_DEFAULT);
}

static bool has_mask(const struct acl *acl)
{
	for (size_t i = 0; i < acl->count; i++)
		if (acl->entry[i].e_tag == ACL_MASK)
			return true;
	return false;
}

/* Nobody gets more than the mode says that was asked for. */
static void cut(const struct acl *acl, uint32_t mode)
{
	bool group_is_masked = has_mask(acl);

	for (size_t i = 0; i < acl->count; i++) {
		struct posix_acl_xattr_entry *entry = &acl->entry[i];

		if (entry->e_tag == ACL_USER_OBJ)
			entry->e_perm &= mode >> 6 & 7;
		else if (entry->e_tag == (group_is_masked ? ACL_MASK : ACL_GROUP_OBJ))
			entry->e_perm &= mode >> 3 & 7;
		else if (entry->e_tag == ACL_OTHER)
			entry->e_perm &= mode & 7;
	}
}

/* Also of what is only a place in the file system to us (O_PATH). */
static void set_mode(const struct where *made, long mode)
{
	char link[40] = "/proc/self/fd/";

	if (!(made->flags & AT_EMPTY_PATH)) {
		raw3(__NR_fchmodat, made->dirfd, made->path, mode);
		return;
	}
	text_number(link + 14, (unsigned long)made->dirfd);
	raw3(__NR_fchmodat, AT_FDCWD, link, mode);
}

static void give(const struct where *made, void *value, size_t size_bytes, uint32_t mode)
{
	struct statx x;
	struct acl acl;

	if (read_acl(value, size_bytes, &acl) < 0 || files_look(made, &x) < 0)
		return;
	if (S_ISDIR(x.stx_mode))
		xattr_say(made, ACL_DEFAULT, value, size_bytes);
	cut(&acl, mode);
	set_mode(made, acl_mode(value, size_bytes) | (x.stx_mode & 07000));
	if (acl.count > 3)
		xattr_say(made, ACL_ACCESS, value, size_bytes);
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
