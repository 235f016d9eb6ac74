/* SPDX-License-Identifier: Apache-2.0 */
/* A fresh directory for one test, which removes it; and modes that do not depend on the caller. */
#ifndef UNIT_SCRATCH_H
#define UNIT_SCRATCH_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define SCRATCH_BYTES 64

/* 0, or -1 as cmocka's setups do. */
static inline int scratch_make(char folder[SCRATCH_BYTES])
{
	snprintf(folder, SCRATCH_BYTES, "/tmp/rootlet-unit-XXXXXX");
	umask(022);
	return mkdtemp(folder) ? 0 : -1;
}

#endif
