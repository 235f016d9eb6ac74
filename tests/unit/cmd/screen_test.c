// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/screen.h"

static const char *fit(const char *text, unsigned columns, unsigned expected_columns)
{
	static char copy[256];
	auto_buf out = { 0 };

	assert_int_equal(screen_fit(&out, text, columns), expected_columns);
	snprintf(copy, sizeof(copy), "%s", buf_text(&out));
	return copy;
}

test(text_is_cut_to_the_columns)
{
	assert_string_equal(fit("hello", 80, 5), "hello");
	assert_string_equal(fit("hello", 3, 3), "hel");
	assert_string_equal(fit("", 3, 0), "");
}

test(wide_characters_take_two_columns_and_are_never_halved)
{
	assert_string_equal(fit("\xe4\xb8\xad\xe6\x96\x87", 80, 4), "\xe4\xb8\xad\xe6\x96\x87");
	assert_string_equal(fit("\xe4\xb8\xad\xe6\x96\x87", 3, 2), "\xe4\xb8\xad");
	assert_string_equal(fit("a\xcc\x81z", 2, 2), "a\xcc\x81z"); /* a combining accent */
}

test(escape_sequences_and_control_characters_are_left_out)
{
	assert_string_equal(fit("\x1b[31mred\x1b[0m", 80, 3), "red");
	assert_string_equal(fit("\x1b]0;title\aone", 80, 3), "one");
	assert_string_equal(fit("\x1b]8;;http://x\x1b\\link", 80, 4), "link");
	assert_string_equal(fit("a\bb\x7f\x01", 80, 2), "ab");
	assert_string_equal(fit("\x1b", 80, 0), "");
	assert_string_equal(fit("x\x1b[", 80, 1), "x");
}

test(broken_utf8_is_left_out)
{
	assert_string_equal(fit("a\xff\xc3", 80, 1), "a");
	assert_string_equal(fit("\xc2\x9b"
				"31mx",
				80, 4),
			    "31mx"); /* CSI as one character */
}

test(tabs_become_blanks)
{
	assert_string_equal(fit("a\tb", 80, 9), "a       b");
	assert_string_equal(fit("a\tb", 5, 1), "a");
}

/* What the screen wrote into a terminal of that width. */
static size_t drain(int fd, char *text, size_t room)
{
	ssize_t n = read(fd, text, room - 1);

	text[n < 0 ? 0 : n] = '\0';
	return n < 0 ? 0 : (size_t)n;
}

static void draw(struct screen *screen, const char *text)
{
	screen_begin(screen);
	assert_true(screen_add_running(screen, text, 0, STYLE_PLAIN));
	screen_end(screen);
}

test(after_the_terminal_became_narrower_all_rows_are_drawn_over)
{
	struct winsize size = { .ws_row = 24, .ws_col = 40 };
	struct screen screen;
	char text[512];
	int master;
	int slave;

	assert_int_equal(openpty(&master, &slave, NULL, NULL, &size), 0);
	assert_int_equal(fcntl(master, F_SETFL, O_NONBLOCK), 0);
	screen_init(&screen, slave);
	draw(&screen, "thirty columns of running text");
	drain(master, text, sizeof(text));
	size.ws_col = 10;
	assert_int_equal(ioctl(slave, TIOCSWINSZ, &size), 0);
	draw(&screen, "thirty columns of running text");
	drain(master, text, sizeof(text));
	assert_non_null(strstr(text, "\x1b[3A"));
	assert_non_null(strstr(text, "thirty co\x1b[K")); /* one column stays free */
	assert_null(strstr(text, "thirty col"));
	screen_done(&screen);
	close(master);
	close(slave);
}

test(no_more_lines_run_than_the_terminal_has_rows)
{
	struct winsize size = { .ws_row = 3, .ws_col = 40 };
	struct screen screen;
	int master;
	int slave;

	assert_int_equal(openpty(&master, &slave, NULL, NULL, &size), 0);
	screen_init(&screen, slave);
	screen_begin(&screen);
	assert_true(screen_add_running(&screen, "one", 0, STYLE_PLAIN));
	assert_true(screen_add_running(&screen, "two", 0, STYLE_PLAIN));
	assert_false(screen_add_running(&screen, "three", 0, STYLE_PLAIN));
	screen_end(&screen);
	screen_done(&screen);
	close(master);
	close(slave);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(text_is_cut_to_the_columns),
		RUN(wide_characters_take_two_columns_and_are_never_halved),
		RUN(escape_sequences_and_control_characters_are_left_out),
		RUN(broken_utf8_is_left_out),
		RUN(tabs_become_blanks),
		RUN(after_the_terminal_became_narrower_all_rows_are_drawn_over),
		RUN(no_more_lines_run_than_the_terminal_has_rows),
	};

	return RUN_ALL(tests);
}
