// SPDX-License-Identifier: Apache-2.0
/* Extended attributes: security.*, trusted.* and ACLs that name ids which are not mapped live in
 * the table; user.* and everything else are the kernel's. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/xattr.h>
#include <string.h>
#include <sys/stat.h>

#include "tap/blob/acl.h"
#include "tap/blob/fds.h"
#include "tap/blob/files.h"
#include "tap/blob/handlers.h"
#include "tap/blob/memory.h"
#include "tap/blob/scratch.h"
#include "tap/numbers.h"

#define NAME_ROOM (LIES_NAME_MAX + 1)

enum kind { PLAIN, SECURITY, TRUSTED, ACL };

static bool starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static enum kind kind_of(const char *name)
{
	if (starts(name, "security."))
		return SECURITY;
	if (starts(name, "trusted."))
		return TRUSTED;
	if (starts(name, "system.posix_acl_"))
		return ACL;
	return PLAIN;
}

static long read_name(char name[NAME_ROOM], long address)
{
	long r = memory_read_string(name, (const char *)address, NAME_ROOM, ERANGE);

	return r == 0 ? -ERANGE : r;
}

/* The kernel has just answered a call with r: has it found the file, and read the name? */
static bool has_read_name(long r)
{
	return r >= 0 || r == -ENODATA || r == -ERANGE || r == -EOPNOTSUPP || r == -EPERM;
}

static bool copy_name(char name[NAME_ROOM], long address)
{
	const char *from = (const char *)address;

	for (size_t i = 0; i < NAME_ROOM; i++) {
		name[i] = from[i];
		if (!name[i])
			return true;
	}
	return false;
}

static bool may(unsigned capability)
{
	return creds_may(&process_read()->creds, capability);
}

