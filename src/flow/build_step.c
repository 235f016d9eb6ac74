// SPDX-License-Identifier: Apache-2.0
/* One step of a stage: its key, a look into the cache, else the work and a snapshot of what
 * changed. */
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/banned.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "flow/build_explain.h"
#include "flow/build_work.h"
#include "rootfs/snapshot.h"
#include "sys/remove.h"

#define ID_FILE_BYTES ((size_t)16 << 20)

struct timespec work_now(const struct build *build)
{
	struct timespec now = { .tv_sec = build->epoch_s };

	if (build->epoch_s < 0)
		clock_gettime(CLOCK_REALTIME, &now);
	return now;
}

struct work_list {
	struct strings strings;
	struct work_list *next;
};

struct strings *work_new_list(struct work *work)
{
	struct work_list *list = arena_new(&work->arena, struct work_list);

	list->next = work->lists;
	work->lists = list;
	work->list_count++;
	return &list->strings;
}

void work_keep_open(struct work *work, int fd)
{
	work->open_fd = memory_resize(work->open_fd, work->open_count + 1, sizeof(*work->open_fd));
	work->open_fd[work->open_count++] = fd;
}

int work_user(struct work *work, const char *spec, struct user *ret_user, struct err *err)
{
	const struct view *view = &work->stage->state.view;
	auto_buf passwd = { 0 };
	auto_buf group = { 0 };

	view_read_text(view, "/etc/passwd", ID_FILE_BYTES, &passwd);
	view_read_text(view, "/etc/group", ID_FILE_BYTES, &group);
	return ids_resolve(spec, buf_text(&passwd), buf_text(&group), &work->arena, ret_user, err);
}

int work_owner(struct work *work, const char *spec, struct user *ret_user, struct err *err)
{
	uint32_t number;
	int r = work_user(work, spec, ret_user, err);

	if (r == 0 && number_parse_u32(spec, &number) == 0)
		ret_user->gid = number;
	return r;
}

static const struct step_kind *kind_of(const struct step *step)
{
	if (!step->makes_layer)
		return NULL;
	if (step->kind == INSTRUCTION_RUN)
		return &step_kind_run;
	return step->kind == INSTRUCTION_WORKDIR ? &step_kind_workdir : &step_kind_copy;
}

static int make_folder(const struct store *store, const char *name, mode_t mode, struct err *err)
{
	if (mkdirat(store->dirfd, name, 0700) < 0 || fchmodat(store->dirfd, name, mode, 0) < 0)
		return fail(err, errno, "make '%s' in the store", name);
	return 0;
}

/* The root of an overlay has the mode of the upper directory: that of the root so far. */
static int make_work_folders(struct work *work, struct err *err)
{
	const struct store *store = &work->build->store;
	struct view_entry root;
	mode_t mode = view_lookup(work->lower, "", &root) == 0 ? root.st.st_mode & 07777 : 0755;
	int r = store_work_name(store, work->work_name, err);

	if (r < 0)
		return r;
	work->upper_path = arena_printf(&work->arena, "%s/%s/upper", store->path, work->work_name);
	r = make_folder(store, work->work_name, 0700, err);
	if (r == 0)
		r = make_folder(store, arena_printf(&work->arena, "%s/upper", work->work_name),
				mode, err);
	if (r == 0)
		r = make_folder(store, arena_printf(&work->arena, "%s/work", work->work_name), 0700,
				err);
	return r;
}

/* What placing files remembered, as the snapshot asks for it. */
static int placed_meta(void *context, const char *path, const struct statx *stx,
		       struct snapshot_meta *ret_meta, struct err *err)
{
	const struct work *work = context;
	const struct place_owner *owner = place_owner_of(&work->place, path);

	(void)stx;
	(void)err;
	if (!owner)
		return 0;
	*ret_meta = (struct snapshot_meta){ .uid = owner->uid,
					    .gid = owner->gid,
					    .mode = owner->mode,
					    .rdev_major = major(owner->rdev),
					    .rdev_minor = minor(owner->rdev),
					    .xattrs = owner->xattrs,
					    .xattr_count = owner->xattr_count,
					    .content = owner->content,
					    .content_bytes = owner->content_bytes };
	return 1;
}

/* What the tap knows. It was told what the layers record, so what it does not know is root's. */
static int emulated_meta(void *context, const char *path, const struct statx *stx,
			 struct snapshot_meta *ret_meta, struct err *err)
{
	const struct work *work = context;
	const struct emulated *emulated = map_get(&work->emulated, path);

