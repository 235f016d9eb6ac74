/* SPDX-License-Identifier: Apache-2.0 */
/* What is done about a system call that a tracee stopped at: shared by calls*.c.
 *
 * Most calls about files are made by the tracer itself, on what it has looked up, and the process
 * only gets the answer: one stop, and nothing in its memory can change what was decided. Calls
 * that change the process (open, chdir, execve, ...) are made by it, with a path that leads through
 * a descriptor of the tracer (/proc/PID/fd/N) to exactly the file that was found. */
#ifndef ENGINE_CALLS_H
#define ENGINE_CALLS_H

#include "engine/tracer.h"
#include "pathmap/pathmap.h"
#include "tap/session_page.h"

#define CALLS_ROOM_BYTES (4 * PATHMAP_PATH_MAX)

struct calls {
	struct tap_place *place;   /* changed by who mounts something: calls_mount.c; of it, */
	const struct pathmap *map; /* and */
	const uint64_t *names;	   /* a bloom filter of all names in the map */
	int root_fd;
	int loader_fd;
	pid_t self;		    /* the tracer's id, as its tracees see it in /proc */
	const char *hostname;	    /* what uname(2) says; "": the host's */
	const char *kernel_release; /* likewise */
	bool emulates;		    /* root: rootemu's cores, by way of the tap's own handlers */
	bool passes_ids;	    /* somebody asked for credentials with messages */
	uint64_t resolve;	    /* RESOLVE_* of the lookup under way */
	/* Room for what is being done at the moment: there is one thread. */
	char path[2][PATHMAP_PATH_MAX];
	char text[CALLS_ROOM_BYTES];
	char host[CALLS_ROOM_BYTES];
	char link[CALLS_ROOM_BYTES];
};

/* One call while it is looked at. */
struct visit {
	struct tracer *tracer;
	struct tracee *tracee;
	struct calls *calls;
	struct registers *registers;
};

typedef enum call_verdict call_handler(struct visit *visit);

static inline unsigned long visit_arg(const struct visit *visit, unsigned index)
{
	return *registers_arg(visit->registers, index);
}

static inline int visit_fd(const struct visit *visit, unsigned index)
{
	return (int)visit_arg(visit, index);
}

/* The program gets this; the call is not made. */
enum call_verdict visit_answer(struct visit *visit, long result);

/* --- spot.c: what a path means */

struct spot {
	int fd;		    /* directory of the name; or, with name "", the thing itself; ours */
	const char *name;   /* points into `found` */
	const char *path;   /* of the guest, without links; until the next lookup */
	bool read_only;	    /* EROFS */
	bool is_link_ahead; /* the name is a link of /proc/PID that the kernel is to follow */
	struct pathmap_found found;
};

enum spot_want {
	SPOT_FOLLOW = 1, /* a link at the end is followed */
	SPOT_EMPTY = 2,	 /* AT_EMPTY_PATH: "" (and NULL) is dirfd itself */
	SPOT_CHANGE = 4, /* -EROFS where nothing may be changed */
	SPOT_FILE = 8,	 /* the thing itself, not its directory: it must be there */
	SPOT_QUICK = 16, /* with FILE: nobody asks for spot->path */
};
#define SPOT_LOOK (SPOT_FILE | SPOT_QUICK)

/* The path at this address; dirfd as the program has it. 0 or -errno. The caller ends it. */
long spot_find(struct visit *visit, int dirfd, unsigned long path, unsigned want,
	       struct spot *ret_spot) must_check;
/* The same of a path in our memory, which must not be in calls->text, host or link. */
long spot_find_text(struct visit *visit, int dirfd, const char *path, unsigned want,
		    struct spot *ret_spot) must_check;
/* A path that is not followed and that is the same on the host: a single name that the map has
 * nothing of. Then the kernel may look it up where the program says, if nobody else is there to
 * change it meanwhile. */
bool visit_may_go(const struct visit *visit, const char *path);
/* A descriptor of the program, opened O_PATH here. */
long spot_of_fd(struct visit *visit, int fd, struct spot *ret_spot) must_check;
void spot_done(struct spot *spot);
#define auto_spot cleanup(spot_done) struct spot
#define SPOT_NONE        \
	{                \
		.fd = -1 \
	}

/* For calls that take a path only: it leads to the spot, in this process. */
#define SPOT_PATH_MAX (PATHMAP_NAME_ROOM + 48)
void spot_path_here(const struct spot *spot, char path[SPOT_PATH_MAX]);

/* A descriptor of a process, or its working directory (AT_FDCWD), opened O_PATH. */
long process_fd(pid_t tid, int fd);
/* A copy of the process's descriptor, with the same place in the file; -1: not to be had. */
int visit_share_fd(const struct visit *visit, int fd);

/* What pathmap asks in the name of a process; the context is the visit. */
const struct pathmap_ops *spot_ops(void);

/* --- changing a call's arguments */

/* The spot, for the program to use: its path goes into a slot at `offset`, and into the argument.
 * The spot is held until the call is over. 0 or -errno. */
long visit_lend(struct visit *visit, struct spot *spot, unsigned arg) must_check;
/* The same of a call that cannot block, which then ends without another stop: CALL_THROUGH, or
 * CALL_GO where that cannot be. */
enum call_verdict visit_lend_through(struct visit *visit, struct spot *spot, unsigned arg);
/* size_bytes into the slot at `offset`; the address, 0: no room. */
unsigned long visit_put(struct visit *visit, size_t offset, const void *from, size_t size_bytes);

/* Nobody may make any of these. */
#define NEW_NAMESPACES                                                                             \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | \
	 CLONE_NEWCGROUP)

/* What the filter does about a call. */
enum call_interest {
	CALL_FREE,	 /* nothing */
	CALL_ALLOWED,	 /* nothing, though it seems to be about a path */
	CALL_STOPS,	 /* it stops */
	CALL_STOPS_IF,	 /* if the argument is not 0 */
	CALL_STOPS_EQ,	 /* if the argument has this value */
	CALL_STOPS_ANY,	 /* if the argument has any of these bits */
	CALL_REFUSED,	 /* the error in `value` */
	CALL_REFUSED_IF, /* EPERM, if the argument has any of these bits */
};

struct call_rule {
	uint8_t interest;
	uint8_t arg;
	uint32_t value;
	call_handler *handler;
};

/* By number; zeroes: free. */
const struct call_rule *calls_rule(const struct calls *calls, long number);

#endif
