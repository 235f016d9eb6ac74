// SPDX-License-Identifier: Apache-2.0
/* execve and execveat: always of the tap itself, which then maps what the program asked for. The
 * target is opened once, here, and handed over as a descriptor: what was checked is what runs. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "tap/blob/blob.h"
#include "tap/blob/exe.h"
#include "tap/blob/fds.h"
#include "tap/blob/files.h"
#include "tap/blob/handlers.h"
#include "tap/blob/memory.h"
#include "tap/blob/permission.h"
#include "tap/blob/scratch.h"
#include "tap/blob/signals.h"
#include "tap/blob/view.h"
#include "tap/control.h"
#include "tap/target.h"

#ifndef AT_EXECVE_CHECK
#define AT_EXECVE_CHECK 0x10000
#endif

struct work {
	char control[TAP_CONTROL_MAX];
	char path[TAP_PATH_MAX];
	struct creds creds;
	struct target target; /* last: its argv has no end */
};

struct request {
	int dirfd;
	const void *path;
	const void *argv;
	const void *envp;
	int flags;
};

static long count_arguments(const char *const *argv)
{
	for (size_t count = 0;; count++) {
		const char *const *at = argv + count;

		if ((count == 0 || ((uintptr_t)at & 4095) < sizeof(*at)) &&
		    !memory_is_readable(at, sizeof(*at)))
			return -EFAULT;
		if (!*at)
			return (long)count;
	}
}

/* Scripts' and programs' interpreters are found here as well. */
static long open_any(int dirfd, const char *path, int open_flags)
{
	long fd;

	if (path[0] == '\0')
		return files_reopen_as_root(dirfd, open_flags);
	fd = fds_open(dirfd, path, open_flags);
	return fd == -EACCES ? files_open_as_root(dirfd, path, open_flags, 0) : fd;
}

static long open_file(int dirfd, const char *path, int open_flags)
{
	long fd = open_any(dirfd, path, open_flags);
	long r = fd < 0 ? 0 : permission_to_execute((int)fd);

	if (r < 0)
		raw1(__NR_close, fd);
	return r < 0 ? r : fd;
}

/* The credentials the new program starts with: set-id bits, as shown, count. */
static const struct creds *next_creds(struct work *work, unsigned *flags)
{
	const struct process *process = process_read();
	uint32_t uid = CREDS_KEEP;
	uint32_t gid = CREDS_KEEP;

	if (!tap.root)
		return NULL;
	work->creds = process->creds;
	if (!process->no_new_privs)
		files_set_ids(work->target.fd, &uid, &gid);
	if (creds_exec(&work->creds, uid, gid))
		*flags |= TAP_CONTROL_SECURE;
	return creds_is_initial(&work->creds) ? NULL : &work->creds;
}

#define SIGTRAP_BIT (1ul << (SIGTRAP - 1))

/* See debugger.c. */
static unsigned hold_trace_stop(void)
{
	uint64_t trap = SIGTRAP_BIT;
	uint64_t old;

	switch (process_read()->trace) {
	case TRACE_LATER:
		return TAP_CONTROL_TRACE;
	case TRACE_ON:
		raw4(__NR_rt_sigprocmask, SIG_BLOCK, &trap, &old, 8);
		return TAP_CONTROL_TRACED | (old & trap ? 0 : TAP_CONTROL_TRAP_HELD);
	default:
		return 0;
	}
}

static void let_trace_stop(unsigned flags)
{
	uint64_t trap = SIGTRAP_BIT;

	if (flags & TAP_CONTROL_TRAP_HELD)
		raw4(__NR_rt_sigprocmask, SIG_UNBLOCK, &trap, NULL, 8);
}

