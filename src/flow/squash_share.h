/* SPDX-License-Identifier: Apache-2.0 */
/* How a run finds the process that serves a squashfs: one for each image, user and machine, which
 * the first run starts and which ends with the last. It has a mount namespace of its own, where the
 * image is mounted; whoever wants to use it connects to its socket, is given the namespaces, and
 * enters them. As long as the connection is open it stays.
 *
 * All of a user's are in one folder that nobody else can enter: $XDG_RUNTIME_DIR/rootlet, or
 * /tmp/rootlet-UID. */
#ifndef FLOW_SQUASH_SHARE_H
#define FLOW_SQUASH_SHARE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/err.h"

bool squash_is_image(int fd); /* by its first bytes */

struct squash_share {
	const char *folder; /* NULL: none */
	const char *socket; /* in the folder; "@NAME": an abstract one, see unix(7) */
	const char *point;  /* where it is mounted, in the server's mount namespace */
	const char *lock;   /* flock(2): held while a server starts or ends; NULL: none */
	bool lends;	    /* see squash_share_borrow */
};

/* Names for the image with this identity, in the arena; the folder is made. */
int squash_share_names(const struct stat *image, struct arena *arena, struct squash_share *ret,
		       struct err *err) must_check;

/* Names that leave nothing behind in any folder, for packs, and for whoever sees the same host: the
 * caller's group and namespaces are part of them, and `number`, for a server that does not answer
 * keeps its name. The socket is abstract, so that its name is taken by one server at a time and
 * free when it ended, and the image is mounted where the kernel keeps an empty directory for
 * another file system; where there is none (no /sys), in a directory that the server removes. */
int squash_share_names_of_pack(const struct stat *image, unsigned number, struct arena *arena,
			       struct squash_share *ret, struct err *err) must_check;

/* The one message of a server, with descriptors: the mount namespace; a record of who owns what
 * (store/owners.h), or of a pack the mount namespace in which it is the root already, the same as
 * the first when there is none; and, when there is one, the user namespace. */
#define SQUASH_SHARE_FDS 3
struct squash_hello {
	uint32_t magic;
	uint32_t fd_count; /* 2, or 3 with a user namespace */
};
#define SQUASH_HELLO_MAGIC 0x73717368u

int squash_share_send(int socket, const int *fd, size_t count, struct err *err) must_check;
/* -ECONNRESET: the server is about to end. -ETIMEDOUT: it does not answer. */
int squash_share_receive(int socket, int fd[SQUASH_SHARE_FDS], size_t *ret_count,
			 struct err *err) must_check;
/* The same from the server's own table of descriptors (proc(5), /proc/PID/fd), where they have the
 * numbers from SQUASH_SHARE_LENT on once all three are there: on a busy machine nobody has to be
 * woken, who finds the connection later. Any failure: ask. */
#define SQUASH_SHARE_LENT 60
int squash_share_borrow(int socket, int fd[SQUASH_SHARE_FDS], size_t *ret_count) must_check;
/* As connect(2) and bind(2) with listen(2), however long the folder's path is. */
int squash_share_connect(const struct squash_share *share, int *ret_fd, struct err *err) must_check;
int squash_share_listen(const struct squash_share *share, int *ret_fd, struct err *err) must_check;
/* The process at the other end: only one of the same user is told anything. *ret_pidfd is -1 where
 * there are none, or the process is in no namespace that we know. -EPERM: somebody else's. */
int squash_share_peer(int socket, int *ret_pidfd, struct err *err) must_check;
int squash_share_lock(const struct squash_share *share, int *ret_fd, struct err *err) must_check;

#endif
