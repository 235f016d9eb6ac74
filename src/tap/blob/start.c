// SPDX-License-Identifier: Apache-2.0
/* The first instructions of every program: find the session, take SIGSYS, map the target, make
 * everything look as if the kernel had started it, and jump.
 *
 * What the kernel executes is our first page alone (session.c). It maps all of us from another file
 * with the same bytes, over itself: the file that was executed is then mapped no longer, which is
 * what the kernel asks before it lets /proc/self/exe be changed. Each call returns to the same
 * instruction, now in the other file. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <string.h>

#include "tap/blob/blob.h"
#include "tap/blob/exe.h"
#include "tap/blob/fds.h"
#include "tap/blob/signals.h"
#include "tap/blob/text.h"
#include "tap/blob/view.h"
#include "tap/blob/watch.h"
#include "tap/control.h"
#include "tap/elf_file.h"
#include "tap/native.h"

struct program {
	struct tap_control control;
	const char *path;
	unsigned long *stack; /* where argc will stand */
	struct elf_image image;
	unsigned long interpreter_bias;
	unsigned long entry;
	unsigned header_count;
	bool wants_executable_stack;
};

HOT static struct program program;

/* From the linker script. */
extern char tap_text_end[], tap_data[], tap_data_end[];

#define FIRST_PAGE __attribute__((section(".text.first"), noinline))

_Noreturn void tap_start(unsigned long *stack);
_Noreturn void tap_begin(unsigned long *stack);

