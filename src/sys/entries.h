/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of a directory, for a child that must not allocate: opendir(3) does. */
#ifndef SYS_ENTRIES_H
#define SYS_ENTRIES_H

#include "base/attributes.h"

/* 0, what `visit` returned unless that was 0, or -errno of getdents64(2). */
int entries_each(int directory_fd, int (*visit)(void *context, const char *name),
		 void *context) must_check;

#endif
