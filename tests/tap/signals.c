// SPDX-License-Identifier: Apache-2.0
/* Programs that block, ignore, handle or send SIGSYS, and handlers where there is little room. */
#include "torture.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <ucontext.h>

static volatile sig_atomic_t count;
static siginfo_t last;

/* A call that is trapped under root emulation. */
static void call_something(void)
{
	struct stat st;

	must(stat("/etc/passwd", &st) == 0);
	must(getuid() == geteuid());
}

static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	last = *info;
	count++;
	call_something();
}

static void handle(int number, int flags)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags };

	sigfillset(&action.sa_mask);
	must(sigaction(number, &action, NULL) == 0);
}

static void everything_blocked_is_survived(void)
{
	sigset_t all;
	sigset_t now;

	sigfillset(&all);
	must(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
	call_something();
	must(sigprocmask(SIG_BLOCK, &all, &now) == 0);
	must(sigismember(&now, SIGSYS) == 1);
	must(sigismember(&now, SIGTERM) == 1);
}

static void a_sent_sigsys_waits_while_it_is_blocked(void)
{
	sigset_t set;
	sigset_t old;

	handle(SIGSYS, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	must(sigprocmask(SIG_BLOCK, &set, &old) == 0);
	must(sigismember(&old, SIGSYS) == 0);
	must(raise(SIGSYS) == 0);
	call_something();
	must(count == 0);
	must(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
	must(count == 1);
}

static void an_own_handler_gets_what_is_sent(void)
{
	union sigval value = { .sival_int = 4711 };
	struct sigaction old;

	handle(SIGSYS, 0);
	must(sigqueue(getpid(), SIGSYS, value) == 0);
	must(count == 1);
	must(last.si_code == SI_QUEUE);
	must(last.si_value.sival_int == 4711);
	must(sigaction(SIGSYS, NULL, &old) == 0);
	must(old.sa_sigaction == on_signal);
	must(sigismember(&old.sa_mask, SIGSYS) == 1);
}

static void a_reset_handler_is_called_once(void)
{
	handle(SIGSYS, (int)SA_RESETHAND);
	must(raise(SIGSYS) == 0);
	must(count == 1);
	must(in_child(raise(SIGSYS)) == -SIGSYS);
}

static void an_ignored_sigsys_is_ignored(void)
{
	must(signal(SIGSYS, SIG_IGN) == SIG_DFL);
	call_something();
	must(raise(SIGSYS) == 0);
	call_something();
	must(signal(SIGSYS, SIG_DFL) == SIG_IGN);
}

static void by_default_it_kills(void)
{
	must(in_child(raise(SIGSYS)) == -SIGSYS);
	must(in_child(kill(getpid(), SIGSYS)) == -SIGSYS);
}

static void full_masks_of_waiting_calls_are_survived(void)
{
	struct timespec soon = { 0, 1000 };
	struct epoll_event event;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	sigset_t all;
	sigset_t but_usr1;

	handle(SIGUSR1, 0);
	sigfillset(&all);
	but_usr1 = all;
	sigdelset(&but_usr1, SIGUSR1);
	must(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
	must(ppoll(NULL, 0, &soon, &all) == 0);
	must(count == 0);
	must(raise(SIGUSR1) == 0);
	must_fail(EINTR, ppoll(NULL, 0, NULL, &but_usr1));
	must(raise(SIGUSR1) == 0);
	must_fail(EINTR, pselect(0, NULL, NULL, NULL, NULL, &but_usr1));
	must(raise(SIGUSR1) == 0);
	must_fail(EINTR, epoll_pwait(epoll, &event, 1, -1, &but_usr1));
	must(raise(SIGUSR1) == 0);
	must_fail(EINTR, sigsuspend(&but_usr1));
	must(count == 4);
	call_something();
}

/* Kernels refuse less than this; two frames do not fit. */
static void small_alternate_stacks_are_enough(void)
{
	size_t size = getauxval(AT_MINSIGSTKSZ) + 4096;
	char *room = malloc(size);
	stack_t mine = { .ss_sp = room, .ss_size = size };
	stack_t said;

	must(sigaltstack(&mine, NULL) == 0);
	must(sigaltstack(NULL, &said) == 0);
	must(said.ss_sp == room && said.ss_size == size && said.ss_flags == 0);
	handle(SIGUSR1, SA_ONSTACK);
	for (int i = 0; i < 50; i++)
		must(raise(SIGUSR1) == 0);
	must(count == 50);
	must(in_child(must(raise(SIGUSR1) == 0)) == 0);
	mine.ss_flags = SS_DISABLE;
	must(sigaltstack(&mine, &said) == 0);
	must(said.ss_sp == room);
	must(sigaltstack(NULL, &said) == 0);
	must(said.ss_flags == SS_DISABLE);
	mine.ss_flags = 0;
	mine.ss_size = 100;
	must_fail(ENOMEM, sigaltstack(&mine, NULL));
	must_fail(EFAULT, syscall(SYS_sigaltstack, 8L, NULL));
}

static volatile int stack_flags;

static void on_stack(int number)
{
	stack_t said;

	(void)number;
	if (sigaltstack(NULL, &said) == 0)
		stack_flags = said.ss_flags;
	said.ss_flags = SS_DISABLE;
	must_fail(EPERM, sigaltstack(&said, NULL));
}

static void an_alternate_stack_in_use_is_said_to_be(void)
{
	static char room[65536];
	stack_t mine = { .ss_sp = room, .ss_size = sizeof(room) };
	struct sigaction action = { .sa_handler = on_stack, .sa_flags = SA_ONSTACK };

	must(sigaltstack(&mine, NULL) == 0);
	must(sigaction(SIGUSR1, &action, NULL) == 0);
	must(raise(SIGUSR1) == 0);
	must(stack_flags == SS_ONSTACK);
}

static void *use_small_stack(void *unused)
{
	char *room = malloc(8192);
	stack_t mine = { .ss_sp = room, .ss_size = 8192 };

	must(sigaltstack(&mine, NULL) == 0);
	call_something();
	pthread_kill(pthread_self(), SIGUSR1);
	mine.ss_flags = SS_DISABLE;
	must(sigaltstack(&mine, NULL) == 0);
	free(room);
	return unused;
}

static void threads_with_small_alternate_stacks_come_and_go(void)
{
	struct sigaction action = { .sa_handler = SIG_IGN };
	pthread_t thread[4];

	must(sigaction(SIGUSR2, &action, NULL) == 0);
	handle(SIGUSR1, SA_ONSTACK);
	for (int i = 0; i < 300; i++) {
		for (int t = 0; t < 4; t++)
			must(pthread_create(&thread[t], NULL, use_small_stack, NULL) == 0);
		for (int t = 0; t < 4; t++)
			pthread_join(thread[t], NULL);
	}
	must(count > 0);
}

static void on_signal_block_all(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	memset(&((ucontext_t *)context)->uc_sigmask, 0xff, 8);
}

static void a_handler_that_blocks_everything_in_its_context_is_survived(void)
{
	struct sigaction action = { .sa_sigaction = on_signal_block_all, .sa_flags = SA_SIGINFO };

	must(sigaction(SIGUSR1, &action, NULL) == 0);
	must(raise(SIGUSR1) == 0);
	call_something();
}

static sigjmp_buf out;

static void jump_out(int number)
{
	(void)number;
	siglongjmp(out, 1);
}

static void jumping_out_of_a_waiting_call_is_survived(void)
{
	char name[] = "/tmp/torture-XXXXXX";

	must(mkdtemp(name));
	must(chdir(name) == 0);
	must(mkfifo("fifo", 0600) == 0);
	signal(SIGALRM, jump_out);
	for (volatile int i = 0; i < 20; i++) {
		if (sigsetjmp(out, 1) == 0) {
			ualarm(2000, 0);
			open("fifo", O_WRONLY);
			must(!"a fifo without reader can be opened");
		}
		call_something();
	}
	must(unlink("fifo") == 0);
	must(rmdir(name) == 0);
}

static void a_storm_of_signals_is_survived(void)
{
	struct itimerval often = { { 0, 300 }, { 0, 300 } };

	handle(SIGALRM, SA_RESTART);
	must(setitimer(ITIMER_REAL, &often, NULL) == 0);
	while (count < 500)
		call_something();
}

static void *call_often(void *unused)
{
	for (int i = 0; i < 2000; i++)
		call_something();
	return unused;
}

static void threads_with_the_smallest_stacks_call(void)
{
	pthread_attr_t attributes;
	pthread_t thread[8];

	must(pthread_attr_init(&attributes) == 0);
	must(pthread_attr_setstacksize(&attributes, 16384) == 0);
	for (int i = 0; i < 8; i++)
		must(pthread_create(&thread[i], &attributes, call_often, NULL) == 0);
	for (int i = 0; i < 8; i++)
		pthread_join(thread[i], NULL);
}

static void a_vfork_child_does_not_change_its_parent(void)
{
	pid_t pid;

	handle(SIGSYS, 0);
	pid = vfork();
	if (pid == 0) {
		syscall(SYS_rt_sigaction, SIGSYS, &(char[64]){ 0 }, NULL, 8);
		_exit(0);
	}
	must(wait_for(pid) == 0);
	must(raise(SIGSYS) == 0);
	must(count == 1);
}

static void install(const struct sock_filter *filter, size_t instructions)
{
	struct sock_fprog program = { (unsigned short)instructions, (struct sock_filter *)filter };

	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	must(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	must(prctl(PR_GET_SECCOMP) == 0);
	must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
	must(prctl(PR_GET_SECCOMP) == 2);
}

#define LOAD_NUMBER BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define ANSWER(number, result) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, result)
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void filters_of_the_program_do_not_hit_us(void)
{
	static const struct sock_filter filter[] = {
		LOAD_NUMBER,
		ANSWER(SYS_statx, SECCOMP_RET_KILL_PROCESS),
		ANSWER(SYS_process_vm_writev, SECCOMP_RET_KILL_PROCESS),
		ANSWER(SYS_getppid, SECCOMP_RET_ERRNO | 77),
		ALLOW,
	};
	uid_t ids[3];

	install(filter, sizeof(filter) / sizeof(filter[0]));
	call_something();
	must(getresuid(&ids[0], &ids[1], &ids[2]) == 0);
	must_fail(77, syscall(SYS_getppid));
	must(in_child(execl("/bin/true", "true", (char *)NULL)) == 0);
}

static void on_filter(int number, siginfo_t *info, void *context)
{
	(void)number;
	last = *info;
	count++;
#if defined(__x86_64__)
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = 4711;
#else
	((ucontext_t *)context)->uc_mcontext.regs[0] = 4711;
#endif
}

static void traps_of_the_program_reach_its_own_handler(void)
{
	static const struct sock_filter filter[] = {
		LOAD_NUMBER,
		ANSWER(SYS_getppid, SECCOMP_RET_TRAP | 5),
		ALLOW,
	};
	struct sigaction action = { .sa_sigaction = on_filter, .sa_flags = SA_SIGINFO };

	must(sigaction(SIGSYS, &action, NULL) == 0);
	install(filter, sizeof(filter) / sizeof(filter[0]));
	must(syscall(SYS_getppid) == 4711);
	must(count == 1);
	must(last.si_errno == 5);
	must(last.si_syscall == SYS_getppid);
	call_something();
}

/* Calls that root emulation answers, and that it makes in their place. */
static void filters_of_the_program_decide_about_calls_we_answer(void)
{
	static const struct sock_filter filter[] = {
		LOAD_NUMBER,
		ANSWER(SYS_setuid, SECCOMP_RET_ERRNO | 77),
		ANSWER(SYS_fchown, SECCOMP_RET_ERRNO | 78),
		ANSWER(SYS_getresuid, SECCOMP_RET_TRAP | 5),
		ANSWER(SYS_fchmod, SECCOMP_RET_KILL_PROCESS),
		ALLOW,
	};
	struct sigaction action = { .sa_sigaction = on_filter, .sa_flags = SA_SIGINFO };
	int fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	must(fd >= 0);
	must(sigaction(SIGSYS, &action, NULL) == 0);
	install(filter, sizeof(filter) / sizeof(filter[0]));
	must_fail(77, syscall(SYS_setuid, getuid()));
	must_fail(78, syscall(SYS_fchown, fd, -1, -1));
	must(syscall(SYS_getresuid, 0, 0, 0) == 4711);
	must(count == 1 && last.si_errno == 5);
	must(syscall(SYS_setgid, getgid()) == 0);
	must(in_child(syscall(SYS_fchmod, -1, 0)) == -SIGSYS);
	must(in_child(execl("/proc/self/exe", "signals", "--filtered", (char *)NULL)) == 0);
}

static int look_after_exec(void)
{
	must(prctl(PR_GET_SECCOMP) == 2);
	must_fail(77, syscall(SYS_setuid, getuid()));
	return 0;
}

static void asking_for_seccomp_features_gets_true_answers(void)
{
	must_fail(EFAULT, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL));
	must_fail(EINVAL, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 1 << 20, NULL));
}

/* open(2) with every argument register checked: whoever replaces a call's arguments puts them back.
 */
#if defined(__x86_64__)
static void open_and_look(void)
{
	static const char path[] = "/proc/self/exe";
	long fd = SYS_openat, at = AT_FDCWD, flags = O_RDONLY | O_CLOEXEC;
	const char *given = path;
	register long fourth __asm__("r10") = 0x1234;
	register long fifth __asm__("r8") = 0x5678;
	register long sixth __asm__("r9") = 0x9abc;
	char magic[4];

	__asm__ volatile("syscall"
			 : "+a"(fd), "+D"(at), "+S"(given), "+d"(flags), "+r"(fourth), "+r"(fifth),
			   "+r"(sixth)
			 :
			 : "rcx", "r11", "memory");
	must(at == AT_FDCWD && given == path && flags == (O_RDONLY | O_CLOEXEC));
	must(fourth == 0x1234 && fifth == 0x5678 && sixth == 0x9abc);
	must(fd >= 0 && read((int)fd, magic, 4) == 4 && memcmp(magic, "\177ELF", 4) == 0);
	close((int)fd);
}
#else
static void open_and_look(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	must(fd >= 0);
	close(fd);
}
#endif

static volatile sig_atomic_t opened_in_handler;

static void open_in_handler(int number)
{
	(void)number;
	open_and_look();
	opened_in_handler = 1;
}

static void arguments_survive_calls_and_signals(void)
{
	struct itimerval often = { { 0, 2000 }, { 0, 2000 } };

	signal(SIGALRM, open_in_handler);
	must(setitimer(ITIMER_REAL, &often, NULL) == 0);
	for (int i = 0; i < 3000 || !opened_in_handler; i++)
		open_and_look();
}

static const struct claim claims[] = {
	CLAIM(everything_blocked_is_survived),
	CLAIM(a_sent_sigsys_waits_while_it_is_blocked),
	CLAIM(an_own_handler_gets_what_is_sent),
	CLAIM(a_reset_handler_is_called_once),
	CLAIM(an_ignored_sigsys_is_ignored),
	CLAIM(by_default_it_kills),
	CLAIM(full_masks_of_waiting_calls_are_survived),
	CLAIM(small_alternate_stacks_are_enough),
	CLAIM(an_alternate_stack_in_use_is_said_to_be),
	CLAIM(threads_with_small_alternate_stacks_come_and_go),
	CLAIM(a_handler_that_blocks_everything_in_its_context_is_survived),
	CLAIM(jumping_out_of_a_waiting_call_is_survived),
	CLAIM(a_storm_of_signals_is_survived),
	CLAIM(arguments_survive_calls_and_signals),
	CLAIM(threads_with_the_smallest_stacks_call),
	CLAIM(a_vfork_child_does_not_change_its_parent),
	CLAIM(filters_of_the_program_do_not_hit_us),
	CLAIM(traps_of_the_program_reach_its_own_handler),
	CLAIM(filters_of_the_program_decide_about_calls_we_answer),
	CLAIM(asking_for_seccomp_features_gets_true_answers),
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--filtered") == 0)
		return look_after_exec();
	return run_claims(claims, argc, argv);
}
