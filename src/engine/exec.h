/* SPDX-License-Identifier: Apache-2.0 */
/* The last step in the child: box->cwd, then box->argv with box->env. */
#ifndef ENGINE_EXEC_H
#define ENGINE_EXEC_H

#include "base/err.h"
#include "engine/engine.h"

/* Does not return when it works; else the exit status: 127 not found, 126 not executable, 125.
 * argv[0] without a slash is searched in the PATH of box->env. Allocates nothing. */
int exec_command(const struct engine_job *job, struct err *err);

#endif
