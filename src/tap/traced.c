// SPDX-License-Identifier: Apache-2.0
/* What the handlers need of the tap, for a tracer. */
#include "tap/traced.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <ucontext.h>

#include "base/banned.h"
#include "tap/blob/blob.h"
#include "tap/blob/exe.h"
#include "tap/blob/fds.h"
#include "tap/blob/files.h"
#include "tap/blob/handlers.h"
#include "tap/blob/memory.h"
#include "tap/blob/people.h"
#include "tap/blob/permission.h"
#include "tap/blob/proc.h"
#include "tap/blob/scratch.h"
#include "tap/blob/walk.h"
#include "tap/blob/watch.h"

struct tap_state tap;

static struct creds *current;
static traced_find *find_creds;
static void *find_context;
/* Handlers read struct process; only its credentials are looked at here. */
static struct process copy;

void traced_use(const struct lies *lies, traced_find *find, void *context)
{
	find_creds = find;
	find_context = context;
	tap = (struct tap_state){ .blob_fd = -1,
				  .image_fd = -1,
				  .lies = *lies,
				  .page = tap_page_of(lies),
				  .root = true,
				  .host_tree = true,
				  .all_root = !(tap_page_of(lies)->flags &
						TAP_PAGE_UNKNOWN_IS_REAL),
				  .exe_is_real = true,
				  .exe_fd = -1 };
	tap_page_of(lies)->people_count = 1; /* they are asked for where they are found */
}

static size_t used_bytes(const struct creds *creds)
{
	return offsetof(struct creds, groups) + creds->group_count * sizeof(creds->groups[0]);
}

void traced_become(struct creds *creds)
{
	current = creds;
	memcpy(&copy.creds, creds, used_bytes(creds));
}

const struct process *process_read(void)
{
	return &copy;
}

struct process *process_write(void)
{
	return &copy;
}

/* --- the program's memory: what we were given is ours */

int memory_read(void *to, const void *program_address, size_t size_bytes)
{
	memcpy(to, program_address, size_bytes);
	return 0;
}

int memory_write(void *program_address, const void *from, size_t size_bytes)
{
	memcpy(program_address, from, size_bytes);
	return 0;
}

bool memory_is_readable(const void *program_address, size_t size_bytes)
{
	(void)program_address;
	(void)size_bytes;
	return true;
}

bool memory_is_writable(void *program_address, size_t size_bytes)
{
	(void)program_address;
	(void)size_bytes;
	return true;
}

long memory_read_string(char *to, const char *program_address, size_t room_bytes, int too_long)
{
	size_t length = strnlen(program_address, room_bytes);

	if (length == room_bytes)
		return -too_long;
	memcpy(to, program_address, length + 1);
	return (long)length;
}

bool memory_string_is(const char *program_address, const char *text)
{
	return strcmp(program_address, text) == 0;
}

bool memory_string_starts(const char *program_address, const char *prefix)
{
	return strncmp(program_address, prefix, strlen(prefix)) == 0;
}

static char scratch[LIES_XATTR_MAX + 4096];

void *scratch_take(size_t size_bytes)
{
	return size_bytes <= sizeof(scratch) ? scratch : NULL;
}

void scratch_put(void *memory)
{
	(void)memory;
}

bool fds_is_ours(long fd)
{
	(void)fd;
	return false;
}

long fds_open(int dirfd, const char *path, int flags)
{
	return raw4(__NR_openat, dirfd, path, flags, 0);
}

bool exe_is_asked_for_at(const char *program_address)
{
	(void)program_address;
	return false;
}

/* The tracer sees every call anyway, and knows who everybody believes to be. */
void watch_creds(void)
{
}

void people_tell(void)
{
}

bool people_find(uint32_t pid, struct tap_person *ret_person)
{
	const struct creds *creds = find_creds(find_context, pid);
	uint32_t count = creds ? creds->group_count : 0;

	if (!creds)
		return false;
	*ret_person = (struct tap_person){
		.pid = pid, .user = creds->user, .group = creds->group, .caps = creds->caps
	};
	ret_person->group_count = count < TAP_PERSON_GROUPS ? count : TAP_PERSON_GROUPS;
	memcpy(ret_person->groups, creds->groups,
	       ret_person->group_count * sizeof(creds->groups[0]));
	return true;
}

static bool is_restricted(void)
{
	return !creds_may(&copy.creds, CAP_DAC_OVERRIDE) || !creds_may(&copy.creds, CAP_FOWNER);
}

/* --- calls */

typedef long handler(struct tap_call *call);

