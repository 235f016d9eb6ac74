/* SPDX-License-Identifier: Apache-2.0 */
/* The process that serves a squashfs file to all runs of a user on this machine; see
 * squash_share.h. */
#ifndef FLOW_SQUASH_SERVE_H
#define FLOW_SQUASH_SERVE_H

#include "base/err.h"

/* Mount the file and go on in the background, where the process ends with the last run that uses
 * it. Returns in the foreground when runs can connect; the caller holds the share's lock. -EPERM
 * and what else squash_fuse_mount says: FUSE is refused here. */
int squash_serve(const char *path, struct err *err) must_check;

#endif
