// SPDX-License-Identifier: Apache-2.0
/* The battery's begin: learn the surroundings, run each attempt in a process of its own, tell. */
#include <linux/time_types.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "battery/program/attempt.h"
#include "battery/program/verdict.h"

/* Ends an attempt that waits for ever; no attempt takes a second on a machine at rest. */
#define ATTEMPT_TIMEOUT_S 300

static const struct attempt *const subjects[] = {
	look_attempts,	read_attempts, change_attempts,	 execute_attempts, descriptor_attempts,
	mount_attempts, peer_attempts, machine_attempts, race_attempts,
};

static void write_text(const char *text)
{
	size_t left = text_length(text);

	while (left > 0) {
		long n = raw3(__NR_write, 1, text, left);

		if (n <= 0)
			return;
		text += n;
		left -= (size_t)n;
	}
}

/* ---- surroundings ---- */

static void add_way(const char *name, const char *a, const char *b, const char *c)
{
	struct way *way = &here.ways[here.way_count++];

	way->name = name;
	join(way->folder, a, b, c);
}

/* /proc/WHO/WHAT with something behind it, under a name that tells WHO. */
static void add_proc_way(const char *name, unsigned long who, const char *what, const char *rest)
{
	char number[24];
	char middle[PATH_SIZE];

	number_text(number, who);
	add_way(name, "/proc/", join(middle, number, what, ""), rest);
}

#define UP "/../../../../../../../../.."

