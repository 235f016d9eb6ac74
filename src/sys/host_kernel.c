// SPDX-License-Identifier: Apache-2.0
/* Probes of what the kernel lets a process do to itself and its children. */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/banned.h"
#include "base/io.h"
#include "sys/host_probe.h"
#include "sys/ns.h"

#define PAGE_BYTES ((size_t)4096)

/* A filter that answers getppid(2) with `action` and lets all else pass. */
static int install_filter(uint32_t action, unsigned flags, struct err *err)
{
	struct sock_filter lines[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = array_count(lines), .filter = lines };
	long r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(err, errno, "set no_new_privs");
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	if (r < 0)
		return fail(err, errno, "install a seccomp filter");
	return 0;
}

static int filter_nothing(struct host *host, struct err *err)
{
	(void)host;
	return install_filter(SECCOMP_RET_ALLOW, 0, err);
}

int probe_seccomp_filter(struct host *host, struct err *err)
{
	return host_in_child(0, filter_nothing, host, err);
}

static volatile sig_atomic_t trapped_call; /* of the child in probe_seccomp_trap */

static void on_trap(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	trapped_call = info->si_syscall;
}

static int trap_a_call(struct host *host, struct err *err)
{
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	int r;

	(void)host;
	if (sigaction(SIGSYS, &action, NULL) < 0)
		return fail(err, errno, "sigaction");
	r = install_filter(SECCOMP_RET_TRAP, 0, err);
	if (r < 0)
		return r;
	trapped_call = -1;
	syscall(SYS_getppid);
	if (trapped_call != SYS_getppid)
		return fail_plain(err, ENOSYS, "the trapped call sent no SIGSYS");
	return 0;
}

int probe_seccomp_trap(struct host *host, struct err *err)
{
	return host_in_child(0, trap_a_call, host, err);
}

static int listen_to_calls(struct host *host, struct err *err)
{
	(void)host;
	return install_filter(SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER, err);
}

int probe_seccomp_notify(struct host *host, struct err *err)
{
	return host_in_child(0, listen_to_calls, host, err);
}

int probe_landlock(struct host *host, struct err *err)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
			       LANDLOCK_CREATE_RULESET_VERSION);

	(void)host;
	if (version < 0)
		return fail(err, errno, "landlock_create_ruleset");
	return host_detail(err, "ABI %ld", version);
}

static _Noreturn void be_traced(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(errno);
	kill(getpid(), SIGSTOP);
	syscall(SYS_getppid);
	_exit(0);
}

static int trace_to_a_call(pid_t pid, struct err *err)
{
	int status = 0;

	if (waitpid(pid, &status, 0) < 0)
		return fail(err, errno, "wait for the traced child");
	if (WIFEXITED(status))
		return fail(err, WEXITSTATUS(status), "ptrace(PTRACE_TRACEME)");
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0)
		return fail(err, errno, "ptrace(PTRACE_SETOPTIONS)");
	if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0)
		return fail(err, errno, "ptrace(PTRACE_SYSCALL)");
	if (waitpid(pid, &status, 0) < 0)
		return fail(err, errno, "wait for the traced child");
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80))
		return fail_plain(err, ENOSYS, "the traced child did not stop at its system call");
	return 0;
}

static int trace_a_child(struct host *host, struct err *err)
{
	pid_t pid = ns_fork(0);
	int r;

	(void)host;
	if (pid < 0)
		return fail(err, (int)-pid, "fork");
	if (pid == 0)
		be_traced();
	r = trace_to_a_call(pid, err);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return r;
}

int probe_ptrace(struct host *host, struct err *err)
{
	int r = host_in_child(0, trace_a_child, host, err);
	long scope = rule_sysctl("kernel.yama.ptrace_scope");

	if (r == 0 && scope >= 0)
		return host_detail(err, "children only: yama ptrace_scope %ld", scope);
	return r;
}

/* Both ways in which the tap makes code: memory that was written, and a changed copy of a page of
 * a program (SELinux calls them execmem and execmod). */
static int make_code(struct host *host, struct err *err)
{
	auto_fd self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	char *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			  0);

	(void)host;
	if (page == MAP_FAILED)
		return fail(err, errno, "mmap");
	page[0] = 0;
	if (mprotect(page, PAGE_BYTES, PROT_READ | PROT_EXEC) < 0)
		return fail(err, errno, "make written memory executable");
	if (self < 0)
		return fail(err, errno, "open /proc/self/exe");
	page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE, self, 0);
	if (page == MAP_FAILED)
		return fail(err, errno, "map a program privately");
	page[0] = 0;
	if (mprotect(page, PAGE_BYTES, PROT_READ | PROT_EXEC) < 0)
		return fail(err, errno, "make a changed page of a program executable");
	return 0;
}

int probe_exec_memory(struct host *host, struct err *err)
{
	return host_in_child(0, make_code, host, err);
}

/* The path of this process's group below the mount of cgroup2, from "0::/path". */
static bool own_group(struct buf *text, const char **ret_path)
{
	char *line;

	if (io_read_file_at(AT_FDCWD, "/proc/self/cgroup", 65536, text, NULL) < 0 || !text->bytes)
		return false;
	line = strncmp(text->bytes, "0::", 3) == 0 ? text->bytes : strstr(text->bytes, "\n0::");
	if (!line)
		return false;
	line += line == text->bytes ? 3 : 4;
	line[strcspn(line, "\n")] = '\0';
	*ret_path = line;
	return true;
}

static const char *cgroup2_mount(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

	for (size_t i = 0; i < array_count(places); i++) {
		char path[64];

		snprintf(path, sizeof(path), "%s/cgroup.procs", places[i]);
		if (access(path, F_OK) == 0)
			return places[i];
	}
	return NULL;
}

int probe_cgroup(struct host *host, struct err *err)
{
	const char *mount = cgroup2_mount();
	auto_buf text = { 0 };
	auto_buf path = { 0 };
	auto_buf controllers = { 0 };
	const char *group;

	(void)host;
	if (!mount || !own_group(&text, &group))
		return fail_plain(err, ENOENT, "no cgroup v2 at /sys/fs/cgroup");
	buf_printf(&path, "%s%s/cgroup.controllers", mount, group);
	if (io_read_file_at(AT_FDCWD, path.bytes, 4096, &controllers, NULL) == 0 &&
	    controllers.bytes)
		controllers.bytes[strcspn(controllers.bytes, "\n")] = '\0';
	buf_truncate(&path, 0);
	buf_printf(&path, "%s%s/rootlet-probe-%d", mount, group, getpid());
	if (mkdir(path.bytes, 0755) < 0)
		return fail(err, errno, "make a group in '%s%.100s'", mount, group);
	rmdir(path.bytes);
	return host_detail(err, "controllers: %s",
			   *buf_text(&controllers) ? buf_text(&controllers) : "none");
}

int probe_openat2(struct host *host, struct err *err)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	auto_fd fd = (int)syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));

	(void)host;
	if (fd < 0)
		return fail(err, errno, "openat2");
	return 0;
}

/* Called with nothing: EINVAL tells that it is there. */
int probe_clone3(struct host *host, struct err *err)
{
	(void)host;
	if (syscall(SYS_clone3, NULL, 0) < 0 && errno != EINVAL)
		return fail(err, errno, "clone3");
	return 0;
}