static handler *handler_of(long nr)
{
	switch (nr) {
	case __NR_getxattr:
		return on_getxattr;
	case __NR_newfstatat:
		return on_newfstatat;
	case __NR_statx:
		return on_statx;
	case __NR_faccessat2:
		return on_faccessat2;
	case __NR_fchmodat:
		return on_fchmodat;
	case __NR_fchownat:
		return on_fchownat;
	case __NR_mknodat:
		return on_mknodat;
	case __NR_mkdirat:
		return on_mkdirat;
	case __NR_symlinkat:
		return on_symlinkat;
	case __NR_linkat:
		return on_linkat;
	case __NR_unlinkat:
		return on_unlinkat;
	case __NR_renameat2:
		return on_renameat2;
	case __NR_truncate:
		return on_truncate;
	case __NR_setxattr:
		return on_setxattr;
	case __NR_lsetxattr:
		return on_lsetxattr;
	case __NR_lgetxattr:
		return on_lgetxattr;
	case __NR_listxattr:
		return on_listxattr;
	case __NR_llistxattr:
		return on_llistxattr;
	case __NR_removexattr:
		return on_removexattr;
	case __NR_lremovexattr:
		return on_lremovexattr;
	case __NR_getuid:
		return on_getuid;
	case __NR_geteuid:
		return on_geteuid;
	case __NR_getgid:
		return on_getgid;
	case __NR_getegid:
		return on_getegid;
	case __NR_getresuid:
		return on_getresuid;
	case __NR_getresgid:
		return on_getresgid;
	case __NR_setuid:
		return on_setuid;
	case __NR_setgid:
		return on_setgid;
	case __NR_setreuid:
		return on_setreuid;
	case __NR_setregid:
		return on_setregid;
	case __NR_setresuid:
		return on_setresuid;
	case __NR_setresgid:
		return on_setresgid;
	case __NR_setfsuid:
		return on_setfsuid;
	case __NR_setfsgid:
		return on_setfsgid;
	case __NR_getgroups:
		return on_getgroups;
	case __NR_setgroups:
		return on_setgroups;
	case __NR_capget:
		return on_capget;
	case __NR_capset:
		return on_capset;
	default:
		return NULL;
	}
}

long traced_call(long nr, const long arg[6])
{
	struct tap_call call = { .nr = nr };
	handler *handle = handler_of(nr);
	long r;

	memcpy(call.arg, arg, sizeof(call.arg));
	r = is_restricted() ? permission_check(&tap_table[nr], &call) : 0;
	if (r == 0)
		r = handle ? handle(&call) : pass(&call);
	memcpy(current, &copy.creds, used_bytes(&copy.creds));
	return r;
}

/* --- opening */

#define CHANGES (O_WRONLY | O_RDWR | O_TRUNC)

void traced_open_begin(struct traced_opening *opening, int dirfd, const char *name,
		       unsigned long flags)
{
	struct where where = { dirfd, name, *name ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH };
	struct move move = { 0 };

	if ((flags & CHANGES) && !(flags & O_EXCL))
		move_begin_writing(&move, &where);
	opening->row = move.row;
	opening->mode = move.mode;
	opening->may_move = move.may_move;
}

void traced_open_end(const struct traced_opening *opening, int fd, int dirfd, const char *name,
		     bool made, unsigned long mode)
{
	struct move move = { .row = opening->row,
			     .mode = opening->mode,
			     .may_move = opening->may_move };
	struct where opened = where_fd(fd);
	struct where where = { dirfd, name, AT_SYMLINK_NOFOLLOW };

	move_end_writing(&move, &opened);
	if (!made)
		return;
	if (files_creation_matters())
		files_note_created(&opened, &where, (uint32_t)mode);
	if (mode & (S_ISUID | S_ISGID))
		files_keep_set_ids(&opened);
}

void traced_note_made(int dirfd, const char *name)
{
	struct where where = { dirfd, name, AT_SYMLINK_NOFOLLOW };

	if (files_creation_matters())
		files_note_socket(&where);
	files_keep_open_to_us(&where);
}

long traced_may_open(int fd, unsigned long flags)
{
	static const unsigned by_mode[] = { MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, 0 };
	struct asker asker = asker_effective();
	struct where where = where_fd(fd);
	/* not O_ACCMODE, in which musl has O_PATH */
	unsigned wanted = by_mode[flags & 3] | (flags & O_TRUNC ? MAY_WRITE : 0);
	struct walk walk;

	if (!is_restricted() || (flags & O_PATH) || walk_path(&asker, &where, &walk) < 0 ||
	    !walk.exists || walk_is_kernels(&where))
		return 0;
	if (S_ISDIR(walk.file.shown.mode) && (wanted & MAY_WRITE))
		return -EISDIR;
	if (!node_allows(&asker, &walk.file, wanted))
		return -EACCES;
	if ((flags & O_NOATIME) && walk.file.shown.uid != asker.uid &&
	    !asker_can(&asker, CAP_FOWNER))
		return -EPERM;
	return 0;
}

static long may_use(int directory_fd, unsigned wanted)
{
	struct asker asker = asker_effective();
	struct where where = where_fd(directory_fd);
	struct walk walk;

	if (!is_restricted() || walk_path(&asker, &where, &walk) < 0 || !walk.exists ||
	    node_allows(&asker, &walk.file, wanted) || walk_is_kernels(&where))
		return 0;
	return -EACCES;
}

long traced_may_make(int directory_fd)
{
	return may_use(directory_fd, MAY_WRITE | MAY_EXECUTE);
}

bool traced_is_restricted(void)
{
	return is_restricted();
}

long traced_may_search(int directory_fd)
{
	return may_use(directory_fd, MAY_EXECUTE);
}

bool traced_makers_matter(void)
{
	return files_creation_matters();
}

bool traced_may(unsigned capability)
{
	return creds_may(&copy.creds, capability);
}

int traced_show_status(int fd, const char *path)
{
	return (int)proc_show_status(fd, path, O_RDONLY | O_CLOEXEC);
}

bool traced_types_matter(void)
{
	return lies_any_type(&tap.lies);
}

void traced_show_types(int directory_fd, char *entries, size_t size_bytes)
{
	files_show_types(directory_fd, entries, (long)size_bytes, true);
}

bool traced_exec(int fd, bool no_new_privs)
{
	uint32_t uid = CREDS_KEEP;
	uint32_t gid = CREDS_KEEP;
	bool secure;

	if (!no_new_privs)
		files_set_ids(fd, &uid, &gid);
	secure = creds_exec(&copy.creds, uid, gid);
	memcpy(current, &copy.creds, used_bytes(&copy.creds));
	return secure;
}
