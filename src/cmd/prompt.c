// SPDX-License-Identifier: Apache-2.0
/* While a secret is typed the terminal does not echo; a signal that stops or ends the program must
 * first bring the echo back, so it is caught, noted, and raised again afterwards. */
#include "cmd/prompt.h"

#include <signal.h>
#include <string.h>
#include <termios.h>

#include "base/banned.h"
#include "base/io.h"

#define LINE_MAX_BYTES 4096

static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
static volatile sig_atomic_t signal_seen;

static void note(int number)
{
	signal_seen = number;
}

struct terminal {
	struct termios before;
	struct sigaction handlers[array_count(caught)];
	bool hidden;
};

static void hide(struct terminal *terminal)
{
	struct sigaction action = { .sa_handler = note }; /* no SA_RESTART: read must return */
	struct termios silent;

	if (tcgetattr(STDIN_FILENO, &terminal->before) < 0)
		return; /* not a terminal: nothing is echoed anyway */
	signal_seen = 0;
	for (size_t i = 0; i < array_count(caught); i++)
		sigaction(caught[i], &action, &terminal->handlers[i]);
	silent = terminal->before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	silent.c_lflag |= ECHONL;
	terminal->hidden = tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
}

static void show(struct terminal *terminal)
{
	if (!terminal->hidden)
		return;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal->before);
	for (size_t i = 0; i < array_count(caught); i++)
		sigaction(caught[i], &terminal->handlers[i], NULL);
	if (signal_seen)
		kill(getpid(), signal_seen);
}

/* Byte by byte: what follows the line belongs to whoever reads stdin next. */
static int read_line(struct buf *line, struct err *err)
{
	for (;;) {
		char c;
		ssize_t n = read(STDIN_FILENO, &c, 1);

		if (n < 0 && errno == EINTR && signal_seen)
			return fail_plain(err, EINTR, "interrupted");
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(err, errno, "read from stdin");
		if (n == 0)
			return fail_plain(err, EIO, "stdin ended before the answer");
		if (c == '\n')
			return 0;
		if (line->size_bytes == LINE_MAX_BYTES)
			return fail_plain(err, EFBIG, "the answer is longer than %d bytes",
					  LINE_MAX_BYTES);
		buf_add_char(line, c);
	}
}

int prompt_line(const char *question, bool secret, struct buf *line, struct err *err)
{
	struct terminal terminal = { 0 };
	int r;

	if (secret) /* first: the answer may be typed the moment the question is there */
		hide(&terminal);
	(void)io_write_all(STDERR_FILENO, question, strlen(question));
	r = read_line(line, err);
	show(&terminal);
	if (r >= 0 && line->size_bytes > 0 && line->bytes[line->size_bytes - 1] == '\r')
		buf_truncate(line, line->size_bytes - 1);
	return r;
}
