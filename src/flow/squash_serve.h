/* SPDX-License-Identifier: Apache-2.0 */
/* The process that serves a squashfs file to all runs of a user on this machine; see
 * squash_share.h. */
#ifndef FLOW_SQUASH_SERVE_H
#define FLOW_SQUASH_SERVE_H

#include <stdint.h>

#include "base/err.h"
#include "flow/squash_share.h"

struct squash_service {
	const char *path; /* NULL: no image, `stand` is all */
	uint64_t base;	  /* where in the file the image begins */
	const struct squash_share *share;
	/* Write who owns what, as store/owners.h has it, into an empty file. NULL: nobody asks. */
	int (*record)(int image_fd, int record_fd, struct err *err);
	/* In a child that is in a mount namespace of its own, a copy of the one with the image:
	 * make of it what runs can enter and be in their root. NULL: runs make their own. With it
	 * runs are processes, not connections; what outlives them keeps its files, and new ones are
	 * welcome for some seconds more. Real root, who has no user namespace, goes without. */
	int (*stand)(void *context, struct err *err);
	void *context;
};

/* Mount the image and go on in the background, where the process ends with the last run that uses
 * it. Returns in the foreground when runs can connect; the caller holds the share's lock, if it has
 * one. The service must be there as long as the process. All descriptors from 3 on are closed, but
 * for the one in ERR_FD_VARIABLE. -EPERM and what else squash_fuse_mount says: FUSE is refused
 * here. -EADDRINUSE: there is such a process already. */
int squash_serve(const struct squash_service *service, struct err *err) must_check;

/* The same for a file, by its path, with a record of owners (squash_record.c). */
int squash_serve_file(const char *path, struct err *err) must_check;

#endif
