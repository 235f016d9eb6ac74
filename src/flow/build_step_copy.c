// SPDX-License-Identifier: Apache-2.0
/* COPY, ADD and WORKDIR: files placed over the stage's layers without running anything. */
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "flow/build_origin.h"
#include "flow/build_work.h"

static int copy_refuse(const struct step_copy *copy, struct err *err)
{
	const char *what = NULL;

	if (copy->parents)
		what = "--parents";
	for (size_t i = 0; i < copy->source_count && !what; i++)
		if (copy->source[i].kind != COPY_PATH && copy->source[i].kind != COPY_TEXT)
			what = "a source that is an URL or a git repository";
	return what ? fail_plain(err, ENOTSUP, "%s is not supported", what) : 0;
}

static int copy_excludes(struct work *work, struct ignore *ret_exclude, struct err *err)
{
	const struct texts *excludes = &work->step->copy.excludes;
	int r = 0;

	*ret_exclude = (struct ignore){ .arena = &work->arena };
	for (size_t i = 0; r == 0 && i < excludes->count; i++)
		r = ignore_add(ret_exclude, excludes->item[i], err);
	return r;
}

static int collect(struct work *work, struct err *err)
{
	const struct step_copy *copy = &work->step->copy;
	struct ignore exclude;
	int r = copy_excludes(work, &exclude, err);

	if (r == 0)
		r = build_origin_tree(work->stage, &copy->from, &work->tree, err);
	work->copies.arena = &work->arena;
	for (size_t i = 0; r == 0 && i < copy->source_count; i++) {
		if (copy->source[i].kind != COPY_PATH)
			continue;
		r = copy_collect(&work->tree, copy->source[i].path, exclude.count ? &exclude : NULL,
				 &work->copies, err);
	}
	return r;
}

static int copy_step_key(struct work *work, struct build_key *key, struct err *err)
{
	const struct step_copy *copy = &work->step->copy;
	int r = copy_refuse(copy, err);

	if (r == 0)
		r = collect(work, err);
	if (r < 0)
		return r;
	build_key_add(key, "destination", copy->dest);
	build_key_add(key, "chown", or_empty(copy->chown));
	build_key_add(key, "chmod", or_empty(copy->chmod));
	build_key_add(key, "unpack", copy->unpack ? "yes" : "no");
	for (size_t i = 0; i < copy->source_count; i++)
		if (copy->source[i].kind == COPY_TEXT)
			build_key_add(key, copy->source[i].name, copy->source[i].content);
	r = copy_hash(&work->tree, &work->copies, err);
	if (r == 0)
		copy_key(&work->copies, key);
	return r;
}

static int copy_meta_of(struct work *work, struct copy_meta *ret_meta, struct err *err)
{
	const struct step_copy *copy = &work->step->copy;
	struct copy_meta meta = { .chmod = copy->chmod ? &copy->mode : NULL };
	struct user user = { 0 };
	int r = copy->chown ? work_user(work, copy->chown, &user, err) : 0;

	meta.uid = user.uid;
	meta.gid = user.gid;
	meta.has_chown = copy->chown != NULL;
	meta.unpack = copy->unpack;
	meta.has_owner = copy->chown || copy->from.kind == ORIGIN_CONTEXT;
	if (r == 0)
		*ret_meta = meta;
	return r;
}

/* A heredoc: a file of its own below a directory, or the destination itself. */
static int place_text(struct work *work, const struct copy_source *source,
		      const struct copy_meta *copy_meta, struct err *err)
{
	const struct step_copy *copy = &work->step->copy;
	struct place_meta meta = { .uid = copy_meta->uid,
				   .gid = copy_meta->gid,
				   .mode = copy_meta->chmod
						   ? chmod_apply(copy_meta->chmod, 0644, false)
						   : 0644,
				   .mtime = work_now(work->build) };
	const char *dest = copy->dest_is_dir || copy->source_count > 1
				   ? arena_printf(&work->arena, "%s/%s", copy->dest, source->name)
				   : copy->dest;
	const char *path;
	int r = view_resolve(work->place.view, dest, true, &work->arena, &path, err);

	return r < 0 ? r
		     : place_bytes(&work->place, path, source->content, source->content_bytes,
				   &meta, err);
}

static int copy_fill(struct work *work, struct err *err)
{
	const struct step_copy *copy = &work->step->copy;
	struct copy_target target = { .tree = &work->tree,
				      .place = &work->place,
				      .path = copy->dest,
				      .into = copy->dest_is_dir };
	int r = copy_meta_of(work, &target.meta, err);

	if (r == 0)
		r = copy_place(&target, &work->copies, err);
	for (size_t i = 0; r == 0 && i < copy->source_count; i++)
		if (copy->source[i].kind == COPY_TEXT)
			r = place_text(work, &copy->source[i], &target.meta, err);
	return r;
}

const struct step_kind step_kind_copy = { .places = true, .key = copy_step_key, .fill = copy_fill };

/* ---- WORKDIR ---- */

static int workdir_key(struct work *work, struct build_key *key, struct err *err)
{
	(void)err;
	build_key_add(key, "directory", work->step->text);
	build_key_add(key, "user", or_empty(work->stage->state.config.user));
	return 0;
}

static int workdir_fill(struct work *work, struct err *err)
{
	struct place_meta meta = { .mode = 0755, .mtime = work_now(work->build) };
	struct view_entry entry;
	const char *path;
	int r = view_resolve(work->place.view, work->step->text, true, &work->arena, &path, err);

	if (r < 0)
		return r;
	if (view_lookup(work->place.view, path, &entry) == 0 && S_ISDIR(entry.mode))
		return 0;
	return place_directory(&work->place, path, &meta, true, err);
}

const struct step_kind step_kind_workdir = { .places = true,
					     .key = workdir_key,
					     .fill = workdir_fill };
