/* SPDX-License-Identifier: Apache-2.0 */
/* rootlet cache export and import: parts of a build cache from store to store. */
#ifndef FLOW_CACHE_TRANSFER_H
#define FLOW_CACHE_TRANSFER_H

#include "flow/cache_entries.h"

struct cache_export_request {
	const struct store *store;
	struct cache_filter filter;
	const char *dest; /* a file, or "-"; a directory with `layout` */
	bool layout;	  /* an OCI layout, else an archive of one */
};
/* Steps whose layers are not in the store any more stay behind. */
int cache_export(const struct cache_export_request *request, size_t *ret_count,
		 struct err *err) must_check;

struct cache_import_request {
	const struct store *store;
	const char *source; /* as export wrote it; also what build --cache-to wrote; "-" */
	bool replace;	    /* cache mounts that are there; else they stay as they are */
};
struct cache_import_result {
	size_t count;
	size_t kept_count; /* cache mounts that were there */
};
/* What is complete stays when a later entry fails. */
int cache_import(const struct cache_import_request *request, struct cache_import_result *ret_result,
		 struct err *err) must_check;

#endif
