/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp profiles in JSON, as docker and the OCI runtime specification (config-linux.md,
 * "Seccomp") write them, compiled by libseccomp for this machine. */
#ifndef FLOW_SECCOMP_PROFILE_H
#define FLOW_SECCOMP_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* The filter's instructions (struct sock_filter) are appended to ret_program. Rules are included or
 * excluded for this architecture, this kernel and a process that has all capabilities but
 * `dropped` (bit n: capability n). Calls libseccomp has no number for are passed over, as in runc.
 * -EINVAL names what is wrong; -ENOTSUP: an action or flag that needs a supervisor. */
int seccomp_profile_compile(const char *text, size_t size_bytes, uint64_t dropped,
			    struct buf *ret_program, struct err *err) must_check;

#endif