/* BOTH is the first: each_way_outside leaves it out. */
static void find_ways(void)
{
	char buffer[PATH_SIZE];
	char number[24];
	char fd_rest[PATH_SIZE];
	unsigned long pid = (unsigned long)here.pid;

	join(fd_rest, UP, here.outside, "");
	add_way("a path that is inside, too", here.both, "", "");
	add_way("the path as it is", here.outside, "", "");
	add_way("an absolute symlink", BATTERY_LINKS, "/", BATTERY_ABSOLUTE);
	add_way("a symlink with '..'", BATTERY_LINKS, "/", BATTERY_DOTS);
	add_way("'..' above the root", UP, here.outside, "");
	add_way("'..' above a bind", BATTERY_BIND, "/../", "outside");
	add_way("a symlink in a bind", BATTERY_BIND, "/", BATTERY_LINK);
	add_way("/proc/self/root", "/proc/self/root", UP, here.outside);
	add_way("/proc/thread-self/root", "/proc/thread-self/root", UP, here.outside);
	add_way("/proc/1/root", "/proc/1/root", UP, here.outside);
	add_way("/proc/self/cwd/..", "/proc/self/cwd", UP, here.outside);
	number_text(number, (unsigned long)here.root_fd);
	add_way("/proc/self/fd/ROOT/..", "/proc/self/fd/", number, fd_rest);
	add_way("/dev/fd/ROOT/..", "/dev/fd/", number, fd_rest);
	number_text(number, (unsigned long)here.bind_fd);
	add_way("/proc/self/fd/BIND/..", "/proc/self/fd/", number, "/../outside");
	add_proc_way("/proc/PID/root", pid, "/root", here.outside);
	add_proc_way("/proc/PID/cwd", pid, "/cwd", "");
	number_text(number, BATTERY_FD);
	add_proc_way("/proc/PID/fd/FD", pid, join(buffer, "/fd/", number, ""), "");
	add_proc_way("/proc/PID/task/PID/root", pid, "/root", here.outside);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_number(const char *text, const char **ret_end)
{
	int number = 0;

	while (*text >= '0' && *text <= '9')
		number = number * 10 + (*text++ - '0');
	*ret_end = text;
	return number;
}

static void read_handle(const char *text)
{
	if (*text == '-')
		return;
	here.handle_type = parse_number(text, &text);
	if (*text++ != ':')
		return;
	while (here.handle_bytes < HANDLE_BYTES_MAX && hex_digit(text[0]) >= 0 &&
	       hex_digit(text[1]) >= 0) {
		here.handle[here.handle_bytes++] = (unsigned char)(hex_digit(text[0]) << 4 |
								   hex_digit(text[1]));
		text += 2;
	}
	here.has_handle = true;
}

static long open_at_number(const char *path, int number)
{
	long fd = raw4(__NR_openat, AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

	if (fd < 0 || fd == number)
		return fd;
	raw3(__NR_dup3, fd, number, O_CLOEXEC);
	raw1(__NR_close, fd);
	return number;
}

static void look_around(char **argv)
{
	const char *end;

	here.outside = argv[1];
	here.both = argv[2];
	here.pid = parse_number(argv[3], &end);
	read_handle(argv[4]);
	here.abstract = argv[5];
	here.root_fd = (int)open_at_number("/", 20);
	here.bind_fd = (int)open_at_number(BATTERY_BIND, 21);
	find_ways();
}

/* ---- running ---- */

static _Noreturn void be_attempt(const struct attempt *attempt)
{
	struct itimerval deadline = { .it_value.tv_sec = ATTEMPT_TIMEOUT_S };

	raw3(__NR_setitimer, ITIMER_REAL, &deadline, 0);
	attempt->run();
	end_process(0);
}

static void tell(const struct attempt *attempt)
{
	static const char *const outcomes[] = { BATTERY_HELD, BATTERY_REACHED, BATTERY_HUNG };
	char line[PATH_SIZE];
	const char *end = line + sizeof(line);
	char error[24];
	char *at = text_put(line, end, attempt->kind);

	number_text(error, (unsigned long)verdict->error);
	at = text_put(text_put(at, end, "\t"), end, attempt->name);
	at = text_put(text_put(at, end, "\t"), end, outcomes[verdict->outcome]);
	at = text_put(text_put(at, end, "\t"), end, error);
	at = text_put(text_put(at, end, "\t"), end, verdict->detail);
	text_put(at, end, "\n");
	write_text(line);
}

static void run_attempt(const struct attempt *attempt)
{
	long pid;
	long status;

	*verdict = (struct verdict){ .outcome = OUTCOME_HELD };
	pid = fork_process();
	if (pid == 0)
		be_attempt(attempt);
	status = pid < 0 ? pid : wait_for(pid);
	if (status < 0 || (status & 0x7f) == SIGALRM)
		verdict->outcome = OUTCOME_HUNG;
	tell(attempt);
}

static void run_all(void)
{
	verdict = (struct verdict *)raw6(__NR_mmap, 0, 4096, PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (raw_is_error((long)verdict))
		return;
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		for (const struct attempt *attempt = subjects[i]; attempt->name; attempt++)
			run_attempt(attempt);
	write_text(BATTERY_END "\n");
}

/* The stack at the start of a program: argc, argv, 0, environment. */
__attribute__((used)) _Noreturn void battery_begin(long *stack);

/* What attempts execute: with one word more it proves that it read the secret of that file, without
 * that it was run at all. */
static _Noreturn void prove(long argc, char **argv)
{
	char start[sizeof(BATTERY_PREFIX)] = "";
	long fd;

	if (argc != 2)
		end_process(BATTERY_PROOF);
	fd = raw4(__NR_openat, AT_FDCWD, argv[1], O_RDONLY, 0);
	raw3(__NR_read, fd, start, sizeof(start) - 1);
	end_process(text_same(start, BATTERY_PREFIX) ? BATTERY_PROOF : 0);
}

_Noreturn void battery_begin(long *stack)
{
	if (stack[0] != 6)
		prove(stack[0], (char **)(stack + 1));
	look_around((char **)(stack + 1));
	run_all();
	end_process(0);
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n"
	"\tcall battery_begin\n\thlt\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x0, sp\n\tbl battery_begin\n\tbrk #0\n");
#endif
