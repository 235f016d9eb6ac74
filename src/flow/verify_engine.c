// SPDX-License-Identifier: Apache-2.0
/* The battery goes the way of every command: through `rootlet run`, so that what is verified is
 * what users get. It runs as root inside, as images do, and as the caller, as directories do. */
#include "flow/verify_engine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/number.h"
#include "base/reason.h"
#include "base/strings.h"
#include "battery/battery.h"
#include "flow/battery_ground.h"
#include "sys/process.h"

#define OUTPUT_BYTES_MAX (1 << 20)

static struct verify_row *row_of(struct verify_report *report, bool is_hostile, const char *name)
{
	struct verify_row *row;

	for (row = report->row; row < report->row + report->row_count; row++)
		if (row->is_hostile == is_hostile && strcmp(row->name, name) == 0)
			return row;
	if (report->row_count == VERIFY_ROWS_MAX)
		return NULL;
	report->row_count++;
	*row = (struct verify_row){ .name = arena_copy(&report->arena, name),
				    .is_hostile = is_hostile };
	return row;
}

static enum verify_outcome outcome_of(const char *word)
{
	return strcmp(word, BATTERY_HELD) == 0	    ? VERIFY_HELD
	       : strcmp(word, BATTERY_REACHED) == 0 ? VERIFY_REACHED
						    : VERIFY_HUNG;
}

/* kind, name, outcome, error, detail; by tabs. */
static int read_line(struct verify_report *report, size_t pass, char *line, struct err *err)
{
	char *field[5];
	struct verify_row *row;
	uint32_t error;

	for (size_t i = 0; i < array_count(field); i++)
		field[i] = strsep(&line, "\t");
	if (!field[4] || line || number_parse_u32(field[3], &error) < 0)
		return fail_plain(err, EPROTO, "the battery says '%s'", field[0]);
	row = row_of(report, strcmp(field[0], BATTERY_HOSTILE) == 0, field[1]);
	if (!row)
		return fail_plain(err, E2BIG, "more attempts than there is room for");
	row->result[pass] = (struct verify_result){ outcome_of(field[2]), (int)error,
						    arena_copy(&report->arena, field[4]) };
	return 0;
}

static int read_lines(struct verify_report *report, size_t pass, char *text, struct err *err)
{
	char *line;

	while ((line = strsep(&text, "\n"))) {
		int r;

		if (strcmp(line, BATTERY_END) == 0)
			return 0;
		if (!*line)
			continue;
		r = read_line(report, pass, line, err);
		if (r < 0)
			return r;
	}
	return fail_plain(err, EPROTO, "the battery ended before its end");
}

/* What only the host's side can see. */
static int add_own_rows(struct verify_report *report, size_t pass, struct ground *ground,
			struct err *err)
{
	const char *damage = ground_damage(ground);
	struct verify_row *files = row_of(report, false, "files outside are as they were");
	struct verify_row *signals = row_of(report, true, "no signal came to the host's process");
	bool is_alive = kill(ground->neighbour, 0) == 0;

	if (!files || !signals)
		return fail_plain(err, E2BIG, "more attempts than there is room for");
	files->result[pass] = (struct verify_result){ damage ? VERIFY_REACHED : VERIFY_HELD, 0,
						      damage ? arena_copy(&report->arena, damage)
							     : "" };
	signals->result[pass] = (struct verify_result){ .outcome = VERIFY_HELD, .detail = "" };
	if (*ground->signals || !is_alive)
		signals->result[pass] = (struct verify_result){ VERIFY_REACHED, 0,
								is_alive ? "it got one"
									 : "it is gone" };
	return 0;
}

/* `by` with what %r and %b stand for. */
static void add_words_by(struct strings *argv, const char *by, const struct ground *ground)
{
	auto_buf word = { 0 };

	for (const char *at = by;; at++) {
		const char *path = *at != '%'	  ? NULL
				   : at[1] == 'r' ? ground->root
				   : at[1] == 'b' ? ground->bind
						  : NULL;

		if (path) {
			buf_add_text(&word, path);
			at++;
		} else if (*at && *at != ' ') {
			buf_add_char(&word, *at);
		} else if (word.size_bytes) {
			strings_add(argv, buf_text(&word));
			buf_truncate(&word, 0);
		}
		if (!*at)
			return;
	}
}

static void add_words_run(struct strings *argv, const struct engine *engine,
			  const struct ground *ground, const char *user)
{
	strings_add(argv, "/proc/self/exe");
	strings_add(argv, "run");
	strings_add(argv, "--write");
	strings_printf(argv, "--engine=%s", engine->name);
	strings_printf(argv, "--volume=%s:" BATTERY_BIND, ground->bind);
	if (engine->is_boundary) /* a socket in no directory belongs to the network */
		strings_add(argv, "--network=none");
	if (user)
		strings_printf(argv, "--user=%s", user);
	if (user && !engine->space) /* as in images */
		strings_add(argv, "--root-emulation=tap");
	strings_add(argv, ground->root);
	strings_add(argv, "--");
}

