/* SPDX-License-Identifier: Apache-2.0 */
/* rootlet pull: an image from a registry into the store, its layers unpacked. */
#ifndef FLOW_PULL_H
#define FLOW_PULL_H

#include <stdbool.h>

#include "base/progress.h"
#include "image/ref.h"
#include "remote/remote.h"
#include "store/store.h"

struct pull_request {
	const char *name;	       /* as the user typed it; short names are looked up */
	const char *platform;	       /* NULL: this machine's */
	bool all_platforms;	       /* everything an index names; only `platform` is unpacked */
	unsigned threads;	       /* 0: the default */
	struct remote_settings remote; /* its cancel is set here */
	struct progress *progress;     /* may be NULL */
};

struct pull_result {
	struct ref ref;	      /* the complete name the image has now */
	struct digest digest; /* of the manifest or index the name stands for */
	bool up_to_date;      /* nothing had to be fetched */
};

/* On failure no name is set or changed; complete blobs may have come into the store. An artifact
 * (a manifest whose config is no image's) is kept as it is and not unpacked. */
int pull(const struct store *store, const struct pull_request *request, char *const *environ_list,
	 struct pull_result *ret_result, struct err *err) must_check;

#endif
