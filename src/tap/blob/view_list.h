/* SPDX-License-Identifier: Apache-2.0 */
/* What getdents shows where paths are translated. */
#ifndef TAP_BLOB_VIEW_LIST_H
#define TAP_BLOB_VIEW_LIST_H

#include "tap/blob/blob.h"

/* getdents64 with the mount points that are missing in the host's directory. */
long view_list(struct tap_call *call);
/* Is this name in the directory hidden? */
bool view_hides(int fd, const char *name);

#endif
