// SPDX-License-Identifier: Apache-2.0
/* Which call is translated how; and the usual way: its path is replaced. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "tap/blob/permission.h"
#include "tap/blob/view.h"

OFTEN bool view_is_asked(const struct tap_row *row)
{
	if (tap.place && tap.page->place_version != tap.place_version)
		view_refresh();
	return tap.place &&
	       (row->trap.when == TAP_VIEW || tap_row_has_path(row) || tap_row_changes_fd(row));
}

long view_finish(struct tap_call *call, const struct tap_row *row)
{
	bool is_roots = row->trap.when == TAP_ROOT || row->trap.when == TAP_WATCHED;
	long r = process_read()->restricted ? permission_check(row, call) : 0;

	if (r < 0)
		return r;
	return row->handler && (!is_roots || tap.root) ? row->handler(call) : pass(call);
}

static bool makes_name(long nr)
{
	switch (nr) {
	case NR_mkdir:
	case NR_mkdirat:
	case NR_mknod:
	case NR_mknodat:
	case NR_symlink:
	case NR_symlinkat:
		return true;
	default:
		return false;
	}
}

/* Of the calls whose path is followed or a file itself: do they change it? */
static bool changes_file(const struct tap_row *row, long nr)
{
	switch (nr) {
	case NR_getxattr:
	case NR_lgetxattr:
	case NR_listxattr:
	case NR_llistxattr:
	case NR_getxattrat:
	case NR_listxattrat:
		return false;
	case NR_truncate:
	case NR_utime:
	case NR_utimes:
	case NR_futimesat:
	case NR_utimensat:
	case NR_file_setattr:
		return true;
	default:
		return row->class == TAP_OWNER;
	}
}

/* Where a row's path and what belongs to it are among the arguments. */
struct places {
	int dirfd; /* -1: none */
	int path;
	int flags; /* -1: none */
	char letter;
};

static struct places places_of(const struct tap_row *row)
{
	struct places places = { -1, -1, -1, '.' };

	for (int i = 0; row->args[i]; i++) {
		char letter = row->args[i];

		if (letter == 'd')
			places.dirfd = i;
		else if (letter == 'n')
			places.flags = i;
		else if ((letter == 'p' || letter == 'l' || letter == 'c') && places.path < 0) {
			places.path = i;
			places.letter = letter;
		}
	}
	return places;
}

#define IN_DONT_FOLLOW	     0x02000000
#define FAN_MARK_DONT_FOLLOW 4

static bool is_followed(const struct tap_call *call, const struct places *places)
{
	if (call->nr == NR_inotify_add_watch)
		return !(call->arg[2] & IN_DONT_FOLLOW);
	if (call->nr == NR_fanotify_mark)
		return !(call->arg[1] & FAN_MARK_DONT_FOLLOW);
	return places->letter == 'p' &&
	       !(places->flags >= 0 && (call->arg[places->flags] & AT_SYMLINK_NOFOLLOW));
}

static void put(struct tap_call *call, const struct places *places, struct view_found *found)
{
	if (places->dirfd >= 0 && found->text[0]) {
		call->arg[places->dirfd] = found->fd;
	} else {
		view_spell(found);
		if (places->dirfd >= 0)
			call->arg[places->dirfd] = AT_FDCWD;
	}
	call->arg[places->path] = (long)found->text;
}

/* The name of a mount point is in use. */
static long check_name(const struct tap_call *call, const struct view_found *found)
{
	bool makes = makes_name(call->nr);

	if (found->is_point)
		return makes ? -EEXIST : -EBUSY;
	if (!makes && found->is_above)
		return call->nr == NR_unlink ? -EISDIR : -EBUSY;
	return view_check_writable(found, makes);
}

