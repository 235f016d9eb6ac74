/* SPDX-License-Identifier: Apache-2.0 */
/* Removing a blob, a layer or its record while others may mark it (store_mark): it is renamed into
 * tmp/.aside/, so that nobody finds it, then its mark is looked at. Until that is decided it is
 * nobody's: whoever misses it puts it back, and so does whoever begins to work, which is how it
 * comes back when its remover was killed. Each removal has a name of its own there. */
#ifndef STORE_ASIDE_H
#define STORE_ASIDE_H

#include "store/store.h"

/* 1: `name` is gone; 0: it was not there; -EBUSY, for which err says nothing: it is there, because
 * `marked` (NULL: it itself) was marked since unmarked_ns (store_unmarked_since) or because
 * somebody missed it. Names below the store, of blobs, layers and records. */
int aside_remove(const struct store *store, const char *name, const char *marked,
		 int64_t unmarked_ns, struct err *err) must_check;

/* `name` is not there: look again after this. Does nothing to stores of others. */
void aside_put_back(const struct store *store, const char *name);

/* Put everything back that removers have there; `work_name`, where nothing is, takes what is not
 * needed any more because its name is there again. */
void aside_clear(int store_fd, const char *work_name);

#endif
