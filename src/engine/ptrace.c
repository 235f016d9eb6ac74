// SPDX-License-Identifier: Apache-2.0
/* Engine `ptrace`: no namespaces at all; a tracer, which is the first process of the box, answers
 * or edits every system call that has to do with paths, and with ownership under root emulation.
 * The slowest engine, and the one that asks for the least. */
#include "engine/ptrace.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/log.h"
#include "engine/calls.h"
#include "engine/emulation.h"
#include "engine/scene.h"
#include "engine/spawn.h"
#include "engine/tracer.h"
#include "engine/tracer_filter.h"
#include "sys/landlock.h"
#include "sys/seccomp.h"
#include "tap/traced.h"

#ifndef MFD_EXEC /* Linux 6.3 */
#define MFD_EXEC 0x10u
#endif

static const char asked_before_us[] = "a seccomp filter around this process has a listener that is "
				      "asked before a tracer: every call stops, which is slower";

struct ptrace_plan {
	struct scene scene;
	int ruleset_fd; /* -1: the kernel has no Landlock */
	struct tracer tracer;
	struct calls *calls;
	int go_read_fd, go_write_fd; /* the command is traced, and may begin */
};

static bool is_asked_before(void)
{
	return seccomp_can_trace() && seccomp_has_listener();
}

/* Else every call stops, before any filter has been asked. */
static bool is_by_filter(void)
{
	const char *mode = getenv("ROOTLET_PTRACE");

	return (!mode || strcmp(mode, "all") != 0) && seccomp_can_trace() &&
	       !seccomp_has_listener();
}

/* A call that we answer at its beginning does not get to the box's own filter. */
static int refuse_filter(const struct box *box, struct err *err)
{
	if (!box->seccomp || is_by_filter())
		return 0;
	fail_plain(err, ENOTSUP,
		   "where every call stops, the filter of --seccomp would not see those that the "
		   "tracer answers");
	if (is_asked_before())
		err_hint(err, "%s", asked_before_us);
	return -ENOTSUP;
}

static int open_loader(struct calls *calls, struct err *err)
{
	int fd = memfd_create("rootlet-loader", MFD_CLOEXEC | MFD_EXEC);
	int r;

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("rootlet-loader", MFD_CLOEXEC);
	if (fd < 0)
		return fail(err, errno, "memory for the loader");
	calls->loader_fd = fd;
	r = io_write_all(fd, loader_start, (size_t)(loader_end - loader_start));
	return r < 0 ? fail(err, -r, "write the loader") : 0;
}

/* Where the host's "/" is shown its /proc is, and "self" in there must not be the tracer. */
static int add_proc(struct pathmap *map, struct err *err)
{
	char guest[PATHMAP_PATH_MAX];
	uint32_t count = map->count;

	for (uint32_t i = 0; i < count; i++) {
		int r;

		if (map->entry[i].host_length || (map->entry[i].flags & PATHMAP_HIDDEN) ||
		    snprintf(guest, sizeof(guest), "%s/proc", pathmap_guest(map, i)) >=
			    (int)sizeof(guest) ||
		    pathmap_is_point(map, guest, strlen(guest)))
			continue;
		r = pathmap_add(map, guest, "/proc", PATHMAP_PROC);
		if (r < 0)
			return fail(err, -r, "'%s'", guest);
		i = (uint32_t)-1; /* they have moved */
		count = map->count;
	}
	return 0;
}