/* A mount point is no link: the call that follows does the same. */
static void follow_instead(struct tap_call *call, const struct places *places)
{
	static const short pairs[][2] = {
		{ NR_lchown, NR_chown },
		{ NR_lgetxattr, NR_getxattr },
		{ NR_lsetxattr, NR_setxattr },
		{ NR_llistxattr, NR_listxattr },
		{ NR_lremovexattr, NR_removexattr },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (call->nr == pairs[i][0])
			call->nr = pairs[i][1];
	if (places->flags >= 0)
		call->arg[places->flags] &= ~(long)AT_SYMLINK_NOFOLLOW;
	if (call->nr == NR_inotify_add_watch)
		call->arg[2] &= ~(long)IN_DONT_FOLLOW;
	if (call->nr == NR_fanotify_mark)
		call->arg[1] &= ~(long)FAN_MARK_DONT_FOLLOW;
}

/* A followed path, or a file that is a link itself; letters p and l. */
static long replace_file(struct tap_call *call, const struct tap_row *row,
			 const struct places *places, const struct view_path *path)
{
	bool follows = is_followed(call, places) || path->has_slash_at_end;
	const struct view_request request = {
		.want = follows ? PATHMAP_FOLLOW : PATHMAP_PARENT,
		.flags = O_PATH,
	};
	struct view_found found = { 0 };
	long r = view_find(path, &request, &found);

	if (r < 0)
		return r;
	if (changes_file(row, call->nr))
		r = view_check_writable(&found, false);
	if (r == 0) {
		if (found.is_point || path->has_slash_at_end)
			follow_instead(call, places);
		put(call, places, &found);
		r = view_finish(call, &tap_table[call->nr]);
	}
	view_close(&found);
	return r;
}

static long replace_name(struct tap_call *call, const struct tap_row *row,
			 const struct places *places, const struct view_path *path)
{
	const struct view_request request = { .want = PATHMAP_PARENT, .flags = O_PATH };
	struct view_found found = { 0 };
	long r = view_find(path, &request, &found);

	if (r < 0)
		return r;
	r = check_name(call, &found);
	if (r == 0) {
		put(call, places, &found);
		r = view_finish(call, row);
	}
	view_close(&found);
	return r;
}

static long replace_path(struct tap_call *call, const struct tap_row *row)
{
	const struct places places = places_of(row);
	struct view_path path;
	int dirfd = places.dirfd >= 0 ? (int)call->arg[places.dirfd] : AT_FDCWD;
	long r = view_read(&path, dirfd, call->arg[places.path]);

	if (r < 0)
		return r;
	if (path.is_empty)
		return changes_file(row, call->nr) && view_fd_is_read_only(dirfd)
			       ? -EROFS
			       : view_finish(call, row);
	if (!is_followed(call, &places) && !(tap.place->map.any_flags & PATHMAP_READ_ONLY) &&
	    view_is_just_a_name(&path))
		return view_finish(call, row);
	return places.letter == 'c' ? replace_name(call, row, &places, &path)
				    : replace_file(call, row, &places, &path);
}

long view_dispatch(struct tap_call *call, const struct tap_row *row)
{
	switch (call->nr) {
	case NR_open:
	case NR_openat:
	case NR_openat2:
	case NR_creat:
		return view_on_open(call, row);
	case NR_stat:
	case NR_lstat:
	case NR_newfstatat:
	case NR_statx:
		return view_on_stat(call, row);
	case NR_access:
	case NR_faccessat:
	case NR_faccessat2:
		return view_on_access(call, row);
	case NR_readlink:
	case NR_readlinkat:
		return view_on_readlink(call);
	case NR_execve:
	case NR_execveat:
		return row->handler(call); /* see view_find_program */
	case NR_getcwd:
		return view_on_getcwd(call);
	case NR_chdir:
		return view_on_chdir(call);
	case NR_fchdir:
		return view_on_fchdir(call, row);
	case NR_chroot:
		return view_on_chroot(call);
	case NR_mount:
	case NR_umount2:
	case NR_pivot_root:
		return view_on_mount(call);
	case NR_rename:
	case NR_renameat:
	case NR_renameat2:
		return view_on_rename(call, row);
	case NR_link:
	case NR_linkat:
		return view_on_link(call, row);
	case NR_uname:
		return view_on_uname(call);
	case NR_name_to_handle_at:
		return view_on_handle(call);
	case NR_bind:
	case NR_connect:
	case NR_sendto:
		return view_on_address(call, row);
	case NR_sendmsg:
		return view_on_sendmsg(call);
	case NR_sendmmsg:
		return view_on_sendmmsg(call);
	case NR_getsockname:
	case NR_getpeername:
		return view_on_name(call);
	case NR_fchmod:
	case NR_fchown:
	case NR_fsetxattr:
	case NR_fremovexattr:
		return view_on_fd_change(call, row);
	default:
		break;
	}
	if (row->class == TAP_MOUNT)
		return -ENOSYS; /* the new calls: libraries go on with the old ones */
	return row->trap.when == TAP_VIEW ? -ENOSYS : replace_path(call, row);
}
