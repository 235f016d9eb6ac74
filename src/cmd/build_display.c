// SPDX-License-Identifier: Apache-2.0
#include "cmd/build_display.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "cmd/screen.h"

#define TAIL_LINES	  5   /* of a running step's output on a terminal */
#define DRAW_EVERY_MS	  100 /* running times go on without events */
#define DURATION_SHOWN_MS 100 /* shorter ones say nothing */
#define NS_PER_MS	  1000000L

enum mode { MODE_NONE, MODE_PLAIN, MODE_TTY, MODE_JSON };

/* A step under way on a terminal. */
struct running {
	unsigned number;
	char *title; /* "[2/4] RUN make" */
	size_t position_bytes;
	int64_t began_ms;
	struct strings tail;
	struct running *next;
};

struct build_display {
	enum mode mode;
	struct screen screen;
	struct running *running; /* oldest first */
	int64_t drawn_ms;
	pthread_t thread; /* draws when nothing happens */
	bool has_thread;
	bool ended;
	bool paused; /* somebody else has the terminal */
	pthread_mutex_t lock;
	pthread_cond_t wake;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS;
}

static void put(const struct buf *line)
{
	(void)io_write_all(STDERR_FILENO, buf_text(line), line->size_bytes);
}

static void add_first_line(struct buf *buf, const char *text)
{
	size_t length = strcspn(text, "\n");

	buf_add(buf, text, length);
	if (text[length])
		buf_add_text(buf, " ...");
}

/* ---- lines ---- */

/* With several stages lines of different steps come mixed: each says whose it is. */
static void add_prefix(struct buf *line, const char *position)
{
	if (strchr(position, ' '))
		buf_printf(line, "%s ", position);
	else
		buf_add_text(line, "  ");
}

static void plain(const struct build_event *event)
{
	auto_buf line = { 0 };

	if (event->kind == BUILD_STEP) {
		buf_printf(&line, "%s ", event->position);
		add_first_line(&line, event->text);
	} else {
		add_prefix(&line, event->position);
		if (event->kind == BUILD_OUTPUT)
			buf_add_text(&line, event->text);
		else if (event->kind == BUILD_MISS)
			buf_printf(&line, "not in the cache: %s", event->text);
		else if (event->outcome == BUILD_CACHED)
			buf_add_text(&line, "CACHED");
		else if (event->outcome == BUILD_FAILED)
			buf_add_text(&line, "FAILED");
		else if (event->duration_ms >= DURATION_SHOWN_MS)
			buf_printf(&line, "%.1f s", (double)event->duration_ms / 1000);
		else
			return;
	}
	buf_add_char(&line, '\n');
	put(&line);
}

/* ---- records ---- */

static void add_member(struct buf *line, const char *name, const char *text)
{
	buf_printf(line, ",\"%s\":", name);
	text_add_json_string(line, text);
}

static void record(const struct build_event *event)
{
	static const char *const kinds[] = { [BUILD_STEP] = "step",
					     [BUILD_OUTPUT] = "output",
					     [BUILD_MISS] = "miss",
					     [BUILD_END] = "end" };
	static const char *const outcomes[] = {
		[BUILD_DONE] = "done", [BUILD_CACHED] = "cached", [BUILD_FAILED] = "failed"
	};
	auto_buf line = { 0 };

	buf_printf(&line, "{\"event\":\"%s\",\"step\":%u", kinds[event->kind], event->step);
	add_member(&line, "position", event->position);
	if (event->kind == BUILD_END) {
		add_member(&line, "outcome", outcomes[event->outcome]);
		buf_printf(&line, ",\"durationMs\":%llu", (unsigned long long)event->duration_ms);
	} else {
		add_member(&line, "text", event->text);
	}
	buf_add_text(&line, "}\n");
	put(&line);
}

/* ---- a terminal ---- */

static struct running **find(struct build_display *display, unsigned number)
{
	struct running **at = &display->running;

