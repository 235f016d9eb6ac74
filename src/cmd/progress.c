// SPDX-License-Identifier: Apache-2.0
/* The bars: finished items scroll away upwards as plain lines, running ones are drawn below and
 * redrawn in place (cmd/screen.h) at most ten times a second. */
#include "cmd/progress.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/strings.h"
#include "base/text.h"
#include "cmd/screen.h"

#define DRAW_EVERY_MS  100
#define RATE_WINDOW_MS 2000
#define LABEL_COLUMNS  18 /* "layer 4f0a1b2c3d4e" */
#define BAR_COLUMNS    16

enum mode { MODE_PLAIN, MODE_TTY, MODE_JSON };

struct item {
	unsigned number;
	char *label;
	const char *activity;
	uint64_t done_bytes;
	uint64_t total_bytes;
	/* for the rate: where it was at the start of this window and the last full one's result */
	uint64_t window_bytes;
	int64_t window_ms;
	uint64_t rate; /* bytes per second */
	int64_t shown_ms;
	struct item *next;
};

struct display {
	struct progress progress; /* first: a struct progress * is this */
	enum mode mode;
	struct screen screen;
	pthread_mutex_t lock;
	struct item *items; /* running, oldest first */
	int64_t drawn_ms;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void put(const struct buf *buf)
{
	(void)io_write_all(STDERR_FILENO, buf_text(buf), buf->size_bytes);
}

/* ---- items ---- */

static struct item **find(struct display *display, unsigned number)
{
	struct item **at = &display->items;

