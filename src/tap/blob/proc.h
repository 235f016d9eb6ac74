/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of processes' ids. */
#ifndef TAP_BLOB_PROC_H
#define TAP_BLOB_PROC_H

#include "tap/blob/files.h"

/* `fd` was opened for reading under `path`: if it is a process's status file, another one with the
 * ids that process believes to have takes its place. */
long proc_show_status(long fd, const char *path, unsigned long flags);
/* A file below /proc/PID belongs to the process's effective ids. false: it is no such file, or the
 * process is who it was at first. `device` as in struct file_id. */
bool proc_owner(const struct where *where, uint64_t device, uint32_t *ret_uid, uint32_t *ret_gid);

#endif
