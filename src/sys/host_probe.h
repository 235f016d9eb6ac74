/* SPDX-License-Identifier: Apache-2.0 */
/* The probes behind host_fact(), one per fact; host.c has the table that calls them.
 *
 * A probe returns 0 when the thing works and may leave a detail in err->text; else -errno with
 * the attempt that failed. Its explanation fills in fact->rule from fact->error. */
#ifndef SYS_HOST_PROBE_H
#define SYS_HOST_PROBE_H

#include "base/err.h"
#include "sys/host.h"

typedef int host_probe(struct host *host, struct err *err);
typedef void host_explain(struct host *host, struct fact *fact);

/* Run `probe` in a child made with these CLONE_NEW* flags (its ids mapped to 0 when a user
 * namespace is among them) and hand back what it said. A child that a signal ended is EPERM. */
int host_in_child(unsigned long flags, host_probe *probe, struct host *host, struct err *err);

/* Leave "..." in err->text without failing. */
int host_detail(struct err *err, const char *format, ...) printf_like(2, 3);

host_probe probe_user_namespace, probe_namespace_mount, probe_namespace_proc,
	probe_namespace_network, probe_subordinate_ids, probe_root, probe_overlay_store,
	probe_overlay_tmpfs, probe_fuse, probe_fusermount, probe_new_mount_api;
host_probe probe_seccomp_filter, probe_seccomp_trap, probe_seccomp_notify, probe_landlock,
	probe_ptrace, probe_exec_memory, probe_cgroup, probe_openat2, probe_clone3;
host_probe probe_store_write, probe_store_exec, probe_store_xattr, probe_store_whiteout,
	probe_store_reflink, probe_store_hard_link, probe_store_lock, probe_store_tmpfile;
host_probe probe_private_network, probe_foreign_programs, probe_virtual_machine;

/* A fresh directory in the store's directory, and its removal with all that overlay leaves. */
int host_scratch_make(const struct host *host, char path[4096], struct err *err);
void host_scratch_remove(const char *path);

#endif
