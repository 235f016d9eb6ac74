// SPDX-License-Identifier: Apache-2.0
/* Calls that make files (which get an owner), change them (which may copy them up) or take them
 * away. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tap/blob/cancel.h"
#include "tap/blob/exe.h"
#include "tap/blob/fds.h"
#include "tap/blob/files.h"
#include "tap/blob/handlers.h"
#include "tap/blob/memory.h"
#include "tap/blob/people.h"
#include "tap/blob/permission.h"
#include "tap/blob/proc.h"
#include "tap/table.h"

static struct where name_at(long dirfd, long path)
{
	return (struct where){ (int)dirfd, (const char *)path, AT_SYMLINK_NOFOLLOW };
}

static struct where file_at(long dirfd, long path)
{
	return (struct where){ (int)dirfd, (const char *)path, 0 };
}

/* --- making */

static long make(struct tap_call *call, struct where name, uint32_t mode)
{
	long r = pass(call);

	if (r == 0 && files_creation_matters())
		files_note_created(&name, &name, mode);
	return r;
}

static long make_directory(struct tap_call *call, struct where name, uint32_t mode)
{
	long r = make(call, name, mode);

	if (r == 0 && tap.host_tree && tap.root)
		files_keep_open_to_us(&name);
	return r;
}

long on_mkdir(struct tap_call *call)
{
	return make_directory(call, name_at(AT_FDCWD, call->arg[0]), (uint32_t)call->arg[1]);
}

long on_mkdirat(struct tap_call *call)
{
	return make_directory(call, name_at(call->arg[0], call->arg[1]), (uint32_t)call->arg[2]);
}

long on_symlink(struct tap_call *call)
{
	return make(call, name_at(AT_FDCWD, call->arg[1]), FILES_NO_MODE);
}

long on_symlinkat(struct tap_call *call)
{
	return make(call, name_at(call->arg[1], call->arg[2]), FILES_NO_MODE);
}

/* --- opening. All four calls come down to this. */

struct opening {
	struct tap_call *call;
	struct where name;
	unsigned long flags;
	unsigned long *flags_at; /* where the call takes them from */
	unsigned long mode;
};

static long open_plainly(const struct opening *opening, unsigned long flags)
{
	*opening->flags_at = flags;
	return cancel_pass(opening->call); /* a fifo's other end may be missing */
}

static long open_for_root(const struct opening *opening, unsigned long flags, long r)
{
	if (r != -EACCES || !tap.host_tree || opening->call->nr == __NR_openat2)
		return r;
	return files_open_as_root(opening->name.dirfd, opening->name.path, (int)flags, 0);
}

/* Asked for with O_CREAT, a directory is none that may be opened (open(2)). */
static long refuse_directory(long fd)
{
	struct where opened = where_fd(fd);
	struct statx x;

	if (fd < 0 || files_look(&opened, &x) < 0 || !S_ISDIR(x.stx_mode))
		return fd;
	raw1(__NR_close, fd);
	return -EISDIR;
}

/* Nothing was there, and yet the name is taken: by a symbolic link to nowhere, unless another was
 * faster. Where the link leads a file is made, and belongs to whom it was made by. */
static long make_behind_link(const struct opening *opening, struct where *name, bool *ret_made)
{
	struct where link = { name->dirfd, name->path, AT_SYMLINK_NOFOLLOW };
	struct statx x;
	bool leads_there = files_look(&link, &x) == 0 && S_ISLNK(x.stx_mode);
	long r = open_plainly(opening, opening->flags);
	struct where opened = where_fd(r);

	*ret_made = r >= 0 && leads_there && files_look(&opened, &x) == 0 && !files_row(&x) &&
		    x.stx_nlink == 1 && S_ISREG(x.stx_mode);
	if (*ret_made)
		*name = opened;
	return r;
}

/* Was it this call that made the file? O_EXCL tells. `name`: by which it is known then. */
static long open_or_make(const struct opening *opening, struct where *name, bool *ret_made)
{
	unsigned long flags = opening->flags;
	long r;

	if (!(flags & O_EXCL)) {
		r = open_for_root(opening, flags,
				  open_plainly(opening, flags & ~(unsigned long)O_CREAT));
		if (r == -ENOTDIR) /* "name/", for which the kernel has another error here */
			return open_plainly(opening, flags);
		if (r != -ENOENT)
			return flags & O_ACCMODE ? r : refuse_directory(r);
		r = open_plainly(opening, flags | O_EXCL);
		if (r == -EEXIST)
			return make_behind_link(opening, name, ret_made);
	} else {
		r = open_plainly(opening, flags);
	}
	*ret_made = r >= 0;
	return r;
}

