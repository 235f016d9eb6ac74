// SPDX-License-Identifier: Apache-2.0
/* rootlet root: a command and what it starts see themselves as root on the host's own files, as
 * under fakeroot(1). Called by that name it takes that program's options, and does what scripts
 * written for it count on. */
#include "cmd/root.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/log.h"
#include "cmd/version.h"
#include "engine/subid.h"
#include "flow/root_traced.h"
#include "rootemu/saved.h"
#include "sys/file_system.h"
#include "sys/ns.h"
#include "tap/tap.h"

struct root_command {
	struct common common;
	const char *save;
	const char *load;
	const char *engine; /* NULL: auto */
	bool unknown_is_real;
	bool is_fakeroot;
	bool version;
};

#define ROOT(field) offsetof(struct root_command, field)

#define SAVE                                                                                     \
	{                                                                                        \
		OPT_STR, 's', "save", ROOT(save), "FILE",                                        \
			"when the command has ended, save who owns what to FILE, in fakeroot's " \
			"format",                                                                \
			NULL                                                                     \
	}
#define LOAD                                                                          \
	{                                                                             \
		OPT_STR, 'i', "load", ROOT(load), "FILE",                             \
			"begin with what FILE says, as -s or fakeroot saved it", NULL \
	}
#define UNKNOWN                                                                                  \
	{                                                                                        \
		OPT_FLAG, 'u', "unknown-is-real", ROOT(unknown_is_real), NULL,                   \
			"show the real owner of files the command did not touch, not root", NULL \
	}
#define END                                           \
	{                                             \
		OPT_END, 0, NULL, 0, NULL, NULL, NULL \
	}

static const struct opt root_opts[] = {
	SAVE,
	LOAD,
	UNKNOWN,
	{ OPT_STR, 0, "engine", ROOT(engine), "NAME",
	  "auto or tap: with the caller's own rights; userns: in a user namespace, where the "
	  "command may mount and chroot, too; subid: in one with subordinate ids, where owners are "
	  "real; ptrace: a tracer answers, for programs that the tap cannot carry",
	  NULL },
	END,
};

static const struct opt fakeroot_opts[] = {
	SAVE,
	LOAD,
	UNKNOWN,
	{ OPT_FLAG, 'v', "version", ROOT(version), NULL, "print the version", NULL },
	{ OPT_REFUSED, 'l', "lib", 0, "LIBRARY", "nothing is preloaded into programs", NULL },
	{ OPT_REFUSED, 'f', "faked", 0, "PROGRAM", "there is no daemon", NULL },
	{ OPT_REFUSED, 'b', "fd-base", 0, "FD", "there is no daemon to talk to", NULL },
	END,
};

static bool is_engine(const struct root_command *root, const char *name)
{
	return root->engine && strcmp(root->engine, name) == 0;
}

static bool in_userns(const struct root_command *root)
{
	return is_engine(root, "userns");
}

/* As execvp(3): -ENOENT when no folder of PATH has it. */
static int exec_by_name(const struct tap_session *session, char **argv)
{
	const char *path_list = getenv("PATH");
	char path[4096];
	int worst = -ENOENT;

	if (strchr(argv[0], '/'))
		return tap_exec(session, argv[0], argv, environ);
	for (const char *at = path_list ? path_list : "/bin:/usr/bin"; at;) {
		const char *end = strchrnul(at, ':');
		int r;

		snprintf(path, sizeof(path), "%.*s%s%s", (int)(end - at), at, end > at ? "/" : "",
			 argv[0]);
		r = tap_exec(session, path, argv, environ);
		if (r != -ENOENT && r != -ENOTDIR && r != -EACCES)
			return r;
		if (r == -EACCES)
			worst = r;
		at = *end ? end + 1 : NULL;
	}
	return worst;
}

/* One id is mapped: files of others look root's (struct tap_options). */
static int enter_userns(struct err *err)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER) < 0) {
		int error = errno;

		fail(err, error, "engine userns: make a user namespace");
		ns_explain(error, err);
		return -error;
	}
	return ns_map(0, 0, uid, 0, gid, err);
}

