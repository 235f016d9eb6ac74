/* SPDX-License-Identifier: Apache-2.0 */
/* Root emulation outside of the process it is for: the tap's own handlers (blob/), compiled for a
 * tracer. It makes the calls itself, with arguments in its own memory and descriptors of its own;
 * the handlers do not notice. One thread only. */
#ifndef TAP_TRACED_H
#define TAP_TRACED_H

#include <stdbool.h>
#include <stddef.h>

#include "rootemu/creds.h"
#include "rootemu/lies.h"

/* Whose is the process? NULL: none of ours. */
typedef const struct creds *traced_find(void *context, unsigned pid);

/* The table, once; the caller keeps it mapped. The files are the host's own: no user namespace maps
 * their owners. */
void traced_use(const struct lies *lies, traced_find *find, void *context);
/* Whose credentials count in the calls that follow. */
void traced_become(struct creds *creds);

/* Call `nr` of the architecture with these arguments: the result or -errno. What has no handler is
 * made as it is. */
long traced_call(long nr, const long arg[6]);

/* Around an open(2) that the process makes itself; see blob/files.h. */
struct traced_opening {
	void *row;
	unsigned mode;
	bool may_move;
};
void traced_open_begin(struct traced_opening *opening, int dirfd, const char *name,
		       unsigned long flags);
/* fd: what was opened, O_PATH will do; dirfd and name: where, if it was made. */
void traced_open_end(const struct traced_opening *opening, int fd, int dirfd, const char *name,
		     bool made, unsigned long mode);
/* Something else was made there, by the process. */
void traced_note_made(int dirfd, const char *name);
/* May it, if not root, open the file, or make one in the directory? 0 or -EACCES. */
long traced_may_open(int fd, unsigned long flags);
long traced_may_make(int directory_fd);
/* Has it given up being root, so that directories on the way have to be asked; and may it search
 * this one? 0 or -EACCES. */
bool traced_is_restricted(void);
long traced_may_search(int directory_fd);
/* Do those who make files have to be remembered? */
bool traced_makers_matter(void);
bool traced_may(unsigned capability);
/* A file that is executed: see files_set_ids; not of a process that has no_new_privs. Returns
 * AT_SECURE. */
bool traced_exec(int fd, bool no_new_privs);
/* Of a file opened for reading that may be /proc/PID/status: another one in its place, or `fd`. */
int traced_show_status(int fd, const char *path);
/* Do types of files in directories have to be shown otherwise? What was read by getdents64 then. */
bool traced_types_matter(void);
void traced_show_types(int directory_fd, char *entries, size_t size_bytes);

#endif
