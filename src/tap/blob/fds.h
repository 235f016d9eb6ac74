/* SPDX-License-Identifier: Apache-2.0 */
/* The tap's own descriptors: inherited by every program, so that an exec finds the tap and the
 * table whatever was mounted or chrooted meanwhile; closed by none, seen by none. */
#ifndef TAP_BLOB_FDS_H
#define TAP_BLOB_FDS_H

#include <stdbool.h>
#include <stdint.h>

bool fds_is_ours(long fd);
/* Before an exec: find them again, should a vfork child have moved them in its own table of
 * descriptors and noted that in the memory it shares with us, or a child with memory of its own in
 * a table that it shares. -EBADF: they are gone. */
int fds_verify(void);

/* The program has used up the descriptors it may have, and we need one more: until fds_restore the
 * limit is a little higher, if the hard limit allows. */
struct fds_limit {
	uint64_t soft, hard;
};
bool fds_raise(struct fds_limit *ret_old);
void fds_restore(const struct fds_limit *old);
/* openat, if need be so. */
long fds_open(int dirfd, const char *path, int flags);

#endif
