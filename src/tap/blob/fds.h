/* SPDX-License-Identifier: Apache-2.0 */
/* The tap's own descriptors: inherited by every program, so that an exec finds the tap and the
 * table whatever was mounted or chrooted meanwhile; closed by none, seen by none. */
#ifndef TAP_BLOB_FDS_H
#define TAP_BLOB_FDS_H

#include <stdbool.h>

bool fds_is_ours(long fd);
/* Before an exec: find them again, should a vfork child have moved them in its own table of
 * descriptors and noted that in the memory it shares with us. -EBADF: they are gone. */
int fds_verify(void);

#endif
