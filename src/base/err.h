/* SPDX-License-Identifier: Apache-2.0 */
/* struct err: why something failed, in words a user can act on.
 *
 * Fixed-size plain data: legal in a child after clone(2), sent through a pipe with one write
 * (the size is below PIPE_BUF). Text grows outwards: `fail` where it broke, `err_wrap` where
 * meaning is added, giving "outer: inner: reason". A hint says what would change it. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/attributes.h"

#define ERR_TEXT_MAX 1536
#define ERR_HINT_MAX 1024

/* Environment: the number of an fd. One program of rootlet that another one started writes its
 * struct err there instead of a message. */
#define ERR_FD_VARIABLE "ROOTLET_ERROR_FD"

struct err {
	int code; /* errno value, > 0 once failed */
	char text[ERR_TEXT_MAX];
	char hint[ERR_HINT_MAX];
};

/* Record "message: strerror(code)" and return -code; code 0 becomes EINVAL and the reason is
 * left out (the message says it all), as it is for EUCLEAN (damaged data). `err` may be NULL. */
int fail(struct err *err, int code, const char *format, ...) printf_like(3, 4);

/* As fail, but the message stands alone, without strerror: "truncated tar header". */
int fail_plain(struct err *err, int code, const char *format, ...) printf_like(3, 4);

/* Put "message: " in front of what err says; returns -err->code (-EINVAL when err is NULL). */
int err_wrap(struct err *err, const char *format, ...) printf_like(2, 3);

/* Set the hint; the first hint (the one nearest to the cause) wins. */
void err_hint(struct err *err, const char *format, ...) printf_like(2, 3);

/* Append to the message, for lists of reasons built up one by one. */
void err_append(struct err *err, const char *format, ...) printf_like(2, 3);

void err_clear(struct err *err);

#endif
