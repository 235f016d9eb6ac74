// SPDX-License-Identifier: Apache-2.0
/* Threads that are cancelled, processes made with odd flags, entries to the kernel that few use. */
#include "torture.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

/* --- cancelling */

static int cleaned_up;
static pthread_barrier_t ready;
static int pipe_fds[2];

static void clean_up(void *count)
{
	(*(int *)count)++;
}

static void wait_in_sigsuspend(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigsuspend(&none);
}

static void wait_in_ppoll(void)
{
	struct pollfd fd = { pipe_fds[0], POLLIN, 0 };
	sigset_t none;

	sigemptyset(&none);
	ppoll(&fd, 1, NULL, &none);
}

static void wait_in_pselect(void)
{
	sigset_t none;
	fd_set set;

	sigemptyset(&none);
	FD_ZERO(&set);
	FD_SET(pipe_fds[0], &set);
	pselect(pipe_fds[0] + 1, &set, NULL, NULL, NULL, &none);
}

static void wait_in_read(void)
{
	char byte;

	must(read(pipe_fds[0], &byte, 1) == 1);
}

/* These are restarted by the kernel, after musl's handler, too. */
static char folder[32];
static char fifo[64];

static void wait_in_open(void)
{
	must(open(fifo, O_WRONLY) >= 0);
}

static int socket_fds[2];

static void wait_in_recvmsg(void)
{
	char byte;
	struct iovec room = { &byte, 1 };
	struct msghdr message = { .msg_iov = &room, .msg_iovlen = 1 };

	must(recvmsg(socket_fds[0], &message, 0) == 1);
}

static void make_waits(void)
{
	const int on = 1;

	strcpy(folder, "/tmp/torture-XXXXXX");
	must(mkdtemp(folder));
	snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
	must(mkfifo(fifo, 0600) == 0);
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, socket_fds) == 0);
	must(setsockopt(socket_fds[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0);
	must(pipe(pipe_fds) == 0);
}

static void wait_in_nothing(void)
{
	struct stat st;

	for (;;) {
		must(stat("/", &st) == 0);
		pthread_testcancel();
	}
}

static void *wait_for_end(void *wait)
{
	pthread_cleanup_push(clean_up, &cleaned_up);
	pthread_barrier_wait(&ready);
	for (;;)
		((void (*)(void))wait)();
	pthread_cleanup_pop(0);
	return NULL;
}

static void cancelled_threads_clean_up(void)
{
	void (*const waits[])(void) = { wait_in_sigsuspend, wait_in_ppoll, wait_in_pselect,
					wait_in_read,	    wait_in_open,  wait_in_recvmsg,
					wait_in_nothing };
	size_t count = sizeof(waits) / sizeof(waits[0]);

	make_waits();
	must(pthread_barrier_init(&ready, NULL, 2) == 0);
	for (int round = 0; round < 20; round++)
		for (size_t i = 0; i < count; i++) {
			pthread_t thread;
			void *result;

			must(pthread_create(&thread, NULL, wait_for_end, (void *)waits[i]) == 0);
			pthread_barrier_wait(&ready);
			if (round % 2)
				sched_yield();
			must(pthread_cancel(thread) == 0);
			must(pthread_join(thread, &result) == 0);
			must(result == PTHREAD_CANCELED);
		}
	must(unlink(fifo) == 0);
	must(rmdir(folder) == 0);
	must(cleaned_up == (int)(20 * count));
}

/* --- odd ways to make a process */

#define STACK_BYTES (256 << 10)

static char *new_stack(void)
{
	char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	must(stack != MAP_FAILED);
	return stack + STACK_BYTES;
}

static int call_and_exec(void *unused)
{
	struct stat st;

	(void)unused;
	for (int i = 0; i < 100; i++)
		if (stat("/etc/passwd", &st) < 0 || getuid() != 0)
			return 1;
	execl("/bin/sh", "sh", "-c", "exec /bin/true", (char *)NULL);
	return 2;
}

static void clones_with_odd_flags_call_and_exec(void)
{
	static const int flags[] = {
		0,
		CLONE_FILES,
		CLONE_FS,
		CLONE_VM,
		CLONE_VM | CLONE_FILES,
		CLONE_VM | CLONE_FS | CLONE_FILES,
		CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND,
		CLONE_VM | CLONE_VFORK,
		CLONE_VFORK,
		CLONE_IO | CLONE_SYSVSEM,
		CLONE_UNTRACED,
	};
	char *stack = new_stack();

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		pid_t pid = clone(call_and_exec, stack, flags[i] | SIGCHLD, NULL);

		must(pid > 0);
		must(wait_for(pid) == 0);
		must(in_child(execl("/bin/true", "true", (char *)NULL)) == 0);
	}
}