static _Noreturn void end_without_command(const char *name, int error)
{
	struct err err = { 0 };

	fail(&err, error, "command '%s'", name);
	command_fail(&command_root, &err);
	_exit(error == ENOENT || error == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

/* Either a session or, where ids are real, a space. */
static _Noreturn void be_command(const struct root_command *root, const struct tap_session *session,
				 const struct id_space *space, const sigset_t *old_mask,
				 char **argv)
{
	struct err err = { 0 };
	int r = 0;

	sigprocmask(SIG_SETMASK, old_mask, NULL);
	if (space)
		r = id_space_enter(space, &err);
	else if (in_userns(root))
		r = enter_userns(&err);
	if (r < 0) {
		command_fail(&command_root, &err);
		_exit(EXIT_ROOTLET);
	}
	if (session)
		end_without_command(argv[0], -exec_by_name(session, argv));
	execvp(argv[0], argv);
	end_without_command(argv[0], errno);
}

/* Signals that would end us are the command's to answer: we wait for it, to save what it did. */
static int run_command(const struct root_command *root, const struct tap_session *session,
		       const struct id_space *space, char **argv, int *ret_status, struct err *err)
{
	static const int passed_on[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };
	sigset_t set;
	sigset_t old_mask;
	siginfo_t info;
	int wait_status;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < array_count(passed_on); i++)
		sigaddset(&set, passed_on[i]);
	sigprocmask(SIG_BLOCK, &set, &old_mask);
	pid = fork();
	if (pid == 0)
		be_command(root, session, space, &old_mask, argv);
	if (pid < 0)
		return fail(err, errno, "fork");
	while (waitpid(pid, &wait_status, WNOHANG) != pid)
		if (sigwaitinfo(&set, &info) > 0 && info.si_signo != SIGCHLD &&
		    info.si_code != SI_KERNEL)
			kill(pid, info.si_signo);
	*ret_status = WIFSIGNALED(wait_status) ? EXIT_SIGNAL + WTERMSIG(wait_status)
					       : WEXITSTATUS(wait_status);
	return 0;
}

static int load(const struct root_command *root, struct lies *lies, struct err *err)
{
	auto_buf text = { 0 };
	int r;

	if (!root->load)
		return 0;
	r = io_read_file_at(AT_FDCWD, root->load, SAVED_BYTES_MAX, &text, err);
	if (r == -ENOENT && root->is_fakeroot) { /* the first of many calls with -i and -s */
		log_warning("%s", err->text);
		*err = (struct err){ 0 };
		return 0;
	}
	if (r == 0)
		r = saved_load(lies, buf_text(&text), err);
	return r < 0 ? err_wrap(err, "load '%s'", root->load) : 0;
}

static int save(const struct root_command *root, struct lies *lies, struct err *err)
{
	auto_buf text = { 0 };

	if (!root->save)
		return 0;
	saved_print(lies, &text);
	return io_replace_file_at(AT_FDCWD, root->save, buf_text(&text), text.size_bytes, 0644,
				  err);
}

static int run_emulated(const struct root_command *root, char **argv, int *ret_status,
			struct err *err)
{
	const char *mode = getenv("ROOTLET_TAP");
	struct tap_options options = {
		.host_tree = geteuid() != 0 && !in_userns(root),
		.one_id = in_userns(root) && !root->unknown_is_real,
		.unknown_is_real = root->unknown_is_real,
		.trap_only = mode && strcmp(mode, "trap") == 0,
		.settled_ns = file_system_any_copies_up() ? LIES_UNSETTLED : 0,
	};
	struct tap_session session;
	int r = tap_session_open(&session, &options, err);

	if (r < 0)
		return r;
	r = load(root, &session.lies, err);
	if (r == 0)
		r = run_command(root, &session, NULL, argv, ret_status, err);
	if (r == 0)
		r = save(root, &session.lies, err);
	tap_session_done(&session);
	return r;
}

/* A command that cannot be executed is told of here, as in be_command(). */
static int run_traced(const struct root_command *root, char **argv, int *ret_status,
		      struct err *err)
{
	struct root_traced traced;
	struct lies *lies = &traced.emulation.session.lies;
	int r = root_traced_open(&traced, argv, root->unknown_is_real, err);

	if (r == 0)
		r = load(root, lies, err);
	if (r == 0)
		r = root_traced_run(&traced, ret_status, err);
	if (r < 0 && *ret_status > EXIT_ROOTLET) {
		command_fail(&command_root, err);
		*err = (struct err){ 0 };
		r = 0;
	}
	if (r == 0)
		r = save(root, lies, err);
	root_traced_done(&traced);
	return r;
}

/* Owners are real there: nothing has to be remembered, and no program to be told lies. */
static int run_among_subids(const struct root_command *root, char **argv, int *ret_status,
			    struct err *err)
{
	const struct box box = { .uid = 0 };
	struct id_space space;
	const char *useless = root->save	      ? "--save"
			      : root->load	      ? "--load"
			      : root->unknown_is_real ? "--unknown-is-real"
						      : NULL;
	int r;

	if (useless) {
		fail_plain(err, EINVAL,
			   "%s is about what is remembered: with --engine subid owners are real",
			   useless);
		return -EINVAL;
	}
	r = engine_subid.space(&box, &space, err);
	return r < 0 ? r : run_command(root, NULL, &space, argv, ret_status, err);
}

/* Both would be linked at one address. The one around us does for root what a second would do. */
static int run_inside(const struct root_command *root, char **argv, struct err *err)
{
	const char *why = root->save || root->load ? "-s and -i are for the outermost one"
			  : root->unknown_is_real  ? "-u is for the outermost one"
			  : root->engine	   ? "--engine is for the outermost one"
			  : geteuid() != 0	   ? "this user is not root in it"
						   : NULL;

	if (why) {
		fail_plain(err, ENOTSUP,
			   "this process runs under root emulation, and there can be only one: %s",
			   why);
		return -ENOTSUP;
	}
	execvp(argv[0], argv);
	end_without_command(argv[0], errno);
}

static int check_engine(const struct root_command *root, struct err *err)
{
	static const char *const known[] = { "auto", "tap", "userns", "subid", "ptrace" };

	for (size_t i = 0; i < array_count(known); i++)
		if (!root->engine || strcmp(root->engine, known[i]) == 0)
			return 0;
	fail_plain(err, EINVAL,
		   "--engine %s: root is emulated on the host's own files by auto, tap, userns, "
		   "subid or ptrace",
		   root->engine);
	err_hint(err, "rootlet run --engine %s / gives them to a box", root->engine);
	return -EINVAL;
}

static int run(const struct root_command *root, char **argv, int *ret_status, struct err *err)
{
	int r = check_engine(root, err);

	if (r < 0)
		return r;
	if (tap_is_active())
		return run_inside(root, argv, err);
	if (is_engine(root, "subid"))
		return run_among_subids(root, argv, ret_status, err);
	if (is_engine(root, "ptrace"))
		return run_traced(root, argv, ret_status, err);
	return run_emulated(root, argv, ret_status, err);
}

static int root_main(const struct command *command, const struct common *common, int argc,
		     char **argv)
{
	struct root_command root = { .common = *common,
				     .is_fakeroot = command == &command_fakeroot };
	char *shell[] = { getenv("SHELL") ? getenv("SHELL") : (char *)(uintptr_t) "/bin/sh", NULL };
	struct err err = { 0 };
	int operand;
	int status = EXIT_ROOTLET;
	int r = opt_parse(command, argc, argv, &root, &operand, &err);

	if (r > 0)
		return 0;
	if (r == 0 && root.version) {
		printf("fakeroot of rootlet %s\n", version_text);
		return 0;
	}
	if (root.is_fakeroot) /* makepkg(8) and others know by it that fakeroot is around them */
		setenv("FAKEROOTKEY", "rootlet", 1);
	if (r == 0 && operand < argc && strcmp(argv[operand], "--") == 0)
		operand++;
	if (r == 0)
		r = run(&root, operand < argc ? argv + operand : shell, &status, &err);
	return r < 0 ? command_fail(command, &err) : status;
}

const struct command command_root = {
	.name = "root",
	.summary = "run a command as if it were root on the host's own files",
	.synopsis = "[OPTIONS] [--] [CMD...]",
	.opts = root_opts,
	.stop_at_operand = true,
	.run = root_main,
	.group = "Run",
};

/* The same for programs that know fakeroot's options; main.c knows when it is meant. */
const struct command command_fakeroot = {
	.name = "root",
	.summary = "run a command as if it were root on the host's own files",
	.synopsis = "[OPTIONS] [--] [CMD...]",
	.opts = fakeroot_opts,
	.stop_at_operand = true,
	.run = root_main,
};
