/* SPDX-License-Identifier: Apache-2.0 */
/* The box: plain data that says what a process shall see. Everything above makes boxes, engines
 * run them. `rootlet run --dry-run` prints one as JSON (box_json.c).
 *
 * A box owns everything it points to (its arena and lists). Host paths are absolute; guest paths
 * are absolute inside the root, symlinks in them resolve inside the root. */
#ifndef BOX_BOX_H
#define BOX_BOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/strings.h"
#include "box/limits.h"

enum box_root_kind {
	BOX_ROOT_DIRECTORY, /* `path` itself becomes / */
	BOX_ROOT_OVERLAY,   /* `lower` stacked, changes go to `upper`, or to memory without one */
};

struct box_root {
	enum box_root_kind kind;
	const char *path;     /* BOX_ROOT_DIRECTORY */
	struct strings lower; /* BOX_ROOT_OVERLAY: host directories, topmost first */
	const char *upper;    /* NULL: a tmpfs that goes away with the process */
	const char *work;     /* overlay's work directory, beside upper; NULL with upper NULL */
	/* Of an upper: fsync(2) inside need not reach the disk, for the caller syncs all of it in
	 * the end or throws it away, and mounts it but once. */
	bool syncs_later;
	bool read_only; /* what the process sees; an upper may still receive mount points */
};

enum box_mount_kind {
	BOX_MOUNT_BIND, /* host `source` at `target` */
	/* size_bytes 0: the kernel's default; mode; directories and symbolic links below the host's
	 * `source`, unless that is NULL, are in it from the beginning, so that it may be written */
	BOX_MOUNT_TMPFS,
	BOX_MOUNT_PROC,	  /* the pid namespace's /proc, else the host's */
	BOX_MOUNT_SYS,	  /* the host's /sys, read-only */
	BOX_MOUNT_DEV,	  /* tmpfs with null, zero, full, random, urandom, tty, pts, shm, fd */
	BOX_MOUNT_LAYERS, /* `source`, a path within the stacked `layers`, at `target`; what is
			   * written goes to memory and is lost */
	BOX_MOUNT_FILE,	  /* `content` as a file at `target` */
};

/* Whether others may use a cache mount at the same time: they may; they wait; each has its own. */
enum box_sharing { BOX_SHARED, BOX_LOCKED, BOX_PRIVATE };

struct box_mount {
	enum box_mount_kind kind;
	const char *source;
	const char *target;
	const char *content; /* BOX_MOUNT_FILE: any bytes, content_bytes of them */
	size_t content_bytes;
	const struct strings *layers; /* host directories, topmost first; borrowed */
	uint64_t size_bytes;
	mode_t mode;
	uid_t uid; /* of a file, and of a bind that is_kept: whose it is to be, for engines that */
	gid_t gid; /* have the ids */
	bool read_only;
	bool is_kept;  /* a bind of the store's own, whose files must stay the caller's */
	bool optional; /* leave out when the target is missing and would have to be made */
	/* BOX_MOUNT_BIND whose source is a cache mount of the store; the flow fills in source. */
	const char *cache_id;
	enum box_sharing sharing;
};

struct box_mounts {
	struct box_mount *item; /* in the order they are made */
	size_t count;
	size_t room;
};

/* Namespaces of its own, where the engine has namespaces. */
struct box_private {
	bool pid, ipc, uts, network;
};

enum box_emulation {
	BOX_EMULATION_NONE,
	BOX_EMULATION_SECCOMP, /* fake success, nothing remembered */
	BOX_EMULATION_TAP,     /* lies that later calls agree with */
	BOX_EMULATION_DEVICES, /* ids are real, and only devices need remembering */
};

#define BOX_GROUPS_MAX 1000

struct box {
	struct arena arena;
	struct box_root root;
	struct box_mounts mounts;
	struct strings hidden; /* guest paths that answer ENOENT; absolute, no slash at the end */
	struct strings argv;
	struct strings env; /* NAME=VALUE: the whole environment */
	const char *cwd;
	bool make_cwd;	      /* create it when missing and the root is writable */
	const char *hostname; /* NULL: the host's */
	/* What uname(2) says, for engines that answer it; NULL: the kernel's own. */
	const char *kernel_release;
	uid_t uid; /* inside */
	gid_t gid;
	/* Whose the caller's own files are inside (the layers of an image on disk, a directory),
	 * for engines that have more than one id. */
	uid_t own_uid;
	gid_t own_gid;
	/* Supplementary ones. A namespace with one id has them under BOX_EMULATION_TAP only. */
	gid_t *groups;
	size_t group_count;
	struct box_private private_ns;
	struct box_private asked_ns; /* those asked for by name, which no engine may leave out */
	/* What connects a private network to the world: a path of the host; NULL: nothing. */
	const char *network_program;
	enum box_emulation emulation;
	bool owners_are_real; /* the root was made so (rootfs/real.h); the engine has the ids */
	/* What namespaces keep apart is kept by other means where the engine has none: sockets are
	 * refused in place of a network of its own. And Landlock stands around all that the box
	 * shows, where the kernel has it. */
	bool is_walled;
	bool terminal; /* a pseudo-terminal of its own */
	struct limits limits;
	uint64_t drop_capabilities; /* bit n: capability n (box/capabilities.h) */
	const void *seccomp;	    /* struct sock_filter, as many; NULL: none */
	size_t seccomp_count;
	uint64_t timeout_s;    /* then SIGTERM, and SIGKILL later; 0: never */
	unsigned preserve_fds; /* so many of the caller's descriptors from 3 on stay open */
};

void box_init(struct box *box);
void box_done(struct box *box);
#define auto_box cleanup(box_done) struct box

/* Append a mount and return it for the rest to be filled in, valid until the next one. Its strings
 * are borrowed: copy them into an arena that lives as long. */
struct box_mount *box_mounts_add(struct box_mounts *mounts, enum box_mount_kind kind,
				 const char *target);
/* A file whose content is size_bytes at `bytes`, borrowed. */
struct box_mount *box_mounts_add_file(struct box_mounts *mounts, const char *target,
				      const char *bytes, size_t size_bytes);
void box_mounts_done(struct box_mounts *mounts);

const char *box_emulation_name(enum box_emulation emulation);

/* The box as indented JSON with a newline at the end: doc/format/box.md. */
void box_to_json(const struct box *box, struct buf *ret_text);

#endif
