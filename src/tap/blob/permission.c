// SPDX-License-Identifier: Apache-2.0
/* Paths and what they lead to, by the letters of the table's rows; what is particular to a call by
 * its number. Where the kernel would find another error first (a name that is there already, or
 * none), it is left to find it. */
#include "tap/blob/permission.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/xattr.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "tap/blob/fds.h"
#include "tap/blob/memory.h"
#include "tap/blob/walk.h"

struct question {
	struct asker asker;
	struct where name;
	struct walk walk;
};

static long ask(struct question *question, const struct node *node, unsigned wanted)
{
	if (node_allows(&question->asker, node, wanted) || walk_is_kernels(&question->name))
		return 0;
	return -EACCES;
}

static long ask_file(struct question *question, unsigned wanted)
{
	return question->walk.exists ? ask(question, &question->walk.file, wanted) : 0;
}

static bool is_owner(const struct question *question)
{
	return question->walk.file.shown.uid == question->asker.uid ||
	       asker_can(&question->asker, CAP_FOWNER);
}

/* "name/" is a directory. */
static bool is_what_slash_says(const struct walk *walk)
{
	return !walk->ends_in_slash || !walk->exists || S_ISDIR(walk->file.shown.mode);
}

/* --- names that are made and removed */

static long ask_to_make(struct question *question)
{
	if (question->walk.exists || !question->walk.has_parent)
		return 0;
	return ask(question, &question->walk.parent, MAY_WRITE | MAY_EXECUTE);
}

/* fs/namei.c, may_delete: a sticky directory's files are their owners' to remove, and its own. */
static long ask_to_remove(struct question *question)
{
	const struct shown *parent = &question->walk.parent.shown;
	long r;

	if (!question->walk.exists || !question->walk.has_parent)
		return 0;
	r = ask(question, &question->walk.parent, MAY_WRITE | MAY_EXECUTE);
	if (r < 0 || !(parent->mode & S_ISVTX) || is_owner(question) ||
	    parent->uid == question->asker.uid)
		return r;
	return walk_is_kernels(&question->name) ? 0 : -EPERM;
}

/* Of "." and ".." the kernel has the error, and of "name/" where that must be a directory. */
static long ask_about_name(struct question *question, long nr)
{
	const struct walk *walk = &question->walk;

	if (walk->ends_in_dots)
		return 0;
	switch (nr) {
	case NR_unlink:
		return walk->ends_in_slash ? 0 : ask_to_remove(question);
	case NR_unlinkat:
	case NR_rmdir:
		return ask_to_remove(question);
	case NR_mkdir:
	case NR_mkdirat:
		return ask_to_make(question);
	default:
		return walk->ends_in_slash ? 0 : ask_to_make(question);
	}
}

static bool is_same(const struct node *node, const struct node *other)
{
	return node->inode == other->inode && node->device == other->device;
}

/* A directory that is moved gets another "..". */
static long ask_to_move(struct question *question)
{
	return S_ISDIR(question->walk.file.shown.mode) ? ask_file(question, MAY_WRITE) : 0;
}

/* In the kernel's order (fs/namei.c, do_renameat2 and vfs_rename). */
static long ask_to_rename(struct question *from, struct question *to, unsigned long flags)
{
	const struct walk *old = &from->walk;
	const struct walk *new = &to->walk;
	long r;

	if (old->ends_in_dots || new->ends_in_dots || !old->exists || !new->has_parent ||
	    (new->exists && (flags & RENAME_NOREPLACE)) ||
	    (!new->exists && (flags & RENAME_EXCHANGE)) ||
	    (new->exists &&is_same(&old->file, &new->file)))
		return 0;
	if (!S_ISDIR(old->file.shown.mode) &&
	    (old->ends_in_slash || (new->ends_in_slash && !(flags & RENAME_EXCHANGE))))
		return 0;
	r = ask_to_remove(from);
	if (r == 0)
		r = new->exists ? ask_to_remove(to) : ask_to_make(to);
	if (r == 0 && !is_same(&old->parent, &new->parent))
		r = ask_to_move(from);
	if (r == 0 && (flags & RENAME_EXCHANGE) && !is_same(&old->parent, &new->parent))
		r = ask_to_move(to);
	return r;
}

