// SPDX-License-Identifier: Apache-2.0
/* What attempts have in common: outcome, ways, and what libc would give. */
#include "battery/program/attempt.h"

#include <signal.h>

#include "battery/program/verdict.h"

struct surroundings here;
struct verdict *verdict;

_Noreturn void end_process(int status)
{
	for (;;)
		raw1(__NR_exit_group, status);
}

_Noreturn void reached(const char *how)
{
	text_put(verdict->detail, verdict->detail + sizeof(verdict->detail), how);
	verdict->outcome = OUTCOME_REACHED;
	end_process(0);
}

void refused(long result)
{
	if (verdict->error == 0 && result < 0)
		verdict->error = (int)-result;
}

void must_fail(long result, const char *how)
{
	if (!raw_is_error(result))
		reached(how);
	refused(result);
}

void must_not_read(long fd, const char *how)
{
	char start[sizeof(BATTERY_PREFIX)] = "";

	if (fd < 0) {
		refused(fd);
		return;
	}
	raw3(__NR_read, fd, start, sizeof(start) - 1);
	raw1(__NR_close, fd);
	if (text_same(start, BATTERY_PREFIX))
		reached(how);
}

const char *way_path(const struct way *way, const char *name)
{
	static char path[PATH_SIZE];

	return join(path, way->folder, "/", name);
}

size_t text_length(const char *text)
{
	size_t length = 0;

	while (((const volatile char *)text)[length])
		length++;
	return length;
}

bool text_begins(const char *text, const char *prefix)
{
	while (*prefix)
		if (*text++ != *prefix++)
			return false;
	return true;
}

bool text_same(const char *a, const char *b)
{
	return text_begins(a, b) && text_begins(b, a);
}

char *text_put(char *to, const char *end, const char *text)
{
	while (*text && to < end - 1)
		*to++ = *text++;
	*to = '\0';
	return to;
}

const char *join(char buffer[PATH_SIZE], const char *a, const char *b, const char *c)
{
	const char *end = buffer + PATH_SIZE;

	text_put(text_put(text_put(buffer, end, a), end, b), end, c);
	return buffer;
}

void number_text(char text[24], unsigned long number)
{
	char digits[24];
	size_t count = 0;

	do
		digits[count++] = (char)('0' + number % 10);
	while (number /= 10);
	while (count)
		*text++ = digits[--count];
	*text = '\0';
}

long fork_process(void)
{
	return raw5(__NR_clone, SIGCHLD, 0, 0, 0, 0);
}

long wait_for(long pid)
{
	int status = 0;
	long r;

	do
		r = raw4(__NR_wait4, pid, &status, 0, 0);
	while (r == -EINTR);
	return r < 0 ? r : status;
}

bool execute_proves(long (*execute)(const char *path), const char *path)
{
	long pid = fork_process();
	long status;

	if (pid == 0) {
		refused(execute(path));
		end_process(1);
	}
	status = pid < 0 ? pid : wait_for(pid);
	return status == BATTERY_PROOF << 8;
}
