/* SPDX-License-Identifier: Apache-2.0 */
/* One row per system call: what its arguments are, when it has to be intercepted, and in the tap
 * itself by which function. The seccomp filter is made from this table and the trap handler
 * dispatches through it, so the two cannot disagree. */
#ifndef TAP_TABLE_H
#define TAP_TABLE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "tap/numbers.h"

enum tap_class {
	TAP_PASS,     /* touches no path, owner, identity or signal state of ours */
	TAP_PATH,     /* takes one path */
	TAP_PATH2,    /* takes two */
	TAP_FD,	      /* takes file descriptors only */
	TAP_EXEC,     /* replaces the program */
	TAP_STAT,     /* returns owner and mode of a file */
	TAP_OWNER,    /* reads or changes owner, mode, type or extended attributes */
	TAP_IDENTITY, /* reads or changes credentials */
	TAP_SIGNAL,   /* could block, ignore or take over SIGSYS */
	TAP_MOUNT,    /* changes what paths mean */
	TAP_REFUSE,   /* would escape interception: ENOSYS, so that callers fall back */
};

enum tap_when {
	TAP_NEVER,
	TAP_CORE,    /* always: the tap itself depends on it */
	TAP_ROOT,    /* under root emulation */
	TAP_EXE,     /* where /proc/self/exe cannot be made true: on the host's own tree, and of a
		      * process that lacks the capability (blob/watch.h) */
	TAP_WATCHED, /* of a process that has not root's powers, as is all that takes a path; where
		      * paths are translated also TAP_IF_EQUAL */
	TAP_VIEW,    /* where paths are translated; so are all rows with letters p, l, c, a */
	TAP_REFUSED, /* always ENOSYS */
};

/* Only traps go by these: through a patched site a handler sees every call. */
enum tap_condition {
	TAP_ALWAYS,
	TAP_IF_SET,    /* argument `arg` is not 0 */
	TAP_IF_ANY,    /* argument `arg` has any bit of `value` */
	TAP_IF_EQUAL,  /* argument `arg` is `value` */
	TAP_IF_EITHER, /* argument `arg` is the lower or the upper half of `value` */
	TAP_IF_FD,     /* argument `arg` is a descriptor that may be one of ours */
	TAP_IF_FD2,    /* or the argument after it is */
	TAP_IF_SPACES, /* argument `arg` says to make TAP_NAMESPACES, but no user namespace */
	TAP_IF_OPEN,   /* argument `arg` are open flags that change the file, or none, as of simple
			* programs that read /proc (blob/proc.h); on the host's own tree always, for
			* files that root could open */
};

/* Open flags that create, truncate or write. The last is what makes O_TMPFILE: libc's own macro
 * for it holds O_DIRECTORY as well. */
#define TAP_OPEN_TEMPORARY 020000000
#define TAP_OPEN_CHANGES   (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | TAP_OPEN_TEMPORARY)

/* Namespaces that only root makes. */
#define TAP_NAMESPACES                                                             \
	(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | \
	 CLONE_NEWCGROUP | CLONE_NEWTIME)

struct tap_trap {
	uint8_t when;
	uint8_t condition;
	uint8_t arg;
	uint32_t value;
	/* Asks for a privilege: where root or paths are emulated it traps to note a refusal. */
	bool seen;
	/* The capability without which it is refused under root emulation (blob/privilege.c); 0,
	 * which none of them goes by: the kernel alone decides, or the handler. */
	uint8_t needs;
};

struct tap_call;

struct tap_row {
	const char *name; /* NULL: no such call */
	/* One letter per argument: p path, followed; l path whose last component is not followed;
	 * c path whose last component is made or removed; d directory of the next path; f file
	 * descriptor; a socket address, which may be a path; s struct stat and x struct statx
	 * filled in; n flags of which one says "do not follow"; . anything else. */
	const char *args;
	enum tap_class class;
	struct tap_trap trap;
	long (*handler)(struct tap_call *call); /* in the tap only */
};

/* Has it an argument that means something else where paths are translated? */
static inline int tap_row_has_path(const struct tap_row *row)
{
	for (const char *letter = row->args; *letter; letter++)
		if (*letter == 'p' || *letter == 'l' || *letter == 'c' || *letter == 'a')
			return 1;
	return 0;
}

/* A call that came to `error`, EPERM or EACCES: for want of a privilege? EACCES is what paths of
 * other people answer, too. */
static inline bool tap_row_is_privilege(const struct tap_row *row, long number, int error)
{
	if (row->trap.seen)
		return true;
	if (error == EACCES)
		return number == NR_bind;
	return row->class == TAP_OWNER || row->class == TAP_IDENTITY || row->class == TAP_MOUNT ||
	       number == NR_ptrace;
}

extern const struct tap_row tap_table[TAP_NR_ROWS]; /* by number; absent calls from TAP_NR_END up */

/* Does it change what a descriptor leads to, and could so in a directory that is read-only? */
static inline int tap_row_changes_fd(const struct tap_row *row)
{
	return row == &tap_table[NR_fchmod] || row == &tap_table[NR_fchown] ||
	       row == &tap_table[NR_fsetxattr] || row == &tap_table[NR_fremovexattr];
}

#endif