static bool is_temporary(unsigned long flags)
{
	return (flags & TAP_OPEN_TEMPORARY) != 0;
}

/* Who closed a file without a name that had this inode told nobody. */
static void forget_nameless(const struct where *opened)
{
	struct file_id id;
	struct statx x;

	if (lies_empty(&tap.lies) || files_look(opened, &x) < 0)
		return;
	id = lies_id_of(&x);
	lies_forget(&tap.lies, &id);
}

static long open_file(const struct opening *opening)
{
	unsigned long flags = opening->flags;
	struct where file = opening->name;
	struct where name = opening->name;
	struct where opened;
	struct move move;
	bool made = false;
	long r;

	/* Through a patched site all opens come here, as they do on the host's own tree. */
	if (!(flags & TAP_OPEN_CHANGES) && !tap.host_tree) {
		r = cancel_pass(opening->call);
		return tap.page->people_count ? proc_show_status(r, file.path, flags) : r;
	}
	if (tap.exe_fd >= 0 && exe_is_asked_for_at(file.path))
		return files_reopen(tap.exe_fd, (int)flags);
	file.flags = flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0;
	if ((flags & O_CREAT) && (flags & O_EXCL))
		move = (struct move){ 0 }; /* it is not there, or stays what it is */
	else if ((flags & (O_WRONLY | O_RDWR | O_TRUNC)) && !(flags & O_EXCL))
		move_begin_writing(&move, &file);
	else
		move_begin(&move, &file);
	if ((flags & O_CREAT) && !(flags & O_DIRECTORY) && files_creation_matters()) {
		r = open_or_make(opening, &name, &made);
	} else {
		r = open_for_root(opening, flags, open_plainly(opening, flags));
		made = r >= 0 && is_temporary(flags) && files_creation_matters();
	}
	opened = r >= 0 ? where_fd(r) : file;
	if (r >= 0)
		move_end_writing(&move, &opened);
	else
		move_end(&move, &opened);
	if (r >= 0 && is_temporary(flags))
		forget_nameless(&opened);
	if (made && is_temporary(flags))
		files_note_temporary(&opened, &opening->name, (uint32_t)opening->mode);
	else if (made)
		files_note_created(&opened, &name, (uint32_t)opening->mode);
	if (r >= 0 && (flags & O_CREAT) && (opening->mode & (S_ISUID | S_ISGID)) &&
	    (made || !process_read()->restricted))
		files_keep_set_ids(&opened);
	return tap.host_tree ? proc_show_status(r, file.path, flags) : r;
}

long on_open(struct tap_call *call)
{
	struct opening opening = { .call = call,
				   .name = file_at(AT_FDCWD, call->arg[0]),
				   .flags = (unsigned long)call->arg[1],
				   .flags_at = (unsigned long *)&call->arg[1],
				   .mode = (unsigned long)call->arg[2] };

	return open_file(&opening);
}

long on_openat(struct tap_call *call)
{
	struct opening opening = { .call = call,
				   .name = file_at(call->arg[0], call->arg[1]),
				   .flags = (unsigned long)call->arg[2],
				   .flags_at = (unsigned long *)&call->arg[2],
				   .mode = (unsigned long)call->arg[3] };

	return open_file(&opening);
}

long on_creat(struct tap_call *call)
{
	call->nr = __NR_openat;
	call->arg[3] = call->arg[1];
	call->arg[2] = O_CREAT | O_WRONLY | O_TRUNC;
	call->arg[1] = call->arg[0];
	call->arg[0] = AT_FDCWD;
	return on_openat(call);
}

/* struct open_how may be longer than we know; the rest is passed on by the kernel's own rule only
 * when it is zero, so a copy of what we know says it all. */
long on_openat2(struct tap_call *call)
{
	struct open_how how;
	struct opening opening = { .call = call, .name = file_at(call->arg[0], call->arg[1]) };

	if (call->arg[3] != sizeof(how))
		return pass(call);
	if (memory_read(&how, (const void *)call->arg[2], sizeof(how)) < 0)
		return -EFAULT;
	call->arg[2] = (long)&how;
	opening.flags = (unsigned long)how.flags;
	opening.flags_at = (unsigned long *)&how.flags;
	opening.mode = (unsigned long)how.mode;
	return open_file(&opening);
}

/* --- changing */

static long change(struct tap_call *call, struct where file)
{
	struct move move;
	long r;

	move_begin(&move, &file);
	r = pass(call);
	move_end(&move, &file);
	return r;
}

