/* SPDX-License-Identifier: Apache-2.0 */
/* run --commit, the half that hashes: an image and a folder of changes (flow/run_changes.h) become
 * another image. */
#ifndef FLOW_RUN_COMMIT_H
#define FLOW_RUN_COMMIT_H

#include <stdint.h>

#include "store/store.h"

struct commit_request {
	const char *base;    /* image, by name or id */
	const char *changes; /* name of the folder in the store; its upper directory is used up */
	const char *name;    /* for the new image */
	const char *created_by; /* for its history */
	/* Who owns new files when the run kept no record of owners. */
	uint32_t uid, gid;
};

int run_commit(const struct store *store, const struct commit_request *request,
	       struct err *err) must_check;

#endif
