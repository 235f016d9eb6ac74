// SPDX-License-Identifier: Apache-2.0
/* Calls that are translated in a way of their own: the frequent ones, which need no second path
 * walk through /proc/self/fd, and those that take two paths or give one back. Opening is in
 * view_open.c. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mman.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "tap/blob/exe.h"
#include "tap/blob/fds.h"
#include "tap/blob/files.h"
#include "tap/blob/handlers.h"
#include "tap/blob/memory.h"
#include "tap/blob/proc.h"
#include "tap/blob/view.h"

/* ---- looking ---- */

static bool stat_says_link(const struct tap_call *call)
{
	if (call->nr == NR_statx)
		return S_ISLNK(((const struct statx *)call->arg[4])->stx_mode);
	return S_ISLNK(((const struct stat *)call->arg[2])->st_mode);
}

/* All but statx become newfstatat. */
static int make_newfstatat(struct tap_call *call)
{
	if (call->nr == NR_statx)
		return 2;
	if (call->nr != NR_newfstatat) {
		call->arg[3] = call->nr == NR_lstat ? AT_SYMLINK_NOFOLLOW : 0;
		call->arg[2] = call->arg[1];
		call->arg[1] = call->arg[0];
		call->arg[0] = AT_FDCWD;
		call->nr = __NR_newfstatat;
	}
	return 3;
}

long view_on_stat(struct tap_call *call, const struct tap_row *row)
{
	int flags_arg = make_newfstatat(call);
	long flags = call->arg[flags_arg];
	bool follows = !(flags & AT_SYMLINK_NOFOLLOW);
	struct view_found found = { 0 };
	struct tap_call changed;
	struct view_path path;
	long r = view_read(&path, (int)call->arg[0], call->arg[1]);

	row = &tap_table[call->nr];
	if (r < 0)
		return r;
	if (path.is_empty)
		return view_finish(call, row);
	changed = *call;
	if (view_is_just_a_name(&path)) { /* mostly no link */
		changed.arg[1] = (long)path.text;
		changed.arg[flags_arg] = flags | AT_SYMLINK_NOFOLLOW;
		r = view_finish(&changed, row);
		if (r < 0 || !follows || !stat_says_link(&changed))
			return r;
		changed = *call;
	}
	r = view_find_object(&path, follows, &found);
	if (r < 0)
		return r;
	changed.arg[0] = found.fd;
	changed.arg[1] = (long)(uintptr_t) "";
	changed.arg[flags_arg] = (flags & ~(long)AT_SYMLINK_NOFOLLOW) | AT_EMPTY_PATH;
	r = view_finish(&changed, row);
	view_close(&found);
	return r;
}

long view_on_access(struct tap_call *call, const struct tap_row *row)
{
	bool is_at = call->nr != NR_access;
	long flags = call->nr == NR_faccessat2 ? call->arg[3] : 0;
	long wanted = call->arg[is_at ? 2 : 1];
	struct view_found found = { 0 };
	struct view_path path;
	long r = view_read(&path, is_at ? (int)call->arg[0] : AT_FDCWD, call->arg[is_at ? 1 : 0]);

	if (r < 0)
		return r;
	if (path.is_empty)
		return view_finish(call, row);
	r = view_find_object(&path, !(flags & AT_SYMLINK_NOFOLLOW), &found);
	if (r < 0)
		return r;
	if (wanted == 0) { /* it is there: F_OK */
		view_close(&found);
		return 0;
	}
	call->nr = __NR_faccessat2;
	call->arg[0] = found.fd;
	call->arg[1] = (long)(uintptr_t) "";
	call->arg[2] = wanted;
	call->arg[3] = (flags & ~(long)AT_SYMLINK_NOFOLLOW) | AT_EMPTY_PATH;
	r = view_finish(call, &tap_table[NR_faccessat2]);
	view_close(&found);
	return r == 0 && (wanted & 2) && (found.flags & PATHMAP_READ_ONLY) ? -EROFS : r;
}