static long truncate_for_root(const struct tap_call *call, long r)
{
	long fd;

	if (r != -EACCES || !tap.host_tree)
		return r;
	fd = files_open_as_root(AT_FDCWD, (const char *)call->arg[0], O_WRONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return r;
	r = raw2(__NR_ftruncate, fd, call->arg[1]);
	raw1(__NR_close, fd);
	return r;
}

long on_truncate(struct tap_call *call)
{
	struct where file = file_at(AT_FDCWD, call->arg[0]);
	struct move move;
	long r;

	move_begin_writing(&move, &file);
	r = truncate_for_root(call, pass(call));
	if (r == 0)
		move_end_writing(&move, &file);
	else
		move_end(&move, &file);
	return r;
}

long on_utime(struct tap_call *call)
{
	return change(call, file_at(AT_FDCWD, call->arg[0]));
}

long on_utimes(struct tap_call *call)
{
	return change(call, file_at(AT_FDCWD, call->arg[0]));
}

long on_futimesat(struct tap_call *call)
{
	return change(call, file_at(call->arg[0], call->arg[1]));
}

long on_utimensat(struct tap_call *call)
{
	if (!call->arg[1]) /* futimens(3): the descriptor itself */
		return change(call, where_fd(call->arg[0]));
	return change(call, (struct where){ (int)call->arg[0], (const char *)call->arg[1],
					    (int)call->arg[3] });
}

/* See lies_alias: known from now on, also when nothing is said about the file until later. */
static void note_link(const struct where *from, const struct where *to)
{
	struct file_id old_id;
	struct file_id new_id;
	struct lie_row *row;
	struct statx x;

	if (files_look(from, &x) < 0)
		return;
	old_id = lies_id_of(&x);
	if (files_look(to, &x) < 0)
		return;
	new_id = lies_id_of(&x);
	if (old_id.inode == new_id.inode && old_id.device == new_id.device)
		return;
	row = lies_make(&tap.lies, &old_id);
	if (row)
		lies_alias(&tap.lies, row, &new_id);
}

static long link_file(struct tap_call *call, struct where from, struct where to)
{
	struct move move;
	struct statx x;
	long r;

	if (lies_empty(&tap.lies) && !lies_any_may_move(&tap.lies))
		return pass(call);
	if (files_look(&from, &x) < 0)
		return pass(call);
	if (x.stx_nlink == 0 && files_row(&x))
		lies_note_linked(files_row(&x));
	if (!lies_any_may_move(&tap.lies))
		return pass(call);
	move_begin_seen(&move, &x, files_row(&x));
	r = pass(call);
	move_end(&move, &from);
	if (r == 0) /* also of a file that was copied up before, by another call */
		note_link(&from, &to);
	return r;
}

long on_link(struct tap_call *call)
{
	return link_file(call, name_at(AT_FDCWD, call->arg[0]), name_at(AT_FDCWD, call->arg[1]));
}

long on_linkat(struct tap_call *call)
{
	struct where from = file_at(call->arg[0], call->arg[1]);

	from.flags = (int)(call->arg[4] & AT_EMPTY_PATH) |
		     (call->arg[4] & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW);
	return link_file(call, from, name_at(call->arg[2], call->arg[3]));
}

/* --- taking away. The next file with this inode would inherit what was said about this one, where
 * the file system has no birth times, or within a tick of its clock. */

struct removal {
	struct file_id id;
	struct lie_row *row; /* of the file, whose last name this is; NULL: nothing is known */
	struct lie said;
};

/* A lower file of an overlay goes on to be there, and to have links. */
static bool is_last_name(const struct statx *x)
{
	/* A directory has two links, its own "." is one. */
	if (lies_is_birthless_type(x->stx_mode))
		return x->stx_nlink <= 2;
	return x->stx_nlink == 1 && (!(x->stx_mask & STATX_BTIME) || !lies_is_lower(&tap.lies, x));
}

static void removal_begin(struct removal *removal, const struct where *name)
{
	struct statx x;

	removal->row = NULL;
	if (lies_empty(&tap.lies) || files_look(name, &x) < 0 || !is_last_name(&x))
		return;
	removal->id = lies_id_of(&x);
	removal->row = lies_find(&tap.lies, &removal->id);
	if (removal->row)
		lies_read(removal->row, &removal->said);
}

/* Somebody may have made a file with this inode already, and given it away. */
static void removal_end(const struct removal *removal)
{
	struct lie said;

	if (!removal->row)
		return;
	lies_read(removal->row, &said);
	if (removal->id.birth_ns == LIES_NO_BIRTH)
		lies_forget(&tap.lies, &removal->id);
	else if (memcmp(&said, &removal->said, sizeof(said)) == 0)
		lies_note_unlinked(removal->row);
}

static long remove_name(struct tap_call *call, struct where name)
{
	struct removal removal;
	long r;

	removal_begin(&removal, &name);
	r = pass(call);
	if (r == 0)
		removal_end(&removal);
	return r;
}

long on_unlink(struct tap_call *call)
{
	return remove_name(call, name_at(AT_FDCWD, call->arg[0]));
}

long on_unlinkat(struct tap_call *call)
{
	return remove_name(call, name_at(call->arg[0], call->arg[1]));
}

long on_rmdir(struct tap_call *call)
{
	return remove_name(call, name_at(AT_FDCWD, call->arg[0]));
}

/* To its own name a file is renamed without anything being removed. */
static void removal_spares(struct removal *removal, const struct where *name)
{
	struct statx x;

	if (removal->row && files_look(name, &x) == 0 && x.stx_ino == removal->id.inode &&
	    ((uint64_t)x.stx_dev_major << 32 | x.stx_dev_minor) == removal->id.device)
		removal->row = NULL;
}

static long rename_file(struct tap_call *call, struct where from, struct where to)
{
	struct removal removal;
	struct move move;
	long r;

	removal_begin(&removal, &to);
	removal_spares(&removal, &from);
	move_begin(&move, &from);
	r = pass(call);
	move_end(&move, r == 0 ? &to : &from);
	if (r == 0)
		removal_end(&removal);
	return r;
}

long on_rename(struct tap_call *call)
{
	return rename_file(call, name_at(AT_FDCWD, call->arg[0]), name_at(AT_FDCWD, call->arg[1]));
}

long on_renameat(struct tap_call *call)
{
	return rename_file(call, name_at(call->arg[0], call->arg[1]),
			   name_at(call->arg[2], call->arg[3]));
}

#define RENAME_EXCHANGE 2

/* With RENAME_EXCHANGE nothing goes away, and the other file is copied up as well. */
long on_renameat2(struct tap_call *call)
{
	struct where from = name_at(call->arg[0], call->arg[1]);
	struct where to = name_at(call->arg[2], call->arg[3]);
	struct move move;
	struct move other;
	long r;

	if (!(call->arg[4] & RENAME_EXCHANGE))
		return rename_file(call, from, to);
	move_begin(&move, &from);
	move_begin(&other, &to);
	r = pass(call);
	move_end(&move, r == 0 ? &to : &from);
	move_end(&other, r == 0 ? &from : &to);
	return r;
}

/* --- sockets: binding to a path makes a file */

struct socket_path {
	struct sockaddr_un un;
	char end; /* the path need not end in a NUL if it fills the room */
};

/* false: the address is none with a path. */
static bool read_socket_path(const struct tap_call *call, struct socket_path *ret_address)
{
	size_t size_bytes = (unsigned)call->arg[2];

	*ret_address = (struct socket_path){ 0 };
	return size_bytes <= sizeof(ret_address->un) &&
	       size_bytes > offsetof(struct sockaddr_un, sun_path) &&
	       memory_read(&ret_address->un, (const void *)call->arg[1], size_bytes) == 0 &&
	       ret_address->un.sun_family == AF_UNIX && ret_address->un.sun_path[0];
}

long on_bind(struct tap_call *call)
{
	struct socket_path address;
	struct where name = { AT_FDCWD, address.un.sun_path, AT_SYMLINK_NOFOLLOW };
	const bool is_kept_open = tap.host_tree && tap.root;
	long r;

	if (!process_read()->restricted && !files_creation_matters() && !is_kept_open)
		return pass(call);
	if (!read_socket_path(call, &address))
		return pass(call);
	r = process_read()->restricted ? permission_to_bind(&name) : 0;
	if (r == 0)
		r = pass(call);
	if (r == 0 && files_creation_matters())
		files_note_socket(&name);
	if (r == 0 && is_kept_open)
		files_keep_open_to_us(&name);
	return r;
}

long on_connect(struct tap_call *call)
{
	struct socket_path address;
	struct where name = { AT_FDCWD, address.un.sun_path, 0 };
	long r;

	people_tell();
	if (!process_read()->restricted || !read_socket_path(call, &address))
		return cancel_pass(call);
	r = permission_to_connect(&name);
	return r < 0 ? r : cancel_pass(call);
}