	while (*at && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

static void begin(struct build_display *display, const struct build_event *event)
{
	struct running *running = memory_zeroed(1, sizeof(*running));
	auto_buf title = { 0 };

	buf_printf(&title, "%s ", event->position);
	running->position_bytes = title.size_bytes;
	add_first_line(&title, event->text);
	running->title = buf_take(&title);
	running->number = event->step;
	running->began_ms = now_ms();
	*find(display, event->step) = running;
}

static void running_free(struct running *running)
{
	free(running->title);
	strings_done(&running->tail);
	free(running);
}

/* Is it worth a drawing at once? The first line is. */
static bool add_output(struct build_display *display, const struct build_event *event)
{
	struct running *running = *find(display, event->step);

	if (!running)
		return false;
	if (running->tail.count == TAIL_LINES)
		strings_remove(&running->tail, 0);
	strings_add(&running->tail, event->text);
	return running->tail.count == 1;
}

static void draw_running(struct build_display *display)
{
	int64_t now = now_ms();

	for (const struct running *running = display->running; running; running = running->next) {
		auto_buf line = { 0 };

		buf_add_text(&line, running->title);
		if (now - running->began_ms >= DURATION_SHOWN_MS)
			buf_printf(&line, "  %.1f s", (double)(now - running->began_ms) / 1000);
		if (!screen_add_running(&display->screen, line.bytes, running->position_bytes,
					STYLE_BOLD))
			return;
		strings_each(&running->tail, text) {
			auto_buf tail = { 0 };

			buf_printf(&tail, "    %s", text);
			if (!screen_add_running(&display->screen, tail.bytes, tail.size_bytes,
						STYLE_FAINT))
				return;
		}
	}
}

/* A step that ended stays as one line. */
static void add_ended(struct build_display *display, const struct build_event *event,
		      const struct running *running)
{
	enum screen_style style = event->outcome == BUILD_FAILED ? STYLE_ERROR : STYLE_BOLD;
	auto_buf line = { 0 };

	buf_add_text(&line, running->title);
	if (event->outcome == BUILD_CACHED)
		buf_add_text(&line, "  CACHED");
	else if (event->outcome == BUILD_FAILED)
		buf_add_text(&line, "  FAILED");
	else if (event->duration_ms >= DURATION_SHOWN_MS)
		buf_printf(&line, "  %.1f s", (double)event->duration_ms / 1000);
	screen_add(&display->screen, line.bytes, running->position_bytes, style);
}

static void add_miss(struct build_display *display, const struct build_event *event)
{
	auto_buf line = { 0 };

	buf_printf(&line, "%s not in the cache: %s", event->position, event->text);
	screen_add(&display->screen, line.bytes, strlen(event->position), STYLE_BOLD);
}

static void draw(struct build_display *display)
{
	draw_running(display);
	screen_end(&display->screen);
	display->drawn_ms = now_ms();
}

static void on_terminal(struct build_display *display, const struct build_event *event)
{
	struct running **at;
	struct running *ended;

	switch (event->kind) {
	case BUILD_STEP:
		begin(display, event);
		break;
	case BUILD_OUTPUT:
		if (!add_output(display, event) && now_ms() - display->drawn_ms < DRAW_EVERY_MS)
			return;
		break;
	case BUILD_MISS:
		screen_begin(&display->screen);
		add_miss(display, event);
		draw(display);
		return;
	case BUILD_END:
		at = find(display, event->step);
		ended = *at;
		if (!ended)
			return;
		*at = ended->next;
		screen_begin(&display->screen);
		add_ended(display, event, ended);
		running_free(ended);
		draw(display);
		return;
	}
	screen_begin(&display->screen);
	draw(display);
}

/* Redraws the running times; called when DRAW_EVERY_MS passed without an event. */
static void *keep_drawing(void *argument)
{
	struct build_display *display = argument;
	struct timespec next;

	pthread_mutex_lock(&display->lock);
	while (!display->ended) {
		clock_gettime(CLOCK_MONOTONIC, &next);
		next.tv_nsec += DRAW_EVERY_MS * NS_PER_MS;
		next.tv_sec += next.tv_nsec / (1000 * NS_PER_MS);
		next.tv_nsec %= 1000 * NS_PER_MS;
		pthread_cond_timedwait(&display->wake, &display->lock, &next);
		if (display->ended || display->paused || !display->running ||
		    now_ms() - display->drawn_ms < DRAW_EVERY_MS)
			continue;
		screen_begin(&display->screen);
		draw(display);
	}
	pthread_mutex_unlock(&display->lock);
	return NULL;
}

/* ---- all of them ---- */

static void show(void *context, const struct build_event *event)
{
	struct build_display *display = context;

	pthread_mutex_lock(&display->lock);
	if (display->mode == MODE_PLAIN)
		plain(event);
	else if (display->mode == MODE_JSON)
		record(event);
	else
		on_terminal(display, event);
	pthread_mutex_unlock(&display->lock);
}

static void pause_drawing(void *context, bool paused)
{
	struct build_display *display = context;

	pthread_mutex_lock(&display->lock);
	display->paused = paused;
	if (display->mode == MODE_TTY) {
		screen_begin(&display->screen);
		if (paused)
			screen_end(&display->screen);
		else
			draw(display);
	}
	pthread_mutex_unlock(&display->lock);
}

static void found(void *context, const struct build_findings *findings)
{
	const struct build_display *display = context;

	for (size_t i = 0; i < findings->count; i++) {
		const struct build_finding *finding = &findings->item[i];
		auto_buf line = { 0 };

		if (display->mode != MODE_JSON) {
			log_warning("%s:%u: %s: %s", findings->file, finding->at.line,
				    finding->rule, finding->message);
			continue;
		}
		buf_add_text(&line, "{\"event\":\"warning\"");
		add_member(&line, "rule", finding->rule);
		add_member(&line, "url", finding->url);
		add_member(&line, "file", findings->file);
		buf_printf(&line, ",\"line\":%u", finding->at.line);
		add_member(&line, "text", finding->message);
		buf_add_text(&line, "}\n");
		put(&line);
	}
}

static enum mode mode_of(const char *mode, const struct common *common)
{
	if (common->quiet || text_equal(mode, "none"))
		return MODE_NONE;
	if (text_equal(mode, "json"))
		return MODE_JSON;
	if (text_equal(mode, "tty"))
		return MODE_TTY;
	if (text_equal(mode, "plain"))
		return MODE_PLAIN;
	return screen_is_possible(STDERR_FILENO) ? MODE_TTY : MODE_PLAIN;
}

struct build_display *build_display_new(const char *mode, const struct common *common)
{
	struct build_display *display = memory_zeroed(1, sizeof(*display));
	pthread_condattr_t monotonic;

	display->mode = mode_of(mode, common);
	screen_init(&display->screen, STDERR_FILENO);
	pthread_mutex_init(&display->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&display->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	/* without the thread only the running times stand still */
	display->has_thread = display->mode == MODE_TTY &&
			      pthread_create(&display->thread, NULL, keep_drawing, display) == 0;
	return display;
}

void build_display_end(struct build_display *display)
{
	pthread_mutex_lock(&display->lock);
	display->ended = true;
	pthread_cond_signal(&display->wake);
	pthread_mutex_unlock(&display->lock);
	if (display->has_thread)
		pthread_join(display->thread, NULL);
	display->has_thread = false;
}

void build_display_free(struct build_display *display)
{
	if (!display)
		return;
	build_display_end(display);
	while (display->running) {
		struct running *running = display->running;

		display->running = running->next;
		running_free(running);
	}
	screen_done(&display->screen);
	pthread_cond_destroy(&display->wake);
	pthread_mutex_destroy(&display->lock);
	free(display);
}

struct build_events build_display_events(struct build_display *display)
{
	if (display->mode == MODE_NONE)
		return (struct build_events){ 0 };
	return (struct build_events){
		.show = show, .found = found, .pause = pause_drawing, .context = display
	};
}

void build_display_result(struct build_display *display, const struct build_result *result)
{
	auto_buf line = { 0 };

	if (display->mode != MODE_JSON) {
		log_info("%zu steps, %zu cached", result->step_count, result->cached_count);
		return;
	}
	buf_add_text(&line, "{\"event\":\"result\"");
	add_member(&line, "imageId", result->image_id.text);
	add_member(&line, "manifest", result->manifest.text);
	buf_printf(&line, ",\"steps\":%zu,\"cached\":%zu}\n", result->step_count,
		   result->cached_count);
	put(&line);
}
