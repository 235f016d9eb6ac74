/* SPDX-License-Identifier: Apache-2.0 */
/* --cache-from and --cache-to, as buildx has them: TYPE and options separated by commas, or a
 * reference alone for type=registry. Pure. */
#ifndef FLOW_CACHE_SPEC_H
#define FLOW_CACHE_SPEC_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

enum cache_spec_type { CACHE_REGISTRY, CACHE_LOCAL, CACHE_INLINE };

struct cache_spec {
	enum cache_spec_type type;
	const char *text; /* as given, for messages */
	const char *ref;  /* CACHE_REGISTRY */
	const char *path; /* CACHE_LOCAL */
	const char *tag;  /* CACHE_LOCAL: a tag, or with src a digest; NULL: latest */
	bool max;	  /* steps of all stages, not only of those the image is made of */
	bool ignore_error;
};

enum cache_direction { CACHE_FROM, CACHE_TO };

/* Texts are in the arena. -EINVAL and -ENOTSUP name what is wrong. */
int cache_spec_parse(const char *text, enum cache_direction direction, struct arena *arena,
		     struct cache_spec *ret_spec, struct err *err) must_check;

#endif