	while (*at && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

static struct item *begin(struct display *display, const struct progress_event *event)
{
	struct item **at = find(display, event->item);
	struct item *item = memory_zeroed(1, sizeof(*item));

	item->number = event->item;
	item->label = memory_copy_text(event->label);
	item->activity = event->activity ? event->activity : "";
	item->total_bytes = event->total_bytes;
	item->window_ms = now_ms();
	*at = item;
	return item;
}

static void measure(struct item *item, int64_t now)
{
	int64_t passed = now - item->window_ms;

	if (item->done_bytes < item->window_bytes) { /* work is repeated */
		item->window_bytes = item->done_bytes;
		item->window_ms = now;
	}
	if (passed < RATE_WINDOW_MS / 4)
		return;
	item->rate = (item->done_bytes - item->window_bytes) * 1000 / (uint64_t)passed;
	if (passed < RATE_WINDOW_MS)
		return;
	item->window_bytes = item->done_bytes;
	item->window_ms = now;
}

static void item_free(struct item *item)
{
	free(item->label);
	free(item);
}

/* ---- bars ---- */

static void add_bar(struct buf *line, const struct item *item)
{
	uint64_t done = item->done_bytes < item->total_bytes ? item->done_bytes : item->total_bytes;
	unsigned full = item->total_bytes
				? (unsigned)((double)done / (double)item->total_bytes * BAR_COLUMNS)
				: 0;

	buf_add_char(line, '[');
	for (unsigned i = 0; i < BAR_COLUMNS; i++)
		buf_add_char(line, i < full ? '=' : i == full ? '>' : ' ');
	buf_add_char(line, ']');
}

static void add_amounts(struct buf *line, const struct item *item)
{
	char done[16];
	char total[16];
	char rate[16];

	if (item->total_bytes) {
		add_bar(line, item);
		buf_printf(line, " %s / %s", number_format_size(item->done_bytes, done),
			   number_format_size(item->total_bytes, total));
	} else if (item->done_bytes) {
		buf_printf(line, "%s", number_format_size(item->done_bytes, done));
	}
	if (item->rate)
		buf_printf(line, ", %s/s", number_format_size(item->rate, rate));
}

static void add_size(struct buf *line, const struct item *item)
{
	char total[16];

	if (item->total_bytes)
		buf_add_text(line, number_format_size(item->total_bytes, total));
}

static void add_item(struct buf *line, const struct item *item, bool finished)
{
	buf_printf(line, "%-*.*s %-11s ", LABEL_COLUMNS, LABEL_COLUMNS, item->label,
		   item->activity);
	if (finished)
		add_size(line, item);
	else
		add_amounts(line, item);
}

static void draw(struct display *display, const struct item *finished)
{
	int64_t now = now_ms();
	auto_buf line = { 0 };

	screen_begin(&display->screen);
	if (finished) {
		add_item(&line, finished, true);
		screen_add(&display->screen, line.bytes, LABEL_COLUMNS, STYLE_BOLD);
	}
	for (struct item *item = display->items; item; item = item->next) {
		measure(item, now);
		buf_truncate(&line, 0);
		add_item(&line, item, false);
		if (!screen_add_running(&display->screen, line.bytes, LABEL_COLUMNS, STYLE_BOLD))
			break;
	}
	screen_end(&display->screen);
	display->drawn_ms = now;
}

/* ---- lines and records ---- */

static void say_line(const struct item *item)
{
	auto_buf line = { 0 };
	char size[16];

	buf_printf(&line, "%s: %s", item->label, item->activity);
	if (item->total_bytes)
		buf_printf(&line, " (%s)", number_format_size(item->total_bytes, size));
	buf_add_char(&line, '\n');
	put(&line);
}

static void say_record(const struct item *item, const char *kind)
{
	auto_buf line = { 0 };

	buf_printf(&line, "{\"level\":\"progress\",\"event\":\"%s\",\"item\":%u,\"label\":", kind,
		   item->number);
	text_add_json_string(&line, item->label);
	buf_add_text(&line, ",\"activity\":");
	text_add_json_string(&line, item->activity);
	buf_printf(&line, ",\"bytes\":%llu,\"total\":%llu}\n", (unsigned long long)item->done_bytes,
		   (unsigned long long)item->total_bytes);
	put(&line);
}

/* ---- events ---- */

static void move(struct item *item, const struct progress_event *event)
{
	item->activity = event->activity ? event->activity : item->activity;
	item->done_bytes = event->done_bytes;
	if (event->total_bytes)
		item->total_bytes = event->total_bytes;
}

static void show_begin(struct display *display, const struct progress_event *event)
{
	const struct item *item = begin(display, event);

	if (display->mode == MODE_TTY)
		draw(display, NULL);
	else if (display->mode == MODE_JSON)
		say_record(item, "begin");
	else if (*item->activity)
		say_line(item);
}

static void show_move(struct display *display, const struct progress_event *event)
{
	struct item *item = *find(display, event->item);
	bool other_activity;
	int64_t now = now_ms();

	if (!item)
		return;
	other_activity = event->activity && strcmp(event->activity, item->activity) != 0;
	move(item, event);
	if (display->mode == MODE_TTY && now - display->drawn_ms >= DRAW_EVERY_MS)
		draw(display, NULL);
	else if (display->mode == MODE_PLAIN && other_activity)
		say_line(item);
	else if (display->mode == MODE_JSON && now - item->shown_ms >= DRAW_EVERY_MS) {
		item->shown_ms = now;
		say_record(item, "move");
	}
}

static void show_end(struct display *display, const struct progress_event *event)
{
	struct item **at = find(display, event->item);
	struct item *item = *at;

	if (!item)
		return;
	*at = item->next;
	item->activity = event->activity;
	if (display->mode == MODE_TTY)
		draw(display, item);
	else if (display->mode == MODE_PLAIN)
		say_line(item);
	else
		say_record(item, "end");
	item_free(item);
}

static void show(struct progress *progress, const struct progress_event *event)
{
	struct display *display = (struct display *)progress;

	pthread_mutex_lock(&display->lock);
	switch (event->kind) {
	case PROGRESS_BEGIN:
		show_begin(display, event);
		break;
	case PROGRESS_MOVE:
		show_move(display, event);
		break;
	case PROGRESS_END:
		show_end(display, event);
		break;
	}
	pthread_mutex_unlock(&display->lock);
}

struct progress *progress_new(const char *mode, const struct common *common)
{
	struct display *display;

	if (!mode || strcmp(mode, "auto") == 0)
		mode = screen_is_possible(STDERR_FILENO) ? "tty" : "none";
	if (strcmp(mode, "none") == 0 || common->quiet)
		return NULL;
	display = memory_zeroed(1, sizeof(*display));
	display->progress.show = show;
	display->mode = strcmp(mode, "tty") == 0    ? MODE_TTY
			: strcmp(mode, "json") == 0 ? MODE_JSON
						    : MODE_PLAIN;
	screen_init(&display->screen, STDERR_FILENO);
	pthread_mutex_init(&display->lock, NULL);
	return &display->progress;
}

void progress_free(struct progress *progress)
{
	struct display *display = (struct display *)progress;

	if (!display)
		return;
	while (display->items) {
		struct item *item = display->items;

		display->items = item->next;
		item_free(item);
	}
	screen_done(&display->screen);
	pthread_mutex_destroy(&display->lock);
	free(display);
}
