// SPDX-License-Identifier: Apache-2.0
/* RUN: a box over the stage's layers, run by an engine. */
#include <string.h>

#include "base/banned.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/build_args.h"
#include "flow/build_debug.h"
#include "flow/build_failure.h"
#include "flow/build_mounts.h"
#include "flow/build_run.h"
#include "flow/build_work.h"
#include "flow/cdi.h"
#include "flow/host_files.h"
#include "rootfs/merge.h"
#include "rootfs/real.h"
#include "store/layers.h"

#define SANDBOX_HOSTNAME "BUILDKIT_SANDBOX_HOSTNAME"

static void key_texts(struct build_key *key, const char *name, const struct texts *texts)
{
	auto_buf value = { 0 };

	for (size_t i = 0; i < texts->count; i++) {
		if (i)
			buf_add_char(&value, ' ');
		text_add_json_string(&value, texts->item[i]);
	}
	build_key_add(key, name, buf_text(&value));
}

static void key_environment(struct build_key *key, const struct texts *env)
{
	for (size_t i = 0; i < env->count; i++) {
		auto_buf name = { 0 };
		const char *equals = strchrnul(env->item[i], '=');

		buf_add_text(&name, "variable ");
		buf_add(&name, env->item[i], (size_t)(equals - env->item[i]));
		build_key_add(key, name.bytes, *equals ? equals + 1 : "");
	}
}

static const char *run_network(const struct work *work)
{
	if (work->step->run.network == RUN_NETWORK_NONE)
		return "none";
	if (work->step->run.network == RUN_NETWORK_HOST)
		return "host";
	return work->build->request->network ? work->build->request->network : "host";
}

/* A device that is not required is given if it is there. */
static int key_devices(struct work *work, struct build_key *key, struct err *err)
{
	const struct strings *folders = &work->build->request->device_folders;
	const struct step_run *run = &work->step->run;

	for (size_t i = 0; i < run->device_count; i++) {
		const struct step_device *device = &run->device[i];
		int r = cdi_add(folders, device->name, NULL, err);

		if (r == 0 && device->is_required)
			r = fail_plain(err, ENODEV, "--device '%s': no file describes it",
				       device->name);
		if (r < 0)
			return r;
		if (r > 0)
			build_key_add(key, "device", device->name);
	}
	return 0;
}

static int add_devices(const struct work *work, struct box *box, struct err *err)
{
	const struct strings *folders = &work->build->request->device_folders;
	const struct step_run *run = &work->step->run;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < run->device_count; i++)
		r = cdi_add(folders, run->device[i].name, box, err);
	return r < 0 ? r : 0;
}

/* Before the cache is asked: there the same command may be without what cannot be given. */
static int check_wishes(const struct work *work, struct err *err)
{
	const struct step_run *run = &work->step->run;
	const char *hostname = build_arg(work->build, SANDBOX_HOSTNAME);

	if (run->is_insecure)
		return fail_plain(err, ENOTSUP,
				  "--security=insecure: there is no privilege to give");
	if (hostname && !host_name_is_valid(hostname))
		return fail_plain(err, EINVAL, SANDBOX_HOSTNAME " '%s' cannot be a host name",
				  hostname);
	return 0;
}

/* Programs that an interpreter runs are not the tap's (build_platform.c). */
static const char *emulation_name(const struct work *work)
{
	const struct platform platform = config_platform(&work->stage->state.config);
	const char *name = work->build->emulation;

	return strcmp(name, "tap") == 0 && !build_is_native(work->build, &platform) ? "seccomp"
										    : name;
}

static int run_key(struct work *work, struct build_key *key, struct err *err)
{
	const struct step_run *run = &work->step->run;
	const struct config *config = &work->stage->state.config;
	const struct strings *hosts = &work->build->request->hosts;
	int r = check_wishes(work, err);

	if (r < 0)
		return r;
	key_texts(key, "command", &run->argv);
	if (run->script)
		build_key_add(key, "script", run->script);
	key_environment(key, &run->env);
	build_key_add(key, "working directory", or_empty(config->working_dir));
	build_key_add(key, "user", or_empty(config->user));
	build_key_add(key, "network", run_network(work));
	build_key_add(key, "root emulation", emulation_name(work));
	for (size_t i = 0; i < hosts->count; i++)
		build_key_add(key, "host", hosts->item[i]);
	if (build_arg(work->build, SANDBOX_HOSTNAME))
		build_key_add(key, "host name", build_arg(work->build, SANDBOX_HOSTNAME));
	r = key_devices(work, key, err);
	return r < 0 ? r : build_mounts_key(work, key, err);
}