/* fs/namei.c, may_linkat: where fs.protected_hardlinks is set, as it is on most machines. */
static bool links_are_protected(void)
{
	long fd = fds_open(AT_FDCWD, "/proc/sys/fs/protected_hardlinks", O_RDONLY | O_CLOEXEC);
	char digit = '0';

	if (fd < 0)
		return false;
	raw3(__NR_read, fd, &digit, 1);
	raw1(__NR_close, fd);
	return digit != '0';
}

static bool is_safe_to_link(struct question *question)
{
	uint32_t mode = question->walk.file.shown.mode;

	return is_owner(question) ||
	       (S_ISREG(mode) && !(mode & S_ISUID) &&
		(mode & (S_ISGID | S_IXGRP)) != (S_ISGID | S_IXGRP) &&
		node_allows(&question->asker, &question->walk.file, MAY_READ | MAY_WRITE));
}

static long ask_to_link(struct question *from, struct question *to)
{
	if (!to->walk.has_parent || to->walk.exists || to->walk.ends_in_slash)
		return 0;
	if (!is_safe_to_link(from) && !walk_is_kernels(&from->name) && links_are_protected())
		return -EPERM;
	return ask_to_make(to);
}

/* --- opening */

static unsigned wanted_by(unsigned long flags)
{
	static const unsigned by_mode[] = { MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE,
					    MAY_READ | MAY_WRITE };

	return by_mode[flags & O_ACCMODE] | (flags & O_TRUNC ? MAY_WRITE : 0);
}

static long ask_to_open(struct question *question, unsigned long flags)
{
	long r;

	if (flags & O_PATH)
		return 0;
	if ((flags & O_DIRECTORY) && question->walk.exists &&
	    !S_ISDIR(question->walk.file.shown.mode))
		return 0; /* ENOTDIR */
	if ((flags & TAP_OPEN_TEMPORARY) && question->walk.exists)
		return ask_file(question, MAY_WRITE | MAY_EXECUTE);
	if (!question->walk.exists)
		return flags & O_CREAT && !question->walk.ends_in_slash ? ask_to_make(question) : 0;
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return 0;
	if (S_ISDIR(question->walk.file.shown.mode) && (flags & (O_ACCMODE | O_CREAT | O_TRUNC)))
		return 0; /* EISDIR */
	r = ask_file(question, wanted_by(flags));
	if (r == 0 && (flags & O_NOATIME) && !is_owner(question))
		return -EPERM;
	return r;
}

static unsigned long open_flags(const struct tap_call *call)
{
	struct open_how how = { 0 };

	switch (call->nr) {
	case NR_open:
		return (unsigned long)call->arg[1];
	case NR_creat:
		return O_CREAT | O_WRONLY | O_TRUNC;
	case NR_openat2:
		memory_read(&how, (const void *)call->arg[2], sizeof(how));
		return how.flags;
	default:
		return (unsigned long)call->arg[2];
	}
}

static bool is_open(long nr)
{
	switch (nr) {
	case NR_open:
	case NR_creat:
	case NR_openat:
	case NR_openat2:
		return true;
	default:
		return false;
	}
}

/* --- times: utimensat(2), "Permissions requirements" */

static bool sets_now(const struct tap_call *call)
{
	struct timespec times[2];
	const void *address;

	switch (call->nr) {
	case NR_utimensat:
		address = (const void *)call->arg[2];
		if (!address)
			return true;
		return memory_read(times, address, sizeof(times)) == 0 &&
		       times[0].tv_nsec == UTIME_NOW && times[1].tv_nsec == UTIME_NOW;
	case NR_futimesat:
		return !call->arg[2];
	default:
		return !call->arg[1];
	}
}

static bool omits_both(const struct tap_call *call)
{
	struct timespec times[2];

	return call->nr == NR_utimensat && call->arg[2] &&
	       memory_read(times, (const void *)call->arg[2], sizeof(times)) == 0 &&
	       times[0].tv_nsec == UTIME_OMIT && times[1].tv_nsec == UTIME_OMIT;
}

