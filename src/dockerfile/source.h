/* SPDX-License-Identifier: Apache-2.0 */
/* Places in a source text, and errors that point at them.
 *
 * An error of this folder says "NAME:LINE: message" in struct err, and leaves the exact place in a
 * struct fault, from which source_excerpt draws the line with a caret under the column:
 *
 *       3 | RUN --mout=type=cache,target=/c make
 *         |     ^~~~~~~~~~~~~~~~~~~~~~~~~~~
 */
#ifndef DOCKERFILE_SOURCE_H
#define DOCKERFILE_SOURCE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct source {
	const char *name; /* as shown to people: "Dockerfile", "ONBUILD of debian:12" */
	const char *text; /* ends in a NUL; lines are divided by \n */
	size_t size_bytes;
};

struct mark {
	unsigned line;	 /* from 1; 0: no place known */
	unsigned column; /* in bytes, from 1; 0: the whole line */
	unsigned width;	 /* in bytes; 0 and 1 both draw a single caret */
};

struct fault {
	const struct source *source; /* NULL: nothing went wrong at a place */
	struct mark at;
};

/* Record "NAME:LINE: message" in err and the place in fault (which may be NULL); -EINVAL. */
int fault_at(struct fault *fault, const struct source *source, struct mark at, struct err *err,
	     const char *format, ...) printf_like(5, 6);
/* The same for an error already in err: puts "NAME:LINE: message: " in front of it. */
int fault_wrap(struct fault *fault, const struct source *source, struct mark at, struct err *err,
	       const char *format, ...) printf_like(5, 6);

/* Add the marked line and the caret, as above; nothing when the place is not known. */
void source_excerpt(const struct fault *fault, struct buf *buf);

#endif
