/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the other programs of rootlet: beside this one's executable (the build folder), in its
 * ../libexec/rootlet, then in the folder it was configured with. */
#ifndef SYS_SIBLING_H
#define SYS_SIBLING_H

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"

/* execve `name` with argv and this environment. Returns only when that failed: -ENOENT when it is
 * found nowhere, with the places searched. */
int sibling_exec(const char *name, const char *const *argv, struct err *err);

/* Where `name` is, found as sibling_exec finds it; false when it is nowhere. */
bool sibling_find(const char *name, char ret_path[PATH_MAX]);

/* `relative` taken from the folder of this program's file; false when that folder is unknown. */
bool sibling_path(const char *relative, char ret_path[PATH_MAX]);

#endif
