/* SPDX-License-Identifier: Apache-2.0 */
/* Following a tree of processes through their system calls: who is there, whose memory and
 * credentials are shared, what each stop is about. What is done about a call is calls.h's.
 *
 * The tracer is the first process of a box; it was forked from a program with threads, so nothing
 * here takes memory from the heap: all of it is one mapping made beforehand. */
#ifndef ENGINE_TRACER_H
#define ENGINE_TRACER_H

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "pathmap/pathmap.h"
#include "rootemu/creds.h"
#include "sys/trace.h"
#include "tap/loader/loader.h"
#include "tap/tap.h"

#define TRACER_PROCESSES 16384

/* What is known of a working directory: spot.c. */
struct tracer_cwd {
	enum {
		CWD_UNKNOWN,
		CWD_CLEAR, /* nothing of the map's is below it */
		CWD_OTHER,
		CWD_SHARED, /* with a process that may change it unseen: never known */
	} state;
	int fd; /* O_PATH; -1 if not clear */
	uint32_t entry;
};

/* A process: what its threads share, but for memory. */
struct subject {
	uint32_t users; /* threads; 0: free */
	uint32_t next_free;
	pid_t pid;
	mode_t umask;
	bool no_new_privs;    /* as it asked for it itself, */
	uint8_t seccomp_mode; /* likewise */
	bool claims;	      /* in its last message it said to be these: */
	uint32_t claimed_uid, claimed_gid;
	int program_fd; /* of what it executes; -1: none is left */
	struct tracer_cwd cwd;
	char program[PATHMAP_PATH_MAX + 32]; /* in the guest, what /proc/PID/exe is to say */
	char root[PATHMAP_PATH_MAX]; /* after chroot(2): a path of the guest; "": all of it */
	uint32_t debugs;	     /* so many processes, and ends of such */
	struct creds creds;	     /* as it believes; last, its end is mostly not used */
};

/* An address space, which vfork(2) and clone(CLONE_VM) children share. */
struct space {
	uint32_t users;
	uint32_t next_free;
	bool has_loader;     /* there are slots */
	uint64_t slots_used; /* bit n: slot n */
};

struct tracee;

/* How a process that another one inside debugs goes on, and what the debugger is shown: debug.h. */
struct debug {
	struct subject *by; /* NULL: nobody */
	uint32_t options;   /* PTRACE_O_*, as the debugger asked for them, */
	uint32_t kernels;   /* and those of them that the kernel sees to */
	bool is_seized;	    /* by PTRACE_SEIZE, not PTRACE_ATTACH or PTRACE_TRACEME */
	bool is_child;	    /* of its debugger, which the kernel tells of its end */
	enum { DEBUG_RUNS, DEBUG_TO_EDGE, DEBUG_STEPS } how;
	bool begins;	 /* it is new, and has not stopped yet */
	bool interrupts; /* PTRACE_INTERRUPT was asked for */
	bool listens;	 /* PTRACE_LISTEN, likewise */
	bool loads;	 /* the loader runs; what it does is not shown */
	bool skipped;	 /* we answered the call that it is in */
	/* Held: stopped until its debugger lets it go on, and then this comes first: */
	bool held;
	bool exit_due;	/* the end of execve(2) is to be shown */
	bool trap_due;	/* the signal that tells of an exec */
	bool begin_due; /* the call at whose beginning it is was not looked at */
	/* What the debugger is told about it. */
	bool told;
	uint8_t stop;	/* enum debug_stop */
	int status;	/* as wait4(2) has it */
	uint64_t since; /* for what came first is told first */
	int info_signal, info_code;
	unsigned long message;
};

/* Who has ended, to be told to a debugger that is not the parent. */
struct debug_end {
	struct subject *by; /* NULL: free */
	pid_t tid;
	int status;
	uint64_t since;
};

/* What is to be done when the call it is in has been made. */
struct tracer;
typedef long call_finish(struct tracer *tracer, struct tracee *tracee, long result);

