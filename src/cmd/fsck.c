// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/banned.h"
#include "base/log.h"
#include "cmd/housekeeping.h"
#include "cmd/progress.h"
#include "codec/json.h"
#include "flow/store_check.h"

#define EXIT_FOUND 1 /* something is wrong and was not repaired */

struct fsck_command {
	struct common common;
	bool repair;
	bool quick;
	const char *format;
	const char *progress;
};

#define FSCK(field) offsetof(struct fsck_command, field)

static const struct opt fsck_opts[] = {
	{ OPT_FLAG, 0, "repair", FSCK(repair), NULL,
	  "remove what is damaged, unpack layers again, write anew what is derived", NULL },
	{ OPT_FLAG, 0, "quick", FSCK(quick), NULL,
	  "read no contents: only see that all is there, of the right size", NULL },
	{ OPT_CHOICE, 0, "format", FSCK(format), "text|json",
	  "lines (default) or one JSON object per line", NULL },
	PROGRESS_OPT(struct fsck_command, progress),
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

static const char *const verdicts[] = {
	[STORE_REPAIRED] = "repaired", [STORE_REPAIRABLE] = "repairable", [STORE_LOST] = "lost"
};

static void print_text(void *context, const struct store_finding *finding)
{
	(void)context;
	printf("%s: %s %s: %s\n", verdicts[finding->verdict], finding->kind, finding->name,
	       finding->text);
}

static void print_json(void *context, const struct store_finding *finding)
{
	auto_json *json = json_new_object();
	auto_buf out = { 0 };

	(void)context;
	json_set_text(json, "Verdict", verdicts[finding->verdict]);
	json_set_text(json, "Kind", finding->kind);
	json_set_text(json, "Name", finding->name);
	json_set_text(json, "Text", finding->text);
	json_print(json, JSON_ONE_LINE, &out);
	printf("%s\n", buf_text(&out));
}

static int tell(const struct store_check_result *result)
{
	size_t wrong = result->found[STORE_REPAIRABLE] + result->found[STORE_LOST];

	log_info("%zu images, %zu blobs, %zu layers, %zu steps: %s", result->images, result->blobs,
		 result->layers, result->steps,
		 wrong				 ? "not sound"
		 : result->found[STORE_REPAIRED] ? "sound again"
						 : "sound");
	if (result->found[STORE_REPAIRABLE])
		log_info("--repair puts %zu of %zu findings right", result->found[STORE_REPAIRABLE],
			 wrong);
	return wrong ? EXIT_FOUND : 0;
}

static int check(const struct fsck_command *fsck, const struct store *store,
		 struct store_check_result *result, struct err *err)
{
	auto_progress *progress = progress_new(fsck->progress, &fsck->common);
	const struct store_check_request request = {
		.store = store,
		.repair = fsck->repair,
		.quick = fsck->quick,
		.found = text_equal(fsck->format, "json") ? print_json : print_text,
		.progress = progress,
	};
	int r = store_check(&request, result, err);

	if (r == 0 && fflush(stdout) < 0)
		r = fail(err, errno, "write to stdout");
	return r;
}

static int fsck_main(const struct command *command, const struct common *common, int argc,
		     char **argv)
{
	struct fsck_command fsck = { .common = *common };
	auto_store store = STORE_NONE;
	struct store_check_result result = { 0 };
	struct err err = { 0 };
	int operand;
	int r = opt_parse(command, argc, argv, &fsck, &operand, &err);

	if (r > 0)
		return 0;
	if (r == 0 && operand < argc)
		r = fail_plain(&err, EINVAL, "'%s': no operand is taken", argv[operand]);
	if (r == 0)
		r = store_open(fsck.common.store, &store, &err);
	if (r == 0)
		r = check(&fsck, &store, &result, &err);
	return r < 0 ? command_fail(command, &err) : tell(&result);
}

const struct command command_fsck = {
	.name = "fsck",
	.summary = "check the store, and repair it",
	.synopsis = "[OPTIONS]",
	.opts = fsck_opts,
	.run = fsck_main,
	.group = "Images",
};
