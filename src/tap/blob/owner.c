// SPDX-License-Identifier: Apache-2.0
/* chown, chmod, mknod.
 *
 * A chown is made with the ids -1, -1: the kernel then checks the path, the mount and the file,
 * clears set-id bits, sets the change time and copies the file up, all as it would, and only who
 * owns it is left to us. Where nothing of that would happen but a new change time, it is not made:
 * the time is said, too (doc/why/0007). */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <time.h>

#include "tap/blob/acl.h"
#include "tap/blob/fds.h"
#include "tap/blob/files.h"
#include "tap/blob/handlers.h"

#define PERMISSIONS 07777u
#define SET_IDS	    (S_ISUID | S_ISGID)

static bool may(unsigned capability)
{
	return creds_may(&process_read()->creds, capability);
}

/* chown(2): without CAP_CHOWN the owner may give the file to a group of his. Where a set-id bit is
 * taken away that is a chmod, also if nothing else is changed (fs/attr.c, notify_change). */
static bool may_chown(const struct shown *shown, uint32_t uid, uint32_t gid)
{
	const struct creds *creds = &process_read()->creds;

	if (files_set_ids_to_lose(shown) && !may(CAP_FOWNER) &&
	    shown->uid != creds->user.file_system)
		return false;
	if (may(CAP_CHOWN))
		return true;
	if (uid != LIES_KEEP && (uid != shown->uid || shown->uid != creds->user.file_system))
		return false;
	return gid == LIES_KEEP || (shown->uid == creds->user.file_system &&
				    (gid == shown->gid || creds_in_group(creds, gid)));
}

struct owned {
	struct statx x;
	struct lie_row *row;
	struct shown shown;
};

static void find_owner(struct owned *file)
{
	file->row = files_row(&file->x);
	files_show(&file->x, file->row, &file->shown);
}

static bool is_owner(const struct shown *shown, uint32_t uid, uint32_t gid)
{
	return (uid == LIES_KEEP || uid == shown->uid) && (gid == LIES_KEEP || gid == shown->gid);
}

/* changed_ns: when, which the kernel may not have been told; 0: it has. */
static long say_owner(const struct owned *file, uint32_t uid, uint32_t gid, uint64_t changed_ns)
{
	const struct shown *shown = &file->shown;
	struct lie_row *row = file->row;

	if (!row) {
		struct file_id id = lies_id_of(&file->x);

		if (is_owner(shown, uid, gid))
			return 0;
		row = lies_make(&tap.lies, &id);
	}
	if (!row)
		return -ENOSPC;
	if (changed_ns)
		lies_set_changed(row, changed_ns);
	lies_note_real_mode(row, file->x.stx_mode);
	lies_set_owner(row, uid, gid);
	if (!S_ISDIR(shown->mode)) {
		files_drop_set_ids(row, shown);
		files_drop_capability(row);
	} else if (shown->mode & S_ISGID) {
		lies_note_setgid(&tap.lies);
	}
	return 0;
}

/* The file is looked at once, before: most keep what they are. Those that an overlay may copy up
 * do not, and the kernel takes set-id bits away: these are looked at again. */
static bool will_change(const struct move *move, const struct statx *x)
{
	return move->may_move || (!S_ISDIR(x->stx_mode) && (x->stx_mode & SET_IDS));
}

/* Would the kernel do nothing but set the time of the change? A directory may have to be copied up;
 * an immutable file refuses, and where that cannot be told the kernel is asked. */
static bool is_only_said(const struct owned *file, const struct move *move, uint32_t uid,
			 uint32_t gid)
{
	const uint64_t fixed = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND;
	const struct statx *x = &file->x;

	return !S_ISDIR(x->stx_mode) && !will_change(move, x) &&
	       (x->stx_attributes_mask & fixed) == fixed && !(x->stx_attributes & fixed) &&
	       (x->stx_mask & STATX_MNT_ID) && x->stx_uid != FILES_UNMAPPED &&
	       x->stx_gid != FILES_UNMAPPED && (file->row || !is_owner(&file->shown, uid, gid));
}

/* The mount that a chown was last made on, and when, in units of 16 ms: as long as that lasts, and
 * nobody here has changed a mount, it is writable. One word, for all threads. */
HOT static uint64_t writable;

static uint64_t writable_word(const struct statx *x, uint64_t now_ns)
{
	uint32_t mount = (uint32_t)x->stx_mnt_id + lies_remounts(&tap.lies) * 0x9e3779b1u;

	return (uint64_t)mount << 32 | (uint32_t)(now_ns >> 24);
}

