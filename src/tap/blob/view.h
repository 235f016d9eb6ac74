/* SPDX-License-Identifier: Apache-2.0 */
/* Translation: a call whose paths are the guest's becomes one that means the same to the kernel,
 * and then goes the way it would go without. A path is replaced by a descriptor of what it leads to
 * (opened by pathmap_resolve, which follows no link unseen) and, where the call wants a path:
 * "/proc/self/fd/N", or that of the directory and the name in it.
 *
 * What needs no translating is left as it is: a single name that is not followed, in a directory
 * below which the map has nothing. */
#ifndef TAP_BLOB_VIEW_H
#define TAP_BLOB_VIEW_H

#include "tap/blob/blob.h"
#include "tap/table.h"

#define VIEW_SHORT 512 /* longer paths get memory of their own */
#define VIEW_TEXT  (PATHMAP_NAME_ROOM + 32)

/* A path of the program's, as it came. */
struct view_path {
	int dirfd;
	const char *program_path;
	bool is_empty; /* NULL or "": about the descriptor */
	bool is_down;  /* relative, without ".." */
	bool is_name;  /* one name, no slash */
	bool is_plain; /* and the map has nothing of that name: it is what it is on the host */
	bool has_slash_at_end;
	bool is_long;	       /* `text` does not hold it */
	char text[VIEW_SHORT]; /* what was read, so that nobody changes it after the look at it */
};

/* What it leads to. */
struct view_found {
	int fd; /* to be closed */
	uint32_t entry, flags;
	bool is_point, is_kernels_link;
	bool is_above;	      /* the map has something below the name */
	bool is_in_proc;      /* below /proc/PID */
	char text[VIEW_TEXT]; /* the name in fd, or what view_spell makes of it */
	char *guest;	      /* if not NULL: room for the guest's path, */
	size_t guest_room;    /* as many bytes */
};

struct view_request {
	unsigned want; /* enum pathmap_want */
	uint64_t flags;
	uint64_t mode;
	uint64_t resolve; /* RESOLVE_*, as pathmap_request */
};

/* -EFAULT, -EBADF; the rest is for the kernel or view_find to say. */
long view_read(struct view_path *path, int dirfd, long program_path);
/* Is the path the same on the host, as long as no link leads out of dirfd? */
bool view_is_inner(const struct view_path *path);
/* Is it what it is on the host, as long as it is not followed? */
bool view_is_just_a_name(const struct view_path *path);
/* As pathmap_resolve. */
long view_find(const struct view_path *path, const struct view_request *request,
	       struct view_found *found);
/* A path of ours. */
long view_find_ours(int dirfd, const char *path, const struct view_request *request,
		    struct view_found *found);
/* view_open.c: the thing itself, O_PATH. */
long view_find_object(const struct view_path *path, bool follows, struct view_found *found);
void view_close(const struct view_found *found);
/* text becomes "/proc/self/fd/N" or "/proc/self/fd/N/NAME". */
void view_spell(struct view_found *found);
/* Out of the way of the numbers a program counts on. */
void view_lift(struct view_found *found);

/* The host path of a directory of the process's, or AT_FDCWD: its length or -errno. */
long view_path_of(int dirfd, char *to, size_t room_bytes);
struct pathmap_request;
struct pathmap_room;
/* A path that was found: may a process that gave up being root search the directories on the way?
 * 0, -EACCES; -ENOBUFS: the room is too small. Overwrites the room but for its text. view_way.c. */
long view_check_way(const struct pathmap_request *request, const struct pathmap_room *room);

/* A host path in `text` of `length` bytes to the guest's, within room_bytes; -ENOENT. */
long view_guest_of(char *text, size_t length, size_t room_bytes);
/* The host path of a descriptor. */
long view_host_path(int fd, char *to, size_t room_bytes);

/* Does the process run in this session? It has the table open at the same number then. */
bool view_is_inside(long pid);
/* That, or its parent does: who has ended has nothing open. */
bool view_is_own(long pid);

/* At the start of a program. */
void view_open(const char *chroot);
/* Somebody has mounted something: go by the newest map from now on. */
void view_refresh(void);
/* A version of it: where it is now, or -errno. */
long view_map_version(uint32_t version);
/* What was known of the working directory. */
void view_forget_cwd(void);
/* For pathmap; its context is room for 40 bytes. */
struct pathmap_ops;
const struct pathmap_ops *view_kernel(void);
bool view_is_asked(const struct tap_row *row);
long view_dispatch(struct tap_call *call, const struct tap_row *row);
/* What is left of the call when its arguments are the kernel's. */
long view_finish(struct tap_call *call, const struct tap_row *row);

/* view_open.c, view_calls.c, view_sockets.c: what is more than replacing a path. */
long view_on_open(struct tap_call *call, const struct tap_row *row);
long view_on_stat(struct tap_call *call, const struct tap_row *row);
long view_on_access(struct tap_call *call, const struct tap_row *row);
long view_on_readlink(struct tap_call *call);
long view_on_getcwd(struct tap_call *call);
long view_on_chdir(struct tap_call *call);
long view_on_fchdir(struct tap_call *call, const struct tap_row *row);
long view_on_chroot(struct tap_call *call);
/* view_mount.c */
long view_on_mount(const struct tap_call *call);
long view_on_rename(struct tap_call *call, const struct tap_row *row);
long view_on_link(struct tap_call *call, const struct tap_row *row);
long view_on_uname(struct tap_call *call);
long view_on_handle(struct tap_call *call);
long view_on_address(struct tap_call *call, const struct tap_row *row);
long view_on_sendmsg(struct tap_call *call);
long view_on_sendmmsg(struct tap_call *call);
long view_on_name(struct tap_call *call);
/* view_fd.c: a call that changes the file behind its first argument, a descriptor. */
long view_on_fd_change(struct tap_call *call, const struct tap_row *row);
/* Is what it is open on, or the working directory (AT_FDCWD), below something read-only? */
bool view_fd_is_read_only(int fd);
/* Of the file at fd in /proc: another in its place where the text names host paths, or fd. */
long view_proc_file(const char *guest, int fd);

/* To refuse, what a read-only file system does: 0, -EROFS, or what is the case already. */
long view_check_writable(const struct view_found *found, bool makes);

/* In target_request. */
long view_find_program(const void *context, int dirfd, const char *path, int flags);

#endif
