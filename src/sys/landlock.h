/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock (landlock(7)): what this process and all it starts may open, said by the process itself.
 * Looking at a file (stat, O_PATH) is not restricted by it. */
#ifndef SYS_LANDLOCK_H
#define SYS_LANDLOCK_H

#include <stdbool.h>

#include "base/err.h"

/* A new set of rules that allows nothing, O_CLOEXEC. With keeps_signals, and where the kernel can
 * (Linux 6.12), whom it is enforced on signals nobody but each other. -ENOSYS, -EOPNOTSUPP: the
 * kernel has none, or one that would forbid renaming between directories (before Linux 5.19). */
int landlock_begin(bool keeps_signals);
/* Allow what is at and below the path. What is not there needs no rule. */
int landlock_allow(int ruleset_fd, const char *path, bool read_only, struct err *err) must_check;
/* From now on; sets no_new_privs. Allocates nothing. */
int landlock_enforce(int ruleset_fd, struct err *err) must_check;

#endif
