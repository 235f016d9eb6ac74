// SPDX-License-Identifier: Apache-2.0
/* rootlet run and rootlet shell: options to a request, the box to an engine, the engine's status to
 * the exit status. */
#include "cmd/run.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"
#include "base/log.h"
#include "base/seldom.h"
#include "box/capabilities.h"
#include "cmd/mount_opt.h"
#include "engine/emulation.h"
#include "engine/engine.h"
#include "flow/run.h"
#include "flow/run_environment.h"
#include "image/ownership.h"
#include "store/layers.h"

struct run_command {
	struct common common;
	struct run_request request;
	struct arena arena;
	const char *name; /* a label: shown by --dry-run users, not used */
	bool dry_run;
	bool why;
	bool interactive, remove, init;
};

static int on_volume(void *command, const char *name, const char *value, struct err *err)
{
	struct run_command *run = command;

	(void)name;
	return mount_opt_volume(value, &run->arena, &run->request.mounts, err);
}

static int on_tmpfs(void *command, const char *name, const char *value, struct err *err)
{
	struct run_command *run = command;

	(void)name;
	return mount_opt_tmpfs(value, &run->arena, &run->request.mounts, err);
}

static int on_mount(void *command, const char *name, const char *value, struct err *err)
{
	struct run_command *run = command;

	(void)name;
	return mount_opt_mount(value, &run->arena, &run->request.mounts, err);
}

static int on_home(void *command, const char *name, const char *value, struct err *err)
{
	struct run_command *run = command;
	char real[PATH_MAX];

	(void)name;
	if (!realpath(value, real))
		return fail(err, errno, "--home '%s'", value);
	run->request.home = arena_copy(&run->arena, real);
	return 0;
}

static int on_ulimit(void *command, const char *name, const char *value, struct err *err)
{
	struct run_command *run = command;

	(void)name;
	return limits_add(&run->request.limits, value, err);
}

static int on_cap_drop(void *command, const char *name, const char *value, struct err *err)
{
	struct run_command *run = command;

	(void)name;
	return capabilities_add(&run->request.drop_capabilities, value, err);
}

#define RUN(field)     offsetof(struct run_command, field)
#define REQUEST(field) offsetof(struct run_command, request.field)