/* Its table of descriptors is ours, its memory is not. */
static int take_descriptors(void *unused)
{
	(void)unused;
	for (int fd = 980; fd < 1024; fd++)
		if (dup2(0, fd) != fd)
			return 1;
	return 0;
}

static void a_child_that_shares_descriptors_may_take_all(void)
{
	pid_t pid = clone(take_descriptors, new_stack(), CLONE_FILES | SIGCHLD, NULL);

	must(pid > 0);
	must(wait_for(pid) == 0);
	must(in_child(execl("/bin/true", "true", (char *)NULL)) == 0);
}

static int change_ids(void *unused)
{
	(void)unused;
	return setgid(34) || setuid(33) || getuid() != 33;
}

static void a_child_in_our_memory_does_not_change_who_we_are(void)
{
	pid_t pid = clone(change_ids, new_stack(), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);

	must(pid > 0);
	must(wait_for(pid) == 0);
	must(getuid() == 0 && getgid() == 0);
}

/* --- crashing */

static void on_fault(int number, siginfo_t *info, void *context)
{
	struct stat st;

	(void)number;
	(void)context;
	must(info->si_addr == (void *)16);
	must(stat("/etc/passwd", &st) == 0);
	_exit(42);
}

static void crashes_are_crashes(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	must(in_child(*(volatile int *)16 = 1) == -SIGSEGV);
	must(in_child(abort()) == -SIGABRT);
	must(in_child(__builtin_trap()) == -SIGILL);
	must(in_child(sigaction(SIGSEGV, &action, NULL); *(volatile int *)16 = 1) == 42);
}

#if defined(__x86_64__)

/* --- other ways into the kernel */

static bool has_vsyscall(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	bool found = false;

	must(maps);
	while (fgets(line, sizeof(line), maps))
		found |= strstr(line, "[vsyscall]") != NULL;
	must(fclose(maps) == 0);
	return found;
}

/* As time(2) and the old page know it; time(3) may be at the next second already. */
static time_t second_of_last_tick(void)
{
	struct timespec now;

	must(clock_gettime(CLOCK_REALTIME_COARSE, &now) == 0);
	return now.tv_sec;
}

static void the_vsyscall_page_answers(void)
{
	time_t (*old_time)(time_t *) = (time_t(*)(time_t *))0xffffffffff600400;
	time_t before = second_of_last_tick();

	if (!has_vsyscall())
		return;
	must(old_time(NULL) >= before);
	must(old_time(NULL) <= second_of_last_tick());
}

/* A 32-bit call from 64-bit code: refused under the tap, for it would go past it. */
static void the_32_bit_entry_is_closed(void)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "0"(20) : "r8", "r9", "r10", "r11", "memory");
	if (getenv("TORTURE_PATCHED"))
		must((int)r == -ENOSYS);
	else
		must((int)r == -ENOSYS || (int)r == getpid());
}

#endif

static const struct claim claims[] = {
	CLAIM(cancelled_threads_clean_up),
	CLAIM(clones_with_odd_flags_call_and_exec),
	CLAIM(a_child_that_shares_descriptors_may_take_all),
	CLAIM(a_child_in_our_memory_does_not_change_who_we_are),
	CLAIM(crashes_are_crashes),
#if defined(__x86_64__)
	CLAIM(the_vsyscall_page_answers),
	CLAIM(the_32_bit_entry_is_closed),
#endif
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return run_claims(claims, argc, argv);
}
