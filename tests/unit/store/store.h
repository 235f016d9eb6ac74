/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a temporary folder, as set-up and tear-down of a test. */
#ifndef UNIT_STORE_STORE_H
#define UNIT_STORE_STORE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

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

#endif
