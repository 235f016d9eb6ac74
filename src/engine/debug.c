// SPDX-License-Identifier: Apache-2.0
#include "engine/debug.h"

#include <fcntl.h>
#include <linux/ptrace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/io.h"
#include "engine/tracer_stores.h"

#define STATUS(signal, event) ((int)((unsigned)(event) << 16 | (unsigned)(signal) << 8 | 0x7f))
#define EDGE_BIT	      0x80
#define KERNELS_OPTIONS	      (PTRACE_O_TRACEEXIT | PTRACE_O_TRACEVFORKDONE)

/* proc(5): "PID (name) state PPID"; the name may have parentheses. No heap: tracer.h. */
pid_t debug_parent_of(pid_t pid)
{
	char path[32];
	char text[512];
	const char *end;
	ssize_t length;
	auto_fd fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? -1 : io_read_full(fd, text, sizeof(text) - 1);
	if (length < 0)
		return 0;
	text[length] = '\0';
	end = strrchr(text, ')');
	return end && strlen(end) > 4 ? (pid_t)strtol(end + 4, NULL, 10) : 0;
}

/* --- whose */

void debug_begin(struct tracee *tracee, struct subject *by, unsigned options, bool is_seized)
{
	bool leads = tracee->tid == tracee->subject->pid;

	tracee->debug = (struct debug){
		.by = by,
		.options = options,
		.kernels = tracee->debug.kernels,
		.is_seized = is_seized,
		.is_child = leads && debug_parent_of(tracee->tid) == by->pid,
	};
	by->debugs++;
}

void debug_leave(struct tracee *tracee)
{
	tracee->debug.by->debugs--;
	tracee->debug.by = NULL;
	tracee->debug.loads = false;
}

void debug_abandon(struct tracer *tracer, const struct subject *by)
{
	struct tracee *tracee = NULL;

	while ((tracee = tracer_next(tracer, tracee))) {
		struct debug *debug = &tracee->debug;

		if (debug->by != by)
			continue;
		if (debug->options & PTRACE_O_EXITKILL)
			kill(tracee->tid, SIGKILL);
		debug_leave(tracee);
		if (debug->held && debug->stop == DEBUG_GROUP)
			trace_listen(tracee->tid);
		else if (debug->held)
			tracer_resume(tracer, tracee, 0);
		debug->held = false;
	}
	for (uint32_t i = 0; i < STORES_ENDS; i++)
		if (tracer->stores->end[i].by == by)
			tracer->stores->end[i].by = NULL;
}

void debug_inherit(struct tracee *child, const struct tracee *parent, unsigned event)
{
	const struct debug *debug = &parent->debug;

	child->debug.kernels = debug->kernels;
	if (!debug->by || !event || !(debug->options & 1u << event))
		return;
	debug_begin(child, debug->by, debug->options, debug->is_seized);
	child->debug.begins = true;
}

/* --- held */

static void hold(struct tracer *tracer, struct tracee *tracee, enum debug_stop stop, int status)
{
	struct debug *debug = &tracee->debug;

	debug->stop = (uint8_t)stop;
	debug->status = status;
	debug->since = ++tracer->debug_clock;
	debug->held = true;
	debug->told = debug->interrupts = debug->listens = debug->begins = false;
	debug_tell(tracer, tracee, debug->by);
}

static void hold_made(struct tracer *tracer, struct tracee *tracee, int status, int code)
{
	tracee->debug.info_signal = WSTOPSIG(status);
	tracee->debug.info_code = code;
	hold(tracer, tracee, DEBUG_MADE, status);
}

static void hold_edge(struct tracer *tracer, struct tracee *tracee)
{
	int bit = tracee->debug.options & PTRACE_O_TRACESYSGOOD ? EDGE_BIT : 0;

	hold(tracer, tracee, DEBUG_EDGE, STATUS(SIGTRAP | bit, 0));
}