/* ---- paths given back ---- */

static long give(void *program_address, size_t room_bytes, const char *text, size_t length)
{
	if (length > room_bytes)
		length = room_bytes;
	return memory_write(program_address, text, length) < 0 ? -EFAULT : (long)length;
}

static bool ends_in(const char *path, const char *name)
{
	size_t length = strlen(path);
	size_t name_length = strlen(name);

	return length >= name_length && strcmp(path + length - name_length, name) == 0;
}

/* The guest's path as the process has it; false: it is outside of its root. */
static bool is_below_root(char *text)
{
	const char *chroot = process_read()->chroot;
	size_t top = strlen(chroot);

	if (!pathmap_is_in(text, chroot, top))
		return false;
	memmove(text, text + top, strlen(text + top) + 1);
	if (!text[0])
		memcpy(text, "/", 2);
	return true;
}

/* A link of /proc/PID: what it says is the host's. */
static long give_kernels_link(const struct tap_call *call, const struct view_found *found,
			      int buffer_arg)
{
	void *to = (void *)call->arg[buffer_arg];
	size_t room_bytes = (size_t)(unsigned)call->arg[buffer_arg + 1];
	char text[VIEW_SHORT];
	char exe[40] = "";
	long r;

	if (tap.exe_fd >= 0 && exe_is_asked_for(found->guest)) {
		struct view_found it = { .fd = tap.exe_fd };

		view_spell(&it);
		memcpy(exe, it.text, strlen(it.text) + 1);
	}
	if (ends_in(found->guest, "/root"))
		return give(to, room_bytes, "/", 1);
	r = exe[0] ? raw4(__NR_readlinkat, AT_FDCWD, exe, text, sizeof(text) - 1)
		   : raw4(__NR_readlinkat, found->fd, "", text, sizeof(text) - 1);
	if (r > 0 && text[0] == '/') {
		long length = view_guest_of(text, (size_t)r, sizeof(text));

		r = length > 0 && is_below_root(text) ? (long)strlen(text) : r;
	}
	return r < 0 ? r : give(to, room_bytes, text, (size_t)r);
}

long view_on_readlink(struct tap_call *call)
{
	int at = call->nr == NR_readlinkat ? 1 : 0;
	char guest[64];
	struct view_found found = { .guest = guest, .guest_room = sizeof(guest) };
	struct view_path path;
	long r = view_read(&path, at ? (int)call->arg[0] : AT_FDCWD, call->arg[at]);

	guest[0] = '\0';
	if (r < 0)
		return r;
	if ((int)call->arg[at + 2] <= 0)
		return -EINVAL;
	if (path.is_empty || (path.is_name && view_is_inner(&path)))
		return pass(call);
	r = view_find_object(&path, false, &found);
	if (r < 0)
		return r;
	r = found.is_in_proc ? give_kernels_link(call, &found, at + 1)
			     : raw4(__NR_readlinkat, found.fd, "", call->arg[at + 1],
				    (int)call->arg[at + 2]);
	view_close(&found);
	return r == -ENOENT ? -EINVAL : r;
}

#define CWD_ROOM (2ul * PATHMAP_PATH_MAX)

/* -ENOBUFS: `text` is too small. */
static long give_cwd(const struct tap_call *call, char *text, size_t room_bytes)
{
	long r = raw2(__NR_getcwd, text, room_bytes);

	if (r < 0)
		return r == -ERANGE ? -ENOBUFS : r;
	r = text[0] == '/' ? view_guest_of(text, (size_t)r - 1, room_bytes) : -ENOENT;
	if (r < 0)
		return r == -ENAMETOOLONG ? -ENOBUFS : -ENOENT;
	if (process_read()->chroot[0]) { /* what is outside of it has no name */
		if (!is_below_root(text))
			return -ENOENT;
		r = (long)strlen(text);
	}
	if ((unsigned long)call->arg[1] < (unsigned long)r + 1)
		return -ERANGE;
	return memory_write((void *)call->arg[0], text, (size_t)r + 1) < 0 ? -EFAULT : r + 1;
}

