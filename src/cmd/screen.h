/* SPDX-License-Identifier: Apache-2.0 */
/* Lines at the bottom of a terminal that are drawn again and again in place, below others that
 * scroll away. One drawing is one write(2), so that other output is not torn apart:
 *
 *	screen_begin(&screen);                    // back to where the last drawing began
 *	screen_add(&screen, text, STYLE_PLAIN);   // stays: scrolls away
 *	screen_add_running(&screen, text, ...);   // drawn over by the next drawing
 *	screen_end(&screen);
 *
 * The terminal may change its size between drawings: lines drawn for a wider one are then folded
 * into several, which screen_begin reckons with. */
#ifndef CMD_SCREEN_H
#define CMD_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum screen_style { STYLE_PLAIN, STYLE_BOLD, STYLE_FAINT, STYLE_ERROR };

struct screen {
	int fd;
	bool color;
	unsigned rows; /* of the terminal, at the last screen_begin */
	unsigned columns;
	struct buf out;	 /* the drawing under way */
	unsigned *drawn; /* the width of each running line on the screen */
	size_t drawn_count;
	size_t drawn_room;
};

/* Can fd be drawn on? A terminal, and no dumb one. */
bool screen_is_possible(int fd);
/* Colours unless NO_COLOR is set. */
void screen_init(struct screen *screen, int fd);
/* What is drawn stays on the screen. */
void screen_done(struct screen *screen);

void screen_begin(struct screen *screen);
/* A line cut to the width of the terminal, without what would confuse it (screen_fit). `head_bytes`
 * of it have the style, the rest is plain. */
void screen_add(struct screen *screen, const char *text, size_t head_bytes,
		enum screen_style style);
/* As screen_add. False, and nothing is added, when no row is left. */
bool screen_add_running(struct screen *screen, const char *text, size_t head_bytes,
			enum screen_style style);
void screen_end(struct screen *screen);

/* Append text as a terminal shows it in at most `columns`: tabs become blanks; escape sequences,
 * control characters and broken UTF-8 are left out. Returns the columns used. */
unsigned screen_fit(struct buf *out, const char *text, unsigned columns);

#endif
