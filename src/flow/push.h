/* SPDX-License-Identifier: Apache-2.0 */
/* rootlet push: an image of the store to a registry, every byte as it is in the store. */
#ifndef FLOW_PUSH_H
#define FLOW_PUSH_H

#include <stdbool.h>

#include "base/progress.h"
#include "image/ref.h"
#include "remote/remote.h"
#include "store/store.h"

struct push_request {
	const char *image;	 /* a reference or id, as store/image.h has it */
	const char *destination; /* a reference; NULL: the image's own */
	const char *platform;	 /* of an index, push this one's manifest alone */
	bool all_platforms;	 /* the whole index, or fail; without either: the index where all of
				  * it is here, else this machine's platform */
	const char *ownership;	 /* "keep", "flatten"; NULL: as the image is marked */
	unsigned threads;	 /* 0: the default */
	struct remote_settings remote; /* its cancel is set here */
	struct progress *progress;     /* may be NULL */
};

struct push_result {
	struct ref ref;	      /* where it is now */
	struct digest digest; /* of what the name stands for there */
};

/* The name is set last: on failure it means what it meant before. */
int push(const struct store *store, const struct push_request *request, char *const *environ_list,
	 struct push_result *ret_result, struct err *err) must_check;

#endif