static long start_program(struct work *work, const void *envp)
{
	struct target *target = &work->target;
	struct tap_control control;
	unsigned flags = 0;
	const struct creds *creds = next_creds(work, &flags);
	long r = fds_verify();

	if (r < 0)
		return r;
	flags |= signals_is_ignored() ? TAP_CONTROL_IGNORED : 0;
	flags |= signals_is_blocked() ? TAP_CONTROL_BLOCKED : 0;
	flags |= process_read()->no_new_privs ? TAP_CONTROL_NO_NEW_PRIVS : 0;
	flags |= process_read()->watched ? TAP_CONTROL_WATCHED : 0;
	flags |= process_read()->opens ? TAP_CONTROL_OPENS : 0;
	flags |= process_read()->links ? TAP_CONTROL_LINKS : 0;
	flags |= process_read()->seccomp_mode ? TAP_CONTROL_FILTERED : 0;
	flags |= process_read()->probes ? TAP_CONTROL_PROBES : 0;
	flags |= target_is_musl(target) ? TAP_CONTROL_MUSL : 0;
	flags |= hold_trace_stop();
	control = (struct tap_control){ .blob_fd = tap.blob_fd,
					.image_fd = tap.image_fd,
					.table_fd = tap.lies.fd,
					.target_fd = target->fd,
					.interpreter_fd = target->interpreter_fd,
					.flags = flags };
	memcpy(control.chroot, process_read()->chroot, TAP_CHROOT_MAX);
	tap_control_print(&control, creds, work->control);
	target->argv[--target->first] = target->path;
	target->argv[--target->first] = work->control;
	raw3(__NR_fcntl, target->fd, F_SETFD, 0);
	if (target->interpreter_fd >= 0)
		raw3(__NR_fcntl, target->interpreter_fd, F_SETFD, 0);
	r = raw5(__NR_execveat, tap.blob_fd, "", target->argv + target->first, envp, AT_EMPTY_PATH);
	let_trace_stop(flags);
	return r;
}

static long resolve(struct work *work, const struct request *request, size_t argc)
{
	struct target_request wanted = { .dirfd = request->dirfd,
					 .path = work->path,
					 .argv = request->argv,
					 .argc = argc,
					 .flags = request->flags,
					 .open_file = open_file,
					 .find_file = tap.place ? view_find_program : NULL };
	long r = memory_read_string(work->path, request->path, TAP_PATH_MAX, ENAMETOOLONG);

	work->target.fd = work->target.interpreter_fd = -1;
	if (r < 0)
		return r;
	if (exe_is_asked_for(work->path)) {
		wanted.dirfd = tap.exe_fd;
		wanted.path = "";
		wanted.name = work->path;
		wanted.flags = AT_EMPTY_PATH;
	}
	return target_resolve(&work->target, &wanted);
}

static long exec(const struct request *request)
{
	struct work *work;
	long argc = request->argv ? count_arguments(request->argv) : 0;
	long r;

	if (argc < 0)
		return argc;
	work = scratch_take(offsetof(struct work, target) + target_size_bytes((size_t)argc));
	if (!work)
		return -ENOMEM;
	r = resolve(work, request, (size_t)argc);
	if (r == 0)
		r = start_program(work, request->envp);
	if (work->target.fd >= 0)
		raw1(__NR_close, work->target.fd);
	if (work->target.interpreter_fd >= 0)
		raw1(__NR_close, work->target.interpreter_fd);
	scratch_put(work);
	return r;
}

long on_execve(struct tap_call *call)
{
	const struct request request = {
		.dirfd = AT_FDCWD,
		.path = (const void *)call->arg[0],
		.argv = (const void *)call->arg[1],
		.envp = (const void *)call->arg[2],
	};

	return exec(&request);
}

long on_execveat(struct tap_call *call)
{
	const struct request request = {
		.dirfd = (int)call->arg[0],
		.path = (const void *)call->arg[1],
		.argv = (const void *)call->arg[2],
		.envp = (const void *)call->arg[3],
		.flags = (int)call->arg[4],
	};

	if (request.flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_EXECVE_CHECK))
		return -EINVAL;
	if (request.flags & AT_EXECVE_CHECK)
		return pass(call);
	return exec(&request);
}