static int run_user(struct work *work, struct user *ret_user, struct err *err)
{
	const struct build_stage *state = &work->stage->state;
	const char *spec = state->config.user && state->config.user[0] ? state->config.user : "0";
	int r = work_user(work, spec, ret_user, err);

	if (r == 0 && ret_user->uid == 0 && strcmp(ret_user->home, "/") == 0)
		ret_user->home = "/root";
	return r;
}

/* apt drops to its own user and checks that it did; a filter that only pretends cannot satisfy
 * that check. The file is in the box's own /dev, so nothing of it reaches the image. */
static void calm_apt(struct box *box)
{
	static const char path[] = "/dev/rootlet-apt.conf";
	static const char setting[] = "APT::Sandbox::User \"root\";\n";

	if (strings_env_get(&box->env, "APT_CONFIG"))
		return;
	box_mounts_add_file(&box->mounts, path, setting, strlen(setting));
	strings_env_set(&box->env, "APT_CONFIG", path);
}

static void run_environment(const struct work *work, const struct user *user, struct box *box)
{
	const struct step_run *run = &work->step->run;

	for (size_t i = 0; i < run->env.count; i++)
		strings_add(&box->env, run->env.item[i]);
	for (size_t i = 0; i < run->proxy_env.count; i++)
		strings_add(&box->env, run->proxy_env.item[i]);
	if (!strings_env_get(&box->env, "PATH"))
		strings_env_set(&box->env, "PATH", EVAL_DEFAULT_PATH);
	if (!strings_env_get(&box->env, "HOME"))
		strings_env_set(&box->env, "HOME", user->home);
}

static int run_root(struct work *work, struct box *box, struct err *err)
{
	const struct build_stage *state = &work->stage->state;
	int r;

	box->root.kind = BOX_ROOT_OVERLAY;
	box->root.upper = work->upper_path;
	box->root.work = arena_printf(&box->arena, "%s/%s/work", state->store->path,
				      work->work_name);
	/* The snapshot syncs. A debugger's shell would be a second mount; with real owners what
	 * overlayfs notes in the work directory could not be removed. */
	box->root.syncs_later = !work->build->owners_are_real && !work->build->request->debug;
	if (work->build->owners_are_real) {
		box->owners_are_real = true;
		r = work->build->engine->space(box, &work->space, err);
		if (r == 0 && strcmp(work->build->emulation, "none") != 0 &&
		    !id_space_has_devices(&work->space))
			box->emulation = BOX_EMULATION_DEVICES;
		return r < 0 ? r
			     : real_stack(state->store, state->config.diff_ids,
					  state->config.diff_id_count, &state->view, &work->space,
					  &box->root.lower, err);
	}
	for (size_t i = state->config.diff_id_count; i-- > 0;) {
		auto_buf path = { 0 };

		layer_path(state->store, &state->config.diff_ids[i], &path);
		strings_add(&box->root.lower, buf_text(&path));
	}
	return 0;
}

/* A heredoc that begins with #!: a file in the box's own /dev. */
static void add_script(const struct step_run *run, struct box *box)
{
	struct box_mount *mount;

	if (!run->script_path)
		return;
	mount = box_mounts_add_file(&box->mounts, run->script_path, run->script, run->script_bytes);
	mount->mode = 0755;
	mount->read_only = true;
}

static enum box_emulation emulation_for(const struct work *work)
{
	const char *name = emulation_name(work);

	if (work->build->owners_are_real)
		return BOX_EMULATION_NONE; /* but see run_root */
	if (strcmp(name, "seccomp") == 0)
		return BOX_EMULATION_SECCOMP;
	return strcmp(name, "tap") == 0 ? BOX_EMULATION_TAP : BOX_EMULATION_NONE;
}

