// SPDX-License-Identifier: Apache-2.0
#include "cmd/pack_launch.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "cmd/opt.h"
#include "engine/engine.h"
#include "engine/exec.h"
#include "engine/namespaces.h"
#include "flow/pack_box.h"
#include "flow/pack_root.h"
#include "sys/landlock.h"

struct launch {
	struct common common;
	const char *engine;
	const char *extract;
	bool why;
	/* */
	struct arena arena;
	struct pack_self self;
	struct pack_root root;
	struct pack_description description;
	struct strings command;
	struct box box;
};

/* Engines of a pack that is the root already. */
#define DIRECT	 "direct"
#define LANDLOCK "landlock"
#define IS_ROOT	 ": chosen: the pack is the root here"

#define LAUNCH(field) offsetof(struct launch, field)

static const struct opt launch_opts[] = {
	{ OPT_STR, 0, "engine", LAUNCH(engine), "NAME",
	  "use this engine or fail (also $ROOTLET_ENGINE)", NULL },
	{ OPT_FLAG, 0, "why", LAUNCH(why), NULL,
	  "say how the pack is run and why not otherwise (also $ROOTLET_PACK_WHY)", NULL },
	{ OPT_STR, 0, "extract", LAUNCH(extract), "DIR",
	  "write the pack's files into DIR, an empty or missing directory, and end", NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

static const struct command command_launch = {
	.name = "pack",
	.summary = "run a program of this pack",
	.synopsis = "[OPTIONS] [--] CMD [ARGS...]",
	.opts = launch_opts,
	.stop_at_operand = true,
};

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_set(const char *variable)
{
	const char *text = getenv(variable);

	return text && *text;
}

/* --- what is run --- */

/* Words after the options of the pack itself. 1: --help was asked for. */
static int parse_words(struct launch *launch, int argc, char **argv, struct err *err)
{
	int operand;
	int r = opt_parse(&command_launch, argc, argv, launch, &operand, err);

	if (r == 0) {
		if (operand < argc && strcmp(argv[operand], "--") == 0)
			operand++;
		strings_add_all(&launch->command, argv + operand);
	}
	return r;
}

static bool is_own_name(const char *name)
{
	return strcmp(name, "rootlet-pack") == 0 || strcmp(name, "launch") == 0;
}

static int need_command(const struct launch *launch, const char *name, struct err *err)
{
	if (launch->command.count)
		return 0;
	fail_plain(err, EINVAL, "the pack has no entry point: which program?");
	err_hint(err, "%s CMD [ARGS...], or a link to it with the program's name", name);
	return -EINVAL;
}

/* A name that is a program of the pack means that program. Else all words are the entry point's, if
 * there is one. Else they are options of ours and a command. 1: --help was asked for. */
static int choose_command(struct launch *launch, int argc, char **argv, struct err *err)
{
	const char *name = last_name(argv[0]);
	const char *path = launch->self.program;
	int r = 0;

	if (is_own_name(name)) { /* parsed already */
		if (!launch->command.count)
			strings_add_all(&launch->command, launch->description.command.item);
		return need_command(launch, argv[0], err);
	}
	if (path ||
	    pack_find_program(launch->root.fd, &launch->description, name, &launch->arena, &path)) {
		strings_add(&launch->command, path);
		strings_add_all(&launch->command, argv + 1);
	} else if (launch->description.entry_point.count) {
		strings_add_all(&launch->command, launch->description.entry_point.item);
		strings_add_all(&launch->command, argv + 1);
	} else {
		r = parse_words(launch, argc, argv, err);
		if (r == 0 && !launch->extract && !launch->command.count)
			strings_add_all(&launch->command, launch->description.command.item);
	}
	return r || launch->extract ? r : need_command(launch, argv[0], err);
}

/* --- running --- */

static int run_box(struct launch *launch, const struct engine *engine, struct box *box,
		   int *ret_status, struct err *err)
{
	struct engine_made *made = engine_made_new();
	const struct engine_job job = { .box = box,
					.made = made,
					.held_fd = &launch->root.served.socket,
					.held_count = launch->root.served.socket >= 0 };
	bool stacks = engine->is_boundary;
	int r;

	if (stacks)
		pack_box_stack(box);
	r = engine->run(&job, ret_status, err);
	if (r < 0 && stacks && made && made->overlay_refused) {
		pack_box_unstack(box);
		err_clear(err);
		r = engine->run(&job, ret_status, err);
	}
	pack_box_unstack(box);
	engine_made_free(made);
	return r;
}

/* They need a place, which this is not. */
static int refuse_direct(const struct launch *launch, struct err *err)
{
	const char *engine = launch->engine ?: getenv("ROOTLET_ENGINE");

	if (!text_equal(engine, DIRECT) && !text_equal(engine, LANDLOCK))
		return 0;
	fail_plain(err, EINVAL,
		   "engine %s: the pack's paths are right only where it is the root, which it is "
		   "not here",
		   engine);
	err_hint(err, "chroot(1), PRoot and images make a relocatable pack (-R) the root");
	return -EINVAL;
}

/* Nobody chose the engine, and the first did not start: is there another that can? */
static const struct engine *find_other(const struct launch *launch, const struct engine *failed,
				       const struct box *box)
{
	const struct engine *other = NULL;
	struct err err = { 0 };
	auto_buf why = { 0 };

	if (!engine_is_automatic(launch->engine) ||
	    engine_choose(NULL, box, &other, &why, &err) < 0)
		return NULL;
	return other == failed ? NULL : other;
}

/* A run inside of a run without mounts: both use what the first unpacked. (Not where it is mounted
 * for a tap that was asked for among the words: that is another file system than what is unpacked
 * here.) */
static bool is_root_here(const struct pack_root *root)
{
	struct stat pack;
	struct stat here;

	return fstat(root->fd, &pack) == 0 && stat("/", &here) == 0 && pack.st_dev == here.st_dev &&
	       pack.st_ino == here.st_ino;
}

/* This process becomes the command: nobody stands between it and who called it. */
static int run_entered(struct launch *launch, const char *why, int *ret_status, struct err *err)
{
	const struct engine_job job = { .box = &launch->box };
	char cwd[PATH_MAX];
	int r;

	if (launch->why)
		fprintf(stderr, "%s%s\n", buf_text(&launch->root.how), why);
	launch->box.cwd = getcwd(cwd, sizeof(cwd)) ? cwd : "/";
	r = pack_make_env(&launch->description, &launch->box, err);
	if (r < 0)
		return r;
	strings_add_all(&launch->box.argv, launch->command.item);
	*ret_status = exec_command(&job, err);
	return err->code ? -err->code : -EINVAL;
}

static int run(struct launch *launch, int *ret_status, struct err *err)
{
	const struct engine *engine;
	struct box *box = &launch->box;
	auto_buf why = { 0 };
	int r = refuse_direct(launch, err);

	if (r == 0)
		r = pack_make_box(launch->root.path, launch->root.fd, &launch->description, box,
				  err);
	if (r < 0)
		return r;
	strings_add_all(&box->argv, launch->command.item);
	r = engine_choose(launch->engine, box, &engine, launch->why ? &why : NULL, err);
	if (launch->why)
		fprintf(stderr, "%s%s", buf_text(&launch->root.how), buf_text(&why));
	if (r < 0)
		return r;
	r = run_box(launch, engine, box, ret_status, err);
	if (r < 0 && *ret_status == EXIT_ROOTLET && (engine = find_other(launch, engine, box))) {
		if (launch->why)
			fprintf(stderr, "%s\nengine %s instead\n", err->text, engine->name);
		err_clear(err);
		r = run_box(launch, engine, box, ret_status, err);
	}
	return r;
}

/* The pack is the root already, by chroot(1), PRoot or a box of its own. */
static bool is_inside(const struct pack_self *self)
{
	struct stat there;

	return self->program &&
	       (strcmp(self->root, "/") == 0 ||
		(stat("/.rootlet/launch", &there) == 0 && there.st_dev == self->st.st_dev &&
		 there.st_ino == self->st.st_ino));
}

/* The kernel lets this process and what it starts open what a box of the pack would show, and write
 * only where one could write. */
static int wall(struct launch *launch, struct err *err)
{
	auto_fd root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = landlock_begin(false);
	int r;

	if (fd < 0)
		return fail_plain(err, ENOTSUP, "engine landlock: this kernel has no Landlock");
	close(fd);
	if (root_fd < 0)
		return fail(err, errno, "open '/'");
	r = pack_description_read(root_fd, &launch->description, err);
	if (r == 0)
		r = pack_make_box("/", root_fd, &launch->description, &launch->box, err);
	return r < 0 ? r : namespaces_wall(&launch->box, err);
}

static int run_directly(struct launch *launch, char **argv, struct err *err)
{
	const char *path = arena_printf(&launch->arena, "/.rootlet/real%s", launch->self.program);
	const char *engine = getenv("ROOTLET_ENGINE");
	bool is_walled = text_equal(engine, LANDLOCK);
	int r = 0;

	if (is_walled)
		r = wall(launch, err);
	if (r < 0)
		return r;
	if (launch->why)
		fprintf(stderr, "%s" IS_ROOT "\n", is_walled ? LANDLOCK : DIRECT);
	execv(path, argv);
	return fail(err, errno, "execute '%s'", path);
}

static int extract(const struct launch *launch, struct err *err)
{
	if (!launch->self.has_image)
		return fail_plain(err, EINVAL, "this pack is unpacked already, in '%s'",
				  launch->self.root);
	if (mkdir(launch->extract, 0777) < 0 && errno != EEXIST)
		return fail(err, errno, "make directory '%s'", launch->extract);
	return pack_extract(launch->self.fd, launch->self.base, launch->extract, err);
}

static int run_somehow(struct launch *launch, int *ret_status, struct err *err)
{
	if (launch->root.is_entered)
		return run_entered(launch, "userns: chosen: its root is there already", ret_status,
				   err);
	if (is_root_here(&launch->root))
		return run_entered(launch, DIRECT IS_ROOT, ret_status, err);
	return run(launch, ret_status, err);
}

static int launch_image(struct launch *launch, int argc, char **argv, int *ret_status,
			struct err *err)
{
	int r = refuse_direct(launch, err);

	if (r == 0)
		r = pack_root_open(&launch->self, launch->engine ?: getenv("ROOTLET_ENGINE"),
				   &launch->arena, &launch->root, err);

	if (r == 0)
		r = pack_description_read(launch->root.fd, &launch->description, err);
	if (r == 0)
		r = choose_command(launch, argc, argv, err);
	if (r == 0 && launch->root.is_entered &&
	    (launch->extract || !pack_may_mount(launch->engine)))
		r = pack_root_leave(&launch->root, err);
	if (r == 0 && !launch->extract)
		return run_somehow(launch, ret_status, err);
	if (r >= 0)
		*ret_status = 0;
	return r == 0 ? extract(launch, err) : r;
}

/* By our own name options count before anything else: they say how the rest is reached. */
static int launch_all(struct launch *launch, const char *execfn, int argc, char **argv,
		      int *ret_status, struct err *err)
{
	int r = pack_self_find(execfn, argv[0], &launch->arena, &launch->self, err);

	launch->why = is_set("ROOTLET_PACK_WHY");
	if (r == 0 && is_inside(&launch->self))
		return run_directly(launch, argv, err);
	if (r == 0 && is_own_name(last_name(argv[0])))
		r = parse_words(launch, argc, argv, err);
	if (r == 0 && !launch->extract)
		return launch_image(launch, argc, argv, ret_status, err);
	if (r >= 0)
		*ret_status = 0;
	return r == 0 ? extract(launch, err) : r;
}

int pack_launch(const char *execfn, int argc, char **argv)
{
	struct launch launch = {
		.self = { .fd = -1 },
		.root = { .fd = -1, .served = { .socket = -1 }, .unpacked = { .lock_fd = -1 } }
	};
	struct err err = { 0 };
	int status = EXIT_ROOTLET;
	int r;

	box_init(&launch.box);
	io_reserve_stdio();
	r = launch_all(&launch, execfn, argc, argv, &status, &err);
	pack_root_done(&launch.root);
	if (r < 0) {
		command_fail(&command_launch, &err);
		status = status ? status : EXIT_ROOTLET;
	}
	cleanup_fd(&launch.self.fd);
	pack_description_done(&launch.description);
	strings_done(&launch.command);
	box_done(&launch.box);
	arena_done(&launch.arena);
	return status;
}
