// SPDX-License-Identifier: Apache-2.0
/* Facts about the host: the table, memory of what was probed, and the child probes run in. */
#include "sys/host.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "sys/host_probe.h"
#include "sys/ns.h"
#include "sys/process.h"

static void explain_user_namespace(struct host *host, struct fact *fact)
{
	(void)host;
	rule_user_namespace(fact->error, &fact->rule);
}

static void set_forbids(struct fact *fact, const char *forbids, const char *user)
{
	snprintf(fact->rule.forbids, sizeof(fact->rule.forbids), "%s", forbids);
	snprintf(fact->rule.user, sizeof(fact->rule.user), "%s", user);
}

/* What needs a user namespace says so, and the rule stands with the user namespaces. */
static void explain_mount(struct host *host, struct fact *fact)
{
	if (host_fact(host, HOST_USER_NAMESPACE)->usable)
		rule_namespace_mount(fact->error, &fact->rule);
}

static void explain_subordinate_ids(struct host *host, struct fact *fact)
{
	if (host_fact(host, HOST_USER_NAMESPACE)->usable)
		rule_subordinate_ids(&host->user, &fact->rule);
}

static void explain_root(struct host *host, struct fact *fact)
{
	rule_root(&host->user, fact->error, &fact->rule);
}

static void explain_overlay(struct host *host, struct fact *fact)
{
	const struct fact *mount = host_fact(host, HOST_NAMESPACE_MOUNT);

	if (!mount->usable)
		return;
	if (fact->error == ENODEV || fact->error == EPERM)
		set_forbids(fact, "this kernel has no overlay for users (5.11 and newer have)", "");
	else
		set_forbids(fact, "the store's file system cannot hold overlay's upper layer",
			    "export ROOTLET_STORE=DIR # DIR on ext4, xfs, btrfs or tmpfs");
}

static void explain_fuse(struct host *host, struct fact *fact)
{
	if (!host_fact(host, HOST_USER_NAMESPACE)->usable)
		return;
	rule_fuse(fact->error, &fact->rule);
	if (!fact->rule.forbids[0])
		explain_mount(host, fact);
}

static void explain_fusermount(struct host *host, struct fact *fact)
{
	(void)host;
	if (fact->error == EPERM)
		set_forbids(fact, "no_new_privs is set", "run outside of the sandbox that set it");
	else if (access("/dev/fuse", F_OK) < 0)
		rule_fuse(ENOENT, &fact->rule);
	else
		rule_install("fusermount3", "fuse3", "fuse3", "fuse3", &fact->rule);
}

static void explain_seccomp(struct host *host, struct fact *fact)
{
	(void)host;
	rule_seccomp(fact->error, &fact->rule);
}

static void explain_landlock(struct host *host, struct fact *fact)
{
	(void)host;
	rule_landlock(fact->error, &fact->rule);
}

static void explain_ptrace(struct host *host, struct fact *fact)
{
	(void)host;
	rule_ptrace(fact->error, &fact->rule);
}

static void explain_exec_memory(struct host *host, struct fact *fact)
{
	(void)host;
	if (fact->error == EACCES || fact->error == EPERM)
		set_forbids(fact, "SELinux or prctl(PR_SET_MDWE) forbids executable memory", "");
}

static void explain_cgroup(struct host *host, struct fact *fact)
{
	(void)host;
	if (fact->error == ENOENT)
		set_forbids(fact, "this process is in no cgroup of version 2", "");
	else
		set_forbids(fact, "this process's cgroup is not delegated to the user",
			    "systemd-run --user --scope -p Delegate=yes -- rootlet ...");
}

static void explain_new_call(struct host *host, struct fact *fact)
{
	(void)host;
	if (rule_set_inside(&fact->rule, "this call"))
		return;
	if (fact->error == ENOSYS)
		set_forbids(fact, "an older kernel, or a seccomp filter that does not know it", "");
	else
		set_forbids(fact, "a seccomp filter or a security module", "");
}

static void explain_new_mounts(struct host *host, struct fact *fact)
{
	if (host_fact(host, HOST_NAMESPACE_MOUNT)->usable)
		explain_new_call(host, fact);
	else
		explain_mount(host, fact);
}

static void explain_store(struct host *host, struct fact *fact)
{
	(void)host;
	set_forbids(fact, "the file system of the store",
		    "export ROOTLET_STORE=DIR # a directory on another file system");
}

