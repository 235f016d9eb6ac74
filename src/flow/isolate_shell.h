/* SPDX-License-Identifier: Apache-2.0 */
/* `. ENV/activate`: commands of the caller's own shell go into the environment. */
#ifndef FLOW_ISOLATE_SHELL_H
#define FLOW_ISOLATE_SHELL_H

#include "base/err.h"

/* The script activate, and the folder bin of programs that it puts first in PATH, into the
 * directory fd, which will be at `path`. */
int isolate_write_shell(int fd, const char *path, struct err *err) must_check;

#endif