static long ask_for_times(struct question *question, const struct tap_call *call)
{
	if (!question->walk.exists || is_owner(question) || omits_both(call))
		return 0;
	if (sets_now(call))
		return ask_file(question, MAY_WRITE);
	return walk_is_kernels(&question->name) ? 0 : -EPERM;
}

/* --- attributes: user.* goes by the permissions of the file (xattr(7)); others are judged where
 * they are set */

static long ask_for_attribute(struct question *question, long name_address, unsigned wanted)
{
	const uint32_t mode = question->walk.file.shown.mode;

	if (!question->walk.exists ||
	    !memory_string_starts((const char *)name_address, XATTR_USER_PREFIX))
		return 0;
	if (!S_ISREG(mode) && !S_ISDIR(mode))
		return wanted == MAY_WRITE ? -EPERM : -ENODATA;
	if (wanted == MAY_WRITE && S_ISDIR(mode) && (mode & S_ISVTX) && !is_owner(question) &&
	    !walk_is_kernels(&question->name))
		return -EPERM;
	return ask_file(question, wanted);
}

/* fs/open.c, vfs_truncate: what is no file is refused for that. Our devices are files below. */
static long ask_to_truncate(struct question *question)
{
	uint32_t mode = question->walk.file.shown.mode;

	if (question->walk.exists && (S_ISCHR(mode) || S_ISBLK(mode)))
		return -EINVAL;
	return question->walk.exists && !S_ISREG(mode) ? 0 : ask_file(question, MAY_WRITE);
}

static long ask_to_enter(struct question *question)
{
	if (question->walk.exists && !S_ISDIR(question->walk.file.shown.mode))
		return 0; /* ENOTDIR */
	return ask_file(question, MAY_EXECUTE);
}

/* --- what a path leads to */

static long ask_about_file(struct question *question, const struct tap_call *call)
{
	if (!is_what_slash_says(&question->walk))
		return 0; /* ENOTDIR */
	if (is_open(call->nr))
		return ask_to_open(question, open_flags(call));
	switch (call->nr) {
	case NR_truncate:
		return ask_to_truncate(question);
	case NR_chdir:
	case NR_chroot:
		return ask_to_enter(question);
	case NR_inotify_add_watch:
		return ask_file(question, MAY_READ);
	case NR_utime:
	case NR_utimes:
	case NR_futimesat:
	case NR_utimensat:
		return ask_for_times(question, call);
	case NR_setxattr:
	case NR_lsetxattr:
	case NR_removexattr:
	case NR_lremovexattr:
		return ask_for_attribute(question, call->arg[1], MAY_WRITE);
	case NR_getxattr:
	case NR_lgetxattr:
		return ask_for_attribute(question, call->arg[1], MAY_READ);
	case NR_setxattrat:
	case NR_removexattrat:
		return ask_for_attribute(question, call->arg[3], MAY_WRITE);
	case NR_getxattrat:
		return ask_for_attribute(question, call->arg[3], MAY_READ);
	default:
		return 0;
	}
}

/* fchdir(2) */
static long ask_about_descriptor(int fd)
{
	struct question question = { .asker = asker_effective(), .name = where_fd(fd) };

	return walk_path(&question.asker, &question.name, &question.walk) < 0
		       ? 0
		       : ask_to_enter(&question);
}

/* --- the rows */