void debug_go_on(struct tracer *tracer, struct tracee *tracee, int signal)
{
	struct debug *debug = &tracee->debug;
	bool shows_exit = debug->exit_due && debug->how == DEBUG_TO_EDGE;

	debug->exit_due = false;
	if (shows_exit) {
		hold_edge(tracer, tracee);
		return;
	}
	if (debug->trap_due)
		syscall(SYS_tgkill, tracee->subject->pid, tracee->tid, SIGTRAP);
	debug->trap_due = false;
	tracer_resume(tracer, tracee, signal);
}

/* --- stepping */

static bool is_prefix(unsigned char byte)
{
	return (byte & 0xf0) == 0x40 || byte == 0x66 || byte == 0x67 || byte == 0xf2 ||
	       byte == 0xf3 || byte == 0x2e || byte == 0x36 || byte == 0x3e || byte == 0x26 ||
	       byte == 0x64 || byte == 0x65;
}

/* Is the instruction syscall, sysenter, int? Where it cannot be read it is taken for one. */
static bool is_at_call(const struct tracee *tracee)
{
	struct registers registers;
	unsigned char byte[2];
	unsigned long at;

	if (trace_registers(tracee->tid, &registers) < 0)
		return true;
	at = registers_instruction(&registers);
	for (unsigned skipped = 0; skipped < 15; skipped++, at++) {
		if (trace_read(tracee->tid, at, byte, sizeof(byte)) < 0)
			return true;
		if (!is_prefix(byte[0]))
			return byte[0] == 0xcd ||
			       (byte[0] == 0x0f && (byte[1] == 0x05 || byte[1] == 0x34));
	}
	return true;
}

bool debug_may_step(const struct tracer *tracer, const struct tracee *tracee)
{
	if (tracee->debug.loads || tracee->finish || tracee->restores || tracee->in_call)
		return false;
	return tracer->by_filter || !is_at_call(tracee);
}

/* --- starting a program */

void debug_load(struct tracee *tracee)
{
	struct debug *debug = &tracee->debug;

	debug->loads = true;
	if (trace_message(tracee->tid, &debug->message) < 0)
		debug->message = 0;
}

static bool is_ready(struct registers *registers)
{
	unsigned long at = registers_instruction(registers);

	return at >= TAP_BASE && at < TAP_BASE + TAP_WINDOW &&
	       registers_call(registers) == SYS_getpid &&
	       *registers_arg(registers, 2) == LOADER_READY;
}

/* What is shown of an exec is shown here, where the program is there to be looked at. */
static void show_exec(struct tracer *tracer, struct tracee *tracee)
{
	struct debug *debug = &tracee->debug;

	if (debug->options & PTRACE_O_TRACEEXEC) {
		debug->exit_due = true;
		hold_made(tracer, tracee, STATUS(SIGTRAP, PTRACE_EVENT_EXEC),
			  SIGTRAP | PTRACE_EVENT_EXEC << 8);
		return;
	}
	debug->trap_due = !debug->is_seized;
	debug->exit_due = true;
	debug_go_on(tracer, tracee, 0);
}

static void at_loaders_edge(struct tracer *tracer, struct tracee *tracee, unsigned long edge)
{
	struct registers registers;

	if (trace_registers(tracee->tid, &registers) < 0)
		return;
	if (edge != PTRACE_EVENTMSG_SYSCALL_EXIT || !is_ready(&registers)) {
		trace_to_edge(tracee->tid, 0);
		return;
	}
	registers_begin_program(&registers, SYS_execve, *registers_arg(&registers, 0),
				*registers_arg(&registers, 1));
	if (trace_set_registers(tracee->tid, &registers) < 0)
		return;
	tracee->debug.loads = tracee->in_call = false;
	show_exec(tracer, tracee);
}

/* --- stops */

