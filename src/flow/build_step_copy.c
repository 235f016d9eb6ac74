// SPDX-License-Identifier: Apache-2.0
/* COPY, ADD and WORKDIR: files placed over the stage's layers without running anything. */
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/log.h"
#include "flow/build_origin.h"
#include "flow/build_work.h"

/* ---- what is to be copied ---- */

static int copy_excludes(struct work *work, struct ignore *ret_exclude, struct err *err)
{
	const struct texts *excludes = &work->step->copy.excludes;
	int r = 0;

	*ret_exclude = (struct ignore){ .arena = &work->arena };
	for (size_t i = 0; r == 0 && i < excludes->count; i++)
		r = ignore_add(ret_exclude, excludes->item[i], err);
	return r;
}

/* Files of the context, a stage or an image. */
static int collect_paths(struct work *work, struct copy_input *input, const struct ignore *exclude,
			 struct err *err)
{
	const struct step_copy *copy = &work->step->copy;
	const struct copy_source *source = input->source;
	int r = build_origin_tree(work->stage, &copy->from, &input->tree, err);

	if (r == 0 && copy->parents)
		r = copy_collect_parents(&input->tree, source->path, source->pattern, exclude,
					 &input->list, err);
	else if (r == 0)
		r = copy_collect(&input->tree, source->text, exclude, &input->list, err);
	return r == 0 ? copy_hash(&input->list, err) : r;
}

static int key_input(struct work *work, struct copy_input *input, const struct ignore *exclude,
		     struct build_key *key, struct err *err)
{
	const struct copy_source *source = input->source;
	int r;

	switch (source->kind) {
	case COPY_PATH:
		r = collect_paths(work, input, exclude, err);
		if (r == 0)
			copy_key(&input->list, key);
		return r;
	case COPY_TEXT:
		build_key_add(key, source->name, source->content);
		return 0;
	case COPY_URL:
	case COPY_GIT:
		break;
	}
	return add_key(work, input, key, err);
}

static void key_options(const struct step_copy *copy, struct build_key *key)
{
	build_key_add(key, "destination", copy->dest);
	build_key_add(key, "chown", or_empty(copy->chown));
	build_key_add(key, "chmod", or_empty(copy->chmod));
	build_key_add(key, "unpack", copy->unpack ? "yes" : "no");
	if (copy->parents)
		build_key_add(key, "parents", "yes");
	if (copy->unpack_urls)
		build_key_add(key, "unpack URLs", "yes");
	for (size_t i = 0; i < copy->excludes.count; i++)
		build_key_add(key, "exclude", copy->excludes.item[i]);
}

/* --link stands on nothing, so names are looked up now, and the key has what they mean. */
static int key_owner(struct work *work, struct build_key *key, struct err *err)
{
	const struct step_copy *copy = &work->step->copy;
	struct user user;
	int r;

	if (!copy->link || !copy->chown)
		return 0;
	r = work_owner(work, copy->chown, &user, err);
	if (r == 0)
		build_key_add(key, "owner",
			      arena_printf(&work->arena, "%u:%u", user.uid, user.gid));
	return r;
}

static int copy_step_key(struct work *work, struct build_key *key, struct err *err)
{
	const struct step_copy *copy = &work->step->copy;
	struct ignore exclude;
	int r = copy_excludes(work, &exclude, err);

	key_options(copy, key);
	if (r == 0)
		r = key_owner(work, key, err);
	work->input_count = copy->source_count;
	work->input = arena_array(&work->arena, struct copy_input, copy->source_count);
	for (size_t i = 0; i < copy->source_count; i++) {
		work->input[i].source = &copy->source[i];
		work->input[i].list.arena = &work->arena;
		view_init(&work->input[i].git_view);
	}
	for (size_t i = 0; r == 0 && i < copy->source_count; i++)
		r = key_input(work, &work->input[i], exclude.count ? &exclude : NULL, key, err);
	return r;
}

/* ---- placing it ---- */

static int copy_meta_of(struct work *work, struct copy_meta *ret_meta, struct err *err)
{
	const struct step_copy *copy = &work->step->copy;
	struct copy_meta meta = { .chmod = copy->chmod ? &copy->mode : NULL };
	struct user user = { 0 };
	int r = copy->chown ? work_owner(work, copy->chown, &user, err) : 0;

	meta.uid = user.uid;
	meta.gid = user.gid;
	meta.has_chown = copy->chown != NULL;
	meta.has_owner = copy->chown || copy->from.kind == ORIGIN_CONTEXT;
	if (r == 0)
		*ret_meta = meta;
	return r;
}