/* Nothing outside the first page is there yet, no other function, no constant, no variable. */
FIRST_PAGE _Noreturn void tap_begin(unsigned long *stack)
{
	const char *at = (const char *)stack[1]; /* PREFIX blob_fd:image_fd:... */
	unsigned long image_fd = 0;
	long r;

	for (int words = 0; stack[0] && *at && words < 2; at++)
		words += *at == ':';
	for (; stack[0] && *at && *at != ':'; at++)
		image_fd = image_fd << 4 | (unsigned)(*at >= 'a' ? *at - 'a' + 10 : *at - '0');
	r = raw6(__NR_mmap, TAP_BASE, tap_text_end - (char *)TAP_BASE, PROT_READ | PROT_EXEC,
		 MAP_PRIVATE | MAP_FIXED, image_fd, 0);
	if (!raw_is_error(r))
		r = raw6(__NR_mmap, tap_data, tap_data_end - tap_data, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (raw_is_error(r))
		raw1(__NR_exit_group, 125);
	tap_start(stack);
}

static void open_session(void)
{
	const struct tap_control *control = &program.control;
	const struct tap_page *page;
	int r;

	tap.blob_fd = control->blob_fd;
	tap.image_fd = control->image_fd;
	tap.exe_fd = tap.root_fd = -1;
	r = lies_map(&tap.lies, control->table_fd, (void *)TAP_TABLE_BASE, false);
	if (r < 0)
		tap_die("cannot map the session's table", r);
	page = tap_page_of(&tap.lies);
	if (page->magic != TAP_PAGE_MAGIC)
		tap_die("the table is not one of a session", -EUCLEAN);
	tap.page = page;
	tap.root = page->flags & TAP_PAGE_ROOT;
	tap.host_tree = page->flags & TAP_PAGE_HOST_TREE;
	tap.all_root = (page->flags & TAP_PAGE_ONE_ID) ||
		       (tap.host_tree && !(page->flags & TAP_PAGE_UNKNOWN_IS_REAL));
	if (page->flags & TAP_PAGE_TRANSLATE)
		view_open(control->chroot);
}

static void install_filter(void)
{
	struct {
		unsigned short count;
		const struct sock_filter *filter;
	} filter = { (unsigned short)tap.page->filter_count, tap.page->filter };
	long r;

	raw5(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	r = raw3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &filter);
	if (r < 0)
		tap_die("cannot install the filter", r);
}

static void take_process(void)
{
	unsigned flags = program.control.flags;

	if (flags & TAP_CONTROL_IGNORED)
		process_first()->sys_action.handler = (unsigned long)SIG_IGN;
	if (flags & TAP_CONTROL_NO_NEW_PRIVS)
		process_first()->no_new_privs = true;
	if (flags & TAP_CONTROL_BLOCKED)
		signals_set_blocked(true);
	process_first()->watched = flags & TAP_CONTROL_WATCHED;
	process_first()->opens = flags & TAP_CONTROL_OPENS;
	process_first()->links = flags & TAP_CONTROL_LINKS;
	process_first()->probes = flags & TAP_CONTROL_PROBES;
	if (flags & TAP_CONTROL_FILTERED)
		process_first()->seccomp_mode = SECCOMP_MODE_FILTER;
	tap_take_signal();
	if (tap.root && (!creds_is_initial(&process_first()->creds) || tap.page->people_count))
		watch_creds();
	watch_opens();
}

#define SIGTRAP_BIT (1ul << (SIGTRAP - 1))

/* See debugger.c. */
static void take_trace(void)
{
	uint64_t trap = SIGTRAP_BIT;
	long pid = raw0(__NR_getpid);

	if (program.control.flags & (TAP_CONTROL_TRACE | TAP_CONTROL_TRACED))
		process_first()->trace = TRACE_ON;
	if (!(program.control.flags & TAP_CONTROL_TRACE) ||
	    raw4(__NR_ptrace, PTRACE_TRACEME, 0, 0, 0) < 0)
		return;
	raw4(__NR_rt_sigprocmask, SIG_BLOCK, &trap, NULL, 8);
	raw3(__NR_tgkill, pid, pid, SIGTRAP);
	program.control.flags |= TAP_CONTROL_TRAP_HELD;
}

static void stop_for_tracer(void)
{
	uint64_t trap = SIGTRAP_BIT;

	if (program.control.flags & TAP_CONTROL_TRAP_HELD)
		raw4(__NR_rt_sigprocmask, SIG_UNBLOCK, &trap, NULL, 8);
}

/* Headers are on the stack, whose pages the program is going to use anyway; in one function at a
 * time, for there are programs started with a stack of a few pages. */
#define ALONE __attribute__((noinline))

ALONE static void map_target(unsigned long random)
{
	int fd = program.control.target_fd;
	unsigned long pages = random & ((1ul << PIE_RANDOM_BITS) - 1);
	struct elf_file elf;
	int r = elf_read(fd, &elf);

	if (r == 0)
		r = elf_map(fd, &elf, PIE_BASE + pages * NATIVE_PAGE, &program.image);
	if (r < 0)
		tap_die("cannot map the program", r);
	program.entry = program.image.entry;
	program.header_count = elf.header.e_phnum;
	program.wants_executable_stack = elf.wants_executable_stack;
}

ALONE static void map_interpreter(void)
{
	struct elf_file elf;
	struct elf_image image;
	int fd = program.control.interpreter_fd;
	int r;

	if (fd < 0)
		return;
	r = elf_read(fd, &elf);
	if (r == 0)
		r = elf_map(fd, &elf, 0, &image);
	if (r < 0)
		tap_die("cannot map the program's interpreter", r);
	raw1(__NR_close, fd);
	if (program.control.flags & TAP_CONTROL_MUSL)
		text_know_musl(image.bias + elf.low);
	program.interpreter_bias = image.bias;
	program.entry = image.entry;
}

static void edit_auxv(unsigned long *auxv)
{
	const struct creds *creds = &process_first()->creds;

	native_edit_auxv(auxv, &(struct native_program){
				       .image = &program.image,
				       .header_count = program.header_count,
				       .interpreter_bias = program.interpreter_bias,
				       .path = program.path,
				       .has_ids = tap.root,
				       .uid = creds->user.real,
				       .euid = creds->user.effective,
				       .gid = creds->group.real,
				       .egid = creds->group.effective,
				       .has_secure = true,
				       .secure = program.control.flags & TAP_CONTROL_SECURE,
			       });
}

/* What /proc/PID/{cmdline,environ,auxv,exe} and brk(2) go by. */
static void tell_kernel(unsigned long *auxv, unsigned long random)
{
	struct native_map map = native_map_of(program.stack, auxv, &program.image, random);

	map.exe_fd = (uint32_t)program.control.target_fd;
	tap.exe_is_real = native_tell_map(&map);
	if (tap.exe_is_real)
		return;
	map.exe_fd = (uint32_t)-1;
	(void)native_tell_map(&map);
	exe_keep(program.control.target_fd);
	watch_links();
}

static void read_control(unsigned long *stack)
{
	const char *const *argv = (const char *const *)(stack + 1);

	if (stack[0] < 3 ||
	    tap_control_parse(argv[0], &program.control, &process_first()->creds) < 0)
		tap_die("runs programs for rootlet and cannot be used by itself", 0);
}

_Noreturn void tap_start(unsigned long *stack)
{
	unsigned long *auxv;
	unsigned long random;

	read_control(stack);
	tap.stack_top = (uintptr_t)stack;
	open_session();
	if (program.control.flags & TAP_CONTROL_FIRST)
		install_filter();
	take_process();
	take_trace();
	random = native_random();
	map_target(random);
	map_interpreter();
	program.path = (const char *)stack[2];
	program.stack = stack + 2;
	program.stack[0] = stack[0] - 2;
	auxv = native_auxv(program.stack);
	edit_auxv(auxv);
	tell_kernel(auxv, random);
	if (program.wants_executable_stack)
		native_make_stack_executable(program.stack);
	native_name_process(program.path);
	raw1(__NR_close, program.control.target_fd);
	stop_for_tracer();
	enter_program(program.entry, (unsigned long)program.stack);
}
