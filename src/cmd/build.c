// SPDX-License-Identifier: Apache-2.0
/* rootlet build: options to a request, what happens to lines on stderr, the image's id on stdout.
 */
#include "cmd/build.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/build.h"

struct build_command {
	struct common common;
	struct build_request request;
	const char *iidfile;
	const char *progress;
	bool remove;
};

#define BUILD(field)   offsetof(struct build_command, field)
#define REQUEST(field) offsetof(struct build_command, request.field)

static const struct opt build_opts[] = {
	{ OPT_HEADING, 0, NULL, 0, NULL, "What to build", NULL },
	{ OPT_STR, 'f', "file", REQUEST(file), "FILE", "Dockerfile (default CONTEXT/Dockerfile)",
	  NULL },
	{ OPT_LIST, 't', "tag", REQUEST(tags), "REF", "name for the image (may be repeated)",
	  NULL },
	{ OPT_LIST, 0, "build-arg", REQUEST(build_args), "NAME[=VALUE]",
	  "value of an ARG; without =VALUE, the environment's", NULL },
	{ OPT_STR, 0, "target", REQUEST(target), "STAGE", "build this stage, not the last", NULL },
	{ OPT_LIST, 0, "label", REQUEST(labels), "NAME=VALUE", "add a label to the image", NULL },
	{ OPT_STR, 0, "source-date-epoch", REQUEST(source_date_epoch), "SECONDS",
	  "the time that counts as now (default $SOURCE_DATE_EPOCH)", NULL },
	{ OPT_HEADING, 0, NULL, 0, NULL, "How to build", NULL },
	{ OPT_LIST, 0, "build-context", REQUEST(contexts), "NAME=PATH|docker-image://REF",
	  "another source of files and base images, by name", NULL },
	{ OPT_LIST, 0, "secret", REQUEST(secrets), "id=ID[,src=FILE|,env=NAME]",
	  "a secret for RUN --mount=type=secret; it reaches no layer", NULL },
	{ OPT_LIST, 0, "ssh", REQUEST(ssh), "default|ID[=SOCKET]",
	  "an ssh agent's socket for RUN --mount=type=ssh", NULL },
	{ OPT_FLAG, 0, "no-cache", REQUEST(no_cache), NULL, "run every step again", NULL },
	{ OPT_CHOICE, 0, "network", REQUEST(network), "host|none", "network of RUN", NULL },
	{ OPT_STR, 0, "engine", REQUEST(engine), "NAME", "use this engine or fail", NULL },
	{ OPT_CHOICE, 0, "root-emulation", REQUEST(emulation), "auto|none|seccomp|tap",
	  "what calls that need real root do in RUN", NULL },
	{ OPT_U64, 0, "jobs", REQUEST(jobs), "N", "stages built at a time (default: processors)",
	  NULL },
	{ OPT_HEADING, 0, NULL, 0, NULL, "Output", NULL },
	{ OPT_STR, 0, "iidfile", BUILD(iidfile), "FILE", "write the image's id to FILE", NULL },
	{ OPT_CHOICE, 0, "progress", BUILD(progress), "auto|plain|json|none",
	  "how steps are shown on stderr", NULL },
	{ OPT_FLAG, 0, "rm", BUILD(remove), NULL,
	  "nothing is left of a step anyway (accepted for docker's sake)", NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

static void write_line(const struct buf *line)
{
	io_write_all(STDERR_FILENO, line->bytes, line->size_bytes);
}

/* ---- people ---- */

static void plain_step(void *context, const char *position, const char *text)
{
	auto_buf line = { 0 };

	(void)context;
	buf_printf(&line, "%s %.*s%s\n", position, (int)strcspn(text, "\n"), text,
		   strchr(text, '\n') ? " ..." : "");
	write_line(&line);
}

/* With several stages lines of different steps come mixed: each says whose it is. */
static void add_prefix(struct buf *line, const char *position)
{
	if (strchr(position, ' '))
		buf_printf(line, "%s ", position);
	else
		buf_add_text(line, "  ");
}

static void plain_line(void *context, const char *position, const char *text)
{
	auto_buf line = { 0 };

	(void)context;
	add_prefix(&line, position);
	buf_printf(&line, "%s\n", text);
	write_line(&line);
}

static void plain_step_end(void *context, const char *position, bool cached, uint64_t duration_ms)
{
	auto_buf line = { 0 };

	(void)context;
	if (!cached && duration_ms < 100)
		return;
	add_prefix(&line, position);
	if (cached)
		buf_add_text(&line, "CACHED\n");
	else
		buf_printf(&line, "%.1f s\n", (double)duration_ms / 1000);
	write_line(&line);
}

/* ---- programs: one JSON object a line ---- */

static void json_step(void *context, const char *position, const char *text)
{
	auto_buf line = { 0 };

	(void)context;
	buf_add_text(&line, "{\"event\":\"step\",\"position\":");
	text_add_json_string(&line, position);
	buf_add_text(&line, ",\"text\":");
	text_add_json_string(&line, text);
	buf_add_text(&line, "}\n");
	write_line(&line);
}

static void json_line(void *context, const char *position, const char *text)
{
	auto_buf line = { 0 };

	(void)context;
	buf_add_text(&line, "{\"event\":\"output\",\"position\":");
	text_add_json_string(&line, position);
	buf_add_text(&line, ",\"text\":");
	text_add_json_string(&line, text);
	buf_add_text(&line, "}\n");
	write_line(&line);
}

static void json_step_end(void *context, const char *position, bool cached, uint64_t duration_ms)
{
	auto_buf line = { 0 };

	(void)context;
	buf_add_text(&line, "{\"event\":\"done\",\"position\":");
	text_add_json_string(&line, position);
	buf_printf(&line, ",\"cached\":%s,\"durationMs\":%llu}\n", cached ? "true" : "false",
		   (unsigned long long)duration_ms);
	write_line(&line);
}

static struct build_events events_for(const struct build_command *command)
{
	static const struct build_events plain = { NULL, plain_step, plain_line, plain_step_end };
	static const struct build_events json = { NULL, json_step, json_line, json_step_end };

	if (command->common.quiet || text_equal(command->progress, "none"))
		return (struct build_events){ 0 };
	return text_equal(command->progress, "json") ? json : plain;
}

static int write_id(const char *path, const struct digest *id, struct err *err)
{
	return io_replace_file_at(AT_FDCWD, path, id->text, strlen(id->text), 0666, err);
}

static int build_parsed(const struct command *command, struct build_command *build_command,
			struct err *err)
{
	struct build_events events = events_for(build_command);
	struct build_result result;
	auto_buf excerpt = { 0 };
	int r;

	r = build(&build_command->request, &events, &result, &excerpt, err);
	if (r == 0 && build_command->iidfile)
		r = write_id(build_command->iidfile, &result.image_id, err);
	if (r < 0) {
		if (excerpt.size_bytes)
			write_line(&excerpt);
		return command_fail(command, err);
	}
	log_info("%zu steps, %zu cached", result.step_count, result.cached_count);
	puts(result.image_id.text);
	return 0;
}

static int build_main(const struct command *command, const struct common *common, int argc,
		      char **argv)
{
	struct build_command build_command = { .common = *common };
	struct err err = { 0 };
	int operand;
	int status;
	int r;

	r = opt_parse(command, argc, argv, &build_command, &operand, &err);
	if (r == 0 && argc - operand != 1) {
		r = fail_plain(&err, EINVAL,
			       argc == operand ? "the build context is missing"
					       : "only one build context can be given");
		err_hint(&err, "usage: rootlet build %s", command->synopsis);
	}
	if (r == 0) {
		build_command.request.store = build_command.common.store;
		build_command.request.context = argv[operand];
		status = build_parsed(command, &build_command, &err);
	} else {
		status = r < 0 ? command_fail(command, &err) : 0;
	}
	build_request_done(&build_command.request);
	return status;
}

const struct command command_build = {
	.name = "build",
	.summary = "build an image from a Dockerfile",
	.synopsis = "[OPTIONS] CONTEXT",
	.opts = build_opts,
	.run = build_main,
	.group = "Build",
};