static long check_change(enum kind kind, const char *name, const struct where *where)
{
	struct shown shown;
	struct statx x;
	long r = files_shown(where, &x, &shown);

	if (r < 0)
		return r;
	if (kind == ACL)
		return may(CAP_FOWNER) || shown.uid == process_read()->creds.user.file_system
			       ? 0
			       : -EPERM;
	if (strcmp(name, "security.capability") == 0)
		return may(CAP_SETFCAP) ? 0 : -EPERM;
	return may(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

/* An attribute of the row, or of the file itself: is it there? */
static bool exists(const struct where *where, const struct lie_row *row, const char *name)
{
	const void *value;
	uint32_t size_bytes;
	long fd;
	long r;

	if (row)
		switch (lies_xattr_get(&tap.lies, row, name, &value, &size_bytes)) {
		case LIES_XATTR_SET:
			return true;
		case LIES_XATTR_REMOVED:
			return false;
		case LIES_XATTR_UNKNOWN:
			break;
		}
	fd = raw4(__NR_openat, where->dirfd, where->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	if (fd < 0)
		return false;
	r = raw4(__NR_fgetxattr, fd, name, NULL, 0);
	raw1(__NR_close, fd);
	return r >= 0;
}

/* As chmod(2) does, set-id bits and all. */
static long set_mode(const struct where *where, long mode)
{
	struct tap_call by_fd = { .nr = __NR_fchmod, .arg = { where->dirfd, mode } };
	struct tap_call by_path = { .nr = __NR_fchmodat,
				    .arg = { where->dirfd, (long)where->path, mode } };

	return where->flags & AT_EMPTY_PATH ? on_fchmod(&by_fd) : on_fchmodat(&by_path);
}

/* One that the kernel keeps is not to be found below, nor given to new files. */
static void take_away(const struct where *where, const char *name)
{
	if (where->flags & AT_EMPTY_PATH)
		raw2(__NR_fremovexattr, where->dirfd, name);
	else if (where->dirfd == AT_FDCWD)
		raw2(__NR_removexattr, where->path, name);
	else
		raw4(NR_removexattrat, where->dirfd, where->path, 0, name);
}

/* The kernel takes us for the owner of files that are shown as another's. */
static long check_acl(const struct where *where)
{
	return process_read()->restricted ? check_change(ACL, NULL, where) : 0;
}

/* The kernel knows no such ids; is there anything else it would refuse (fs/posix_acl.c,
 * set_posix_acl)? */
static long accept_acl(const struct where *where, const char *name, const void *value,
		       size_t size_bytes)
{
	long mode = acl_mode(value, size_bytes);
	struct shown shown;
	struct statx x;
	long r = files_shown(where, &x, &shown);

	if (r < 0 || S_ISLNK(x.stx_mode))
		return r < 0 ? r : -EOPNOTSUPP;
	if (strcmp(name, ACL_DEFAULT) == 0 && !S_ISDIR(x.stx_mode))
		return -EACCES;
	r = check_change(ACL, name, where);
	if (r < 0 || mode < 0)
		return r < 0 ? r : mode;
	take_away(where, name);
	return strcmp(name, ACL_ACCESS) == 0 ? set_mode(where, mode | (shown.mode & 07000)) : 0;
}

long xattr_say(const struct where *where, const char *name, const void *value, size_t size_bytes)
{
	struct lie_row *row;
	struct file_id id;
	struct statx x;
	long r = files_look(where, &x);

	if (r < 0)
		return r;
	id = lies_id_of(&x);
	row = lies_make(&tap.lies, &id);
	return row ? lies_xattr_set(&tap.lies, row, name, value, (uint32_t)size_bytes) : -ENOSPC;
}

/* What is said of a file of a lower layer would not be in the layer that is made: an overlay has to
 * copy it up, as it does for an attribute of its own. The mode stays what it is. */
static long copy_up(const struct where *where)
{
	struct move move;
	struct statx x;
	long r = files_look(where, &x);

	if (r < 0 || !lies_any_may_move(&tap.lies) ||
	    !(S_ISDIR(x.stx_mode) || lies_may_move(&tap.lies, &x)))
		return r;
	move_begin_seen(&move, &x, files_row(&x));
	if (S_ISLNK(x.stx_mode))
		r = raw5(__NR_fchownat, where->dirfd, where->path, -1, -1, where->flags);
	else
		r = files_set_mode(where, x.stx_mode & 07777);
	move_end(&move, where);
	return r == -EROFS ? r : 0;
}

static long say(const struct where *where, const char *name, const void *value, size_t size_bytes)
{
	long r = copy_up(where);

	return r < 0 ? r : xattr_say(where, name, value, size_bytes);
}

struct setting {
	struct where where;
	long name_address;
	const void *value;
	size_t size_bytes;
	int flags; /* XATTR_CREATE, XATTR_REPLACE */
};

static long set_lie(const struct setting *setting, const char *name, enum kind kind)
{
	const struct where *where = &setting->where;
	struct statx x;
	long r = kind == ACL ? 0 : check_change(kind, name, where);
	bool is_there;

	if (r < 0)
		return r;
	if (setting->size_bytes > LIES_XATTR_MAX)
		return -E2BIG;
	if (!memory_is_readable(setting->value, setting->size_bytes))
		return -EFAULT;
	if (setting->flags & (XATTR_CREATE | XATTR_REPLACE)) {
		r = files_look(where, &x);
		if (r < 0)
			return r;
		is_there = exists(where, files_row(&x), name);
		if ((setting->flags & XATTR_CREATE) && is_there)
			return -EEXIST;
		if ((setting->flags & XATTR_REPLACE) && !is_there)
			return -ENODATA;
	}
	r = kind == ACL ? accept_acl(where, name, setting->value, setting->size_bytes) : 0;
	/* "" stands for an empty value: NULL would mean that it is removed. */
	return r < 0 ? r
		     : say(where, name, setting->value ? setting->value : "", setting->size_bytes);
}

/* And permission bits, which follow an ACL. */
static void leave_to_kernel(const struct where *where, const char *name)
{
	struct lie_row *row;
	struct statx x;
	struct lie lie;

	row = files_look(where, &x) == 0 ? files_row(&x) : NULL;
	if (!row)
		return;
	lies_xattr_forget(&tap.lies, row, name);
	lies_read(row, &lie);
	if (strcmp(name, ACL_ACCESS) == 0)
		lies_set_mode(row, lie.mode_mask & ~0777u, lie.mode_bits);
}

/* One that is more than a mode: who is not root is judged by what is said (walk.c), not by what
 * the kernel keeps. Of what it has taken already, flags are not looked at again. */
static long say_list(const struct setting *setting, const char *name)
{
	struct setting taken = *setting;

	taken.flags = 0;
	return set_lie(&taken, name, ACL);
}

/* An ACL that is but a mode is the kernel's, and so is any where ids are not ours to say; what was
 * said before is then over. */
static long set(struct tap_call *call, const struct setting *setting)
{
	char name[NAME_ROOM];
	long r = read_name(name, setting->name_address);
	struct move move;
	enum kind kind;

	if (r < 0)
		return r;
	kind = kind_of(name);
	if (kind == SECURITY || kind == TRUSTED)
		return set_lie(setting, name, kind);
	if (kind == ACL && check_acl(&setting->where) == -EPERM)
		return -EPERM;
	move_begin(&move, &setting->where);
	r = pass(call);
	move_end(&move, &setting->where);
	if (kind != ACL)
		return r;
	if (r == -EINVAL || (r == -EPERM && tap.host_tree))
		return set_lie(setting, name, kind);
	if (r == 0 && tap.all_root && !tap.host_tree && acl_is_more_than_mode(setting->size_bytes))
		return say_list(setting, name);
	if (r == 0 && !lies_empty(&tap.lies))
		leave_to_kernel(&setting->where, name);
	return r;
}

static long get(struct tap_call *call, const struct where *where, int name_arg, long value_address,
		size_t room_bytes)
{
	long r = pass(call);
	char name[NAME_ROOM];
	struct lie_row *row;
	const void *value;
	uint32_t size_bytes;
	struct statx x;

	if (!lies_any_xattr(&tap.lies) || !has_read_name(r) ||
	    !copy_name(name, call->arg[name_arg]) || !lies_may_have_xattr(&tap.lies, name))
		return r;
	row = files_look(where, &x) == 0 ? files_row(&x) : NULL;
	switch (row ? lies_xattr_get(&tap.lies, row, name, &value, &size_bytes)
		    : LIES_XATTR_UNKNOWN) {
	case LIES_XATTR_REMOVED:
		return -ENODATA;
	case LIES_XATTR_SET:
		break;
	default:
		return r;
	}
	if (starts(name, "trusted.") && !may(CAP_SYS_ADMIN))
		return -ENODATA;
	if (room_bytes == 0)
		return size_bytes;
	if (room_bytes < size_bytes)
		return -ERANGE;
	return memory_write((void *)value_address, value, size_bytes) < 0 ? -EFAULT
									  : (long)size_bytes;
}

static long remove(struct tap_call *call, const struct where *where, int name_arg)
{
	char name[NAME_ROOM];
	long r = read_name(name, call->arg[name_arg]);
	struct lie_row *row;
	const void *value;
	uint32_t size_bytes;
	struct move move;
	struct statx x;
	enum kind kind;

	if (r < 0)
		return r;
	kind = kind_of(name);
	r = kind == SECURITY || kind == TRUSTED ? check_change(kind, name, where) : 0;
	if (r < 0)
		return r;
	row = kind != PLAIN && files_look(where, &x) == 0 ? files_row(&x) : NULL;
	if (row && lies_xattr_get(&tap.lies, row, name, &value, &size_bytes) == LIES_XATTR_SET) {
		r = check_change(kind, name, where);
		return r < 0 ? r : say(where, name, NULL, 0);
	}
	if (kind == ACL && check_acl(where) == -EPERM)
		return -EPERM;
	move_begin(&move, where);
	r = pass(call);
	move_end(&move, where);
	if (r == -EPERM && (kind == SECURITY || kind == TRUSTED))
		return exists(where, row, name) ? say(where, name, NULL, 0) : -ENODATA;
	return r;
}

/* Names of the file itself that the row does not speak of, then those of the row. */

static bool is_spoken_of(struct lie_row *row, const char *name)
{
	const void *value;
	uint32_t size_bytes;

	return lies_xattr_get(&tap.lies, row, name, &value, &size_bytes) != LIES_XATTR_UNKNOWN;
}

static long merge(char *names, size_t real_bytes, struct lie_row *row)
{
	size_t kept = 0;
	uint32_t cursor = 0;
	const char *name;
	bool removed;

	for (size_t at = 0; at < real_bytes;) {
		size_t length = strlen(names + at) + 1;

		if (!is_spoken_of(row, names + at)) {
			memmove(names + kept, names + at, length);
			kept += length;
		}
		at += length;
	}
	while (lies_xattr_next(&tap.lies, row, &cursor, &name, &removed)) {
		size_t length = strlen(name) + 1;

		if (removed || (starts(name, "trusted.") && !may(CAP_SYS_ADMIN)))
			continue;
		if (kept + length > LIES_XATTR_MAX)
			return -E2BIG;
		memcpy(names + kept, name, length);
		kept += length;
	}
	return (long)kept;
}

static long list(struct tap_call *call, const struct where *where, int list_arg)
{
	void *address = (void *)call->arg[list_arg];
	size_t room_bytes = (size_t)call->arg[list_arg + 1];
	uint32_t cursor = 0;
	struct lie_row *row;
	const char *name;
	bool removed;
	struct statx x;
	char *names;
	long r;

	row = lies_any_xattr(&tap.lies) && files_look(where, &x) == 0 ? files_row(&x) : NULL;
	if (!row || !lies_xattr_next(&tap.lies, row, &cursor, &name, &removed))
		return pass(call);
	names = scratch_take(LIES_XATTR_MAX + NAME_ROOM);
	if (!names)
		return -ENOMEM;
	call->arg[list_arg] = (long)names;
	call->arg[list_arg + 1] = LIES_XATTR_MAX;
	r = pass(call);
	if (r == -EOPNOTSUPP)
		r = 0;
	if (r >= 0)
		r = merge(names, (size_t)r, row);
	if (r >= 0 && room_bytes) {
		if (room_bytes < (size_t)r)
			r = -ERANGE;
		else if (memory_write(address, names, (size_t)r) < 0)
			r = -EFAULT;
	}
	scratch_put(names);
	return r;
}

static struct where path_of(const struct tap_call *call, int flags)
{
	return (struct where){ AT_FDCWD, (const char *)call->arg[0], flags };
}

static long set_at(struct tap_call *call, struct where where)
{
	struct setting setting = { where, call->arg[1], (const void *)call->arg[2],
				   (size_t)call->arg[3], (int)call->arg[4] };

	return set(call, &setting);
}

static long get_at(struct tap_call *call, struct where where)
{
	return get(call, &where, 1, call->arg[2], (size_t)call->arg[3]);
}

long on_setxattr(struct tap_call *call)
{
	return set_at(call, path_of(call, 0));
}

long on_lsetxattr(struct tap_call *call)
{
	return set_at(call, path_of(call, AT_SYMLINK_NOFOLLOW));
}

long on_fsetxattr(struct tap_call *call)
{
	return fds_is_ours(call->arg[0]) ? -EBADF : set_at(call, where_fd(call->arg[0]));
}

long on_getxattr(struct tap_call *call)
{
	return get_at(call, path_of(call, 0));
}

long on_lgetxattr(struct tap_call *call)
{
	return get_at(call, path_of(call, AT_SYMLINK_NOFOLLOW));
}

long on_fgetxattr(struct tap_call *call)
{
	return fds_is_ours(call->arg[0]) ? -EBADF : get_at(call, where_fd(call->arg[0]));
}

long on_listxattr(struct tap_call *call)
{
	struct where where = path_of(call, 0);

	return list(call, &where, 1);
}

long on_llistxattr(struct tap_call *call)
{
	struct where where = path_of(call, AT_SYMLINK_NOFOLLOW);

	return list(call, &where, 1);
}

long on_flistxattr(struct tap_call *call)
{
	struct where where = where_fd(call->arg[0]);

	return fds_is_ours(call->arg[0]) ? -EBADF : list(call, &where, 1);
}

long on_removexattr(struct tap_call *call)
{
	struct where where = path_of(call, 0);

	return remove(call, &where, 1);
}

long on_lremovexattr(struct tap_call *call)
{
	struct where where = path_of(call, AT_SYMLINK_NOFOLLOW);

	return remove(call, &where, 1);
}

long on_fremovexattr(struct tap_call *call)
{
	struct where where = where_fd(call->arg[0]);

	return fds_is_ours(call->arg[0]) ? -EBADF : remove(call, &where, 1);
}

/* The *at calls of Linux 6.13: dirfd, path, flags, then as above. */
static struct where at_of(const struct tap_call *call)
{
	const char *path = (const char *)call->arg[1];

	return (struct where){ (int)call->arg[0], path ? path : "", (int)call->arg[2] };
}

struct xattr_args { /* linux/xattr.h, Linux 6.13 */
	uint64_t value;
	uint32_t size_bytes;
	uint32_t flags;
};

static long read_args(const struct tap_call *call, struct xattr_args *ret_args)
{
	if (call->arg[5] < (long)sizeof(*ret_args))
		return -EINVAL;
	return memory_read(ret_args, (const void *)call->arg[4], sizeof(*ret_args));
}

long on_setxattrat(struct tap_call *call)
{
	struct xattr_args args;
	long r = read_args(call, &args);
	struct setting setting = { at_of(call), call->arg[3], NULL, 0, 0 };

	if (r < 0)
		return r;
	setting.value = (const void *)args.value;
	setting.size_bytes = args.size_bytes;
	setting.flags = (int)args.flags;
	return set(call, &setting);
}

long on_getxattrat(struct tap_call *call)
{
	struct where where = at_of(call);
	struct xattr_args args;
	long r = read_args(call, &args);

	return r < 0 ? r : get(call, &where, 3, (long)args.value, args.size_bytes);
}

long on_listxattrat(struct tap_call *call)
{
	struct where where = at_of(call);

	return list(call, &where, 3);
}

long on_removexattrat(struct tap_call *call)
{
	struct where where = at_of(call);

	return remove(call, &where, 3);
}
