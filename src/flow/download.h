/* SPDX-License-Identifier: Apache-2.0 */
/* Files from the web, kept as blobs of the store: ADD of a URL, build contexts, Dockerfiles.
 *
 *     cache/downloads/HEX     HEX is the SHA-256 of the URL; a JSON object: the URL, the digest
 *                             and size of what it gave, and ETag and Last-Modified as they came
 *
 * A URL asked for again is fetched only when its server says that it changed (RFC 9110 13). The
 * blob may be gone by then: it is fetched again. */
#ifndef FLOW_DOWNLOAD_H
#define FLOW_DOWNLOAD_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/strings.h"
#include "remote/retry.h"
#include "store/store.h"

struct download_request {
	const char *url;	       /* http or https */
	const struct strings *secrets; /* what its server is told (build_secrets.h); or NULL */
	const struct digest *checksum; /* what it must be: then, when the store has it, nobody
					* is asked; NULL: anything */
	struct retry_policy retry;
	const atomic_bool *cancel; /* may be NULL */
};

struct download {
	struct digest digest; /* of the blob that it is */
	bool has_mtime;
	int64_t mtime_s; /* Last-Modified */
};

/* -ENOENT, -EACCES: the server says so. -EUCLEAN: not what the checksum says; nothing is kept. */
int download(const struct store *store, const struct download_request *request,
	     struct download *ret_download, struct err *err) must_check;

/* The same, for the caller to read what it is. */
int download_open(const struct store *store, const struct download_request *request, int *ret_fd,
		  struct err *err) must_check;

#endif
