/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of the host, read. */
#ifndef FLOW_HOST_LISTING_H
#define FLOW_HOST_LISTING_H

#include <stdbool.h>
#include <time.h>

#include "base/err.h"
#include "base/strings.h"

struct host_listing {
	struct strings names;	 /* sorted; none where it may not be read */
	struct timespec changed; /* before that */
	bool is_read;
};

/* `path` is absolute, below root_fd. 0 with nothing read: it is not there, no directory, or closed.
 */
int host_listing_read(int root_fd, const char *path, struct host_listing *listing,
		      struct err *err) must_check;
void host_listing_done(struct host_listing *listing);
#define auto_host_listing cleanup(host_listing_done) struct host_listing

#endif
