// SPDX-License-Identifier: Apache-2.0
/* execve(2): the file is looked up and checked here, through "#!" lines, while there is still a
 * caller to tell; what the process executes is the loader, which gets descriptors of ours to map
 * (tap/loader/loader.h). */
#include "engine/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/banned.h"
#include "base/log.h"
#include "engine/calls_file.h"
#include "tap/elf_file.h"
#include "tap/target.h"
#include "tap/traced.h"

#ifndef AT_EXECVE_CHECK /* Linux 6.14 */
#define AT_EXECVE_CHECK 0x10000
#endif

#define FRONT_MAX (2 + 2 * TARGET_SCRIPT_DEPTH)

struct execution {
	struct visit *visit;
	int dirfd;
	unsigned long path, argv, envp, flags;
	int file_fd;			     /* of what is executed in the end; readable */
	int interpreter_fd;		     /* -1: none */
	char program[PATHMAP_PATH_MAX + 32]; /* where file_fd is, in the guest */
	char name[PATHMAP_PATH_MAX + 32];    /* as it was asked for */
	char line[TARGET_SCRIPT_DEPTH][TARGET_LINE_BYTES + 1];
	/* What comes in front of the program's own arguments, of which the first is left out then;
	 * the end of the array is used. */
	const char *front[FRONT_MAX];
	size_t front_at;
	struct elf_file elf;
};

/* Too large for a stack, and only one is under way at a time. */
static struct execution the_execution;

