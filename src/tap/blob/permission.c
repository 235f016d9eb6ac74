// SPDX-License-Identifier: Apache-2.0
/* Paths and what they lead to, by the letters of the table's rows; what is particular to a call by
 * its number. Where the kernel would find another error first (a name that is there already, or
 * none), it is left to find it. */
#include "tap/blob/permission.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <linux/xattr.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

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

static bool is_removal(long nr)
{
	switch (nr) {
	case NR_rename:
	case NR_renameat:
	case NR_renameat2:
	case NR_unlink:
	case NR_unlinkat:
	case NR_rmdir:
		return true;
	default:
		return false;
	}
}

static bool is_rename(long nr)
{
	return nr == NR_rename || nr == NR_renameat || nr == NR_renameat2;
}

static long ask_about_name(struct question *question, long nr)
{
	long r = is_removal(nr) ? ask_to_remove(question) : 0;

	if (r < 0 || (is_removal(nr) && !is_rename(nr)))
		return r;
	/* A directory that is moved gets another "..". */
	if (is_rename(nr) && question->walk.exists && S_ISDIR(question->walk.file.shown.mode))
		return ask_file(question, MAY_WRITE);
	return ask_to_make(question);
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
	if ((flags & TAP_OPEN_TEMPORARY) && question->walk.exists)
		return ask_file(question, MAY_WRITE | MAY_EXECUTE);
	if (!question->walk.exists)
		return flags & O_CREAT ? ask_to_make(question) : 0;
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return 0;
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
	return memory_string_starts((const char *)name_address, XATTR_USER_PREFIX)
		       ? ask_file(question, wanted)
		       : 0;
}

/* --- what a path leads to */

static long ask_about_file(struct question *question, const struct tap_call *call)
{
	if (is_open(call->nr))
		return ask_to_open(question, open_flags(call));
	switch (call->nr) {
	case NR_truncate:
		return ask_file(question, MAY_WRITE);
	case NR_chdir:
	case NR_chroot:
		return ask_file(question, MAY_EXECUTE);
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

/* --- the rows */

static bool forbids_following(const struct tap_row *row, const struct tap_call *call)
{
	if (is_open(call->nr))
		return open_flags(call) & O_NOFOLLOW;
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

static long check_path(const struct tap_row *row, const struct tap_call *call, int dirfd, int index)
{
	struct question question = { .asker = asker_effective(),
				     .name = { dirfd, (const char *)call->arg[index], 0 } };
	char letter = row->args[index];
	long r;

	if (!question.name.path) {
		if (call->nr != NR_utimensat)
			return 0;
		question.name = where_fd(dirfd);
	}
	if (letter != 'p' || forbids_following(row, call))
		question.name.flags |= AT_SYMLINK_NOFOLLOW;
	if (may_be_empty(row, call))
		question.name.flags |= AT_EMPTY_PATH;
	r = walk_path(&question.asker, &question.name, &question.walk);
	if (r < 0)
		return r;
	return letter == 'c' ? ask_about_name(&question, call->nr)
			     : ask_about_file(&question, call);
}

/* access(2) goes by the real ids: access.c walks for itself. */
static bool is_access(long nr)
{
	return nr == NR_access || nr == NR_faccessat || nr == NR_faccessat2;
}

long permission_check(const struct tap_row *row, const struct tap_call *call)
{
	int dirfd = AT_FDCWD;

	if (is_access(call->nr))
		return 0;
	for (int i = 0; row->args[i]; i++) {
		long r;

		switch (row->args[i]) {
		case 'd':
			dirfd = (int)call->arg[i];
			break;
		case 'p':
		case 'l':
		case 'c':
			r = check_path(row, call, dirfd, i);
			if (r < 0)
				return r;
			break;
		default:
			break;
		}
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

	return r < 0 ? r : ask_to_make(&question);
}

long permission_to_connect(const struct where *name)
{
	struct question question;
	long r = judge(&question, name);

	return r < 0 ? r : ask_file(&question, MAY_WRITE);
}
