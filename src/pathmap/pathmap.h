/* SPDX-License-Identifier: Apache-2.0 */
/* What a process shall see at which path, where no mounts can say so: guest path <-> host path.
 *
 * A map is plain data without pointers, so that it can lie in memory that processes share. Its
 * first entry is the root; every other one puts a host directory or file over a guest path, or
 * hides one. Paths in it are absolute and without symbolic links, "." or "..".
 *
 * Resolving (pathmap_resolve) never lets the kernel follow a symbolic link: it is asked for as much
 * of the path as lies in one entry with RESOLVE_NO_SYMLINKS, mostly all of it in one call; a link
 * that is in the way is read and expanded here, as a path of the guest. So no link, no ".." and no
 * rename at the wrong moment leads out, and what the lookup was begun with is what is opened.
 *
 * Compiled twice: freestanding into the tap, and hosted, for the engine that makes the map and for
 * the tracer. No heap, no libc but the functions of blob/libc.c; the kernel is reached through
 * struct pathmap_ops. */
#ifndef PATHMAP_PATHMAP_H
#define PATHMAP_PATHMAP_H

#include <linux/openat2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PATHMAP_ENTRIES	   512
#define PATHMAP_ABOVE	   512	  /* directories that have entries below them */
#define PATHMAP_TEXT_BYTES 262144 /* all paths with their NULs */
#define PATHMAP_PATH_MAX   4096	  /* PATH_MAX, with the NUL */
#define PATHMAP_LINKS	   40	  /* MAXSYMLINKS */
#define PATHMAP_NAME_BITS  256	  /* a power of two */
#define PATHMAP_NAME_ROOM  258	  /* NAME_MAX, a slash, the NUL, and one for a longer name */

enum pathmap_flags {
	PATHMAP_READ_ONLY = 1,
	PATHMAP_FILE = 2,   /* the host path is no directory */
	PATHMAP_HIDDEN = 4, /* nothing is there: ENOENT; no host path */
	/* /proc: its links below PID are the kernel's own; PID/net is what an entry at its net
	   shows */
	PATHMAP_PROC = 8,
	PATHMAP_ALIASED = 16, /* its host directory is to be reached by another path, too */
	/* Of those that came while the map was in use, tap/mounting.h: */
	PATHMAP_MOUNTED = 32, /* by a process, and may be taken away again */
	PATHMAP_BROUGHT = 64, /* with what is mounted above it */
	PATHMAP_STAYS_READ_ONLY = 128,
	PATHMAP_OWN_PROCESSES = 256, /* of PROC: those of others are not there */
};

struct pathmap_entry {
	uint32_t guest, guest_length; /* in text; the root's guest path is "" with length 0 */
	uint32_t host, host_length;   /* likewise: "/" is "" */
	uint32_t flags;
	uint32_t unused;
};

struct pathmap_identity {
	uint64_t device; /* st_dev as stat(2) gives it */
	uint64_t inode;
};

struct pathmap {
	uint32_t count;
	uint32_t above_count;
	uint32_t text_bytes;
	uint32_t any_flags; /* of all entries together; READ_ONLY: of one that is a directory */
	/* Bloom filters over names in the root (pathmap_name_bit). `first`: some entry's path
	 * begins so; any other path is the root entry's. `links`: a symbolic link at the time the
	 * map was made; no more than a hint to read it first. */
	uint64_t first[PATHMAP_NAME_BITS / 64];
	uint64_t links[PATHMAP_NAME_BITS / 64];
	/* Sorted by the length of the guest path, the longest first; the root is the last. */
	struct pathmap_entry entry[PATHMAP_ENTRIES];
	/* Host directories somewhere below which, in the guest, another entry begins. In all others
	 * a relative path that does not leave them stays what it is on the host. */
	struct pathmap_identity above[PATHMAP_ABOVE];
	char text[PATHMAP_TEXT_BYTES];
};

static inline const char *pathmap_guest(const struct pathmap *map, uint32_t index)
{
	return map->text + map->entry[index].guest;
}

static inline const char *pathmap_host(const struct pathmap *map, uint32_t index)
{
	return map->text + map->entry[index].host;
}

/* May the name be one of a process that is not to be there? */
static inline bool pathmap_may_be_process(const struct pathmap *map, const char *name)
{
	return (map->any_flags & PATHMAP_OWN_PROCESSES) && name[0] >= '1' && name[0] <= '9';
}

static inline uint32_t pathmap_name_bit(const char *name, size_t length)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)name[i]) * 16777619u;
	return (hash ^ hash >> 16) % PATHMAP_NAME_BITS;
}

/* --- making one (hosted, or freestanding) --- */

/* A map with its root. */
void pathmap_init(struct pathmap *map);
/* 0; -E2BIG: no room; -EINVAL: a path is not absolute. `host` is NULL for PATHMAP_HIDDEN. A later
 * entry at the same guest path replaces the earlier one. Guest "/" is the root. */
