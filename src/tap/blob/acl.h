/* SPDX-License-Identifier: Apache-2.0 */
/* ACLs that name ids which are not mapped: to the kernel there are none. */
#ifndef TAP_BLOB_ACL_H
#define TAP_BLOB_ACL_H

#include "tap/blob/files.h"

#define ACL_ACCESS  "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"

/* The permission bits an ACL stands for (acl(5), "Correspondence between ACL entries and file
 * permission bits"). -EINVAL: not a well-formed ACL. */
long acl_mode(const void *value, size_t size_bytes);
/* Of one that is well-formed: does it speak of others than the owner, the group and the rest? */
bool acl_is_more_than_mode(size_t size_bytes);

/* The file that the row is about has this mode now: so has its ACL. */
void acl_follow_mode(struct lie_row *row, uint32_t mode);

/* Does any directory give ACLs to what is made in it? */
bool acl_any_default(void);
/* What was made, with this mode before the umask, in a directory of which `parent` is known. */
void acl_inherit(const struct where *made, const struct lie_row *parent, uint32_t mode);

/* In xattr.c: from now on the file has this attribute. */
long xattr_say(const struct where *where, const char *name, const void *value, size_t size_bytes);

#endif
