// SPDX-License-Identifier: Apache-2.0
/* Time commands against each other: lap ROUNDS AT-ONCE <COMMANDS
 *
 * Stdin has one command a line, its words separated by tabs. Each round runs every command once,
 * AT-ONCE copies of it at the same time, so that whatever disturbs the machine disturbs all of
 * them alike; each round in another order, for the kernel goes on taking apart what one left while
 * the next runs. Prints a line per round and command: "INDEX NANOSECONDS STATUS MAXRSS-KB". Small
 * and static, because a child's peak of memory starts with that of whoever forked it
 * (getrusage(2)). */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 32
#define WORDS_MAX    64

extern char **environ;

struct command {
	char *word[WORDS_MAX + 1];
};

static struct command commands[COMMANDS_MAX];

static int read_commands(void)
{
	char *line = NULL;
	size_t size = 0;
	int count = 0;

	while (count < COMMANDS_MAX && getline(&line, &size, stdin) > 0) {
		char *rest = strdup(line);
		int words = 0;

		rest[strcspn(rest, "\n")] = '\0';
		while (rest && words < WORDS_MAX)
			commands[count].word[words++] = strsep(&rest, "\t");
		count++;
	}
	free(line);
	return count;
}

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void time_once(int index, int at_once, const posix_spawn_file_actions_t *quiet)
{
	char **argv = commands[index].word;
	long long start = now_ns();
	long largest_kb = 0;
	int worst = 0;

	for (int i = 0; i < at_once; i++) {
		pid_t pid;

		if (posix_spawnp(&pid, argv[0], quiet, NULL, argv, environ) != 0)
			worst = 127;
	}
	for (;;) {
		struct rusage usage;
		int status;

		if (wait4(-1, &status, 0, &usage) < 0)
			break;
		if (status && !worst)
			worst = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		if (usage.ru_maxrss > largest_kb)
			largest_kb = usage.ru_maxrss;
	}
	printf("%d %lld %d %ld\n", index, now_ns() - start, worst, largest_kb);
}

/* The same orders in every lap. */
static void shuffle(int *order, int count, unsigned *seed)
{
	for (int i = count - 1; i > 0; i--) {
		int j = rand_r(seed) % (i + 1);
		int kept = order[i];

		order[i] = order[j];
		order[j] = kept;
	}
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t quiet;
	int rounds = argc > 2 ? (int)strtol(argv[1], NULL, 10) : 0;
	int at_once = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;
	int count = read_commands();
	int order[COMMANDS_MAX];
	unsigned seed = 1;

	if (rounds < 1 || at_once < 1) {
		fprintf(stderr, "usage: lap ROUNDS AT-ONCE <COMMANDS\n");
		return 125;
	}
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	for (int i = 0; i < count; i++)
		order[i] = i;
	for (int round = 0; round < rounds; round++) {
		shuffle(order, count, &seed);
		for (int i = 0; i < count; i++)
			time_once(order[i], at_once, &quiet);
	}
	return 0;
}
