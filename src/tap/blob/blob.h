/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the tap: its state in a process, and what its files offer each other.
 *
 * Rules for everything below: no libc; no locks, no heap and no state held over a call that may not
 * return (a signal handler may jump out of us, exec never comes back); memory of the program is
 * touched only through memory.h or where the kernel has just done so itself. */
#ifndef TAP_BLOB_BLOB_H
#define TAP_BLOB_BLOB_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#include "tap/blob/arch_x86_64.h"
#else
#include "tap/blob/arch_aarch64.h"
#endif
#include "rootemu/creds.h"
#include "rootemu/lies.h"
#include "sys/raw.h"
#include "tap/control.h"
#include "tap/session_page.h"

#define TAP_PATH_MAX 4096

/* One intercepted call. Handlers return what the program gets: a result or -errno. */
struct tap_call {
	long nr;
	long arg[6];
	ucontext_t *context; /* NULL when it came through a patched site */
};

struct tap_state {
	int blob_fd;
	int image_fd;
	struct lies lies;
	const struct tap_page *page;
	bool root; /* root emulation is on */
	bool host_tree;
	bool all_root;		       /* files nothing was said about are shown as root's */
	bool exe_is_real;	       /* /proc/self/exe needs no help */
	int exe_fd;		       /* what it shall lead to if it does, else -1 */
	uintptr_t stack_top;	       /* where the program's first stack began */
	int root_fd;		       /* of the map's root, where paths are translated, else -1 */
	const struct tap_place *place; /* NULL: paths are the kernel's */
	uint32_t place_version;	       /* of it, as far as this process knows */
};

extern struct tap_state tap;

/* struct sigaction as the kernel has it. */
struct kernel_action {
	unsigned long handler;
	unsigned long flags;
	unsigned long restorer;
	uint64_t mask;
};

/* ptrace(PTRACE_TRACEME), see debugger.c. */
enum trace { TRACE_OFF, TRACE_ON, TRACE_LATER };

/* Does the map have anything below the working directory? Nobody but the process itself changes
 * that, by chdir(2) and fchdir(2). */
enum cwd { CWD_UNKNOWN, CWD_CLEAR, CWD_ABOVE };

/* What belongs to a process and not to its memory: a vfork(2) child uses its parent's memory, but
 * what it changes here must not reach the parent. */
struct process {
	struct kernel_action sys_action; /* the program's idea of its SIGSYS disposition */
	unsigned long cancel_handler;	 /* its handler of CANCEL_SIGNAL, cancel.h */
	bool no_new_privs;
	uint8_t seccomp_mode;
	uint8_t trace;		     /* enum trace */
	bool restricted;	     /* by creds: files, processes and so on may be refused to it */
	bool watched;		     /* it has the second filter */
	bool opens;		     /* it has the filter of opens: watch.h */
	bool links;		     /* and that of symbolic links */
	bool probes;		     /* it has filters of its own, and they can be asked: probe.h */
	uint8_t cwd;		     /* enum cwd */
	uint8_t pivots;		     /* struct tap_place: so many have been heeded */
	char chroot[TAP_CHROOT_MAX]; /* guest path of its root; "": the guest's */
	struct creds creds;	     /* last: its end is long and mostly not used */
};

/* Is the memory we are in another process's, as a vfork(2) child's is? */
bool process_is_guest(void);
const struct process *process_read(void);
struct process *process_write(void);
/* At the start of a program: to be filled in. */
struct process *process_first(void);

/* State that every program needs lies together: each page touched is a page fault in every exec. */
#define HOT	 __attribute__((section(".bss.hot")))
#define HOT_LAST __attribute__((section(".bss.hot_last"))) /* only its beginning is */

/* So does text: blob.ld puts first what most programs run, this of files that few need. */
#define OFTEN __attribute__((section(".text.often")))

long tap_dispatch(struct tap_call *call);
void tap_take_signal(void);
void tap_restorer(void);

/* The call as the program made it, from our own address. */
static inline long pass(const struct tap_call *call)
{
	return raw_call(call->nr, call->arg[0], call->arg[1], call->arg[2], call->arg[3],
			call->arg[4], call->arg[5]);
}

/* Print to stderr and end as the kernel ends a program it could not start. */
_Noreturn void tap_die(const char *what, long error);

#endif