static void add_battery(struct strings *argv, const struct ground *ground)
{
	strings_add(argv, "/" BATTERY_PROGRAM);
	strings_add(argv, ground->outside);
	strings_add(argv, ground->both);
	strings_printf(argv, "%d", (int)ground->neighbour);
	strings_add(argv, ground->handle);
	strings_add(argv, ground->abstract);
}

/* Who the command is, and how it is run. */
struct pass {
	const char *name;
	const struct engine *engine;
	const char *user; /* NULL: the caller */
	const char *by;	  /* instead of the engine */
};

/* Run it; a rootlet that fails says why through an fd of its own (ERR_FD_VARIABLE). */
static int run_words(const struct strings *argv, struct buf *output, struct err *err)
{
	auto_fd why_fd = memfd_create("why", 0);
	auto_strings env = { 0 };
	struct err why = { 0 };
	char number[16];
	int r;

	if (why_fd < 0)
		return fail(err, errno, "memory for an error");
	snprintf(number, sizeof(number), "%d", why_fd);
	strings_add_all(&env, environ);
	strings_env_set(&env, ERR_FD_VARIABLE, number);
	r = process_capture_in((const char *const *)argv->item, env.item, OUTPUT_BYTES_MAX, output,
			       err);
	if (r < 0 && pread(why_fd, &why, sizeof(why), 0) == (ssize_t)sizeof(why) && why.code) {
		*err = why;
		r = -why.code;
	}
	return r;
}

static int run_pass(struct verify_report *report, const struct pass *how, struct err *err)
{
	size_t pass = report->pass_count;
	auto_ground ground = { 0 };
	auto_strings argv = { 0 };
	auto_buf output = { 0 };
	int r = ground_make(&ground, err);

	if (r < 0)
		return r;
	report->pass_name[report->pass_count++] = how->name;
	if (how->by)
		add_words_by(&argv, how->by, &ground);
	else
		add_words_run(&argv, how->engine, &ground, how->user);
	add_battery(&argv, &ground);
	r = run_words(&argv, &output, err);
	if (r == 0)
		r = read_lines(report, pass, (char *)(uintptr_t)buf_text(&output), err);
	if (r == 0)
		r = add_own_rows(report, pass, &ground, err);
	return r < 0 ? err_wrap(err, "the battery under '%s'", report->name) : 0;
}

static void note_signal(int number)
{
	(void)number;
}

/* Who interrupts us interrupts the battery, too; what was made for it must go away after that. */
static void outlive_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction action = { .sa_handler = note_signal };

	for (size_t i = 0; i < array_count(numbers); i++)
		sigaction(numbers[i], &action, NULL);
}

int verify_engine(const struct engine *engine, const char *by, struct verify_report *ret_report,
		  struct err *err)
{
	const struct pass as_root = { "root", engine, "0", by };
	const struct pass as_user = { "user", engine, NULL, by };
	struct verify_report *report = ret_report;
	int r;

	*report = (struct verify_report){ .name = by ?: engine->name,
					  .is_boundary = by || engine->is_boundary,
					  .leaves_groups = !by && engine->leaves_groups };
	outlive_signals();
	if (by)
		return run_pass(report, &as_user, err);
	r = run_pass(report, &as_root, err);
	if (r == 0 && geteuid() != 0)
		r = run_pass(report, &as_user, err);
	return r;
}

void verify_report_done(struct verify_report *report)
{
	arena_done(&report->arena);
}

/* ---- judging ---- */

/* What was reached may be: no engine of this kind can stop it, and the report says so. */
static const char *excuse(const struct verify_report *report, const struct verify_row *row)
{
	if (row->is_hostile && !report->is_boundary)
		return "no boundary";
	if (report->leaves_groups && strcmp(row->name, BATTERY_GROUPS) == 0)
		return "granted by newgidmap";
	return NULL;
}

bool verify_row_fails(const struct verify_report *report, const struct verify_row *row)
{
	for (size_t i = 0; i < report->pass_count; i++) {
		enum verify_outcome outcome = row->result[i].outcome;

		if (outcome == VERIFY_UNTRIED || outcome == VERIFY_HUNG)
			return true;
		if (outcome == VERIFY_REACHED && !excuse(report, row))
			return true;
	}
	return false;
}

static const char *held_text(struct verify_report *report, const struct verify_row *row,
			     const struct verify_result *result)
{
	/* outside of mount namespaces it is only Landlock that refuses so what is there */
	if (row->is_hostile && !report->is_boundary && result->error == EACCES)
		return "stopped by Landlock";
	if (!result->error)
		return "held";
	return arena_printf(&report->arena, "held (%s)", reason_name(result->error));
}

const char *verify_result_text(struct verify_report *report, const struct verify_row *row,
			       size_t pass)
{
	const struct verify_result *result = &row->result[pass];

	switch (result->outcome) {
	case VERIFY_HELD:
		return held_text(report, row, result);
	case VERIFY_REACHED:
		return arena_printf(&report->arena, "%s: %s", excuse(report, row) ?: "REACHED",
				    result->detail);
	case VERIFY_HUNG:
		return "HUNG";
	case VERIFY_UNTRIED:
		break;
	}
	return "NOT TRIED";
}
