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
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/personality.h>

#include "tap/blob/blob.h"
#include "tap/blob/exe.h"
#include "tap/blob/fds.h"
#include "tap/blob/signals.h"
#include "tap/blob/text.h"
#include "tap/blob/view.h"
#include "tap/blob/watch.h"
#include "tap/control.h"
#include "tap/elf_file.h"

#define PAGE	   4096ul
#define BRK_RANDOM 0x2000000ul /* arch_randomize_brk */

/* linux/prctl.h's struct prctl_mm_map is not in every libc's headers under a usable name. */
struct memory_map {
	uint64_t start_code, end_code, start_data, end_data;
	uint64_t start_brk, brk, start_stack;
	uint64_t arg_start, arg_end, env_start, env_end;
	uint64_t *auxv;
	uint32_t auxv_bytes;
	uint32_t exe_fd;
};

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
	process_first()->probes = flags & TAP_CONTROL_PROBES;
	if (flags & TAP_CONTROL_FILTERED)
		process_first()->seccomp_mode = SECCOMP_MODE_FILTER;
	tap_take_signal();
	if (tap.root && (!creds_is_initial(&process_first()->creds) || tap.page->people_count))
		watch_creds();
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

static bool is_randomised(void)
{
	return !(raw1(__NR_personality, 0xffffffff) & ADDR_NO_RANDOMIZE);
}

static unsigned long random_word(void)
{
	unsigned long word = 0;

	if (is_randomised())
		raw3(__NR_getrandom, &word, sizeof(word), 0);
	return word;
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
		r = elf_map(fd, &elf, PIE_BASE + pages * PAGE, &program.image);
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

static unsigned long *skip_vector(unsigned long *at)
{
	while (*at)
		at++;
	return at + 1;
}

static unsigned long *find_auxv(void)
{
	unsigned long *arguments = program.stack + 1;

	return skip_vector(skip_vector(arguments));
}

static void edit_auxv(unsigned long *auxv)
{
	const struct creds *creds = &process_first()->creds;

	for (; auxv[0] != AT_NULL; auxv += 2) {
		switch (auxv[0]) {
		case AT_PHDR:
			auxv[1] = program.image.headers;
			break;
		case AT_PHENT:
			auxv[1] = sizeof(Elf64_Phdr);
			break;
		case AT_PHNUM:
			auxv[1] = program.header_count;
			break;
		case AT_BASE:
			auxv[1] = program.interpreter_bias;
			break;
		case AT_ENTRY:
			auxv[1] = program.image.entry;
			break;
		case AT_EXECFN:
			auxv[1] = (unsigned long)program.path;
			break;
		case AT_UID:
			auxv[1] = tap.root ? creds->user.real : auxv[1];
			break;
		case AT_EUID:
			auxv[1] = tap.root ? creds->user.effective : auxv[1];
			break;
		case AT_GID:
			auxv[1] = tap.root ? creds->group.real : auxv[1];
			break;
		case AT_EGID:
			auxv[1] = tap.root ? creds->group.effective : auxv[1];
			break;
		case AT_SECURE:
			auxv[1] = (program.control.flags & TAP_CONTROL_SECURE) != 0;
			break;
		default:
			break;
		}
	}
}

/* Where the strings of a vector begin and end; they lie one behind the other. */
static void measure_strings(const unsigned long *vector, uint64_t *ret_start, uint64_t *ret_end)
{
	if (!*vector)
		return;
	*ret_start = vector[0];
	while (vector[1])
		vector++;
	*ret_end = vector[0] + strlen((const char *)vector[0]) + 1;
}

/* What /proc/PID/{cmdline,environ,auxv,exe} and brk(2) go by. PR_SET_MM_MAP asks for no privilege
 * but for the exe link, and CONFIG_CHECKPOINT_RESTORE (set by every distribution). */
static void tell_kernel(unsigned long *auxv, unsigned long random)
{
	const struct elf_image *image = &program.image;
	unsigned long brk = (image->end_bss + PAGE - 1) & ~(PAGE - 1);
	struct memory_map map = {
		.start_code = image->start_code,
		.end_code = image->end_code > image->start_code ? image->end_code
								: image->start_code + 1,
		.start_data = image->start_data,
		.end_data = image->end_data,
		.start_stack = (unsigned long)program.stack,
		.auxv = auxv,
	};
	size_t words = 0;

	while (auxv[words] != AT_NULL)
		words += 2;
	map.auxv_bytes = (uint32_t)((words + 2) * sizeof(*auxv));
	brk += (random >> 32) % BRK_RANDOM & ~(PAGE - 1);
	map.start_brk = map.brk = brk;
	measure_strings(program.stack + 1, &map.arg_start, &map.arg_end);
	map.env_start = map.env_end = map.arg_end;
	measure_strings(skip_vector(program.stack + 1), &map.env_start, &map.env_end);
	map.exe_fd = (uint32_t)program.control.target_fd;
	tap.exe_is_real = raw5(__NR_prctl, PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0) == 0;
	if (tap.exe_is_real)
		return;
	map.exe_fd = (uint32_t)-1;
	raw5(__NR_prctl, PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0);
	exe_keep(program.control.target_fd);
}

static void name_process(void)
{
	const char *name = program.path;

	for (const char *at = program.path; *at; at++)
		if (*at == '/' && at[1])
			name = at + 1;
	raw2(__NR_prctl, PR_SET_NAME, name);
}

static void make_stack_executable(void)
{
	if (program.wants_executable_stack)
		raw3(__NR_mprotect, (unsigned long)program.stack & ~(PAGE - 1), PAGE,
		     PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN);
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
	open_session();
	if (program.control.flags & TAP_CONTROL_FIRST)
		install_filter();
	take_process();
	take_trace();
	random = random_word();
	map_target(random);
	map_interpreter();
	program.path = (const char *)stack[2];
	program.stack = stack + 2;
	program.stack[0] = stack[0] - 2;
	auxv = find_auxv();
	edit_auxv(auxv);
	tell_kernel(auxv, random);
	make_stack_executable();
	name_process();
	raw1(__NR_close, program.control.target_fd);
	stop_for_tracer();
	enter_program(program.entry, (unsigned long)program.stack);
}