/* Without the tap the kernel shows the one id there is as this user's. The tap knows who made what;
 * what it does not know is root's. */
static void set_user(struct work *work, const struct user *user, struct box *box)
{
	box->uid = user->uid;
	box->gid = user->gid;
	box->groups = user->groups;
	box->group_count = user->group_count;
	box->emulation = emulation_for(work);
	if (box->emulation == BOX_EMULATION_TAP)
		return;
	work->new_uid = user->uid;
	work->new_gid = user->gid;
}

static int run_box(struct work *work, struct box *box, struct err *err)
{
	const struct step_run *run = &work->step->run;
	const struct config *config = &work->stage->state.config;
	const struct platform platform = config_platform(config);
	struct user user;
	int r = build_check_runs(work->build, &platform, err);

	if (r == 0)
		r = run_user(work, &user, err);
	if (r < 0)
		return r;
	set_user(work, &user, box);
	r = run_root(work, box, err);
	if (r < 0)
		return r;
	box->cwd = config->working_dir && config->working_dir[0] ? config->working_dir : "/";
	box->private_ns.network = strcmp(run_network(work), "none") == 0;
	for (size_t i = 0; i < run->argv.count; i++)
		strings_add(&box->argv, run->argv.item[i]);
	run_environment(work, &user, box);
	box->limits = work->build->request->limits;
	box->hostname = build_arg(work->build, SANDBOX_HOSTNAME);
	host_files_add_kernel(box, work->build->request->shm_bytes);
	host_files_add_network(box, &work->build->request->hosts);
	add_script(run, box);
	r = add_devices(work, box, err);
	if (r < 0)
		return r;
	r = build_mounts_add(work, box, err);
	if (r < 0)
		return err_wrap(err, "--mount");
	if (box->emulation == BOX_EMULATION_SECCOMP)
		calm_apt(box);
	return 0;
}

static void pass_line(void *context, const char *text)
{
	const struct work *work = context;

	build_tell(work->stage, (struct build_event){ .kind = BUILD_OUTPUT, .text = text });
}

static int run_failed(struct work *work, const struct box *box, int status,
		      const struct build_run_output *output, struct err *err)
{
	const struct run_failure failure = { .status = status,
					     .tail = &output->tail,
					     .emulation = box->emulation,
					     .uid = box->uid,
					     .refused = output->refused.call ? &output->refused
									     : NULL };
	struct buf *excerpt = &work->stage->excerpt;

	for (size_t i = 0; i < output->tail.count; i++)
		buf_printf(excerpt, "  > %s\n", output->tail.item[i]);
	return run_failure_explain(&failure, err);
}

/* The command could not be started. */
static int not_started(const struct work *work, int r, struct err *err)
{
	if (r == -ENOENT && work->step->run.is_shell)
		err_hint(err, "the image has no shell; RUN [\"PROGRAM\", \"ARGUMENT\"] needs none");
	return r;
}

int work_emulation(struct work *work, const struct box *box, struct emulation *ret_emulation,
		   struct err *err)
{
	struct emulation emulation = {
		.layers = &work->stage->state.view,
		.merged = work->copy_name[0] ? &work->merged : NULL,
		.space = work->build->owners_are_real ? &work->space : NULL,
		.mount = work->mounted,
		.mount_count = work->mounted_count,
		.collects = true,
	};
	int r = emulation_open(&emulation, box, err);

	if (r == 0)
		*ret_emulation = emulation;
	return r;
}

struct engine_job work_job(const struct work *work, const struct box *box,
			   struct emulation *emulation)
{
	return (struct engine_job){ .box = box,
				    .held_fd = work->open_fd,
				    .held_count = work->open_count,
				    .emulation = emulation };
}

/* With owners that are known afterwards: by the tap, or because they were real. */
static int run_with_owners(struct work *work, const struct box *box,
			   struct build_run_output *output, int *ret_status, struct err *err)
{
	struct emulation emulation;
	struct engine_job job = work_job(work, box, &emulation);
	int r = work_emulation(work, box, &emulation, err);