static void explain_private_network(struct host *host, struct fact *fact)
{
	char path[PROCESS_PATH_MAX];

	(void)host;
	if (!process_find("pasta", path) && !process_find("slirp4netns", path)) {
		rule_install("pasta", "passt", "passt", "passt", &fact->rule);
		return;
	}
	set_forbids(fact, "the mode of /dev/net/tun, or the module tun", "");
	snprintf(fact->rule.admin, sizeof(fact->rule.admin),
		 "modprobe tun && chmod 666 /dev/net/tun");
}

static void explain_foreign_programs(struct host *host, struct fact *fact)
{
	(void)host;
	rule_install("qemu-user", "qemu-user-static", "qemu-user-static", "qemu-linux-user",
		     &fact->rule);
}

static void explain_virtual_machine(struct host *host, struct fact *fact)
{
	(void)host;
	rule_install("qemu-system", "qemu-system-x86", "qemu-kvm", "qemu-kvm", &fact->rule);
}

static const struct row {
	const char *name, *title, *group;
	host_probe *probe;
	host_explain *explain;
} rows[HOST_FACT_COUNT] = {
#define ROW(id, name, title, group, what, why) \
	[HOST_##id] = { name, title, group, probe_##what, explain_##why }
	ROW(USER_NAMESPACE, "user-namespace", "user namespaces", "namespaces", user_namespace,
	    user_namespace),
	ROW(NAMESPACE_MOUNT, "namespace-mount", "mounts inside", "namespaces", namespace_mount,
	    mount),
	ROW(NAMESPACE_PROC, "namespace-proc", "pid namespace, own /proc", "namespaces",
	    namespace_proc, mount),
	ROW(NAMESPACE_NETWORK, "namespace-network", "network namespace", "namespaces",
	    namespace_network, mount),
	ROW(SUBORDINATE_IDS, "subordinate-ids", "subordinate ids", "namespaces", subordinate_ids,
	    subordinate_ids),
	ROW(ROOT, "root", "root", "namespaces", root, root),
	ROW(OVERLAY_STORE, "overlay-store", "overlay on the store", "mounts", overlay_store,
	    overlay),
	ROW(OVERLAY_TMPFS, "overlay-tmpfs", "overlay in memory", "mounts", overlay_tmpfs, overlay),
	ROW(FUSE, "fuse", "FUSE in a user namespace", "mounts", fuse, fuse),
	ROW(FUSERMOUNT, "fusermount", "FUSE by fusermount3", "mounts", fusermount, fusermount),
	ROW(SECCOMP_FILTER, "seccomp-filter", "seccomp filter", "processes", seccomp_filter,
	    seccomp),
	ROW(SECCOMP_TRAP, "seccomp-trap", "seccomp trap", "processes", seccomp_trap, seccomp),
	ROW(SECCOMP_NOTIFY, "seccomp-notify", "seccomp notification", "processes", seccomp_notify,
	    seccomp),
	ROW(LANDLOCK, "landlock", "Landlock", "processes", landlock, landlock),
	ROW(PTRACE, "ptrace", "ptrace", "processes", ptrace, ptrace),
	ROW(EXEC_MEMORY, "exec-memory", "executable memory", "processes", exec_memory, exec_memory),
	ROW(CGROUP, "cgroup", "cgroup v2 delegation", "processes", cgroup, cgroup),
	ROW(OPENAT2, "openat2", "openat2", "newer calls", openat2, new_call),
	ROW(NEW_MOUNT_API, "new-mount-api", "open_tree, mount_setattr", "newer calls",
	    new_mount_api, new_mounts),
	ROW(CLONE3, "clone3", "clone3", "newer calls", clone3, new_call),
	ROW(STORE_WRITE, "store-write", "writable", "store", store_write, store),
	ROW(STORE_EXEC, "store-exec", "programs may run", "store", store_exec, store),
	ROW(STORE_XATTR, "store-xattr", "user attributes", "store", store_xattr, store),
	ROW(STORE_WHITEOUT, "store-whiteout", "whiteout devices", "store", store_whiteout, store),
	ROW(STORE_REFLINK, "store-reflink", "reflinks", "store", store_reflink, store),
	ROW(STORE_HARD_LINK, "store-hard-link", "hard links", "store", store_hard_link, store),
	ROW(STORE_LOCK, "store-lock", "flock", "store", store_lock, store),
	ROW(STORE_TMPFILE, "store-tmpfile", "O_TMPFILE", "store", store_tmpfile, store),
	ROW(PRIVATE_NETWORK, "private-network", "private network", "programs", private_network,
	    private_network),
	ROW(FOREIGN_PROGRAMS, "foreign-programs", "foreign architectures", "programs",
	    foreign_programs, foreign_programs),
	ROW(VIRTUAL_MACHINE, "virtual-machine", "virtual machines", "programs", virtual_machine,
	    virtual_machine),
#undef ROW
};

/* `path`, or the nearest directory above it that exists. What is there and is no directory stays:
 * the probes say so. */
static char *existing_directory(const char *path)
{
	char *at = memory_copy_text(path);
	struct stat st;

	while (stat(at, &st) < 0) {
		char *slash = strrchr(at, '/');

		if (!slash) {
			free(at);
			return memory_copy_text(".");
		}
		slash[slash == at] = '\0'; /* "/" itself always exists */
	}
	return at;
}

void host_init(struct host *host, const char *store_path)
{
	memset(host, 0, sizeof(*host));
	ids_caller(&host->arena, &host->user);
	if (!store_path)
		return;
	host->store_path = memory_copy_text(store_path);
	host->store_directory = existing_directory(store_path);
}

void host_done(struct host *host)
{
	arena_done(&host->arena);
	free(host->store_path);
	free(host->store_directory);
	host->store_path = NULL;
	host->store_directory = NULL;
}

int host_detail(struct err *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return 0;
}

static _Noreturn void run_child(unsigned long flags, host_probe *probe, struct host *host, int fd)
{
	struct err err = { 0 };
	uid_t uid = host->user.uid;
	int r = 0;

	if (flags & CLONE_NEWUSER)
		r = ns_map(0, 0, uid, 0, host->user.gid, &err);
	if (r == 0)
		r = probe(host, &err);
	err.code = -r;
	(void)io_write_all(fd, &err, sizeof(err));
	_exit(0);
}

int host_in_child(unsigned long flags, host_probe *probe, struct host *host, struct err *err)
{
	int pipe_fds[2];
	auto_fd from_child = -1;
	int status = 0;
	pid_t pid;
	ssize_t size;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return fail(err, errno, "make a pipe to the child");
	from_child = pipe_fds[0];
	pid = ns_fork(flags);
	if (pid == 0)
		run_child(flags, probe, host, pipe_fds[1]);
	close(pipe_fds[1]);
	if (pid < 0)
		return fail(err, (int)-pid, "%s", flags ? "clone into new namespaces" : "fork");
	size = io_read_full(from_child, err, sizeof(*err));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (size == (ssize_t)sizeof(*err))
		return -err->code;
	err_clear(err);
	return fail_plain(err, EPERM, "the attempt was killed by signal %d",
			  WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

/* Facts about namespaces that only a user namespace gives the right to make. */
static bool needs_user_namespace(enum host_fact which)
{
	switch (which) {
	case HOST_NAMESPACE_MOUNT:
	case HOST_NAMESPACE_PROC:
	case HOST_NAMESPACE_NETWORK:
	case HOST_SUBORDINATE_IDS:
	case HOST_OVERLAY_STORE:
	case HOST_OVERLAY_TMPFS:
	case HOST_FUSE:
	case HOST_NEW_MOUNT_API:
		return true;
	default:
		return false;
	}
}

static int probe(struct host *host, enum host_fact which, struct err *err)
{
	if (needs_user_namespace(which)) {
		const struct fact *userns = host_fact(host, HOST_USER_NAMESPACE);

		if (!userns->usable)
			return fail_plain(err, userns->error, "needs user namespaces");
	}
	return rows[which].probe(host, err);
}

const struct fact *host_fact(struct host *host, enum host_fact which)
{
	struct fact *fact = &host->fact[which];
	struct err err = { 0 };
	int r;

	if (host->probed[which])
		return fact;
	r = probe(host, which, &err);
	*fact = (struct fact){ .usable = r == 0, .error = -r };
	snprintf(fact->detail, sizeof(fact->detail), "%.*s", RULE_TEXT_MAX - 1, err.text);
	host->probed[which] = true;
	if (r < 0)
		rows[which].explain(host, fact);
	return fact;
}

const char *host_fact_name(enum host_fact which)
{
	return rows[which].name;
}

const char *host_fact_title(enum host_fact which)
{
	return rows[which].title;
}

const char *host_fact_group(enum host_fact which)
{
	return rows[which].group;
}

int host_refuse(struct host *host, enum host_fact which, struct err *err)
{
	const struct fact *fact = host_fact(host, which);

	fail_plain(err, fact->error ? fact->error : ENOTSUP, "%s: %s", rows[which].title,
		   fact->detail);
	rule_add_hint(&fact->rule, err);
	return -err->code;
}
