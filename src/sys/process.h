/* SPDX-License-Identifier: Apache-2.0 */
/* Other programs: finding one on PATH, running one for its output. */
#ifndef SYS_PROCESS_H
#define SYS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

#define PROCESS_PATH_MAX 4096

/* The executable `name` in $PATH, or in the folders for administrators, which the PATH of a user
 * often lacks; a name with a slash is a path. False when there is none. */
bool process_find(const char *name, char ret_path[PROCESS_PATH_MAX]);

/* Run argv (argv[0] is looked up on PATH) and append its stdout, at most limit_bytes, to
 * ret_output; what it writes on stderr becomes the message of the error when it fails.
 * -ENOENT: no such program. -ECHILD: it ended with another status than 0. */
int process_capture(const char *const *argv, size_t limit_bytes, struct buf *ret_output,
		    struct err *err) must_check;
/* The same with another environment than ours (NAME=VALUE, NULL at the end). */
int process_capture_in(const char *const *argv, char *const *environ_list, size_t limit_bytes,
		       struct buf *ret_output, struct err *err) must_check;

/* The process's umask, 0777 when it cannot be found out. umask(2) cannot be asked without being
 * changed, which is not thread safe. */
mode_t process_umask(void) must_check;

#endif