	if (r < 0)
		return r;
	r = build_run(&job, work->build->engine, output, ret_status, err);
	if (r == 0)
		build_mounts_keep_owners(work);
	if (r == 0 && (*ret_status == 0 || work->build->request->debug)) {
		r = emulation_read(&emulation, &work->arena, &work->emulated, err);
		work->has_emulated = r == 0;
	}
	emulation_done(&emulation);
	return r;
}

static int run_command(struct work *work, const struct box *box, struct build_run_output *output,
		       int *ret_status, struct err *err)
{
	struct engine_job job = work_job(work, box, NULL);

	if (box->emulation == BOX_EMULATION_TAP || work->build->owners_are_real)
		return run_with_owners(work, box, output, ret_status, err);
	return build_run(&job, work->build->engine, output, ret_status, err);
}

/* True owners belong to this step alone; else the copy is made once, and stays for those that come.
 */
static int copy_layers(struct work *work, struct err *err)
{
	const struct build_stage *state = &work->stage->state;
	const struct digest *diff_ids = state->config.diff_ids;
	size_t count = state->config.diff_id_count;
	int r;

	if (work->build->owners_are_real)
		return merge_private(state->store, diff_ids, count, work->copy_name, err);
	r = kept_make(&work->stage->kept, state->store, diff_ids, count, err);
	if (r < 0)
		return r;
	memcpy(work->copy_name, work->stage->kept.name, sizeof(work->copy_name));
	work->is_kept = true;
	return 0;
}

/* Where overlayfs is refused: a private copy of the whole root, compared as a whole afterwards. The
 * layers stay listed in the box: they tell which mount points were there before. */
static int use_copy(struct work *work, struct box *box, struct err *err)
{
	const struct build_stage *state = &work->stage->state;
	int r;

	log_verbose("%s; using a copy of the layers", err->text);
	err_clear(err);
	r = copy_layers(work, err);
	if (r < 0)
		return err_wrap(err, "a copy of the root, for layers cannot be stacked here");
	box->root.kind = BOX_ROOT_DIRECTORY;
	box->root.path = arena_printf(&box->arena, "%s/%s", state->store->path, work->copy_name);
	box->root.upper = NULL;
	r = build_mounts_use_copies(work, box, err);
	if (r == 0)
		r = merge_owners(&state->view, &work->arena, &work->merged, err);
	if (r == 0 && work->build->owners_are_real)
		r = real_copy(state->store, work->copy_name, &work->merged, &work->space, err);
	return r;
}

static bool stacks_foreign_layers(const struct work *work)
{
	const struct build_stage *state = &work->stage->state;

	return !work->build->owners_are_real &&
	       layers_are_foreign(state->store, state->config.diff_ids,
				  state->config.diff_id_count);
}

static int run_fill(struct work *work, struct err *err)
{
	struct build_run_output output = { .line = pass_line, .context = work };
	auto_box box;
	bool is_ready;
	int status;
	int r;

	box_init(&box);
	if (work->stage->state.config.diff_id_count == 0)
		return fail_plain(err, ENOENT, "the stage has no files yet, so there is no '%s'",
				  work->step->run.argv.item[0]);
	r = run_box(work, &box, err);
	is_ready = r == 0;
	if (r == 0 && stacks_foreign_layers(work)) {
		fail_plain(err, EACCES, "layers are another user's");
		r = use_copy(work, &box, err);
	}
	if (r == 0)
		r = run_command(work, &box, &output, &status, err);
	if (r < 0 && output.overlay_refused) {
		r = use_copy(work, &box, err);
		if (r == 0)
			r = run_command(work, &box, &output, &status, err);
	}
	if (r < 0)
		r = is_ready ? not_started(work, r, err) : r;
	else if (status != 0)
		r = run_failed(work, &box, status, &output, err);
	if (r < 0 && work->build->request->debug)
		build_debug(work, &box);
	strings_done(&output.tail);
	return r;
}

const struct step_kind step_kind_run = { .key = run_key, .fill = run_fill };
