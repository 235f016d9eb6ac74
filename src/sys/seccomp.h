/* SPDX-License-Identifier: Apache-2.0 */
/* The fake-success filter: privileged calls answer 0 and do nothing, as enroot's and
 * Charliecloud's do (SC21 section 6.2.2 is the better way, see doc/why). Nothing is remembered:
 * stat(2) after chown(2) still shows the old owner. */
#ifndef SYS_SECCOMP_H
#define SYS_SECCOMP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Install it in this process for good; sets no_new_privs. Allocates nothing. */
int seccomp_fake_success(struct err *err) must_check;

/* Install a filter of `count` struct sock_filter for good; sets no_new_privs, as also programs
 * without privilege may do it then. Allocates nothing. */
int seccomp_load(const void *program, size_t count, struct err *err) must_check;

/* Does this kernel know SECCOMP_RET_TRAP, and is this process not kept from asking? One call; what
 * is in the way otherwise the host's facts say (HOST_SECCOMP_TRAP). */
bool seccomp_knows_trap(void);

/* No socket but local ones (AF_UNIX, AF_NETLINK), and no io_uring that would make them past this:
 * for who has no network namespace. For good; sets no_new_privs. Allocates nothing. */
int seccomp_close_network(struct err *err) must_check;

/* May this process install a filter whose SECCOMP_RET_TRACE a tracer is told of? */
bool seccomp_can_trace(void);

/* May somebody be asked about this process's calls (seccomp_unotify(2): a container's seccomp
 * agent)? SECCOMP_RET_USER_NOTIF goes before SECCOMP_RET_TRACE, so of a call that he lets pass no
 * tracer is told. The kernel takes one listener: where filters are around us, a child tries to
 * become another. true also when that fails for another reason. */
bool seccomp_has_listener(void);

#endif