static bool forbids_following(const struct tap_row *row, const struct tap_call *call)
{
	unsigned long flags = is_open(call->nr) ? open_flags(call) : 0;

	if (flags)
		return (flags & O_NOFOLLOW) || (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
	for (int i = 0; row->args[i]; i++)
		if (row->args[i] == 'n')
			return call->arg[i] & AT_SYMLINK_NOFOLLOW;
	return false;
}

static bool may_be_empty(const struct tap_row *row, const struct tap_call *call)
{
	for (int i = 0; row->args[i]; i++)
		if (row->args[i] == 'n')
			return call->arg[i] & AT_EMPTY_PATH;
	return false;
}

/* Follow the path in this argument. 1: there is none; -EACCES. */
static long follow_path(const struct tap_row *row, const struct tap_call *call, int index,
			struct question *ret_question)
{
	int dirfd = index > 0 && row->args[index - 1] == 'd' ? (int)call->arg[index - 1] : AT_FDCWD;
	struct where name = { dirfd, (const char *)call->arg[index], 0 };

	if (!name.path && call->nr != NR_utimensat)
		return 1;
	if (!name.path)
		name = where_fd(dirfd);
	if (row->args[index] == 'l' && call->nr == NR_linkat && (call->arg[4] & AT_SYMLINK_FOLLOW))
		name.flags = 0;
	else if (row->args[index] != 'p' || forbids_following(row, call))
		name.flags |= AT_SYMLINK_NOFOLLOW;
	if (may_be_empty(row, call))
		name.flags |= AT_EMPTY_PATH;
	*ret_question = (struct question){ .asker = asker_effective(), .name = name };
	return walk_path(&ret_question->asker, &ret_question->name, &ret_question->walk);
}

static long check_path(const struct tap_row *row, const struct tap_call *call, int index)
{
	struct question question;
	long r = follow_path(row, call, index, &question);

	if (r)
		return r < 0 ? r : 0;
	return row->args[index] == 'c' ? ask_about_name(&question, call->nr)
				       : ask_about_file(&question, call);
}

/* access(2) goes by the real ids: access.c walks for itself. */
static bool is_access(long nr)
{
	return nr == NR_access || nr == NR_faccessat || nr == NR_faccessat2;
}

static bool is_rename(long nr)
{
	return nr == NR_rename || nr == NR_renameat || nr == NR_renameat2;
}

static bool is_link(long nr)
{
	return nr == NR_link || nr == NR_linkat;
}

/* Calls with two paths: alone, or each behind its directory. */
static long check_two(const struct tap_row *row, const struct tap_call *call)
{
	bool has_dirfds = row->args[0] == 'd';
	struct question from;
	struct question to;
	long r = follow_path(row, call, has_dirfds, &from);

	if (r || !from.walk.has_parent)
		return r < 0 ? r : 0;
	if (is_link(call->nr) && (!from.walk.exists || !is_what_slash_says(&from.walk)))
		return 0; /* ENOENT, ENOTDIR */
	r = follow_path(row, call, has_dirfds ? 3 : 1, &to);
	if (r)
		return r < 0 ? r : 0;
	if (is_link(call->nr))
		return ask_to_link(&from, &to);
	return ask_to_rename(&from, &to,
			     call->nr == NR_renameat2 ? (unsigned long)call->arg[4] : 0);
}

long permission_check(const struct tap_row *row, const struct tap_call *call)
{
	if (is_access(call->nr))
		return 0;
	if (call->nr == NR_fchdir)
		return ask_about_descriptor((int)call->arg[0]);
	if (is_rename(call->nr) || is_link(call->nr))
		return check_two(row, call);
	for (int i = 0; row->args[i]; i++) {
		char letter = row->args[i];
		long r = letter == 'p' || letter == 'l' || letter == 'c' ? check_path(row, call, i)
									 : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* --- what is judged elsewhere than by its row */

long permission_to_execute(int fd)
{
	struct question question = { .asker = asker_effective(), .name = where_fd(fd) };

	if (!process_read()->restricted)
		return 0;
	walk_path(&question.asker, &question.name, &question.walk);
	return ask_file(&question, MAY_EXECUTE);
}

static long judge(struct question *question, const struct where *name)
{
	*question = (struct question){ .asker = asker_effective(), .name = *name };
	return walk_path(&question->asker, name, &question->walk);
}

long permission_to_bind(const struct where *name)
{
	struct question question;
	long r = judge(&question, name);

	return r < 0 || question.walk.ends_in_slash ? r : ask_to_make(&question);
}

long permission_to_connect(const struct where *name)
{
	struct question question;
	long r = judge(&question, name);

	return r < 0 ? r : ask_file(&question, MAY_WRITE);
}