int pathmap_add(struct pathmap *map, const char *guest, const char *host, uint32_t flags);
/* The root has a symbolic link of this name. */
void pathmap_add_link(struct pathmap *map, const char *name);
/* The directory with this identity is above an entry; -E2BIG: no room. */
int pathmap_add_above(struct pathmap *map, uint64_t device, uint64_t inode);

/* --- looking up --- */

/* The entry a guest path (absolute, no links, "" for the root) lies in. */
uint32_t pathmap_find(const struct pathmap *map, const char *guest, size_t length);
/* Is something else than the entry `guest` lies in below that path, or just there? */
bool pathmap_is_point(const struct pathmap *map, const char *guest, size_t length);
bool pathmap_is_above_point(const struct pathmap *map, const char *guest, size_t length);
/* Is `path` the folder, a path of `length` bytes, or below it? Texts alone: "" holds them all. */
static inline bool pathmap_is_in(const char *path, const char *folder, size_t length)
{
	return strncmp(path, folder, length) == 0 && (!path[length] || path[length] == '/');
}
/* Is the directory with this identity free of entries below it? */
bool pathmap_is_clear(const struct pathmap *map, uint64_t device, uint64_t inode);
/* What the guest calls a path of the host's: its length, or -ENOENT when nothing of the map shows
 * it, -ENAMETOOLONG. "/" is written so. `host` may lie at the end of `to`. Of several names one
 * below `chroot` ("" or NULL: any is) is preferred. */
long pathmap_guest_of(const struct pathmap *map, const char *chroot, const char *host,
		      size_t length, char *to, size_t room_bytes);

/* The parent, in the text of /proc/PID/stat, or -1. Who is about to end has nothing left by which
 * to know whose it is, but that. */
long pathmap_parent_of(const char *stat, size_t length);

/* --- resolving --- */

/* The kernel, as seen by the process whose path it is. All return a result or -errno. */
struct pathmap_ops {
	long (*openat2)(void *context, int dirfd, const char *path, const struct open_how *how);
	long (*readlinkat)(void *context, int dirfd, const char *path, char *to, size_t room_bytes);
	void (*close)(void *context, int fd);
	/* The host path of a directory descriptor of the process, or AT_FDCWD. */
	long (*path_of)(void *context, int dirfd, char *to, size_t room_bytes);
	/* What /proc/self (or thread-self) leads to: "123" or "123/task/124". */
	long (*self)(void *context, bool thread, char *to, size_t room_bytes);
	/* May the links in /proc/PID be followed? 0, or what the caller gets. `fd` is the number
	 * where the link is one of /proc/PID/fd, else -1. */
	long (*may_follow)(void *context, long pid, int fd);
	/* Is it one of those that PATHMAP_OWN_PROCESSES means? */
	bool (*is_own)(void *context, long pid);
	/* The file to take for /proc/PID/exe: a path the kernel follows, or NULL for the link. */
	const char *(*exe)(void *context, long pid);
};

/* Hosted: this process's own (context unused). May not be used for another's paths. */
extern const struct pathmap_ops pathmap_host_ops;

enum pathmap_want {
	PATHMAP_FOLLOW = 1, /* a symbolic link at the end is followed */
	PATHMAP_PARENT = 2, /* open the directory, and say which name in it: the name itself may be
			     * missing, or (without FOLLOW) be a link */
};

struct pathmap_request {
	int root_fd; /* O_PATH of the root entry's host directory */
	int dirfd;   /* for relative paths */
	const char *path;
	const char *chroot; /* the guest path that is / to the process; "" or NULL: all */
	unsigned want;
	/* How to open: open(2)'s flags and mode. O_PATH of the directory with PATHMAP_PARENT. */
	uint64_t flags;
	uint64_t mode;
	/* As openat2(2) takes them, and says it: RESOLVE_NO_XDEV between entries (within one the
	 * caller compares devices), NO_MAGICLINKS, NO_SYMLINKS, BENEATH, IN_ROOT. */
	uint64_t resolve;
};

struct pathmap_found {
	int fd;
	uint32_t entry;	      /* that the file, or the directory of the name, lies in */
	bool is_kernels_link; /* `name` is a link of /proc/PID, and to be followed */
	bool is_point;	      /* with PARENT: an entry begins there, fd is it and name is empty */
	/* With PATHMAP_PARENT; a slash at the end where the path had one. ".", ".." and "/" are
	 * passed on as they are. */
	char name[PATHMAP_NAME_ROOM];
};

/* Room for paths while resolving; each at least as long as the longest path that comes up. */
struct pathmap_room {
	char *text; /* afterwards: the guest path of what was found, without links */
	char *host;
	char *link;
	size_t bytes; /* of each */
	size_t length;
};

/* 0, or -errno as the kernel's own lookup would give it. -ENOBUFS: the room is too small. -EXDEV:
 * `dirfd` is not in the map, or as RESOLVE_* have it. */
long pathmap_resolve(const struct pathmap *map, const struct pathmap_ops *ops, void *context,
		     const struct pathmap_request *request, struct pathmap_room *room,
		     struct pathmap_found *ret_found);

#endif
