// SPDX-License-Identifier: Apache-2.0
/* A debugger and what it debugs, both under the tap. */
#include "torture.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/ptrace.h>
#include <sys/stat.h>

static char self[PATH_MAX];

#ifndef __WALL
#define __WALL 0x40000000
#endif

/* The next stop of the child: its signal, or -1 when it has ended with ret_status. */
static int next_stop(pid_t pid, int *ret_status)
{
	int status;

	must(waitpid(pid, &status, __WALL) == pid);
	if (WIFSTOPPED(status))
		return WSTOPSIG(status);
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	return -1;
}

static bool is_mapped(pid_t pid)
{
	char line[PATH_MAX + 128];
	bool found = false;
	FILE *maps;

	snprintf(line, sizeof(line), "/proc/%d/maps", (int)pid);
	maps = fopen(line, "re");
	must(maps);
	while (fgets(line, sizeof(line), maps))
		found |= strstr(line, self) != NULL;
	must(fclose(maps) == 0);
	return found;
}

/* One stop, for the exec, at which the program is there; then it runs to its end. */
static void follow(pid_t pid)
{
	int status = 0;
	int stop = next_stop(pid, &status);

	must(stop == SIGTRAP);
	must(is_mapped(pid));
	must(ptrace(PTRACE_CONT, pid, NULL, NULL) == 0);
	stop = next_stop(pid, &status);
	must(stop == -1);
	must(status == 5);
}

static void a_vfork_child_is_traced_over_exec(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
			execl(self, self, "calls", (char *)NULL);
		_exit(9);
	}
	must(pid > 0);
	follow(pid);
}

static void a_fork_child_is_traced_over_exec(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		must(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
		raise(SIGSTOP);
		execl(self, self, "calls", (char *)NULL);
		_exit(9);
	}
	must(pid > 0);
	must(next_stop(pid, &status) == SIGSTOP);
	must(ptrace(PTRACE_CONT, pid, NULL, NULL) == 0);
	follow(pid);
}

static void a_vfork_child_that_cannot_exec_says_so(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execl("/nowhere", "nowhere", (char *)NULL);
		_exit(7);
	}
	must(wait_for(pid) == 7);
	must(in_child(execl("/bin/true", "true", (char *)NULL)) == 0);
}

static void what_was_never_traced_sees_no_stop(void)
{
	sigset_t blocked;

	must(sigprocmask(SIG_BLOCK, NULL, &blocked) == 0);
	must(!sigismember(&blocked, SIGTRAP));
	must(in_child(execl(self, self, "calls", (char *)NULL)) == 5);
}

static int make_calls(void);

/* Not with __WALL, as simple tracers do. What it does before its first stop is seen, as nobody has
 * used ptrace(2) on it yet: musl's raise(3) makes calls that trap, kill(2) is none of them. */
static void who_waits_for_a_tracee_sees_its_signals_only(void)
{
	pid_t pid = fork();
	int stops = 0;
	int status;

	must(pid >= 0);
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		kill(getpid(), SIGSTOP);
		make_calls();
		kill(getpid(), SIGUSR1);
		_exit(make_calls());
	}
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		stops++;
		must(WSTOPSIG(status) == (stops == 1 ? SIGSTOP : SIGUSR1));
		must(ptrace(PTRACE_CONT, pid, NULL, NULL) == 0);
	}
	must(stops == 2);
	must(WIFEXITED(status) && WEXITSTATUS(status) == 5);
}

static int make_calls(void)
{
	struct stat st;
	sigset_t blocked;

	for (int i = 0; i < 100; i++)
		must(stat("/etc/passwd", &st) == 0);
	must(sigprocmask(SIG_BLOCK, NULL, &blocked) == 0);
	must(!sigismember(&blocked, SIGTRAP));
	return 5;
}

static const struct claim claims[] = {
	CLAIM(a_vfork_child_is_traced_over_exec),
	CLAIM(a_fork_child_is_traced_over_exec),
	CLAIM(a_vfork_child_that_cannot_exec_says_so),
	CLAIM(what_was_never_traced_sees_no_stop),
	CLAIM(who_waits_for_a_tracee_sees_its_signals_only),
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	must(realpath("/proc/self/exe", self));
	if (argc > 1 && strcmp(argv[1], "calls") == 0)
		return make_calls();
	return run_claims(claims, argc, argv);
}
