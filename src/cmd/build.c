// SPDX-License-Identifier: Apache-2.0
/* rootlet build: options to a request, what happens to lines on stderr, the image's id on stdout.
 */
#include "cmd/build.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/log.h"
#include "cmd/build_call.h"
#include "cmd/build_check.h"
#include "cmd/build_display.h"
#include "cmd/progress.h"
#include "cmd/remote_opt.h"
#include "flow/build.h"
#include "flow/build_agent.h"
#include "flow/host_files.h"
#include "image/ownership.h"

struct build_command {
	struct common common;
	struct build_request request;
	struct remote_opt remote;
	const char *iidfile;
	const char *progress;
	const char *no_cache; /* "": all stages */
	const char *call;
	bool check; /* the same as call check */
	bool remove;
	bool load;
};

#define BUILD(field)   offsetof(struct build_command, field)
#define REQUEST(field) offsetof(struct build_command, request.field)

static int on_add_host(void *request, const char *name, const char *value, struct err *err)
{
	struct build_command *build_command = request;

	(void)name;
	return host_files_parse_host(value, &build_command->request.hosts, err);
}

static int on_ulimit(void *request, const char *name, const char *value, struct err *err)
{
	struct build_command *build_command = request;

	(void)name;
	return limits_add(&build_command->request.limits, value, err);
}