struct tracee {
	pid_t tid; /* 0: free */
	uint32_t next_free;
	uint32_t next_same; /* in its bucket */
	struct subject *subject;
	struct space *space;
	bool unborn;   /* it has stopped for the first time, and who made it has not yet said so */
	bool in_call;  /* its next edge is an end */
	bool executes; /* execve(2) of the loader is under way */
	bool is_through;     /* the call is made by the loader's code, and may be over */
	bool restores;	     /* the arguments as the program made the call are in `made` */
	int slot;	     /* that this call uses; -1: none */
	int held_fd;	     /* of ours, that the call goes by; -1: none */
	call_finish *finish; /* may be NULL */
	unsigned long finish_value;
	struct registers made;
	/* What is to be executed: the plan for the loader, and what it is to map. */
	struct loader_plan *plan;
	uint32_t program_at; /* in its text, behind what the loader needs: struct subject's program
			      */
	int program_fd[2];
	bool listens; /* its process is stopped by job control */
	/* It waits for others in wait4(2) or waitid(2); perhaps no longer, where that has no
	 * `finish`. */
	bool waits;
	bool waits_elsewhere; /* in ppoll(2): the kernel knows of nobody to wait for */
	bool is_called;	      /* back from there */
	struct registers wait_made;
	struct debug debug;
};

struct tracer_stores; /* the mapping */

struct tracer {
	bool by_filter; /* a filter stops those calls that matter; else all stop */
	pid_t command;
	int status; /* of the command, as a shell sees it */
	bool command_ended;
	bool ends; /* everybody has been killed */
	uint32_t unborn_count;
	uint32_t tracee_count;
	struct tracer_stores *stores;
	uint64_t debug_clock;
	void *context;		     /* calls.h */
	struct tap_refusal *refused; /* the last one, for the caller; may be NULL */
	/* A stop costs several times less when tracer and tracee are on one processor. So who was
	 * the only one to stop for a while is kept on ours, until another one does. */
	pid_t last;	  /* who stopped last, */
	unsigned streak;  /* that many times in a row */
	pid_t kept;	  /* 0: nobody */
	cpu_set_t others; /* where `kept` may run when it is not */
	cpu_set_t ours;	  /* where we may */
};

/* What a call's handler decides. */
enum call_verdict {
	CALL_GO,      /* as it is; registers were not changed */
	CALL_SKIP,    /* registers hold the answer (registers_answer) */
	CALL_EDIT,    /* registers were changed; tracee->made are to be restored afterwards */
	CALL_MADE,    /* tracer_make_call was used: it is at the end of its call */
	CALL_GONE,    /* killed meanwhile */
	CALL_THROUGH, /* it makes another call, elsewhere: loader.h */
};

/* Who a process is, or was, to whom it sent messages. */
struct tracer_person {
	pid_t pid;
	uint32_t uid, gid;	     /* effective */
	uint32_t said_uid, said_gid; /* with its last message */
};
/* false: none of ours, or one of many that are gone; those were root. */
bool tracer_who(struct tracer *tracer, pid_t pid, struct tracer_person *ret_person);

/* In the caller, before the fork. */
int tracer_init(struct tracer *tracer, struct err *err) must_check;
void tracer_done(struct tracer *tracer);

/* In the first process: trace `command`, which must be waiting for it (it is stopped for a
 * moment), */
int tracer_begin(struct tracer *tracer, pid_t command, struct err *err) must_check;
/* Who it believes to be from its first call on; root unless this is said. */
void tracer_set_creds(struct tracer *tracer, pid_t command, const struct creds *creds);
/* then see to it until it and all it started have ended: its status as a shell sees it. What it
 * leaves behind is killed. Signals that the first process passes on go to the command meanwhile. */
int tracer_follow(struct tracer *tracer);

/* The call, as it is in `registers`, is made now, while everybody else waits: for what does not
 * take long. Returns its result, or -ESRCH when the process was killed meanwhile. */
long tracer_make_call(struct tracer *tracer, struct tracee *tracee,
		      const struct registers *registers);

/* Memory of the process for changed arguments, until its call is over: the address, 0 when there
 * is none. */
unsigned long tracer_slot(struct tracee *tracee);

/* It is about to go elsewhere. */
void tracer_forget_cwd(struct subject *subject);

/* A process that was held goes on, with a signal or 0: debug.h. */
void tracer_resume(struct tracer *tracer, struct tracee *tracee, int signal);

struct tracee *tracer_find(struct tracer *tracer, pid_t tid); /* NULL: not ours */
/* Is it one of ours, or its parent: who has ended is not followed any more. */
bool tracer_owns(struct tracer *tracer, long pid);
/* All of them, one after another; NULL: the first, and after the last. */
struct tracee *tracer_next(struct tracer *tracer, const struct tracee *after);

/* In calls.c. */
enum call_verdict calls_begin(struct tracer *tracer, struct tracee *tracee,
			      struct registers *registers);
/* The loader has been executed, and waits for its plan. */
int calls_executed(struct tracer *tracer, struct tracee *tracee);

#endif
