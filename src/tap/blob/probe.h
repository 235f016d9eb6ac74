/* SPDX-License-Identifier: Apache-2.0 */
/* What do the program's own seccomp filters say to a call that we answer in its place? The kernel
 * is asked: the call is made from one address at which no filter of the program is told to look
 * away, and at which one of ours answers with an error that no call has. Of several answers the
 * kernel takes the most severe, and among errors that of the youngest filter (seccomp(2)): so the
 * call is never made, the program's own error, signal or death comes before ours, and only where it
 * would have allowed the call is ours what we get. */
#ifndef TAP_BLOB_PROBE_H
#define TAP_BLOB_PROBE_H

#include "tap/blob/blob.h"

#define PROBE_PASSED -4095l /* MAX_ERRNO */

/* Before the program's first filter. 0, or what seccomp(2) failed with; then nobody may probe. */
long probe_prepare(void);
/* PROBE_PASSED, or what the program gets. */
long probe_call(long nr, const long arg[6]);
/* The instruction pointer that filters see of it, lower half; the upper is that of TAP_BASE. */
uint32_t probe_address(void);

#endif
