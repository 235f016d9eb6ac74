// SPDX-License-Identifier: Apache-2.0
#include "cmd/screen.h"

#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"

#define ROWS_DEFAULT	24
#define COLUMNS_DEFAULT 80
#define TAB_COLUMNS	8
#define CLEAR_LINE	"\x1b[K"
#define CLEAR_BELOW	"\x1b[J"

bool screen_is_possible(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

static void measure(struct screen *screen)
{
	struct winsize size = { 0 };

	screen->rows = ROWS_DEFAULT;
	screen->columns = COLUMNS_DEFAULT;
	if (ioctl(screen->fd, TIOCGWINSZ, &size) < 0)
		return;
	if (size.ws_row > 1)
		screen->rows = size.ws_row;
	if (size.ws_col > 1)
		screen->columns = size.ws_col;
}

void screen_init(struct screen *screen, int fd)
{
	const char *no_color = getenv("NO_COLOR");

	*screen = (struct screen){ .fd = fd, .color = !(no_color && *no_color) };
	measure(screen);
}

void screen_done(struct screen *screen)
{
	buf_done(&screen->out);
	free(screen->drawn);
	*screen = (struct screen){ .fd = -1 };
}

/* ---- text that fits ---- */

/* Bytes of the escape sequence at `text`: CSI up to its final byte, OSC up to BEL or ST, else the
 * two bytes that all others have (ECMA-48). */
static size_t escape_length(const char *text)
{
	size_t at = 2;

	if (!text[1])
		return 1;
	if (text[1] == '[') {
		while (text[at] && (text[at] < 0x40 || text[at] > 0x7e))
			at++;
		return text[at] ? at + 1 : at;
	}
	if (text[1] != ']')
		return at;
	while (text[at] && text[at] != '\a' && !(text[at] == '\x1b' && text[at + 1] == '\\'))
		at++;
	return text[at] == '\a' ? at + 1 : text[at] ? at + 2 : at;
}

/* The length of the UTF-8 character at `text` and its value; 0 when it is broken. */
static size_t decode(const char *text, uint32_t *ret_value)
{
	unsigned char first = (unsigned char)*text;
	size_t length = first < 0x80   ? 1
			: first < 0xc2 ? 0
			: first < 0xe0 ? 2
			: first < 0xf0 ? 3
			: first < 0xf5 ? 4
				       : 0;
	uint32_t value = length > 1 ? first & (0x7fu >> length) : first;

	for (size_t i = 1; i < length; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | ((unsigned char)text[i] & 0x3fu);
	}
	*ret_value = value;
	return length;
}

/* Without a locale there is no wcwidth(3). Counting a character too wide only cuts the line early,
 * counting it too narrow folds it: so all that may be wide is. */
static unsigned width_of(uint32_t value)
{
	if ((value >= 0x300 && value < 0x370) || (value >= 0x200b && value < 0x2010) ||
	    (value >= 0xfe00 && value < 0xfe10))
		return 0; /* combining marks, joiners, variation selectors */
	return value >= 0x1100 && !(value >= 0x2000 && value < 0x2e80) ? 2 : 1;
}

unsigned screen_fit(struct buf *out, const char *text, unsigned columns)
{
	unsigned used = 0;

	while (*text) {
		uint32_t value = 0;
		size_t length = decode(text, &value);
		unsigned width = value == '\t' ? TAB_COLUMNS - used % TAB_COLUMNS : width_of(value);

		if (*text == '\x1b') {
			text += escape_length(text);
			continue;
		}
		if (length == 0 || (value < ' ' && value != '\t') ||
		    (value >= 0x7f && value < 0xa0)) {
			text += length ? length : 1;
			continue;
		}
		if (used + width > columns)
			break;
		if (value == '\t')
			buf_printf(out, "%*s", (int)width, "");
		else
			buf_add(out, text, length);
		used += width;
		text += length;
	}
	return used;
}

/* ---- drawing ---- */

void screen_begin(struct screen *screen)
{
	unsigned rows = 0;

	measure(screen);
	for (size_t i = 0; i < screen->drawn_count; i++) /* an empty line takes a row, too */
		rows += screen->drawn[i] ? (screen->drawn[i] - 1) / screen->columns + 1 : 1;
	if (rows > 0)
		buf_printf(&screen->out, "\x1b[%uA", rows);
	buf_add_char(&screen->out, '\r');
	screen->drawn_count = 0;
}

static unsigned add_line(struct screen *screen, const char *text, size_t head_bytes,
			 enum screen_style style)
{
	static const char *const styles[] = { [STYLE_PLAIN] = "",
					      [STYLE_BOLD] = "\x1b[1m",
					      [STYLE_FAINT] = "\x1b[2m",
					      [STYLE_ERROR] = "\x1b[1;31m" };
	bool styled = screen->color && style != STYLE_PLAIN;
	auto_buf head = { 0 };
	unsigned used;

	buf_add(&head, text, head_bytes);
	if (styled)
		buf_add_text(&screen->out, styles[style]);
	/* one column less: some terminals fold a line that fills them */
	used = screen_fit(&screen->out, buf_text(&head), screen->columns - 1);
	if (styled)
		buf_add_text(&screen->out, "\x1b[0m");
	used += screen_fit(&screen->out, text + head_bytes, screen->columns - 1 - used);
	buf_add_text(&screen->out, CLEAR_LINE "\n");
	return used;
}

void screen_add(struct screen *screen, const char *text, size_t head_bytes, enum screen_style style)
{
	add_line(screen, text, head_bytes, style);
}

bool screen_add_running(struct screen *screen, const char *text, size_t head_bytes,
			enum screen_style style)
{
	if (screen->drawn_count + 1 >= screen->rows)
		return false;
	if (screen->drawn_count == screen->drawn_room) {
		screen->drawn_room = screen->drawn_room ? screen->drawn_room * 2 : 16;
		screen->drawn = memory_resize(screen->drawn, screen->drawn_room,
					      sizeof(*screen->drawn));
	}
	screen->drawn[screen->drawn_count++] = add_line(screen, text, head_bytes, style);
	return true;
}

void screen_end(struct screen *screen)
{
	buf_add_text(&screen->out, CLEAR_BELOW);
	(void)io_write_all(screen->fd, screen->out.bytes, screen->out.size_bytes);
	buf_truncate(&screen->out, 0);
}