/* A regular file that may be executed, open for reading. Opening anything else does things. */
static long open_program(struct visit *visit, struct spot *spot)
{
	char path[SPOT_PATH_MAX];
	struct stat st;
	int fd;

	if (fstat(spot->fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	spot_path_here(spot, path);
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return -errno;
	if (visit->calls->emulates && traced_may_search(spot->fd) < 0)
		return -EACCES;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

static long open_named(struct execution *execution, const char *name, char *ret_path)
{
	auto_spot spot = SPOT_NONE;
	long r = spot_find_text(execution->visit, AT_FDCWD, name, SPOT_FOLLOW | SPOT_FILE, &spot);

	if (r == 0 && ret_path)
		snprintf(ret_path, PATHMAP_PATH_MAX, "%s", *spot.path ? spot.path : "/");
	return r < 0 ? r : open_program(execution->visit, &spot);
}

/* As fs/exec.c, alloc_bprm makes it. */
static void name_program(struct execution *execution, const char *path)
{
	if (path[0] == '/' || execution->dirfd == AT_FDCWD)
		snprintf(execution->name, sizeof(execution->name), "%s", path);
	else
		snprintf(execution->name, sizeof(execution->name), "/dev/fd/%d%s%s",
			 execution->dirfd, *path ? "/" : "", path);
}

static long open_first(struct execution *execution)
{
	unsigned want = SPOT_FILE | (execution->flags & AT_SYMLINK_NOFOLLOW ? 0 : SPOT_FOLLOW) |
			(execution->flags & AT_EMPTY_PATH ? SPOT_EMPTY : 0);
	auto_spot spot = SPOT_NONE;
	long r = spot_find(execution->visit, execution->dirfd, execution->path, want, &spot);

	if (r < 0)
		return r;
	name_program(execution, execution->path ? execution->visit->calls->path[0] : "");
	snprintf(execution->program, sizeof(execution->program), "%s",
		 *spot.path ? spot.path : execution->name);
	return open_program(execution->visit, &spot);
}

static void put_front(struct execution *execution, const char *text)
{
	execution->front[--execution->front_at] = text;
}

/* "#!": fs/binfmt_script.c. */
static long open_interpreter(struct execution *execution, int depth, const char **script)
{
	char *line = execution->line[depth];
	char *argument;
	char *name;
	long r = target_split_line(line, strlen(line), &name, &argument);

	if (r < 0)
		return r;
	if (depth > 0)
		execution->front_at++;
	put_front(execution, *script);
	if (argument)
		put_front(execution, argument);
	put_front(execution, name);
	*script = name;
	return open_named(execution, name, execution->program);
}

static long find_program(struct execution *execution)
{
	const char *script = execution->name;
	long fd = open_first(execution);

	for (int depth = 0;; depth++) {
		char *line = execution->line[depth < TARGET_SCRIPT_DEPTH ? depth : 0];
		ssize_t size_bytes;

		if (fd < 0)
			return fd;
		cleanup_fd(&execution->file_fd);
		execution->file_fd = (int)fd;
		if (depth == TARGET_SCRIPT_DEPTH)
			return elf_read((int)fd, &execution->elf) == 0 ? 0 : -ELOOP;
		size_bytes = pread((int)fd, line, TARGET_LINE_BYTES, 0);
		if (size_bytes < 2 || line[0] != '#' || line[1] != '!')
			return size_bytes < 0 ? -errno : elf_read((int)fd, &execution->elf);
		line[size_bytes] = '\0';
		fd = open_interpreter(execution, depth, &script);
	}
}

static long find_loader(struct execution *execution)
{
	char name[PATHMAP_PATH_MAX];
	long fd;
	long r;

	if (!execution->elf.has_interpreter)
		return 0;
	r = elf_read_interpreter(execution->file_fd, &execution->elf, name, sizeof(name));
	if (r < 0)
		return r;
	fd = open_named(execution, name, NULL);
	if (fd < 0)
		return fd;
	execution->interpreter_fd = (int)fd;
	return 0;
}

/* --- arguments */

#define POINTERS_MAX ((LOADER_SLOT_BYTES - 8192) / sizeof(unsigned long))

static long count_arguments(struct visit *visit, unsigned long argv, unsigned long *ret_pointers,
			    size_t *ret_count)
{
	size_t count = 0;

	while (argv) {
		if (count == POINTERS_MAX)
			return -E2BIG;
		if (trace_read(visit->tracee->tid, argv + count * sizeof(long),
			       &ret_pointers[count], sizeof(long)) < 0)
			return -EFAULT;
		if (!ret_pointers[count])
			break;
		count++;
	}
	*ret_count = count;
	return 0;
}

/* The strings in front and a new vector, behind the path of what is executed. */
static long put_arguments(struct execution *execution)
{
	static unsigned long pointers[POINTERS_MAX + FRONT_MAX + 1];
	unsigned long *own = pointers + FRONT_MAX;
	struct visit *visit = execution->visit;
	size_t front = FRONT_MAX - execution->front_at;
	size_t offset = SPOT_PATH_MAX;
	unsigned long *first;
	size_t count = 0;
	unsigned long at;
	long r = count_arguments(visit, execution->argv, own, &count);

	if (r < 0)
		return r;
	if (count == 0)
		own[1] = 0;
	first = own + 1 - front;
	for (size_t i = 0; i < front; i++) {
		const char *text = execution->front[execution->front_at + i];

		if (offset + strlen(text) + 1 > 8192)
			return -E2BIG;
		first[i] = visit_put(visit, offset, text, strlen(text) + 1);
		if (!first[i])
			return -EFAULT;
		offset = (offset + strlen(text) + 16) & ~15ul;
	}
	count = front + (count ? count - 1 : 0);
	first[count] = 0;
	at = visit_put(visit, 8192, first, (count + 1) * sizeof(long));
	if (!at)
		return -EFAULT;
	execution->argv = at;
	return 0;
}

/* --- the plan */

static uint32_t add_text(struct loader_plan *plan, size_t *at, const char *text)
{
	size_t length = strlen(text) + 1;
	uint32_t start = (uint32_t)*at;

	memcpy(plan->text + *at, text, length);
	*at += length;
	return start;
}

static void make_plan(struct execution *execution)
{
	struct tracee *tracee = execution->visit->tracee;
	struct loader_plan *plan = tracee->plan;
	pid_t self = execution->visit->calls->self;
	char path[48];
	size_t at = 0;

	memset(plan, 0, offsetof(struct loader_plan, text));
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", self, execution->file_fd);
	add_text(plan, &at, path);
	if (execution->interpreter_fd >= 0) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", self, execution->interpreter_fd);
		plan->interpreter = add_text(plan, &at, path);
	}
	plan->name = add_text(plan, &at, execution->name);
	tracee->program_at = add_text(plan, &at, execution->program);
	tracee->program_fd[0] = take_fd(&execution->file_fd);
	tracee->program_fd[1] = take_fd(&execution->interpreter_fd);
}

static long put_loader(struct execution *execution)
{
	struct visit *visit = execution->visit;
	struct registers *registers = visit->registers;
	char path[48];
	unsigned long at;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", visit->calls->self, visit->calls->loader_fd);
	at = visit_put(visit, 0, path, strlen(path) + 1);
	if (!at)
		return -EFAULT;
	registers_set_call(registers, SYS_execve);
	*registers_arg(registers, 0) = at;
	*registers_arg(registers, 1) = execution->argv;
	*registers_arg(registers, 2) = execution->envp;
	return 0;
}

static void explain(const struct execution *execution, long error)
{
	if (error == -ENOEXEC && execution->elf.header.e_ident[EI_CLASS] == ELFCLASS32)
		log_info("'%s' is a program of 32 bits: the engine cannot carry it",
			 execution->name);
}

static enum call_verdict execute(struct execution *execution)
{
	struct tracee *tracee = execution->visit->tracee;
	long r = find_program(execution);

	if (r == 0)
		r = find_loader(execution);
	if (r == 0 && (execution->flags & AT_EXECVE_CHECK)) {
		cleanup_fd(&execution->file_fd);
		cleanup_fd(&execution->interpreter_fd);
		return visit_answer(execution->visit, 0);
	}
	if (r == 0 && execution->front_at < FRONT_MAX)
		r = put_arguments(execution);
	if (r == 0)
		r = put_loader(execution);
	if (r == 0) {
		make_plan(execution);
		tracee->executes = true;
	} else {
		explain(execution, r);
	}
	cleanup_fd(&execution->file_fd);
	cleanup_fd(&execution->interpreter_fd);
	return r < 0 ? visit_answer(execution->visit, r) : CALL_EDIT;
}

static void begin(struct visit *visit, int dirfd, unsigned first_arg)
{
	struct execution *execution = &the_execution;

	execution->visit = visit;
	execution->dirfd = dirfd;
	execution->path = visit_arg(visit, first_arg);
	execution->argv = visit_arg(visit, first_arg + 1);
	execution->envp = visit_arg(visit, first_arg + 2);
	execution->flags = 0;
	execution->file_fd = execution->interpreter_fd = -1;
	execution->front_at = FRONT_MAX;
	memset(&execution->elf.header, 0, sizeof(execution->elf.header));
}

enum call_verdict calls_execve(struct visit *visit)
{
	begin(visit, AT_FDCWD, 0);
	return execute(&the_execution);
}

enum call_verdict calls_execveat(struct visit *visit)
{
	const unsigned long known = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_EXECVE_CHECK;

	if (visit_arg(visit, 4) & ~known & 0xffffffffu)
		return visit_answer(visit, -EINVAL);
	begin(visit, visit_fd(visit, 0), 1);
	the_execution.flags = visit_arg(visit, 4);
	return execute(&the_execution);
}

int calls_executed(struct tracer *tracer, struct tracee *tracee)
{
	const struct calls *calls = tracer->context;
	struct subject *subject = tracee->subject;
	struct loader_plan *plan = tracee->plan;
	const char *program = plan->text + tracee->program_at;
	size_t length = strlen(program) + 1;

	if (calls->emulates) {
		traced_become(&subject->creds);
		plan->secure = traced_exec(tracee->program_fd[0], subject->no_new_privs);
		plan->has_ids = true;
		plan->uid = subject->creds.user.real;
		plan->euid = subject->creds.user.effective;
		plan->gid = subject->creds.group.real;
		plan->egid = subject->creds.group.effective;
	}
	plan->stops = tracee->debug.by != NULL;
	cleanup_fd(&subject->program_fd);
	subject->program_fd = fcntl(tracee->program_fd[0], F_DUPFD_CLOEXEC, 0);
	memcpy(subject->program, program, length);
	return trace_write(tracee->tid, LOADER_PLAN_AT, plan,
			   offsetof(struct loader_plan, text) + tracee->program_at);
}
