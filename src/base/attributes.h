/* SPDX-License-Identifier: Apache-2.0 */
/* Compiler attributes and ownership by scope.
 *
 * A variable declared `auto_free`, `auto_fd` ... is released when it leaves its scope;
 * take_ptr / take_fd give the resource away and leave NULL / -1 behind. */
#ifndef BASE_ATTRIBUTES_H
#define BASE_ATTRIBUTES_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define must_check	   __attribute__((warn_unused_result))
#define printf_like(f, a)  __attribute__((format(printf, f, a)))
#define cleanup(function)  __attribute__((cleanup(function)))
#define array_count(array) (sizeof(array) / sizeof((array)[0]))

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

/* Close, never disturbing errno: a cleanup must not hide the failure that led to it. Nor is errno
 * written for nothing: after fork(2) that takes a copy of its page. */
static inline void cleanup_fd(const int *fd)
{
	int saved = errno;

	if (*fd >= 0 && close(*fd) < 0)
		errno = saved;
}

#define auto_free cleanup(cleanup_free)
#define auto_fd	  cleanup(cleanup_fd) int

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define take_ptr(pointer)                                \
	__extension__({                                  \
		__typeof__(pointer) *slot_ = &(pointer); \
		__typeof__(pointer) taken_ = *slot_;     \
		*slot_ = NULL;                           \
		taken_;                                  \
	})

#endif
