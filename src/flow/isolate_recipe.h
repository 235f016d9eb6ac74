/* SPDX-License-Identifier: Apache-2.0 */
/* rootlet.yaml: an environment written down. doc/man/rootlet.yaml.5.scd has the grammar. */
#ifndef FLOW_ISOLATE_RECIPE_H
#define FLOW_ISOLATE_RECIPE_H

#include "flow/isolate.h"

#define RECIPE_MAX_BYTES ((size_t)1 << 20)

/* Read `path` into the request: what it says itself stays. Errors begin "FILE:LINE: ". */
int isolate_recipe_read(const char *path, struct isolate_request *request,
			struct err *err) must_check;

/* Lines of a list that are in it: shown as if they were in one. recipe may be NULL. */
int isolate_recipe_show(const struct json *recipe, const struct filelist_sources *sources,
			struct err *err) must_check;

/* Do the two say the same? Either may be NULL. */
bool isolate_recipe_equals(const struct json *a, const struct json *b);

#endif
