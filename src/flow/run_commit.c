// SPDX-License-Identifier: Apache-2.0
#include "flow/run_commit.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/text.h"
#include "flow/build_stage.h"
#include "flow/run_changes.h"
#include "rootfs/snapshot.h"
#include "store/refs.h"

struct commit {
	const struct store *store;
	const struct commit_request *request;
	struct arena arena;
	struct owners owners; /* of the changes */
	bool has_owners;
};

static int read_owners(struct commit *commit, struct err *err)
{
	const char *path = arena_printf(&commit->arena, "%s/owners", commit->request->changes);
	auto_buf text = { 0 };
	int r;

	if (faccessat(commit->store->dirfd, path, F_OK, 0) < 0)
		return 0;
	r = io_read_file_at(commit->store->dirfd, path, CHANGES_OWNERS_MAX, &text, err);
	if (r == 0)
		r = owners_parse(text.bytes, text.size_bytes, &commit->arena, &commit->owners, err);
	commit->has_owners = r == 0;
	return r;
}

/* What the record does not know is root's: root emulation was told what the layers say. */
static int recorded_meta(void *context, const char *path, const struct statx *stx,
			 struct snapshot_meta *ret_meta, struct err *err)
{
	const struct commit *commit = context;
	const struct owner *owner = owners_find(&commit->owners, path);
	mode_t type = stx->stx_mode & S_IFMT;

	(void)err;
	*ret_meta = (struct snapshot_meta){ .mode = stx->stx_mode };
	if (!owner)
		return 1;
	*ret_meta = (struct snapshot_meta){
		.uid = owner->uid,
		.gid = owner->gid,
		.mode = (owner->type ? owner->type : type) |
			(owner->has_mode ? owner->mode : stx->stx_mode & 07777u),
		.rdev_major = owner->rdev_major,
		.rdev_minor = owner->rdev_minor,
		.xattrs = owner->xattrs,
		.xattr_count = owner->xattr_count,
	};
	return 1;
}

static int add_layer(struct commit *commit, struct build_stage *stage, struct err *err)
{
	const struct commit_request *request = commit->request;
	const struct snapshot_request wanted = {
		.store = commit->store,
		.upper_name = arena_printf(&commit->arena, "%s/upper", request->changes),
		.lower = &stage->view,
		.lookup = commit->has_owners ? recorded_meta : NULL,
		.lookup_context = commit,
		.new_uid = request->uid,
		.new_gid = request->gid,
	};
	time_t now = time(NULL);
	struct build_cached result = { .text = request->created_by };
	struct snapshot snapshot;
	char created[TEXT_TIME_BYTES];
	int r = snapshot_take(&wanted, &snapshot, err);

	if (r < 0)
		return r;
	text_time(now, created);
	result.created = created;
	if (!snapshot.empty) {
		result.diff_id = snapshot.diff_id;
		result.layer = snapshot.layer;
	}
	return build_stage_add(stage, &result, request->created_by, err);
}

static int write_image(struct commit *commit, struct build_stage *stage, const struct ref *ref,
		       struct err *err)
{
	static const struct annotations none;
	struct descriptor manifest;
	struct digest id;
	int r = add_layer(commit, stage, err);

	if (r == 0)
		r = build_stage_write(stage, &none, &manifest, &id, err);
	if (r < 0)
		return r;
	manifest.platform = config_platform(&stage->config);
	return refs_set(commit->store, ref, &manifest, err);
}

int run_commit(const struct store *store, const struct commit_request *request, struct err *err)
{
	struct commit commit = { .store = store, .request = request };
	struct build_stage stage;
	auto_image image = { 0 };
	struct ref ref;
	int r = ref_parse(request->name, &ref, err);

	if (r == 0)
		r = store_announce(store, err);
	if (r == 0)
		r = image_load(store, request->base, NULL, &image, err);
	if (r == 0)
		r = read_owners(&commit, err);
	if (r == 0)
		r = build_stage_from_image(store, &image, &stage, err);
	if (r == 0) {
		r = write_image(&commit, &stage, &ref, err);
		build_stage_done(&stage);
	}
	arena_done(&commit.arena);
	return r < 0 ? err_wrap(err, "commit as '%s'", request->name) : 0;
}
