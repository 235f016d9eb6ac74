/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a temporary folder, as set-up and tear-down of a test. After unit.h. */
#ifndef UNIT_STORE_STORE_H
#define UNIT_STORE_STORE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "scratch.h"
#include "store/store.h"
#include "sys/remove.h"

static char folder[SCRATCH_BYTES];
static struct store store = STORE_NONE;

static int set_up(void **state)
{
	struct err err = { 0 };

	(void)state;
	if (scratch_make(folder) < 0)
		return -1;
	return store_open(folder, &store, &err);
}

static int tear_down(void **state)
{
	struct err err = { 0 };

	(void)state;
	store_done(&store);
	return remove_tree(AT_FDCWD, folder, &err);
}

/* By a shell, in this directory of the store. */
static inline void run_in(const char *name, const char *script)
{
	auto_buf command = { 0 };

	buf_printf(&command, "cd '%s/%s' && { %s; }", store.path, name, script);
	if (system(command.bytes) != 0)
		fail_msg("%s", command.bytes);
}

#endif
