// SPDX-License-Identifier: Apache-2.0
/* rootlet spack: a command of Spack's in an environment. A command that builds is two runs: one
 * with network that fetches, one without that builds. */
#include "cmd/spack.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"
#include "base/log.h"
#include "cmd/mount_opt.h"
#include "cmd/run.h"
#include "flow/run_environment.h"
#include "flow/spack.h"

struct spack_command {
	struct common common;
	struct run_request request;
	struct run_asked asked;
	struct arena arena;
	const char *root; /* --spack */
	bool find;
	bool cli;
};

static int on_volume(void *command, const char *name, const char *value, struct err *err)
{
	struct spack_command *spack = command;

	(void)name;
	return mount_opt_volume(value, &spack->arena, &spack->request.mounts, err);
}

#define SPACK(field)   offsetof(struct spack_command, field)
#define REQUEST(field) offsetof(struct spack_command, request.field)

static const struct opt spack_opts[] = {
	{ OPT_STR, 0, "spack", SPACK(root), "DIR",
	  "the Spack in this folder (default: $SPACK_ROOT, else that of spack on PATH)", NULL },
	{ OPT_FLAG, 0, "find", SPACK(find), NULL,
	  "look for compilers and external packages in the environment again", NULL },
	{ OPT_FLAG, 0, "cli", SPACK(cli), NULL,
	  "a shell that sees what Spack sees, or the command after --", NULL },
	{ OPT_CHOICE, 0, "network", REQUEST(network), "host|none",
	  "for all of the command: the host's, or none and so no fetching (default: as the command "
	  "needs it)",
	  NULL },
	{ OPT_CALL, 'v', "volume", 0, "SRC[:DST][:OPTIONS]",
	  "make host path SRC visible at DST (options ro, rw, z)", on_volume },
	{ OPT_CALL, 'b', "bind", 0, "SRC[:DST]", "make host path SRC visible at DST", on_volume },
	{ OPT_LIST, 'e', "env", REQUEST(env), "NAME[=VALUE]",
	  "set a variable; without =VALUE, to the host's value", NULL },
	{ OPT_LIST, 0, "env-host", REQUEST(env_host_globs), "GLOB",
	  "pass the host's variables whose names match", NULL },
	{ OPT_STR, 0, "engine", REQUEST(engine), "NAME",
	  "use this engine or fail (default auto; see rootlet doctor)", NULL },
	{ OPT_FLAG, 0, "dry-run", SPACK(asked.dry_run), NULL,
	  "print the box of the command as JSON and exit", NULL },
	{ OPT_FLAG, 0, "why", SPACK(asked.why), NULL,
	  "say which engine is chosen and why each cheaper one is not", NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

/* A command, in words after those that all have in common. */
struct step {
	const struct strings *words;   /* of Spack, after its name */
	const struct strings *program; /* else: all of it */
	const char *scope;
	const char *network;
};

static int run_step(const struct spack_command *command, struct spack *spack,
		    const struct step *step, int *ret_status, struct err *err)
{
	struct run_request request = { .store = command->common.store,
				       .root = command->request.root,
				       .engine = command->request.engine };
	int r;

	spack_fill_request(spack, step->scope, &request);
	for (size_t i = 0; i < command->request.mounts.count; i++) {
		const struct box_mount *mount = &command->request.mounts.item[i];

		*box_mounts_add(&request.mounts, mount->kind, mount->target) = *mount;
	}
	strings_add_all(&request.env, command->request.env.item);
	strings_add_all(&request.env_host_globs, command->request.env_host_globs.item);
	request.network = step->network;
	if (step->program)
		strings_add_all(&request.command, step->program->item);
	else {
		strings_printf(&request.command, "%s/bin/spack", spack->root);
		strings_add_all(&request.command, step->words->item);
	}
	r = run_asked(&request, &command->asked, ret_status, err);
	run_request_done(&request);
	return r;
}

/* ---- the environment's settings ---- */

static int search_in(const struct spack_command *command, struct spack *spack,
		     const struct environment *environment, const char *folder, bool replaces,
		     struct err *err)
{
	auto_strings program = { 0 };
	const struct step step = { .program = &program, .scope = folder, .network = "none" };
	int status;
	int r;

	spack_search(spack, &program);
	r = run_step(command, spack, &step, &status, err);
	if (r == 0 && status != 0)
		r = fail_plain(err, ECHILD, "'spack compiler find' ended with status %d", status);
	return r == 0 ? spack_scope_finish(spack, environment, folder, replaces, err) : r;
}

/* Compilers and external packages, looked for when nobody has yet, or in another such environment.
 */
static int search(struct spack_command *command, struct spack *spack,
		  const struct environment *environment, struct err *err)
{
	const enum spack_scope state = spack_scope_look(environment);
	const struct run_asked asked = command->asked;
	const char *folder;
	int r;

	if (!command->find && state == SPACK_SCOPE_EDITED)
		log_info("compilers and external packages were found when other things were "
			 "visible in '%s', and edited since: --find looks again",
			 environment->path);
	if (!command->find && (state == SPACK_SCOPE_CURRENT || state == SPACK_SCOPE_EDITED))
		return 0;
	log_info("looking for compilers and external packages in '%s'", environment->path);
	command->asked = (struct run_asked){ 0 };
	r = spack_scope_begin(spack, environment, &spack->arena, &folder, err);
	if (r == 0) {
		r = search_in(command, spack, environment, folder,
			      command->find || state == SPACK_SCOPE_OLD, err);
		if (r < 0)
			spack_scope_abandon(folder);
	}
	command->asked = asked;
	return r < 0 ? err_wrap(err, "compilers of '%s'", environment->path) : 0;
}

/* ---- the command ---- */

static bool is_interrupted(int status)
{
	return status == EXIT_SIGNAL + 2 || status == EXIT_SIGNAL + 15;
}

/* What cannot be fetched may not be needed, so the build has the last word. *ret_stops: somebody
 * does not want it any more. */
static int fetch(const struct spack_command *command, struct spack *spack, struct step step,
		 const struct strings *words, bool *ret_stops, int *ret_status, struct err *err)
{
	int r;

	step.words = words;
	step.network = "host";
	r = run_step(command, spack, &step, ret_status, err);
	*ret_stops = r < 0 || is_interrupted(*ret_status);
	if (r == 0 && *ret_status != 0 && !*ret_stops)
		log_warning("fetching ended with status %d; the build goes on without network",
			    *ret_status);
	return r;
}

static int fetch_first(const struct spack_command *command, struct spack *spack,
		       const struct strings *words, const struct spack_words *parsed,
		       const struct step *step, bool *ret_stops, int *ret_status, struct err *err)
{
	auto_strings concretize = { 0 };
	auto_strings sources = { 0 };
	int r = 0;

	*ret_stops = false;
	spack_words_options(words, parsed, &concretize);
	strings_add(&concretize, "concretize");
	spack_words_fetch(words, parsed, &sources);
	if (!parsed->has_specs)
		r = fetch(command, spack, *step, &concretize, ret_stops, ret_status, err);
	if (r == 0 && !*ret_stops)
		r = fetch(command, spack, *step, &sources, ret_stops, ret_status, err);
	return r;
}

static int run_cli(const struct spack_command *command, struct spack *spack,
		   const struct step *asked, int *ret_status, struct err *err)
{
	auto_strings shell = { 0 };
	struct step step = *asked;

	strings_add(&shell, "/bin/sh");
	strings_add(&shell, "-c");
	strings_add(&shell,
		    "PS1=\"(${ROOTLET_ENV##*/}) \\$ \"\n"
		    "export PS1\n"
		    "PATH=$SPACK_ROOT/bin:$PATH\n"
		    "if command -v bash >/dev/null; then exec bash --norc; else exec sh; fi");
	step.program = asked->words->count ? asked->words : &shell;
	if (!step.network)
		step.network = "none";
	return run_step(command, spack, &step, ret_status, err);
}

static int run_words(struct spack_command *command, const char *root, const struct strings *words,
		     const struct spack_words *parsed, int *ret_status, struct err *err)
{
	auto_environment environment = { 0 };
	auto_spack spack = { 0 };
	struct step step = { .words = words, .network = command->request.network };
	bool stops = false;
	int r = run_environment_load(command->common.store, command->request.root, &environment,
				     err);

	if (r == 0)
		r = spack_ask(root, words, parsed, &spack, err);
	if (r == 0)
		r = search(command, &spack, &environment, err);
	if (r < 0)
		return r;
	*ret_status = 0;
	if (words->count == 0 && !command->cli)
		return 0; /* --find alone */
	step.scope = arena_printf(&spack.arena, "%s/" ENVIRONMENT_SPACK, environment.path);
	if (!step.network && environment.network)
		step.network = "host";
	if (command->cli)
		return run_cli(command, &spack, &step, ret_status, err);
	if (!step.network && parsed->place == SPACK_WITH_NETWORK)
		step.network = "host";
	if (!step.network && parsed->place == SPACK_FETCH_FIRST && !command->asked.dry_run &&
	    (parsed->has_specs || spack.has_environment))
		r = fetch_first(command, &spack, words, parsed, &step, &stops, ret_status, err);
	if (!step.network)
		step.network = "none";
	if (r < 0 || stops)
		return r;
	r = run_step(command, &spack, &step, ret_status, err);
	if (r == 0 && parsed->configures && !command->asked.dry_run)
		r = spack_scope_overrule(&spack, step.scope, err);
	if (r < 0 && *ret_status == 0)
		*ret_status = EXIT_ROOTLET;
	return r;
}

/* In place of this process: its editor, its shell's variables, its settings are the host's. */
static int run_on_host(struct spack_command *command, const char *root, const struct strings *words,
		       struct err *err)
{
	auto_strings argv = { 0 };

	spack_on_host(root, &command->arena, &argv);
	strings_add_all(&argv, words->item);
	execv(argv.item[0], argv.item);
	return fail(err, errno, "run '%s'", argv.item[0]);
}

/* [ENV] [--] WORDS: what comes before -- is the environment. */
static int take_operands(struct spack_command *command, char **argv, int operand,
			 struct strings *ret_words, struct err *err)
{
	if (argv[operand] && strcmp(argv[operand - 1], "--") != 0) {
		command->request.root = argv[operand++];
		if (text_equal(argv[operand], "--")) {
			operand++;
		} else if (argv[operand] && argv[operand][0] == '-') {
			fail_plain(err, EINVAL, "'%s' behind the environment", argv[operand]);
			err_hint(err,
				 "an option of rootlet's stands before '%s', one of Spack's "
				 "behind --",
				 command->request.root);
			return -EINVAL;
		}
	}
	strings_add_all(ret_words, argv + operand);
	return 0;
}

static int run_parsed(struct spack_command *command, char **argv, int operand, int *ret_status,
		      struct err *err)
{
	auto_strings words = { 0 };
	struct spack_words parsed;
	const char *root;
	int r;

	r = take_operands(command, argv, operand, &words, err);
	if (r == 0)
		r = spack_find(command->root, &command->arena, &root, err);
	if (r < 0)
		return r;
	spack_words_parse(&words, &parsed);
	if (command->cli)
		parsed.command = 0; /* none of these are Spack's */
	else if (getenv("ROOTLET_ENV") || (parsed.place == SPACK_ON_HOST && !command->find))
		return run_on_host(command, root, &words, err);
	if (!command->request.root)
		r = spack_environment(root, &command->arena, &command->request.root, err);
	if (r == 0 && !environment_take_back(command->request.root)) {
		fail_plain(err, ENOENT, "'%s' is no environment", command->request.root);
		err_hint(err, "rootlet spack [ENV] -- WORDS; rootlet isolate create ENV");
		return -ENOENT;
	}
	return r < 0 ? r : run_words(command, root, &words, &parsed, ret_status, err);
}

static int spack_main(const struct command *command, const struct common *common, int argc,
		      char **argv)
{
	struct spack_command spack = { .common = *common };
	struct err err = { 0 };
	int status = EXIT_ROOTLET;
	int operand;
	int r = opt_parse(command, argc, argv, &spack, &operand, &err);

	if (r == 0)
		r = run_parsed(&spack, argv, operand, &status, &err);
	else if (r > 0)
		status = 0;
	if (r < 0)
		command_fail(command, &err);
	run_request_done(&spack.request);
	arena_done(&spack.arena);
	return status;
}

const struct command command_spack = {
	.name = "spack",
	.summary = "run Spack in an environment: fetch with network, build without",
	.synopsis = "[OPTIONS] [ENV] -- [SPACK-ARGUMENTS...|CMD...]",
	.opts = spack_opts,
	.stop_at_operand = true,
	.run = spack_main,
	.group = "Environments",
};
