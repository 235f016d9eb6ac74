/* SPDX-License-Identifier: Apache-2.0 */
/* What a process that is not root is refused, before the call is made. */
#ifndef TAP_BLOB_PERMISSION_H
#define TAP_BLOB_PERMISSION_H

#include "tap/blob/files.h"
#include "tap/table.h"

/* Of a restricted process (struct process): 0, -EACCES or -EPERM. */
long permission_check(const struct tap_row *row, const struct tap_call *call);
/* A file that was opened: may it be executed? */
long permission_to_execute(int fd);
/* A socket's path, to be made or connected to. */
long permission_to_bind(const struct where *name);
long permission_to_connect(const struct where *name);

#endif
