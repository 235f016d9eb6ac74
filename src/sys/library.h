/* SPDX-License-Identifier: Apache-2.0 */
/* Shared libraries that are loaded when they are first needed. What a program is linked with is
 * loaded, relocated and initialised at every start, with all that it needs itself: for libcurl that
 * is thirty libraries and 4 ms, which a build that finds everything in its cache has no use for
 * (doc/why/0019-libraries-at-first-use.md).
 *
 * A door.c names the functions of one library once and defines functions of the same names, which
 * only pass on. So whoever calls them includes the library's own header and is checked by the
 * compiler as if it was linked. Source: dlopen(3), dlsym(3). */
#ifndef SYS_LIBRARY_H
#define SYS_LIBRARY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct library_symbol {
	const char *name;
	void *slot; /* of a pointer to that function */
};

struct library {
	const char *name; /* its soname */
	const struct library_symbol *symbol;
	size_t symbol_count;
	void (*ready)(void); /* called once when all are found; may be NULL */
	pthread_mutex_t lock;
	bool is_loaded;
};

/* Fill every slot, once; it stays loaded. Any thread may call this, any number of times.
 * -ELIBACC: it is not there, or lacks a function; nothing of it may be called then. */
int library_load(struct library *library, struct err *err) must_check;

#endif
