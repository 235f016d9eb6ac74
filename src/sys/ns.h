/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces: making a child in new ones, and mapping ids. */
#ifndef SYS_NS_H
#define SYS_NS_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* fork(2) into new namespaces (CLONE_NEW* flags, see clone(2)); glibc's fork handlers are not
 * run. Returns the child's pid, 0 in the child, or -errno: what to make of it is ns_explain's. */
pid_t ns_fork(unsigned long flags) must_check;

/* The same, and *ret_pidfd (O_CLOEXEC) tells by POLLIN that the child has ended: several threads
 * can each wait for a child of their own, which one SIGCHLD for all cannot give. -1 where the
 * kernel has no pidfds (before 5.3). */
pid_t ns_fork_pidfd(unsigned long flags, int *ret_pidfd) must_check;

/* In the user namespace of `pid` (0: in the child, for itself; else by its parent)
 * inside_uid/inside_gid become names for the caller's outside_uid/outside_gid, the only ids there
 * are (Type III; user_namespaces(7), "Defining user and group ID mappings"). */
int ns_map(pid_t pid, uid_t inside_uid, uid_t outside_uid, gid_t inside_gid, gid_t outside_gid,
	   struct err *err) must_check;

/* Add a hint that says why making a user namespace failed with `error`, and what would help. */
void ns_explain(int error, struct err *err);

/* Bring loopback up in a fresh network namespace. */
int ns_loopback_up(struct err *err) must_check;

#endif
