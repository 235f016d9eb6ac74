// SPDX-License-Identifier: Apache-2.0
/* rootlet verify SUBJECT: one option table for all subjects; each says which options are its own. A
 * subject that needs the heavy libraries is handed on to rootlet-image with sibling_exec. */
#include "cmd/verify.h"

#include <string.h>

#include "base/banned.h"
#include "base/strings.h"
#include "base/table.h"
#include "base/text.h"
#include "flow/verify_engine.h"
#include "sys/sibling.h"

struct verify_command {
	struct common common;
	const char *engine;
	const char *by;
	const char *format;
	bool repair;
	bool quick;
};

#define VERIFY(field) offsetof(struct verify_command, field)

static const struct opt verify_opts[] = {
	{ OPT_CHOICE, 0, "format", VERIFY(format), "text|json",
	  "a table (default), or one JSON object", NULL },
	{ OPT_HEADING, 0, NULL, 0, NULL, "engine", NULL },
	{ OPT_STR, 0, "engine", VERIFY(engine), "NAME",
	  "verify this engine (default: the one that `rootlet run` would take)", NULL },
	{ OPT_STR, 0, "by", VERIFY(by), "COMMAND",
	  "put another program to this test: the beginning of its command line, in which %r stands "
	  "for the root and %b for a directory to be bound at /bind",
	  NULL },
	{ OPT_HEADING, 0, NULL, 0, NULL, "store", NULL },
	{ OPT_FLAG, 0, "repair", VERIFY(repair), NULL,
	  "remove what is damaged, unpack layers again, write anew what is derived", NULL },
	{ OPT_FLAG, 0, "quick", VERIFY(quick), NULL,
	  "read no contents: only see that all is there, of the right size", NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

/* ---- engine ---- */

/* The engine asked for, or the one that an ordinary box gets. */
static int choose_engine(const char *name, const struct engine **ret_engine, struct err *err)
{
	auto_box box;
	auto_buf why = { 0 };

	box_init(&box);
	box.private_ns = (struct box_private){ .pid = true, .ipc = true, .uts = true };
	return engine_choose(name, &box, ret_engine, &why, err);
}

static size_t count_failures(const struct verify_report *report)
{
	size_t count = 0;

	for (size_t i = 0; i < report->row_count; i++)
		count += verify_row_fails(report, &report->row[i]);
	return count;
}

static void add_table(struct verify_report *report, struct buf *out)
{
	auto_table table = { .columns = 3 + report->pass_count };

	table_cell(&table, "");
	table_cell(&table, "KIND");
	table_cell(&table, "ATTEMPT");
	for (size_t i = 0; i < report->pass_count; i++)
		table_cell(&table, arena_printf(&report->arena, "AS %s",
						text_equal(report->pass_name[i], "root") ? "ROOT"
											 : "USER"));
	for (size_t i = 0; i < report->row_count; i++) {
		const struct verify_row *row = &report->row[i];

		table_cell(&table, verify_row_fails(report, row) ? "FAIL" : "pass");
		table_cell(&table, row->is_hostile ? "hostile" : "leak");
		table_cell(&table, row->name);
		for (size_t pass = 0; pass < report->pass_count; pass++)
			table_cell(&table, verify_result_text(report, row, pass));
	}
	table_print(&table, out);
}

static void add_text(struct verify_report *report, struct buf *out)
{
	size_t failures = count_failures(report);

	add_table(report, out);
	buf_printf(out, "\n%s: %zu attempts, %zu failed", report->name, report->row_count,
		   failures);
	if (!report->is_boundary)
		buf_add_text(out, "; it is no boundary for programs that are out to break it");
	buf_add_char(out, '\n');
}

static void json_member(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "\"%s\": ", name);
	text_add_json_string(out, value);
}

static void json_row(struct verify_report *report, const struct verify_row *row, struct buf *out)
{
	buf_add_text(out, "{ ");
	json_member(out, "kind", row->is_hostile ? "hostile" : "leak");
	buf_add_text(out, ", ");
	json_member(out, "attempt", row->name);
	buf_printf(out, ", \"passed\": %s", verify_row_fails(report, row) ? "false" : "true");
	for (size_t pass = 0; pass < report->pass_count; pass++) {
		buf_add_text(out, ", ");
		json_member(out, report->pass_name[pass], verify_result_text(report, row, pass));
	}
	buf_add_text(out, " }");
}

static void add_json(struct verify_report *report, struct buf *out)
{
	buf_add_text(out, "{\n  ");
	json_member(out, "engine", report->name);
	buf_printf(out, ",\n  \"boundary\": %s,\n  \"failed\": %zu,\n  \"attempts\": [",
		   report->is_boundary ? "true" : "false", count_failures(report));
	for (size_t i = 0; i < report->row_count; i++) {
		buf_printf(out, "%s\n    ", i ? "," : "");
		json_row(report, &report->row[i], out);
	}
	buf_add_text(out, "\n  ]\n}\n");
}

static int run_engine(const struct verify_command *verify, int *ret_status, struct err *err)
{
	const struct engine *engine = NULL;
	auto_verify_report report = { 0 };
	auto_buf out = { 0 };
	int r = 0;

	if (verify->by && verify->engine)
		return fail_plain(err, EINVAL, "--by and --engine exclude each other");
	if (!verify->by)
		r = choose_engine(verify->engine, &engine, err);
	if (r == 0)
		r = verify_engine(engine, verify->by, &report, err);
	if (r < 0)
		return r;
	if (text_equal(verify->format, "json"))
		add_json(&report, &out);
	else
		add_text(&report, &out);
	*ret_status = count_failures(&report) ? 1 : 0;
	return command_write(&out, err);
}

/* ---- store ---- */

/* That is `rootlet fsck`. */
static int run_store(const struct verify_command *verify, int *ret_status, struct err *err)
{
	auto_strings argv = { 0 };

	(void)ret_status;
	strings_add(&argv, "rootlet");
	strings_add(&argv, "fsck");
	if (verify->common.store)
		strings_printf(&argv, "--store=%s", verify->common.store);
	if (verify->common.log_format)
		strings_printf(&argv, "--log-format=%s", verify->common.log_format);
	if (verify->common.quiet)
		strings_add(&argv, "--quiet");
	if (verify->format)
		strings_printf(&argv, "--format=%s", verify->format);
	if (verify->repair)
		strings_add(&argv, "--repair");
	if (verify->quick)
		strings_add(&argv, "--quick");
	return sibling_exec("rootlet-image", (const char *const *)argv.item, err);
}

/* An option that would do nothing is a mistake. */
static int check_options(const struct verify_command *verify, const char *subject, struct err *err)
{
	const struct {
		const char *subject;
		const char *option;
		bool given;
	} owned[] = {
		{ "engine", "engine", verify->engine },
		{ "engine", "by", verify->by },
		{ "store", "repair", verify->repair },
		{ "store", "quick", verify->quick },
	};

	for (size_t i = 0; i < array_count(owned); i++)
		if (owned[i].given && strcmp(owned[i].subject, subject) != 0)
			return fail_plain(err, EINVAL,
					  "--%s belongs to 'verify %s', not to 'verify %s'",
					  owned[i].option, owned[i].subject, subject);
	return 0;
}

/* ---- the command ---- */

static const struct subject {
	const char *name;
	int (*run)(const struct verify_command *verify, int *ret_status, struct err *err);
} subjects[] = {
	{ "engine", run_engine },
	{ "store", run_store },
};

#define SUBJECTS "engine|store"

static int run_subject(const struct verify_command *verify, int argc, char **argv, int *ret_status,
		       struct err *err)
{
	if (argc == 0) {
		fail_plain(err, EINVAL, "what is to be verified?");
		err_hint(err, "one of " SUBJECTS);
		return -EINVAL;
	}
	if (argc > 1)
		return fail_plain(err, EINVAL, "unexpected '%s'", argv[1]);
	for (size_t i = 0; i < array_count(subjects); i++) {
		int r;

		if (strcmp(argv[0], subjects[i].name) != 0)
			continue;
		r = check_options(verify, argv[0], err);
		return r < 0 ? r : subjects[i].run(verify, ret_status, err);
	}
	return fail_plain(err, EINVAL, "'%s' is not one of " SUBJECTS, argv[0]);
}

static int verify_main(const struct command *command, const struct common *common, int argc,
		       char **argv)
{
	struct verify_command verify = { .common = *common };
	struct err err = { 0 };
	int status = 0;
	int operand;
	int r = opt_parse(command, argc, argv, &verify, &operand, &err);

	if (r > 0)
		return 0;
	if (r == 0)
		r = run_subject(&verify, argc - operand, argv + operand, &status, &err);
	return r < 0 ? command_fail(command, &err) : status;
}

const struct command command_verify = {
	.name = "verify",
	.summary = "put to the test what rootlet promises here",
	.synopsis = SUBJECTS " [OPTIONS]",
	.opts = verify_opts,
	.run = verify_main,
	.group = "Look around",
};