/* A heredoc: a file of its own below a directory, or the destination itself. */
static int place_text(struct work *work, const struct copy_source *source,
		      const struct copy_target *target, struct err *err)
{
	const struct copy_meta *copy_meta = &target->meta;
	struct place_meta meta = { .uid = copy_meta->uid,
				   .gid = copy_meta->gid,
				   .mode = copy_meta->chmod
						   ? chmod_apply(copy_meta->chmod, 0644, false)
						   : 0644,
				   .mtime = work_now(work->build) };
	const char *path;
	int r = copy_file_path(target, &work->arena, source->name, &path, err);

	return r < 0 ? r
		     : place_bytes(&work->place, path, source->content, source->content_bytes,
				   &meta, err);
}

static int place_input(struct work *work, struct copy_input *input, struct copy_target *target,
		       struct err *err)
{
	const struct step_copy *copy = &work->step->copy;
	int r;

	switch (input->source->kind) {
	case COPY_TEXT:
		return place_text(work, input->source, target, err);
	case COPY_URL:
		target->meta.unpack = copy->unpack_urls;
		return add_place_url(work, input, target, err);
	case COPY_PATH:
		target->meta.unpack = copy->unpack;
		break;
	case COPY_GIT:
		target->meta.unpack = false;
		break;
	}
	r = copy_place(target, &input->list, err);
	work->has_changed |= input->list.has_changed;
	return r;
}

/* Several files and one name for them: as in BuildKit each replaces the one before, where docker's
 * old builder had refused and cp(1) does. */
static void warn_of_one_name(const struct work *work, size_t count)
{
	const struct step_copy *copy = &work->step->copy;
	struct view_entry entry;
	auto_arena arena = { 0 };
	const char *path;

	if (count < 2 || copy->dest_is_dir ||
	    view_resolve(work->place.view, copy->dest, true, &arena, &path, NULL) < 0 ||
	    view_lookup(work->place.view, path, &entry) < 0 || S_ISDIR(entry.mode))
		return;
	log_warning("%s: %zu files were copied to the one name '%s', where the last stays; the "
		    "name of a directory ends in '/'",
		    work->stage->position, count, copy->dest);
}

static int copy_fill(struct work *work, struct err *err)
{
	const struct step_copy *copy = &work->step->copy;
	struct copy_target target = { .place = &work->place, .path = copy->dest };
	struct ignore exclude;
	size_t count = 0;
	int r = copy_meta_of(work, &target.meta, err);

	work->place.parents_uid = target.meta.uid;
	work->place.parents_gid = target.meta.gid;
	if (r == 0)
		r = copy_excludes(work, &exclude, err);
	for (size_t i = 0; r == 0 && i < work->input_count; i++) {
		r = add_open(work, &work->input[i], exclude.count ? &exclude : NULL, err);
		count += work->input[i].source->kind == COPY_PATH ? work->input[i].list.count : 1;
	}
	target.into = copy->dest_is_dir;
	for (size_t i = 0; r == 0 && i < work->input_count; i++)
		r = place_input(work, &work->input[i], &target, err);
	if (r == 0)
		warn_of_one_name(work, count);
	return r;
}

static void copy_done(struct work *work)
{
	for (size_t i = 0; i < work->input_count; i++) {
		copy_list_done(&work->input[i].list);
		add_done(&work->input[i]);
	}
}

const struct step_kind step_kind_copy = {
	.places = true, .key = copy_step_key, .fill = copy_fill, .done = copy_done
};

/* ---- WORKDIR ---- */

/* What is missing of the directory will belong to USER, as BuildKit has it; to root when the image
 * does not know that name (yet: only RUN insists). */
static struct user workdir_owner(struct work *work)
{
	const char *spec = work->stage->state.config.user;
	struct user user = { 0 };

	if (spec && *spec && work_owner(work, spec, &user, NULL) < 0)
		return (struct user){ 0 };
	return user;
}

static int workdir_key(struct work *work, struct build_key *key, struct err *err)
{
	const struct user user = workdir_owner(work);

	(void)err;
	build_key_add(key, "directory", work->step->text);
	build_key_add(key, "owner", arena_printf(&work->arena, "%u:%u", user.uid, user.gid));
	return 0;
}

static int workdir_fill(struct work *work, struct err *err)
{
	const struct user user = workdir_owner(work);
	struct place_meta meta = {
		.uid = user.uid, .gid = user.gid, .mode = 0755, .mtime = work_now(work->build)
	};
	struct view_entry entry;
	const char *path;
	int r = view_resolve(work->place.view, work->step->text, true, &work->arena, &path, err);

	if (r < 0)
		return r;
	if (view_lookup(work->place.view, path, &entry) == 0 && S_ISDIR(entry.mode))
		return 0;
	work->place.parents_uid = user.uid;
	work->place.parents_gid = user.gid;
	return place_directory(&work->place, path, &meta, true, err);
}

const struct step_kind step_kind_workdir = { .places = true,
					     .key = workdir_key,
					     .fill = workdir_fill };
