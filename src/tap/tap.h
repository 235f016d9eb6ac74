/* SPDX-License-Identifier: Apache-2.0 */
/* Running a tree of processes under the tap, from a hosted program.
 *
 * A session is a table of lies in a file, the tap's own code in another, and a filter. Order of
 * use: tap_session_open before fork; in the child tap_exec in place of execve; when the process
 * tree has ended the table (session.lies, rootemu/lies.h) says what was chowned, and so on. */
#ifndef TAP_TAP_H
#define TAP_TAP_H

#include <stdbool.h>

#include "base/err.h"
#include "rootemu/creds.h"
#include "rootemu/lies.h"

struct tap_place; /* session_page.h */

struct tap_options {
	/* The processes see files they do not own and have no user namespace: show everything as
	 * root's and lend permissions, as fakeroot(1) does. Else: one id is mapped to 0. */
	bool host_tree;
	bool unknown_is_real; /* with host_tree: files nothing was said about keep their owner */
	bool one_id;	      /* one id is mapped, to 0: what is others' on the host looks root's */
	bool real_identity;   /* no root emulation: the ids and owners are the kernel's */
	bool trap_only;	      /* ROOTLET_TAP=trap: patch no call sites */
	/* Files born before this may be copied up by an overlay: lies_settle. 0: there is none. */
	uint64_t settled_ns;
	/* The limit of open files the command will have (0: the caller's): the tap's own lie at
	 * the end of what it allows. */
	uint64_t open_files;
	/* Who the first program is; zeroes: root with every capability. */
	uint32_t uid;
	uint32_t gid;
	const uint32_t *groups; /* beside gid */
	size_t group_count;
	/* Keep the table in this file (made if missing, continued if there); NULL: in memory. The
	 * identities in it are those of the files as the session sees them, so it can only be
	 * continued where these stay the same: not on an overlay that is mounted anew. */
	const char *table_path;
};

struct tap_session {
	int blob_fd;  /* the tap, executable */
	int image_fd; /* the same bytes in another file, so that /proc/self/exe can be made true */
	struct lies lies;
	struct creds creds;	       /* of the first program */
	const struct tap_place *place; /* tap_session_translate; borrowed */
};

int tap_session_open(struct tap_session *session, const struct tap_options *options,
		     struct err *err) must_check;
void tap_session_done(struct tap_session *session);

/* Before the fork: the paths of the processes are those of the map (session_page.h), and files need
 * not be the caller's, for there is no user namespace. `place` must outlive the session. */
int tap_session_translate(struct tap_session *session, const struct tap_place *place,
			  struct err *err) must_check;
/* With it: open a path as the processes would; flags as open(2)'s, without O_CREAT. An fd with
 * O_CLOEXEC, or -errno. Allocates nothing. */
int tap_open(const struct tap_session *session, const char *guest_path, int flags);

/* Does this process run under a tap? Another cannot be put inside: both are linked at one address.
 */
bool tap_is_active(void);

/* A call that the kernel, or the emulation, refused to a process for want of a privilege. */
struct tap_refusal {
	const char *call; /* static */
	int error;	  /* errno */
	char program[17]; /* the beginning of its name */
};

/* The last of them, when all processes have ended; false: there was none, or nothing was emulated.
 */
bool tap_session_refusal(const struct tap_session *session, struct tap_refusal *ret_refusal);

/* In the child: execve(2) of `path` under the tap, with everything it starts. Returns only when it
 * failed, with what execve fails with: -ENOENT, -EACCES, -ENOEXEC ...; -EMFILE: RLIMIT_NOFILE was
 * lowered since tap_session_open, or no descriptor is free. Sets no_new_privs. Allocates nothing
 * on the heap; legal after clone and after vfork. SIGSYS becomes the tap's. */
int tap_exec(const struct tap_session *session, const char *path, char *const *argv,
	     char *const *envp);

#endif