static const struct opt build_opts[] = {
	{ OPT_HEADING, 0, NULL, 0, NULL, "What to build", NULL },
	{ OPT_STR, 'f', "file", REQUEST(file), "FILE|-|URL",
	  "Dockerfile (default CONTEXT/Dockerfile)", NULL },
	{ OPT_LIST, 't', "tag", REQUEST(tags), "REF", "name for the image (may be repeated)",
	  NULL },
	{ OPT_LIST, 0, "build-arg", REQUEST(build_args), "NAME[=VALUE]",
	  "value of an ARG; without =VALUE, the environment's", NULL },
	{ OPT_STR, 0, "target", REQUEST(target), "STAGE", "build this stage, not the last", NULL },
	{ OPT_LIST, 0, "platform", REQUEST(platforms), "OS/ARCH[/VARIANT],...",
	  "build for this platform (default: this machine's), or an index for several", NULL },
	{ OPT_LIST, 0, "label", REQUEST(labels), "NAME=VALUE", "add a label to the image", NULL },
	{ OPT_CHOICE, 0, "ownership", REQUEST(ownership), OWNERSHIP_MARK_CHOICES,
	  "mark the image: may, or must, push, export and run make all files root's?", NULL },
	{ OPT_LIST, 0, "annotation", REQUEST(annotations), "[PLACE:]NAME=VALUE",
	  "annotate the manifest; PLACE is manifest, index, manifest-descriptor, index-descriptor",
	  NULL },
	{ OPT_STR, 0, "source-date-epoch", REQUEST(source_date_epoch), "SECONDS",
	  "the time that counts as now (default $SOURCE_DATE_EPOCH)", NULL },
	{ OPT_HEADING, 0, NULL, 0, NULL, "How to build", NULL },
	{ OPT_LIST, 0, "build-context", REQUEST(contexts), "NAME=SOURCE",
	  "another source of files and base images: a context, docker-image://REF, "
	  "oci-layout://DIR",
	  NULL },
	{ OPT_LIST, 0, "secret", REQUEST(secrets), "id=ID[,src=FILE|,env=NAME]",
	  "a secret for RUN --mount=type=secret; it reaches no layer", NULL },
	{ OPT_LIST, 0, "ssh", REQUEST(ssh), "default|ID[=SOCKET|=KEY,...]",
	  "an ssh agent's socket for RUN --mount=type=ssh, or files with keys for an agent that "
	  "ends "
	  "with the build; default is git's, too",
	  NULL },
	{ OPT_MAYBE, 0, "no-cache", BUILD(no_cache), "STAGE,...",
	  "run every step again, of these stages only if named", NULL },
	{ OPT_FLAG, 0, "debug", REQUEST(debug), NULL,
	  "when a RUN fails, start a shell in its root before the build ends", NULL },
	{ OPT_LIST, 0, "cache-from", REQUEST(cache_from), "REF|type=TYPE,...",
	  "take steps from there too: type=registry,ref=REF or type=local,src=DIR", NULL },
	{ OPT_LIST, 0, "cache-to", REQUEST(cache_to), "REF|type=TYPE,...",
	  "leave the steps there: registry, local (dest=DIR), inline; mode=max for all stages",
	  NULL },
	{ OPT_FLAG, 0, "why-miss", REQUEST(why_miss), NULL,
	  "say of each step that is not in the cache what changed", NULL },
	{ OPT_LIST, 0, "no-cache-filter", REQUEST(no_cache_stages), "STAGE",
	  "the same as --no-cache=STAGE", NULL },
	{ OPT_FLAG, 0, "pull", REQUEST(pull), NULL,
	  "ask registries for newer images, also where the store has one", NULL },
	{ OPT_CALL, 0, "add-host", 0, "NAME:ADDRESS", "a further line of /etc/hosts in RUN",
	  on_add_host },
	{ OPT_LIST, 0, "cdi-spec-dir", REQUEST(device_folders), "DIR",
	  "where files describe the devices of RUN --device (default /etc/cdi, /var/run/cdi)",
	  NULL },
	{ OPT_SIZE, 0, "shm-size", REQUEST(shm_bytes), "SIZE", "size of /dev/shm in RUN", NULL },
	{ OPT_CALL, 0, "ulimit", 0, "NAME=SOFT[:HARD]",
	  "limit a resource in RUN: nofile, nproc, ...", on_ulimit },
	{ OPT_CHOICE, 0, "network", REQUEST(network), "host|none", "network of RUN", NULL },
	{ OPT_STR, 0, "engine", REQUEST(engine), "NAME", "use this engine or fail", NULL },
	{ OPT_CHOICE, 0, "root-emulation", REQUEST(emulation), "auto|none|seccomp|tap",
	  "what calls that need real root do in RUN: fail (none), pretend (seccomp), or be "
	  "remembered, so that later calls and steps agree (tap, which is auto)",
	  NULL },
	{ OPT_U64, 0, "jobs", REQUEST(jobs), "N", "stages built at a time (default: processors)",
	  NULL },
	{ OPT_HEADING, 0, NULL, 0, NULL, "Output", NULL },
	{ OPT_FLAG, 0, "check", BUILD(check), NULL,
	  "build nothing: say what the build checks find in the Dockerfile", NULL },
	{ OPT_STR, 0, "call", BUILD(call), "METHOD[,format=json]",
	  "check is --check; outline: what a target takes (arguments, secrets); targets: which "
	  "there are",
	  NULL },
	{ OPT_LIST, 'o', "output", REQUEST(outputs), "DIR|-|type=TYPE[,dest=DEST]",
	  "where the result goes: image (default), registry, local, tar, oci, docker, cacheonly",
	  NULL },
	{ OPT_FLAG, 0, "push", REQUEST(push), NULL, "push the image under its names", NULL },
	{ OPT_FLAG, 0, "load", BUILD(load), NULL,
	  "images are in the store anyway (accepted for docker's sake)", NULL },
	{ OPT_STR, 0, "iidfile", BUILD(iidfile), "FILE", "write the image's id to FILE", NULL },
	{ OPT_STR, 0, "metadata-file", REQUEST(metadata_file), "FILE",
	  "write digests and names of the image to FILE, as JSON", NULL },
	{ OPT_CHOICE, 0, "progress", BUILD(progress), PROGRESS_MODES,
	  "how steps are shown on stderr (auto: redrawn on a terminal, else plain)", NULL },
	{ OPT_FLAG, 0, "rm", BUILD(remove), NULL,
	  "nothing is left of a step anyway (accepted for docker's sake)", NULL },
	REMOTE_OPTS(struct build_command, remote),
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

static int write_id(const char *path, const struct digest *id, struct err *err)
{
	return io_replace_file_at(AT_FDCWD, path, id->text, strlen(id->text), 0666, err);
}

static int build_parsed(const struct command *command, struct build_command *build_command,
			struct err *err)
{
	auto_build_display *display = build_display_new(build_command->progress,
							&build_command->common);
	struct build_events events = build_display_events(display);
	struct build_result result;
	auto_buf excerpt = { 0 };
	int r;

	r = remote_opt_settings(&build_command->remote, &build_command->request.remote, err);
	if (r == 0)
		r = build(&build_command->request, &events, &result, &excerpt, err);
	build_display_end(display);
	if (r == 0 && build_command->iidfile)
		r = write_id(build_command->iidfile, &result.image_id, err);
	if (r < 0) {
		(void)io_write_all(STDERR_FILENO, buf_text(&excerpt), excerpt.size_bytes);
		return command_fail(command, err);
	}
	build_display_result(display, &result);
	if (result.has_image && !result.took_stdout)
		puts(result.image_id.text);
	return 0;
}

/* Results to stdout. 0: nothing found. 1: something was. 125: it would not build. */
static int check_parsed(const struct command *command, struct build_command *build_command,
			const struct build_call *call, struct err *err)
{
	auto_build_findings findings = { 0 };
	auto_buf excerpt = { 0 };
	auto_buf out = { 0 };
	int r = remote_opt_settings(&build_command->remote, &build_command->request.remote, err);

	if (r == 0)
		r = build_check(&build_command->request, &findings, &excerpt, err);
	if (call->as_json)
		build_findings_print_json(&findings, r < 0 ? err->text : NULL, &out);
	else
		build_findings_print(&findings, &out);
	if (r == 0)
		r = command_write(&out, err);
	else
		(void)io_write_all(STDOUT_FILENO, buf_text(&out), out.size_bytes);
	if (r < 0) {
		(void)io_write_all(STDERR_FILENO, buf_text(&excerpt), excerpt.size_bytes);
		return command_fail(command, err);
	}
	log_info("%zu warning%s found", findings.count, findings.count == 1 ? "" : "s");
	return findings.count ? 1 : 0;
}

/* outline and targets. */
static int describe_parsed(const struct command *command, struct build_command *build_command,
			   const struct build_call *call, struct err *err)
{
	auto_build_description description = { 0 };
	auto_buf excerpt = { 0 };
	auto_buf out = { 0 };
	int r = remote_opt_settings(&build_command->remote, &build_command->request.remote, err);

	if (r == 0)
		r = build_describe(&build_command->request, &description, &excerpt, err);
	if (r == 0) {
		build_description_print(&description, call, &out);
		r = command_write(&out, err);
	}
	if (r == 0)
		return 0;
	(void)io_write_all(STDERR_FILENO, buf_text(&excerpt), excerpt.size_bytes);
	return command_fail(command, err);
}

static int run_parsed(const struct command *command, struct build_command *build_command,
		      struct err *err)
{
	struct build_call call = { 0 };

	if (build_call_parse(build_command->call, &call, err) < 0)
		return command_fail(command, err);
	if (call.method == BUILD_CALL_OUTLINE || call.method == BUILD_CALL_TARGETS)
		return describe_parsed(command, build_command, &call, err);
	if (call.method == BUILD_CALL_CHECK || build_command->check)
		return check_parsed(command, build_command, &call, err);
	return build_parsed(command, build_command, err);
}

/* --no-cache, or --no-cache=STAGE,STAGE. */
static void choose_cached(struct build_command *build_command)
{
	const char *stages = build_command->no_cache;

	build_command->request.no_cache = stages && !*stages;
	while (stages && *stages) {
		size_t length = strcspn(stages, ",");

		strings_printf(&build_command->request.no_cache_stages, "%.*s", (int)length,
			       stages);
		stages += length + (stages[length] == ',');
	}
}

/* git and its ssh look for the agent in the environment, and from another directory. */
static void use_agent(const struct strings *agents)
{
	strings_each(agents, agent) {
		auto_free char *path = NULL;

		if (!text_starts(agent, "default="))
			continue;
		path = realpath(agent + strlen("default="), NULL);
		if (path) /* else the build will say what is wrong with it */
			setenv("SSH_AUTH_SOCK", path, 1);
	}
}

static int build_main(const struct command *command, const struct common *common, int argc,
		      char **argv)
{
	struct build_command build_command = { .common = *common, .remote = REMOTE_OPT_DEFAULT };
	struct build_agents agents = { 0 };
	struct err err = { 0 };
	int operand;
	int status;
	int r;

	/* What RUN makes must not depend on who builds; nobody else may read the store. */
	umask(022);
	r = opt_parse(command, argc, argv, &build_command, &operand, &err);
	if (r == 0 && argc - operand != 1) {
		r = fail_plain(&err, EINVAL,
			       argc == operand ? "the build context is missing"
					       : "only one build context can be given");
		err_hint(&err, "usage: rootlet build %s", command->synopsis);
	}
	if (r == 0)
		r = build_agents_start(&agents, &build_command.request.ssh, &err);
	if (r == 0) {
		build_command.request.store = build_command.common.store;
		build_command.request.context = argv[operand];
		choose_cached(&build_command);
		use_agent(&build_command.request.ssh);
		status = run_parsed(command, &build_command, &err);
	} else {
		status = r < 0 ? command_fail(command, &err) : 0;
	}
	build_agents_end(&agents);
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
