/* SPDX-License-Identifier: Apache-2.0 */
/* rootlet verify store (fsck): is everything in the store what its name says, and is everything
 * there that the names of images and the build cache lead to? */
#ifndef FLOW_STORE_CHECK_H
#define FLOW_STORE_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/progress.h"
#include "store/store.h"

enum store_verdict {
	STORE_REPAIRED,	  /* it was wrong, and is right now */
	STORE_REPAIRABLE, /* it is wrong; `repair` would make it right */
	STORE_LOST,	  /* it is wrong, and what would make it right is not in the store */
};

struct store_finding {
	enum store_verdict verdict;
	const char *kind; /* "image", "blob", "layer", "record", "step", "index", "name", "stray" */
	const char *name; /* of an image, a digest, or below the store */
	const char *text; /* what is wrong with it, and what was done about it */
};

struct store_check_request {
	const struct store *store;
	bool repair; /* damaged files go, layers are unpacked again, what is derived is derived */
	bool quick;  /* contents are not read: only that all is there, of the right size */
	void (*found)(void *context, const struct store_finding *finding);
	void *context;
	struct progress *progress; /* may be NULL */
};

struct store_check_result {
	size_t images;
	size_t blobs;
	size_t layers;
	size_t steps;
	size_t found[STORE_LOST + 1]; /* by verdict */
};

/* Others may be at work meanwhile: what vanishes while it is looked at is no finding. Nothing that
 * is right is removed or changed. A layer in use that is wrong stays as it is (STORE_LOST). */
int store_check(const struct store_check_request *request, struct store_check_result *ret_result,
		struct err *err) must_check;

#endif