	(void)err;
	*ret_meta = (struct snapshot_meta){ .mode = stx->stx_mode };
	if (!emulated)
		return 1;
	*ret_meta = (struct snapshot_meta){
		.uid = emulated->uid,
		.gid = emulated->gid,
		.mode = (stx->stx_mode & ~emulated->mode_mask) | emulated->mode_bits,
		.rdev_major = emulated->rdev_major,
		.rdev_minor = emulated->rdev_minor,
		.xattrs = emulated->xattrs,
		.xattr_count = emulated->xattr_count,
	};
	return 1;
}

static int take_snapshot(struct work *work, const struct step_kind *kind,
			 struct build_cached *ret_result, struct err *err)
{
	struct build *build = work->build;
	struct snapshot_request request = {
		.store = &build->store,
		.upper_name = work->copy_name[0]
				      ? work->copy_name
				      : arena_printf(&work->arena, "%s/upper", work->work_name),
		.complete = work->copy_name[0] != '\0',
		.keeps = work->is_kept,
		.seen = work->is_kept ? kept_seen : NULL,
		.seen_context = &work->stage->kept,
		.lower = work->lower,
		.lookup = kind->places	       ? placed_meta
			  : work->has_emulated ? emulated_meta
					       : NULL,
		.lookup_context = work,
		.placed = kind->places,
		.new_uid = work->new_uid,
		.new_gid = work->new_gid,
		.clamp = build->epoch_s >= 0,
		.clamp_s = build->epoch_s,
	};
	struct timespec now = work_now(build);
	struct snapshot snapshot;
	char created[TEXT_TIME_BYTES];
	int r = snapshot_take(&request, &snapshot, err);

	if (r < 0)
		return r;
	text_time(now.tv_sec, created);
	*ret_result = (struct build_cached){ .created = arena_copy(&work->arena, created),
					     .text = work->step->instruction->line.text };
	if (!snapshot.empty) {
		ret_result->diff_id = snapshot.diff_id;
		ret_result->layer = snapshot.layer;
	}
	return work->is_kept ? kept_add(&work->stage->kept, &build->store,
					snapshot.empty ? NULL : &snapshot.diff_id, err)
			     : 0;
}

static int carry_out(struct work *work, const struct step_kind *kind,
		     struct build_cached *ret_result, struct err *err)
{
	int r = make_work_folders(work, err);

	if (r == 0 && kind->places)
		r = place_init(&work->place, work->lower, work->upper_path, err);
	if (r < 0)
		return r;
	r = kind->fill(work, err);
	if (r == 0 && kind->places)
		r = place_finish(&work->place, err);
	/* The lower layers alone are what the snapshot compares with. */
	if (kind->places)
		view_pop(work->place.view);
	if (r == 0)
		r = take_snapshot(work, kind, ret_result, err);
	if (r < 0)
		kept_done(&work->stage->kept, &work->build->store);
	if (kind->places) {
		work->place.view = NULL;
		place_done(&work->place);
	}
	return r;
}

/* COPY --link: a layer that stands on nothing, so that it stays when what is below changes. */
static bool is_linked(const struct step *step)
{
	return (step->kind == INSTRUCTION_COPY || step->kind == INSTRUCTION_ADD) && step->copy.link;
}

static int make_key(struct work *work, const struct step_kind *kind, struct build_key *key,
		    char hex[SHA256_HEX_LENGTH + 1], struct err *err)
{
	const struct platform platform = config_platform(&work->stage->state.config);
	int r;

	build_key_add(key, "format", "2");
	build_key_add(key, "instruction", instruction_name(work->step->kind));
	if (is_linked(work->step))
		build_key_add(key, "linked", "yes");
	else
		build_key_add(key, "parent", work->stage->state.chain);
	build_key_add(key, "architecture", or_empty(platform.architecture));
	if (work->build->epoch_s >= 0)
		build_key_add(key, "source date epoch",
			      arena_printf(&work->arena, "%lld", (long long)work->build->epoch_s));
	r = kind->key(work, key, err);
	if (r == 0)
		build_key_finish(key, hex);
	return r;
}

/* In the store's cache, else in one of --cache-from. */
static int find_result(struct work *work, const struct build_key *key, const char *hex,
		       struct build_cached *result, struct err *err)
{
	int r = build_cache_get(&work->build->store, hex, &work->arena, result, err);