long view_on_getcwd(struct tap_call *call)
{
	char text[VIEW_SHORT];
	long r = give_cwd(call, text, sizeof(text));
	long base;

	if (r != -ENOBUFS)
		return r;
	base = raw6(__NR_mmap, NULL, CWD_ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	if (raw_is_error(base))
		return -ENOMEM;
	r = give_cwd(call, (char *)base, CWD_ROOM);
	raw2(__NR_munmap, base, CWD_ROOM);
	return r == -ENOBUFS ? -ENAMETOOLONG : r;
}

/* ---- directories ---- */

static long find_directory(const struct tap_call *call, struct view_found *found)
{
	const struct view_request request = { .want = PATHMAP_FOLLOW,
					      .flags = O_PATH | O_DIRECTORY };
	struct view_path path;
	long r = view_read(&path, AT_FDCWD, call->arg[0]);

	if (r == 0 && path.is_empty)
		r = call->arg[0] ? -ENOENT : -EFAULT;
	return r < 0 ? r : view_find(&path, &request, found);
}

long view_on_fchdir(struct tap_call *call, const struct tap_row *row)
{
	if (fds_is_ours(call->arg[0]))
		return -EBADF;
	view_forget_cwd();
	return view_finish(call, row);
}

long view_on_chdir(struct tap_call *call)
{
	struct view_found found = { 0 };
	long r = find_directory(call, &found);

	if (r < 0)
		return r;
	view_spell(&found);
	call->arg[0] = (long)found.text;
	view_forget_cwd();
	r = view_finish(call, &tap_table[NR_chdir]);
	view_close(&found);
	return r;
}

long view_on_chroot(struct tap_call *call)
{
	char guest[TAP_CHROOT_MAX + 1];
	struct view_found found = { .guest = guest, .guest_room = sizeof(guest) };
	long r = find_directory(call, &found);

	if (r < 0)
		return r;
	view_close(&found);
	if (!tap.root || !creds_may(&process_read()->creds, CAP_SYS_CHROOT))
		return -EPERM;
	if (strlen(guest) >= TAP_CHROOT_MAX)
		return -ENAMETOOLONG;
	memcpy(process_write()->chroot, guest, strlen(guest) + 1);
	return 0;
}

/* ---- two paths ---- */

/* The name in its directory; -EXDEV, -EBUSY and so on are for the caller to say. */
static long find_name(int dirfd, long program_path, unsigned want, struct view_found *found)
{
	const struct view_request request = { .want = PATHMAP_PARENT | want, .flags = O_PATH };
	struct view_path path;
	long r = view_read(&path, dirfd, program_path);

	if (r == 0 && path.is_empty)
		r = program_path ? -ENOENT : -EFAULT;
	return r < 0 ? r : view_find(&path, &request, found);
}

static long check_pair(const struct view_found *from, const struct view_found *to)
{
	if ((from->flags | to->flags) & PATHMAP_READ_ONLY)
		return -EROFS;
	return from->entry != to->entry ? -EXDEV : 0;
}

static long rename_found(struct tap_call *call, struct view_found *from, struct view_found *to)
{
	if (from->is_point || to->is_point || from->is_above || to->is_above)
		return -EBUSY;
	call->arg[0] = from->fd;
	call->arg[1] = (long)from->text;
	call->arg[2] = to->fd;
	call->arg[3] = (long)to->text;
	return view_finish(call, &tap_table[call->nr]);
}

long view_on_rename(struct tap_call *call, const struct tap_row *row)
{
	bool is_at = call->nr != NR_rename;
	struct view_found from = { 0 };
	struct view_found to = { 0 };
	long r;

	(void)row;
	if (!is_at) {
		call->arg[3] = call->arg[1];
		call->arg[1] = call->arg[0];
		call->arg[0] = call->arg[2] = AT_FDCWD;
	}
	if (call->nr != NR_renameat2)
		call->arg[4] = 0;
	call->nr = __NR_renameat2;
	r = find_name((int)call->arg[0], call->arg[1], 0, &from);
	if (r < 0)
		return r;
	r = find_name((int)call->arg[2], call->arg[3], 0, &to);
	if (r == 0) {
		r = check_pair(&from, &to);
		if (r == 0)
			r = rename_found(call, &from, &to);
		view_close(&to);
	}
	view_close(&from);
	return r;
}

/* linkat(2) with AT_SYMLINK_FOLLOW wants the file itself: by a path that the kernel follows. */
static long find_linked(struct tap_call *call, struct view_found *from)
{
	const struct view_request request = { .want = PATHMAP_FOLLOW, .flags = O_PATH };
	struct view_path path;
	long r;

	if (!(call->arg[4] & AT_SYMLINK_FOLLOW)) {
		r = find_name((int)call->arg[0], call->arg[1], 0, from);
		if (r == 0)
			call->arg[0] = from->fd;
	} else {
		r = view_read(&path, (int)call->arg[0], call->arg[1]);
		if (r == 0 && path.is_empty)
			r = -ENOENT;
		if (r == 0)
			r = view_find(&path, &request, from);
		if (r == 0)
			view_spell(from);
		call->arg[0] = AT_FDCWD;
	}
	call->arg[1] = (long)from->text;
	return r;
}

static bool is_empty_path(const struct tap_call *call)
{
	return (call->arg[4] & AT_EMPTY_PATH) && memory_string_is((const char *)call->arg[1], "");
}

long view_on_link(struct tap_call *call, const struct tap_row *row)
{
	bool from_fd;
	struct view_found from = { .fd = -1 };
	struct view_found to = { 0 };
	long r = 0;

	(void)row;
	if (call->nr == NR_link) {
		call->arg[3] = call->arg[1];
		call->arg[1] = call->arg[0];
		call->arg[0] = call->arg[2] = AT_FDCWD;
		call->arg[4] = 0;
		call->nr = __NR_linkat;
	}
	from_fd = is_empty_path(call);
	if (!from_fd)
		r = find_linked(call, &from);
	if (r < 0)
		return r;
	r = find_name((int)call->arg[2], call->arg[3], 0, &to);
	if (r == 0) {
		call->arg[2] = to.fd;
		call->arg[3] = (long)to.text;
		r = to.is_point ? -EEXIST : view_check_writable(&to, true);
		if (r == 0 && !from_fd && !from.is_in_proc)
			r = from.is_point ? -EXDEV : check_pair(&from, &to);
		if (r == 0)
			r = view_finish(call, &tap_table[NR_linkat]);
		view_close(&to);
	}
	if (!from_fd)
		view_close(&from);
	return r;
}

/* ---- others ---- */

long view_on_uname(struct tap_call *call)
{
	const char *name = tap.place->hostname;
	const char *release = tap.place->kernel_release;
	struct utsname *uts = (struct utsname *)call->arg[0];
	long r = pass(call);

	if (r == 0 && name[0])
		memcpy(uts->nodename, name, strlen(name) + 1);
	if (r == 0 && release[0])
		memcpy(uts->release, release, strlen(release) + 1);
	return r;
}

long view_on_handle(struct tap_call *call)
{
	struct view_found found = { 0 };
	struct view_path path;
	long r = view_read(&path, (int)call->arg[0], call->arg[1]);

	if (r < 0)
		return r;
	if (path.is_empty)
		return pass(call);
	r = view_find_object(&path, call->arg[4] & AT_SYMLINK_FOLLOW, &found);
	if (r < 0)
		return r;
	call->arg[0] = found.fd;
	call->arg[1] = (long)(uintptr_t) "";
	call->arg[4] = (call->arg[4] & ~(long)AT_SYMLINK_FOLLOW) | AT_EMPTY_PATH;
	r = pass(call);
	view_close(&found);
	return r;
}