/* Not the coarse clock, which times of changes are mostly taken from: it may be behind the time of
 * the last change, if somebody had asked for the one before (multigrain time stamps). */
static uint64_t clock_ns(void)
{
	struct timespec now;

	if (raw2(__NR_clock_gettime, CLOCK_REALTIME, &now) < 0)
		return 0;
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* On the host's tree the file may be somebody else's. */
static long chown_file(struct tap_call *call, const struct where *where, int uid_arg)
{
	uint32_t uid = (uint32_t)call->arg[uid_arg];
	uint32_t gid = (uint32_t)call->arg[uid_arg + 1];
	struct owned file;
	struct move move;
	uint64_t now_ns = 0;
	long r = files_look(where, &file.x);

	call->arg[uid_arg] = call->arg[uid_arg + 1] = -1;
	if (r < 0) { /* the kernel refuses it for the same reason, or a better one */
		long refusal = pass(call);

		return refusal < 0 ? refusal : r;
	}
	find_owner(&file);
	if (!may_chown(&file.shown, uid, gid))
		return -EPERM;
	move_begin_seen(&move, &file.x, file.row);
	if (is_only_said(&file, &move, uid, gid))
		now_ns = clock_ns();
	if (now_ns &&
	    __atomic_load_n(&writable, __ATOMIC_RELAXED) == writable_word(&file.x, now_ns))
		return say_owner(&file, uid, gid, now_ns);
	r = pass(call);
	if (will_change(&move, &file.x)) {
		files_look(where, &file.x);
		move_end_seen(&move, &file.x);
		find_owner(&file);
	}
	if (r < 0 && !(tap.host_tree && r == -EPERM))
		return r;
	if (now_ns && r == 0)
		__atomic_store_n(&writable, writable_word(&file.x, now_ns), __ATOMIC_RELAXED);
	return say_owner(&file, uid, gid, now_ns);
}

long on_chown(struct tap_call *call)
{
	struct where where = { AT_FDCWD, (const char *)call->arg[0], 0 };

	return chown_file(call, &where, 1);
}

long on_lchown(struct tap_call *call)
{
	struct where where = { AT_FDCWD, (const char *)call->arg[0], AT_SYMLINK_NOFOLLOW };

	return chown_file(call, &where, 1);
}

long on_fchown(struct tap_call *call)
{
	struct where where = where_fd(call->arg[0]);

	return fds_is_ours(call->arg[0]) ? -EBADF : chown_file(call, &where, 1);
}

long on_fchownat(struct tap_call *call)
{
	struct where where = { (int)call->arg[0], (const char *)call->arg[1], (int)call->arg[4] };

	return chown_file(call, &where, 2);
}

/* chmod(2): the owner or CAP_FOWNER; a group one is not in takes the set-group-id bit away. */
static bool may_chmod(const struct shown *shown, uint32_t *mode)
{
	const struct creds *creds = &process_read()->creds;

	if (!may(CAP_FOWNER) && shown->uid != creds->user.file_system)
		return false;
	if (!may(CAP_FSETID) && !creds_in_group(creds, shown->gid))
		*mode &= ~S_ISGID;
	return true;
}

/* The program shall see `wanted`. A regular file's set-id bits are always said: the kernel takes
 * the real ones away when the file is written to, see move_begin_writing. */
static long say_mode(const struct owned *file, uint32_t wanted)
{
	uint32_t real = file->x.stx_mode;
	struct lie_row *row = file->row;
	struct lie lie = { 0 };
	uint32_t said = 0;

	if ((real & PERMISSIONS) != wanted)
		said = PERMISSIONS;
	else if (S_ISREG(real))
		said = wanted & SET_IDS;
	if (!row && !said)
		return 0;
	if (!row) {
		struct file_id id = lies_id_of(&file->x);

		row = lies_make(&tap.lies, &id);
	}
	if (!row)
		return -ENOSPC;
	lies_note_real_mode(row, real);
	lies_read(row, &lie);
	lie.mode_mask = (lie.mode_mask & ~PERMISSIONS) | said;
	lies_set_mode(row, lie.mode_mask, (lie.mode_bits & ~PERMISSIONS) | wanted);
	acl_follow_mode(row, wanted);
	if (S_ISDIR(real) && (wanted & S_ISGID) && (lie.gid != LIES_KEEP || !(real & S_ISGID)))
		lies_note_setgid(&tap.lies);
	return 0;
}

/* On the host's own tree nobody else may profit from a set-id bit, and we must get in again. */
static uint32_t real_mode(const struct statx *x, uint32_t wanted)
{
	if (!tap.host_tree)
		return wanted;
	return (wanted & 0777) | (S_ISDIR(x->stx_mode) ? 0700 : 0600);
}

/* As chown_file: the file is looked at once, unless it may change its identity or the kernel may
 * have had its own idea of the mode. */
static long chmod_file(struct tap_call *call, const struct where *where, int mode_arg)
{
	uint32_t wanted = (uint32_t)call->arg[mode_arg] & PERMISSIONS;
	struct owned file;
	struct move move;
	uint32_t real;
	long r;

	if (!tap.host_tree && !(wanted & SET_IDS) && lies_empty(&tap.lies) && may(CAP_FOWNER) &&
	    may(CAP_FSETID))
		return pass(call);
	r = files_look(where, &file.x);
	if (r < 0) {
		long refusal = pass(call);

		return refusal < 0 ? refusal : r;
	}
	if (S_ISLNK(file.x.stx_mode))
		return pass(call); /* EOPNOTSUPP, whoever asks */
	find_owner(&file);
	if (!may_chmod(&file.shown, &wanted))
		return -EPERM;
	call->arg[mode_arg] = real = real_mode(&file.x, wanted);
	move_begin_seen(&move, &file.x, file.row);
	r = pass(call);
	if (move.may_move || (real & SET_IDS)) {
		files_look(where, &file.x);
		move_end_seen(&move, &file.x);
		find_owner(&file);
	} else if (r == 0) {
		file.x.stx_mode = (uint16_t)((file.x.stx_mode & S_IFMT) | real);
	}
	if (r < 0 && !(tap.host_tree && r == -EPERM))
		return r;
	return say_mode(&file, wanted);
}

long on_chmod(struct tap_call *call)
{
	struct where where = { AT_FDCWD, (const char *)call->arg[0], 0 };

	return chmod_file(call, &where, 1);
}

long on_fchmod(struct tap_call *call)
{
	struct where where = where_fd(call->arg[0]);

	return fds_is_ours(call->arg[0]) ? -EBADF : chmod_file(call, &where, 1);
}

long on_fchmodat(struct tap_call *call)
{
	struct where where = { (int)call->arg[0], (const char *)call->arg[1], 0 };

	return chmod_file(call, &where, 2);
}

long on_fchmodat2(struct tap_call *call)
{
	struct where where = { (int)call->arg[0], (const char *)call->arg[1], (int)call->arg[3] };

	return chmod_file(call, &where, 2);
}

/* A device is an empty file that is shown as one; its permission bits are real. dev_t as mknod(2)
 * takes it has the layout of new_encode_dev, 32 bits. */
static long make_device(const struct where *name, uint32_t mode, uint32_t device)
{
	struct lie_row *row;
	struct file_id id;
	struct statx x;
	long r;

	if (!may(CAP_MKNOD)) { /* what the kernel says first */
		r = files_look_at_parent(name, &x);
		return r < 0 ? r : files_look(name, &x) == 0 ? -EEXIST : -EPERM;
	}
	r = raw4(__NR_mknodat, name->dirfd, name->path, S_IFREG | (mode & 0777), 0);
	if (r == 0)
		r = files_look(name, &x);
	if (r < 0)
		return r;
	id = lies_id_of(&x);
	row = lies_make(&tap.lies, &id);
	if (!row)
		return -ENOSPC;
	lies_note_real_mode(row, x.stx_mode);
	lies_note_type(&tap.lies, id.device);
	lies_set_device(row, device >> 8 & 0xfff, (device & 0xff) | (device >> 12 & 0xfff00));
	lies_set_mode(row, S_IFMT | (mode & 07000), mode & (S_IFMT | 07000));
	if (files_creation_matters())
		files_note_created(name, name, mode);
	return 0;
}

static long make_node(struct tap_call *call, const struct where *name, int mode_arg)
{
	uint32_t mode = (uint32_t)call->arg[mode_arg];
	long r;

	if (S_ISCHR(mode) || S_ISBLK(mode))
		return make_device(name, mode, (uint32_t)call->arg[mode_arg + 1]);
	r = pass(call);
	if (r == 0 && files_creation_matters())
		files_note_created(name, name, mode);
	if (r == 0 && tap.host_tree && tap.root)
		files_keep_open_to_us(name);
	return r;
}

long on_mknod(struct tap_call *call)
{
	struct where name = { AT_FDCWD, (const char *)call->arg[0], AT_SYMLINK_NOFOLLOW };

	return make_node(call, &name, 1);
}

long on_mknodat(struct tap_call *call)
{
	struct where name = { (int)call->arg[0], (const char *)call->arg[1], AT_SYMLINK_NOFOLLOW };

	return make_node(call, &name, 2);
}
