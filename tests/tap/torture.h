/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that do what is hard to carry: each claim is a function, run in a child of its own, so
 * that one which crashes does not take the others along.
 *
 *     PROGRAM            run all claims; names those that fail; 0 when none does
 *     PROGRAM CLAIM...   only these
 *
 * A claim holds on a bare kernel, too, unless it is about being root. */
#ifndef TORTURE_H
#define TORTURE_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct claim {
	const char *name;
	void (*check)(void);
};

#define must(condition)                                                                   \
	do {                                                                              \
		if (!(condition)) {                                                       \
			fprintf(stderr, "%s:%d: %s (errno %d: %s)\n", __FILE__, __LINE__, \
				#condition, errno, strerror(errno));                      \
			_exit(1);                                                         \
		}                                                                         \
	} while (0)

#define must_fail(error, call)                                                                   \
	do {                                                                                     \
		errno = 0;                                                                       \
		long result_ = (long)(call);                                                     \
		if (result_ != -1 || errno != (error)) {                                         \
			fprintf(stderr, "%s:%d: %s gave %ld, errno %d (%s), not %s\n", __FILE__, \
				__LINE__, #call, result_, errno, strerror(errno), #error);       \
			_exit(1);                                                                \
		}                                                                                \
	} while (0)

/* Exit status of a child, or -signal. */
static inline int wait_for(pid_t pid)
{
	int status;

	must(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Run statements in a child; its exit status, 0 when it comes to the end. */
#define in_child(...)                \
	__extension__({              \
		pid_t pid_ = fork(); \
		must(pid_ >= 0);     \
		if (pid_ == 0) {     \
			__VA_ARGS__; \
			_exit(0);    \
		}                    \
		wait_for(pid_);      \
	})

static inline bool is_wanted(const char *name, int argc, char **argv)
{
	if (argc < 2)
		return true;
	for (int i = 1; i < argc; i++)
		if (strcmp(name, argv[i]) == 0)
			return true;
	return false;
}

static inline int run_claims(const struct claim *claims, int argc, char **argv)
{
	int failures = 0;

	for (; claims->name; claims++) {
		int status;

		if (!is_wanted(claims->name, argc, argv))
			continue;
		status = in_child(prctl(PR_SET_PDEATHSIG, SIGKILL); alarm(600); claims->check());
		if (status != 0) {
			printf("not so: %s (%s %d)\n", claims->name,
			       status < 0 ? "signal" : "status", status < 0 ? -status : status);
			failures++;
		}
	}
	return failures != 0;
}

#define CLAIM(function)             \
	{                           \
#function, function \
	}

#endif
