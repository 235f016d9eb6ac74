/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that may wait for ever, in threads that may be cancelled. */
#ifndef TAP_BLOB_CANCEL_H
#define TAP_BLOB_CANCEL_H

#include "tap/blob/blob.h"

#define CANCEL_SIGNAL 33 /* musl's SIGCANCEL; glibc's is 32 and needs none of this */

/* rt_sigaction(2) of that signal; `new` may be NULL and is changed. */
long cancel_action(struct kernel_action *new, void *old_address);
/* pass(), for a call that waits: -EINTR when the thread is cancelled before or meanwhile. */
long cancel_pass(const struct tap_call *call);

#endif