static const struct opt run_opts[] = {
	{ OPT_HEADING, 0, NULL, 0, NULL, "Files", NULL },
	{ OPT_CALL, 'v', "volume", 0, "SRC[:DST][:OPTIONS]",
	  "make host path SRC visible at DST (options ro, rw, z)", on_volume },
	{ OPT_CALL, 'b', "bind", 0, "SRC[:DST]", "make host path SRC visible at DST", on_volume },
	{ OPT_CALL, 0, "mount", 0, "type=TYPE,...",
	  "mount as docker writes it: type=bind|tmpfs|cache, "
	  "source=SRC, target=DST, readonly, tmpfs-size=SIZE, tmpfs-mode=MODE, id=ID, "
	  "sharing=shared|locked|private, mode=MODE",
	  on_mount },
	{ OPT_CALL, 0, "tmpfs", 0, "DST[:OPTIONS]",
	  "an empty directory in memory at DST (options size=, mode=, ro)", on_tmpfs },
	{ OPT_SIZE, 0, "shm-size", REQUEST(shm_bytes), "SIZE", "size of /dev/shm", NULL },
	{ OPT_FLAG, 0, "read-only", REQUEST(read_only), NULL,
	  "make the root read-only (a directory is unless --write)", NULL },
	{ OPT_FLAG, 0, "write", REQUEST(write), NULL, "let changes go into the directory ROOT",
	  NULL },
	{ OPT_STR, 0, "overlay", REQUEST(overlay), "DIR",
	  "keep the changes in DIR (made if missing), and go on from there next time", NULL },
	{ OPT_STR, 0, "commit", REQUEST(commit), "REF",
	  "when the command succeeds, make an image REF of ROOT and the changes", NULL },
	{ OPT_LIST, 0, "hide", REQUEST(hidden), "PATH",
	  "let PATH inside not be there (its directory must be one that nothing is written to)",
	  NULL },
	{ OPT_FLAG, 0, "host-root", REQUEST(host_root), NULL,
	  "the host's own tree, environment and working directory instead of a ROOT: no jail",
	  NULL },
	{ OPT_CALL, 0, "home", 0, "DIR", "host directory DIR as the user's home inside", on_home },
	{ OPT_FLAG, 0, "empty-home", REQUEST(empty_home), NULL,
	  "an empty directory in memory as the user's home inside", NULL },
	{ OPT_CHOICE, 0, "pull", REQUEST(pull), "missing|always|never",
	  "fetch an image that the store lacks (default), each time, or not at all", NULL },
	{ OPT_HEADING, 0, NULL, 0, NULL, "Environment and command", NULL },
	{ OPT_LIST, 'e', "env", REQUEST(env), "NAME[=VALUE]",
	  "set a variable; without =VALUE, to the host's value", NULL },
	{ OPT_LIST, 0, "env-file", REQUEST(env_files), "FILE", "set the variables in FILE", NULL },
	{ OPT_LIST, 0, "env-host", REQUEST(env_host_globs), "GLOB",
	  "pass the host's variables whose names match", NULL },
	{ OPT_LIST, 0, "unset-env", REQUEST(unset_env_globs), "GLOB",
	  "leave out variables whose names match", NULL },
	{ OPT_FLAG, 0, "pure", REQUEST(pure), NULL,
	  "no variable of the host but those asked for, and an empty home", NULL },
	{ OPT_STR, 'w', "workdir", REQUEST(cwd), "DIR", "working directory inside", NULL },
	{ OPT_STR, 'u', "user", REQUEST(user), "USER[:GROUP]",
	  "run as this user, by name or number", NULL },
	{ OPT_STR, 0, "entrypoint", REQUEST(entrypoint), "CMD",
	  "run CMD in place of the image's entry point; \"\" for none", NULL },
	{ OPT_FLAG, 'i', "interactive", RUN(interactive), NULL,
	  "keep stdin open (it always is; accepted for docker's sake)", NULL },
	{ OPT_FLAG, 't', "tty", REQUEST(terminal), NULL, "give the command a terminal of its own",
	  NULL },
	{ OPT_FLAG, 0, "rm", RUN(remove), NULL,
	  "throw changes away at the end (always so; accepted for docker's sake)", NULL },
	{ OPT_STR, 0, "name", RUN(name), "NAME",
	  "accepted for docker's sake; nothing keeps running", NULL },
	{ OPT_FLAG, 0, "init", RUN(init), NULL,
	  "a first process that reaps orphans and passes signals on (always there; accepted for "
	  "docker's sake)",
	  NULL },
	{ OPT_U64, 0, "timeout", REQUEST(timeout_s), "SECONDS",
	  "end the command after so long: SIGTERM, 10 s later SIGKILL", NULL },
	{ OPT_U64, 0, "preserve-fds", REQUEST(preserve_fds), "N",
	  "pass N open descriptors on, those from 3", NULL },
	{ OPT_CALL, 0, "ulimit", 0, "NAME=SOFT[:HARD]",
	  "limit a resource: nofile, nproc, stack, core, ... (-1: unlimited)", on_ulimit },
	{ OPT_HEADING, 0, NULL, 0, NULL, "Isolation", NULL },
	{ OPT_STR, 0, "hostname", REQUEST(hostname), "NAME", "host name inside", NULL },
	{ OPT_STR, 0, "kernel-release", REQUEST(kernel_release), "RELEASE",
	  "what uname says the kernel is (engines tap and ptrace only)", NULL },
	{ OPT_CHOICE, 0, "network", REQUEST(network), "host|none|private",
	  "the host's network (default), loopback only, or one of its own that pasta or "
	  "slirp4netns connects to the world",
	  NULL },
	{ OPT_CHOICE, 0, "pid", REQUEST(pid), "private|host",
	  "processes: own (default) or the host's", NULL },
	{ OPT_CHOICE, 0, "ipc", REQUEST(ipc), "private|host",
	  "System V IPC and POSIX queues: own (default) or the host's", NULL },
	{ OPT_CHOICE, 0, "uts", REQUEST(uts), "private|host",
	  "host name: own (default) or the host's", NULL },
	{ OPT_STR, 0, "seccomp", REQUEST(seccomp), "FILE",
	  "refuse system calls by a profile, JSON as docker and OCI write it", NULL },
	{ OPT_CALL, 0, "cap-drop", 0, "NAME|all",
	  "a capability that root inside does not get, such as CAP_NET_RAW", on_cap_drop },
	{ OPT_STR, 0, "engine", REQUEST(engine), "NAME",
	  "use this engine or fail (default auto; see rootlet doctor)", NULL },
	{ OPT_CHOICE, 0, "root-emulation", REQUEST(emulation), "auto|none|seccomp|tap",
	  "what calls that need real root do: fail (none), pretend (seccomp), or be remembered so "
	  "that later calls agree (tap; auto for root in an image)",
	  NULL },
	{ OPT_CHOICE, 0, "ownership", REQUEST(ownership), OWNERSHIP_CHOICES,
	  "flatten: all files of an image are root's (default: what it is marked with, else keep)",
	  NULL },
	{ OPT_HEADING, 0, NULL, 0, NULL, "Instead of running", NULL },
	{ OPT_FLAG, 0, "dry-run", RUN(dry_run), NULL, "print the box as JSON and exit", NULL },
	{ OPT_FLAG, 0, "why", RUN(why), NULL,
	  "say which engine is chosen and why each cheaper one is not", NULL },
	{ OPT_REFUSED, 'd', "detach", 0, NULL,
	  "nothing of rootlet keeps running; use '&', nohup, systemd-run or a batch job", NULL },
	{ OPT_REFUSED, 'p', "publish", 0, "PORT",
	  "the host's network is used as it is, so ports need no publishing", NULL },
	{ OPT_REFUSED, 0, "restart", 0, "POLICY", "there is no daemon that could restart anything",
	  NULL },
	{ OPT_REFUSED, 0, "privileged", 0, NULL, "there is no privilege to give", NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

static void run_command_done(struct run_command *run)
{
	run_request_done(&run->request);
	arena_done(&run->arena);
}

static int print_box(const struct box *box)
{
	auto_buf text = { 0 };

	box_to_json(box, &text);
	fputs(buf_text(&text), stdout);
	return 0;
}

static int tidy(const struct run_root *root, const struct box *box, struct engine_made *made,
		const struct emulation *emulation, int *ret_status, struct err *err)
{
	int r = made ? run_tidy(root, box, made, emulation, err) : 0;

	if (made)
		made->count = 0; /* once is enough */
	if (r < 0)
		*ret_status = EXIT_ROOTLET;
	return r;
}

/* With somebody who remembers owners. */
static seldom int run_emulated(const struct engine *engine, struct engine_job *job,
			       struct run_root *root, int *ret_status, struct err *err)
{
	struct emulation emulation = { .layers = &root->layers,
				       .merged = root->is_copy ? &root->merged : NULL,
				       .space = root->is_real ? &root->space : NULL,
				       .upper_is_layer = root->changes.path != NULL,
				       .collects = root->changes.path != NULL,
				       .kept_dirfd = root->changes.path ? &root->changes.dirfd
									: NULL };
	int r;

	*ret_status = EXIT_ROOTLET;
	r = emulation_open(&emulation, job->box, err);
	if (r < 0)
		return r;
	job->emulation = &emulation;
	r = engine->run(job, ret_status, err);
	if (r == 0 && emulation.collects)
		r = run_changes_record(&root->changes, &emulation, err);
	if (r == 0 && emulation.collects)
		r = tidy(root, job->box, job->made, &emulation, ret_status, err);
	emulation_done(&emulation);
	return r;
}

static int run_once(const struct engine *engine, const struct box *box, struct run_root *root,
		    struct engine_made *made, int *ret_status, struct err *err)
{
	struct engine_job job = { .box = box,
				  .made = made,
				  .held_fd = &root->served_fd,
				  .held_count = root->served_fd >= 0 };

	/* real owners need nobody to remember them, but for the next run */
	if (box->emulation == BOX_EMULATION_TAP || (root->is_real && root->changes.path))
		return run_emulated(engine, &job, root, ret_status, err);
	return engine->run(&job, ret_status, err);
}

/* A directory that is only read keeps nothing, and must start fast. */
static bool keeps_something(const struct run_root *root, const struct box *box)
{
	return root->is_image || root->environment || !box->root.read_only || root->changes.path;
}

/* Memory and files are all that is left, and the kernel takes them faster than free(3), which
 * writes to page after page of what is shared with the first process. Leaks are looked for at
 * main's end. */
static void leave(int status)
{
#ifndef __SANITIZE_ADDRESS__
	_exit(status);
#else
	(void)status;
#endif
}

/* Mount points are made in a root, and true owners given to its files, but by engines that mount.
 */
static bool is_only_read(const struct engine *engine, const struct run_root *root,
			 const struct box *box)
{
	return box->root.read_only && !engine->has_mounts && !root->is_real;
}

/* If it was killed, the first process may have been, and others have outlived it. */
static bool has_ended_by_itself(int status)
{
	return status != 128 + SIGKILL;
}

static bool stacks_foreign_layers(const struct run_root *root, const struct box *box)
{
	const struct config *config = &root->image.config;

	return root->is_image && !root->is_real && box->root.kind == BOX_ROOT_OVERLAY &&
	       layers_are_foreign(&root->store, config->diff_ids, config->diff_id_count);
}

static int copy_foreign_layers(const struct engine *engine, struct box *box, struct run_root *root,
			       struct err *err)
{
	if (!root->changes.path)
		return run_use_copy(root, box, is_only_read(engine, root, box), err);
	fail_plain(err, ENOTSUP, "changes cannot be kept: the image's layers are another user's");
	err_hint(err, "a build FROM it can be kept, or an image that you pull yourself");
	return -ENOTSUP;
}

static int run_job(const struct engine *engine, struct box *box, struct run_root *root,
		   int *ret_status, struct err *err)
{
	struct engine_made *made = keeps_something(root, box) ? engine_made_new() : NULL;
	int r = 0;

	if (stacks_foreign_layers(root, box))
		r = copy_foreign_layers(engine, box, root, err);
	if (r == 0)
		r = run_once(engine, box, root, made, ret_status, err);
	if (r < 0 && made && made->overlay_refused && root->changes.path) {
		err_hint(err, "changes are kept by overlayfs, which needs a local file system with "
			      "user xattrs, no overlay, no NFS");
	} else if (r < 0 && made && made->overlay_refused && root->is_served) {
		root->is_refused = true;
	} else if (r < 0 && made && made->overlay_refused && root->is_image) {
		log_verbose("%s; using a copy of the layers", err->text);
		r = run_use_copy(root, box, is_only_read(engine, root, box), err);
		if (r == 0)
			r = run_once(engine, box, root, NULL, ret_status, err);
	}
	if (r == 0 && has_ended_by_itself(*ret_status))
		run_give_back(root);
	if (r < 0 && made && made->overlay_refused && root->environment) {
		log_verbose("%s; using a copy of the files", err->text);
		err_clear(err);
		r = run_environment_use_copy(root, box, err);
		if (r == 0)
			r = run_once(engine, box, root, NULL, ret_status, err);
	}
	if (r == 0)
		r = tidy(root, box, made, NULL, ret_status, err);
	else if (made) /* why it failed matters more than what cannot be tidied up */
		(void)!run_tidy(root, box, made, NULL, NULL);
	engine_made_free(made);
	return r;
}

/* Only what succeeded is worth a name. */
static int commit(const struct run_command *run, const struct box *box, const struct run_root *root,
		  int *status, struct err *err)
{
	int r;

	if (*status != 0) {
		log_info("nothing is committed: the command ended with status %d", *status);
		return 0;
	}
	r = run_changes_commit(&root->changes, &root->store, image_id(&root->image)->text,
			       run->request.commit, box, err);
	if (r < 0)
		*status = EXIT_ROOTLET;
	return r;
}

/* Nobody chose the engine, and nothing could be started with `failed`, the first: was it the
 * engine, and is there one that can? When there is none *err says so. */
static seldom const struct engine *find_other(const struct run_command *run,
					      const struct engine *failed, const struct box *box,
					      struct err *err)
{
	const struct engine *other = NULL;
	struct err none = { 0 };
	auto_buf why = { 0 };

	if (run->why || !engine_is_automatic(run->request.engine))
		return NULL;
	if (engine_choose(NULL, box, &other, &why, &none) < 0) {
		(void)err_wrap(err, "%s: %s", none.text, failed->name);
		return NULL;
	}
	return other == failed ? NULL : other;
}

/* With a box made for this engine. When it fails, *ret_other is the engine that may do, or NULL. */
static int run_with(const struct run_command *run, const char *engine_name,
		    const struct engine **ret_other, int *ret_status, struct err *err)
{
	const struct engine *engine;
	auto_box box;
	auto_run_root root;
	auto_buf why = { 0 };
	int r;

	*ret_other = NULL;
	*ret_status = EXIT_ROOTLET;
	box_init(&box);
	run_root_init(&root);
	r = run_make_box(&run->request, &box, &root, err);
	if (r < 0)
		return r;
	r = engine_choose(engine_name, &box, &engine, run->why ? &why : NULL, err);
	if (run->why)
		fputs(buf_text(&why), stderr);
	if (r == 0)
		r = run_use_engine(&run->request, engine, &box, &root, err);
	if (r < 0 || run->dry_run)
		run_changes_forget(&root.changes);
	if (r < 0)
		return r;
	if (run->dry_run) {
		*ret_status = 0;
		return print_box(&box);
	}
	log_verbose("engine %s: %s", engine->name, engine->summary);
	r = run_job(engine, &box, &root, ret_status, err);
	if (r == 0 && run->request.commit)
		return commit(run, &box, &root, ret_status, err);
	if (r == 0 && !keeps_something(&root, &box))
		leave(*ret_status);
	if (r < 0 && *ret_status == EXIT_ROOTLET)
		run_changes_forget(&root.changes);
	if (r < 0 && root.is_refused)
		*ret_other = engine;
	else if (r < 0 && *ret_status == EXIT_ROOTLET)
		*ret_other = find_other(run, engine, &box, err);
	return r;
}

static int run_with_any(struct run_command *run, int *ret_status, struct err *err)
{
	const struct engine *other;
	int r = run_with(run, run->request.engine, &other, ret_status, err);

	if (r < 0 && other) {
		log_verbose("%s; trying engine %s", err->text, other->name);
		err_clear(err);
		run->request.unpack = true; /* if the root is a squashfs file, it may be that */
		r = run_with(run, other->name, &other, ret_status, err);
	}
	return r;
}

int run_asked(const struct run_request *request, const struct run_asked *asked, int *ret_status,
	      struct err *err)
{
	struct run_command run = { .request = *request,
				   .dry_run = asked->dry_run,
				   .why = asked->why };

	return run_with_any(&run, ret_status, err);
}

static int run_parsed(const struct command *command, struct run_command *run, int argc, char **argv,
		      int operand, struct err *err)
{
	int status;
	int r;

	if (operand == argc && !run->request.host_root) {
		fail_plain(err, EINVAL,
			   "what to run in is missing: an image, a directory or a tar file");
		err_hint(err, "usage: rootlet %s %s", command->name, command->synopsis);
		return command_fail(command, err);
	}
	run->request.store = run->common.store;
	if (!run->request.host_root)
		run->request.root = argv[operand++];
	if (operand < argc && text_equal(argv[operand], "--"))
		operand++;
	strings_add_all(&run->request.command, argv + operand);
	r = run_with_any(run, &status, err);
	if (r < 0)
		command_fail(command, err);
	return status;
}

static int run_main(const struct command *command, const struct common *common, int argc,
		    char **argv)
{
	struct run_command run = { .common = *common };
	struct err err = { 0 };
	int operand;
	int status;
	int r;

	run.request.shell = command == &command_shell;
	r = opt_parse(command, argc, argv, &run, &operand, &err);
	if (r != 0)
		status = r < 0 ? command_fail(command, &err) : 0;
	else
		status = run_parsed(command, &run, argc, argv, operand, &err);
	run_command_done(&run);
	return status;
}

const struct command command_run = {
	.name = "run",
	.summary = "run a command in an image, a directory or a tar file",
	.synopsis = "[OPTIONS] ROOT|--host-root [--] [CMD...]",
	.opts = run_opts,
	.stop_at_operand = true,
	.run = run_main,
	.group = "Run",
};

const struct command command_shell = {
	.name = "shell",
	.summary = "start the user's shell in an image, a directory or a tar file",
	.synopsis = "[OPTIONS] ROOT|--host-root [--] [SHELL-ARGUMENTS...]",
	.opts = run_opts,
	.stop_at_operand = true,
	.run = run_main,
	.group = "Run",
};