/* The kernel tells which edge it is; what the tracer is waiting for does not. */
static bool at_edge(struct tracer *tracer, struct tracee *tracee)
{
	struct debug *debug = &tracee->debug;
	unsigned long edge = 0;

	if (trace_message(tracee->tid, &edge) < 0)
		return true; /* killed: its end comes */
	if (debug->loads) {
		at_loaders_edge(tracer, tracee, edge);
		return true;
	}
	tracee->in_call = edge == PTRACE_EVENTMSG_SYSCALL_EXIT;
	if (tracee->in_call)
		return false;
	debug->skipped = false;
	if (debug->how == DEBUG_TO_EDGE) {
		debug->begin_due = !tracer->by_filter;
		hold_edge(tracer, tracee);
		return true;
	}
	if (tracer->by_filter) /* it stops again, for the filter */
		tracer_resume(tracer, tracee, 0);
	return tracer->by_filter;
}

/* PTRACE_EVENT_STOP: as the debugger asked for it, job control's news, or ours. */
static bool at_trap(struct tracer *tracer, struct tracee *tracee, int status)
{
	struct debug *debug = &tracee->debug;

	if (debug->begins && !debug->is_seized)
		hold_made(tracer, tracee, STATUS(SIGSTOP, 0), SI_USER);
	else if (debug->is_seized && (debug->begins || debug->interrupts || debug->listens))
		hold(tracer, tracee, DEBUG_AS_IT_IS, status);
	else
		return false;
	return true;
}

void debug_set_options(struct tracee *tracee)
{
	struct debug *debug = &tracee->debug;
	uint32_t kernels = debug->options & KERNELS_OPTIONS;

	if (kernels != debug->kernels && trace_set_more_options(tracee->tid, kernels) == 0)
		debug->kernels = kernels;
}

bool debug_stopped(struct tracer *tracer, struct tracee *tracee, int status)
{
	struct debug *debug = &tracee->debug;
	unsigned event = (unsigned)status >> 16;

	if (!debug->by)
		return false;
	debug_set_options(tracee);
	switch (trace_stop_of(status)) {
	case TRACE_STOP_EDGE:
		return at_edge(tracer, tracee);
	case TRACE_STOP_GROUP:
		if (debug->is_seized)
			hold(tracer, tracee, DEBUG_AS_IT_IS, status);
		else
			hold(tracer, tracee, DEBUG_GROUP, STATUS(WSTOPSIG(status), 0));
		return true;
	case TRACE_STOP_SIGNAL:
		hold(tracer, tracee, DEBUG_AS_IT_IS, status);
		return true;
	default:
		break;
	}
	if (event == PTRACE_EVENT_STOP)
		return at_trap(tracer, tracee, status);
	if (!(debug->options & 1u << event))
		return false;
	hold(tracer, tracee, DEBUG_AS_IT_IS, status);
	return true;
}

/* Of a call that we answered the kernel knows no number. */
static void name_call(struct tracee *tracee)
{
	struct registers registers;

	if (!tracee->debug.skipped || trace_registers(tracee->tid, &registers) < 0)
		return;
	registers_set_call(&registers, registers_call(&tracee->made));
	if (trace_set_registers(tracee->tid, &registers) == 0)
		tracee->debug.skipped = false;
}

bool debug_call_ended(struct tracer *tracer, struct tracee *tracee)
{
	struct debug *debug = &tracee->debug;

	if (!debug->by)
		return false;
	name_call(tracee);
	if (debug->how == DEBUG_TO_EDGE)
		hold_edge(tracer, tracee);
	else if (debug->how == DEBUG_STEPS)
		hold_made(tracer, tracee, STATUS(SIGTRAP, 0), TRAP_TRACE);
	return debug->held;
}

/* --- ends */

void debug_ended(struct tracer *tracer, const struct tracee *tracee, int status)
{
	struct tracer_stores *stores = tracer->stores;
	struct subject *by = tracee->debug.by;
	struct debug_end *end = &stores->end[stores->end_count % STORES_ENDS];

	if (!by || tracee->debug.is_child)
		return;
	stores->end_count++;
	if (end->by)
		end->by->debugs--;
	*end = (struct debug_end){
		.by = by, .tid = tracee->tid, .status = status, .since = ++tracer->debug_clock
	};
	by->debugs++;
	debug_tell(tracer, tracee, by);
}