static int open_plan(struct ptrace_plan *plan, const struct engine_job *job, struct err *err)
{
	int fds[2];
	int r = scene_make(&plan->scene, job, err);

	if (r == 0)
		r = add_proc(&plan->scene.tap->map, err);
	if (r == 0)
		r = scene_rules(&plan->scene, job->box, &plan->ruleset_fd, err);
	if (r == 0)
		r = tracer_init(&plan->tracer, err);
	if (r < 0)
		return r;
	plan->calls = mmap(NULL, sizeof(*plan->calls), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (plan->calls == MAP_FAILED) {
		plan->calls = NULL;
		return fail(err, errno, "memory for the tracer");
	}
	plan->calls->place = plan->scene.tap;
	plan->calls->map = &plan->scene.tap->map;
	plan->calls->names = plan->scene.tap->names;
	plan->calls->root_fd = plan->scene.root_fd;
	plan->calls->hostname = plan->scene.tap->hostname;
	plan->calls->kernel_release = plan->scene.tap->kernel_release;
	plan->calls->emulates = job->emulation != NULL;
	plan->calls->loader_fd = -1;
	plan->tracer.context = plan->calls;
	plan->tracer.refused = job->made ? &job->made->refused : NULL;
	if (job->emulation)
		job->emulation->session.place = plan->scene.tap;
	r = open_loader(plan->calls, err);
	if (r < 0)
		return r;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail(err, errno, "make a pipe to the command");
	plan->go_read_fd = fds[0];
	plan->go_write_fd = fds[1];
	return 0;
}

static void plan_done(struct ptrace_plan *plan)
{
	scene_done(&plan->scene);
	cleanup_fd(&plan->ruleset_fd);
	tracer_done(&plan->tracer);
	if (plan->calls) {
		cleanup_fd(&plan->calls->loader_fd);
		munmap(plan->calls, sizeof(*plan->calls));
	}
	cleanup_fd(&plan->go_read_fd);
	cleanup_fd(&plan->go_write_fd);
}

/* --- in the first process */

/* Around the tracer, too: a process may look into another's /proc/PID/fd only from the same domain
 * (landlock(7), "Ptrace restrictions"). */
static int setup(const struct engine_job *job, void *context, struct err *err)
{
	const struct ptrace_plan *plan = context;

	int r = scene_close_network(job->box, err);

	return r < 0 || plan->ruleset_fd < 0 ? r : landlock_enforce(plan->ruleset_fd, err);
}

/* Each call that goes by a descriptor of ours needs one. */
static void raise_open_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static const struct creds *find_creds(void *context, unsigned pid)
{
	const struct tracee *tracee = tracer_find(context, (pid_t)pid);

	return tracee && tracee->subject ? &tracee->subject->creds : NULL;
}

static int trace(const struct engine_job *job, void *context, pid_t command, struct err *err)
{
	struct ptrace_plan *plan = context;
	char byte = 0;
	int r;

	plan->calls->self = getpid();
	if (plan->calls->emulates)
		traced_use(&job->emulation->session.lies, find_creds, &plan->tracer);
	r = tracer_begin(&plan->tracer, command, err);
	if (r < 0)
		return r;
	if (plan->calls->emulates)
		tracer_set_creds(&plan->tracer, command, &job->emulation->session.creds);
	r = io_write_all(plan->go_write_fd, &byte, 1);
	return r < 0 ? fail(err, -r, "let the command begin") : 0;
}

static int follow(void *context)
{
	struct ptrace_plan *plan = context;

	raise_open_files();
	return tracer_follow(&plan->tracer);
}

/* --- in the command */

static int enter(const struct engine_job *job, void *context, struct err *err)
{
	struct ptrace_plan *plan = context;
	char byte;

	(void)job;
	if (io_read_full(plan->go_read_fd, &byte, 1) != 1)
		return fail_plain(err, ECHILD, "the tracer is gone");
	return plan->tracer.by_filter ? tracer_filter_install(plan->calls, err) : 0;
}

static int run_traced(const struct engine_job *job, int *ret_status, struct err *err)
{
	struct ptrace_plan plan = {
		.scene = SCENE_NONE, .ruleset_fd = -1, .go_read_fd = -1, .go_write_fd = -1
	};
	struct spawn_plan spawn = {
		.setup = setup, .context = &plan, .trace = trace, .follow = follow, .enter = enter
	};
	int r;

	plan.tracer.by_filter = is_by_filter();
	if (!plan.tracer.by_filter && is_asked_before())
		log_verbose("engine ptrace: %s", asked_before_us);
	r = open_plan(&plan, job, err);
	if (r == 0) {
		spawn.keep_fd[0] = plan.calls->root_fd;
		spawn.keep_fd[1] = plan.calls->loader_fd;
		spawn.keep_fd[2] = plan.scene.folder_fd;
		r = spawn_run(job, &spawn, ret_status, err);
	}
	plan_done(&plan);
	return r;
}

static int run_emulated(const struct engine_job *job, int *ret_status, struct err *err)
{
	struct emulation *emulation = job->emulation;
	int r;

	emulation->root_path = job->box->root.path;
	emulation->is_traced = true;
	r = run_traced(job, ret_status, err);
	emulation->session.place = NULL;
	emulation->is_traced = false;
	emulation->root_path = NULL;
	return r;
}

/* Other ids than the caller's are made believe, also where nobody asked for root emulation. */
static int run_as_other(const struct engine_job *given, int *ret_status, struct err *err)
{
	struct engine_job job = *given;
	struct emulation emulation = { .session = { .lies = { .fd = -1 } } };
	int r = emulation_open(&emulation, job.box, err);

	if (r < 0)
		return r;
	job.emulation = &emulation;
	r = run_emulated(&job, ret_status, err);
	emulation_done(&emulation);
	return r;
}

static int run(const struct engine_job *job, int *ret_status, struct err *err)
{
	const struct box *box = job->box;
	int r = scene_refuse(box, box->emulation == BOX_EMULATION_TAP, err);

	*ret_status = 125;
	if (r == 0)
		r = refuse_filter(box, err);
	if (r < 0)
		return err_wrap(err, "engine '%s' cannot run this", engine_ptrace.name);
	if (box->root.kind == BOX_ROOT_OVERLAY) {
		if (job->made)
			job->made->overlay_refused = true;
		return fail_plain(err, ENOTSUP, "engine ptrace cannot stack layers");
	}
	if (job->emulation)
		return run_emulated(job, ret_status, err);
	if (box->uid != geteuid() || box->gid != getegid())
		return run_as_other(job, ret_status, err);
	return run_traced(job, ret_status, err);
}

static int probe(struct host *host, const struct box *box, struct err *ret_why_not)
{
	static const enum host_fact needs[] = { HOST_PTRACE, HOST_OPENAT2 };
	int r;

	for (size_t i = 0; i < array_count(needs); i++)
		if (!host_fact(host, needs[i])->usable)
			return host_refuse(host, needs[i], ret_why_not);
	if (tap_is_active()) /* which starts each program itself, as we would */
		return scene_refuse_second("there is a tap in this process", "a tracer",
					   ret_why_not);
	r = scene_refuse(box, box->emulation == BOX_EMULATION_TAP, ret_why_not);
	if (r == 0)
		r = refuse_filter(box, ret_why_not);
	if (r == 0 && is_asked_before())
		err_hint(ret_why_not, "%s", asked_before_us);
	return r;
}

const struct engine engine_ptrace = {
	.name = "ptrace",
	.summary = "no namespaces: paths are translated by a tracer",
	.probe = probe,
	.run = run,
};