	return r != 0 ? r : build_caches_find(work->stage, key, hex, &work->arena, result, err);
}

/* The same step in another stage may be under way: wait for its result instead of doing it twice.
 * Who does it waits for nobody, so this ends. */
static void begin_step(struct build *build, const char *hex)
{
	pthread_mutex_lock(&build->lock);
	while (map_get(&build->steps_under_way, hex))
		pthread_cond_wait(&build->progress, &build->lock);
	map_set(&build->steps_under_way, hex, build);
	pthread_mutex_unlock(&build->lock);
}

static void end_step(struct build *build, const char *hex)
{
	pthread_mutex_lock(&build->lock);
	map_remove(&build->steps_under_way, hex);
	pthread_cond_broadcast(&build->progress);
	pthread_mutex_unlock(&build->lock);
}

/* What a step's key is, and for people where it stands. */
struct keyed {
	struct build_key key;
	char hex[SHA256_HEX_LENGTH + 1];
	struct trail_step step;
};

static int make_result(struct work *work, const struct step_kind *kind, const struct keyed *keyed,
		       struct build_cached *result, struct err *err)
{
	struct build *build = work->build;
	int r;

	if (build->request->why_miss)
		build_explain(work, &keyed->step, &keyed->key);
	r = carry_out(work, kind, result, err);
	if (r < 0)
		return r;
	if (work->has_changed) {
		log_verbose("%s: files changed while they were copied; not cached",
			    work->stage->position);
		return 0;
	}
	return build_cache_put(&build->store, keyed->hex, result, keyed->key.inputs.bytes,
			       keyed->key.inputs.size_bytes, err);
}

static int obtain_result(struct work *work, const struct step_kind *kind, const struct keyed *keyed,
			 struct build_cached *result, bool *ret_cached, struct err *err)
{
	int r;

	if (work->stage->no_cache)
		return make_result(work, kind, keyed, result, err);
	begin_step(work->build, keyed->hex);
	r = find_result(work, &keyed->key, keyed->hex, result, err);
	*ret_cached = r > 0;
	if (r == 0)
		r = make_result(work, kind, keyed, result, err);
	end_step(work->build, keyed->hex);
	return r < 0 ? r : 0;
}

static int layer_step(struct work *work, const struct step_kind *kind, struct keyed *keyed,
		      bool *ret_cached, struct err *err)
{
	struct built_stage *stage = work->stage;
	const char *text = work->step->instruction->line.text;
	struct build_cached result;
	char label[64];
	int r = make_key(work, kind, &keyed->key, keyed->hex, err);

	if (r < 0)
		return r;
	keyed->step = build_trail_step(stage, text, keyed->hex, label);
	build_trail_add(&work->build->trail, &keyed->step);
	r = obtain_result(work, kind, keyed, &result, ret_cached, err);
	if (r < 0)
		return r;
	if (!work->has_changed)
		build_caches_note(stage, keyed->hex, &result);
	stage->below = arena_printf(&stage->arena, "%s %s", stage->position, text);
	return build_stage_add(&stage->state, &result, work->step->created_by, err);
}

static void work_done(struct work *work, const struct step_kind *kind)
{
	struct err err = { 0 };

	if (work->work_name[0] && remove_tree(work->build->store.dirfd, work->work_name, &err) < 0)
		log_verbose("left in the store: %s", err.text);
	for (size_t i = 0; i < work->open_count; i++)
		close(work->open_fd[i]);
	free(work->open_fd);
	for (struct work_list *list = work->lists; list; list = list->next)
		strings_done(&list->strings);
	map_done(&work->emulated);
	if (kind && kind->done)
		kind->done(work);
	view_done(&work->nothing);
	arena_done(&work->arena);
}

int build_step(struct build *build, struct built_stage *stage, const struct step *step,
	       bool *ret_cached, struct err *err)
{
	struct work work = { .build = build, .stage = stage, .step = step };
	const struct step_kind *kind = kind_of(step);
	struct keyed keyed;
	int r = 0;

	*ret_cached = false;
	view_init(&work.nothing);
	work.lower = is_linked(step) ? &work.nothing : &stage->state.view;
	if (kind) {
		build_key_init(&keyed.key);
		r = layer_step(&work, kind, &keyed, ret_cached, err);
		build_key_done(&keyed.key);
	} else {
		build_stage_add_history(&stage->state, step->created_by);
	}
	if (r == 0)
		evaluation_apply(&stage->evaluation, step);
	work_done(&work, kind);
	return r;
}
