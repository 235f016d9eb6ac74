// SPDX-License-Identifier: Apache-2.0
/* run: who owns what, which depends on the engine. With one id the tap remembers what the layers
 * record, or nobody does; with more the owners are made real. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/log.h"
#include "flow/run.h"
#include "flow/run_environment.h"
#include "image/ownership.h"
#include "rootfs/merge.h"
#include "rootfs/real.h"
#include "rootfs/spare.h"
#include "tap/tap.h"

/* The records of the layers. */
static int push_layers(struct run_root *root, struct err *err)
{
	const struct config *config = &root->image.config;
	int r = 0;

	if (root->layers.count)
		return 0;
	for (size_t i = 0; r == 0 && root->is_image && i < config->diff_id_count; i++)
		r = view_push_layer(&root->layers, &root->store, &config->diff_ids[i], err);
	return r;
}

static int read_merged_owners(struct run_root *root, struct err *err)
{
	int r = push_layers(root, err);

	return r < 0 ? r : merge_owners(&root->layers, &root->arena, &root->merged, err);
}

/* ---- which way ---- */

/* Where the record leaves the mode to the disk, set-id bits are on the disk. */
static void flatten_owner(int layer_fd, struct owner *owner)
{
	struct stat st;

	if (!owner->has_mode && !owner->whiteout && !owner->type &&
	    fstatat(layer_fd, owner->path, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) == 0 &&
	    (st.st_mode & (S_ISUID | S_ISGID))) {
		owner->has_mode = true;
		owner->mode = st.st_mode & 07777;
	}
	ownership_flatten(&owner->uid, &owner->gid, &owner->mode);
}

/* What the layers say of other owners is forgotten before the table of lies begins with it. */
static void flatten_layers(struct view *layers)
{
	for (size_t i = 0; i < layers->count; i++)
		for (size_t j = 0; j < layers->layer[i].owners.count; j++)
			flatten_owner(layers->layer[i].dirfd, &layers->layer[i].owners.item[j]);
}

static int choose_flatten(const struct run_request *request, const struct run_root *root,
			  enum ownership_mark *ret_mark, bool *ret_flatten, struct err *err)
{
	int r = 0;

	*ret_mark = OWNERSHIP_UNMARKED;
	if (root->is_image)
		r = ownership_mark_of(&root->image.manifest, &root->image.config, ret_mark, err);
	else if (request->ownership)
		r = fail_plain(err, EINVAL, "--ownership: '%s' is not an image", request->root);
	return r < 0 ? r : ownership_choose(*ret_mark, request->ownership, ret_flatten, err);
}

/* By itself only for root in an image: whoever runs in a directory is the caller. Under another
 * tap that one remembers what is set, and what the layers record does not show. */
static int choose_emulation(const char *name, const struct run_root *root, struct box *box,
			    struct err *err)
{
	bool is_asked = strcmp(name, "tap") == 0;

	if (strcmp(name, "seccomp") == 0)
		box->emulation = BOX_EMULATION_SECCOMP;
	if (!is_asked && (strcmp(name, "auto") != 0 || !root->is_image || box->uid != 0))
		return 0;
	if (!tap_is_active()) {
		box->emulation = BOX_EMULATION_TAP;
		return 0;
	}
	if (is_asked)
		return fail_plain(err, ENOTSUP,
				  "--root-emulation tap: this process runs under one, "
				  "and there can be only one");
	log_verbose("root emulation: the one around this process");
	return 0;
}

/* ---- the two ways ---- */

static int use_tap(struct run_root *root, bool flatten, struct err *err)
{
	int r = push_layers(root, err);

	if (r == 0 && root->changes.path)
		r = run_changes_recall(&root->changes, &root->layers, err);
	if (r == 0 && flatten)
		flatten_layers(&root->layers);
	return r == 0 && root->is_copy ? read_merged_owners(root, err) : r;
}

static int use_real_copy(struct run_root *root, struct err *err)
{
	int r = read_merged_owners(root, err);

	return r < 0 ? r
		     : real_copy(&root->store, root->copy_name, &root->merged, &root->space, err);
}

/* What an earlier run kept is the caller's on disk, like a layer. */
static int use_real_changes(struct run_root *root, struct err *err)
{
	int r = run_changes_recall(&root->changes, &root->layers, err);
	const struct view_layer *changes = &root->layers.layer[0];

	if (r == 0)
		r = real_own(changes->dirfd, &changes->owners, &root->space, err);
	return r < 0 ? err_wrap(err, "true owners of the changes in '%s'", root->changes.path) : 0;
}

static int use_real(struct run_root *root, struct box *box, struct err *err)
{
	const struct config *config = &root->image.config;
	int r = push_layers(root, err);

	root->is_real = box->owners_are_real = true;
	if (r == 0 && root->changes.path)
		r = use_real_changes(root, err);
	if (r < 0 || root->is_copy)
		return r < 0 ? r : use_real_copy(root, err);
	strings_clear(&box->root.lower);
	return real_stack(&root->store, config->diff_ids, config->diff_id_count, &root->layers,
			  &root->space, &box->root.lower, err);
}

int run_use_engine(const struct run_request *request, const struct engine *engine, struct box *box,
		   struct run_root *root, struct err *err)
{
	const char *name = request->emulation ? request->emulation : "auto";
	bool none_needed = strcmp(name, "auto") == 0 || strcmp(name, "none") == 0;
	enum ownership_mark mark;
	bool flatten;
	int r = choose_flatten(request, root, &mark, &flatten, err);

	if (r == 0 && engine->space)
		r = engine->space(box, &root->space, err);
	if (r < 0)
		return r;
	if (root->environment && engine->has_mounts)
		run_environment_use_directory(root, box);
	if (!engine->has_mounts && root->changes.path) {
		fail_plain(
			err, ENOTSUP,
			"engine '%s' cannot run this: %s needs a mount, and this engine has none",
			engine->name, request->overlay ? "--overlay" : "--commit");
		err_hint(err, "--engine userns keeps changes apart");
		return -ENOTSUP;
	}
	if (engine->space && root->changes.path && !root->is_image) {
		fail_plain(err, ENOTSUP, "--overlay: engine %s cannot keep changes to a directory",
			   engine->name);
		err_hint(err, "--engine userns can");
		return -ENOTSUP;
	}
	if (engine->space && none_needed && root->is_image && !root->is_served && !flatten) {
		if (strcmp(name, "auto") == 0 && !id_space_has_devices(&root->space))
			box->emulation = BOX_EMULATION_DEVICES;
		return use_real(root, box, err);
	}
	r = choose_emulation(name, root, box, err);
	if (r < 0)
		return r;
	if (!flatten && mark == OWNERSHIP_DISALLOW && request->emulation &&
	    box->emulation != BOX_EMULATION_TAP && box->uid == 0)
		return fail_plain(err, EPERM,
				  "--root-emulation %s shows all files as root's; the image is "
				  "marked %s=disallow",
				  request->emulation, OWNERSHIP_MARK);
	return box->emulation == BOX_EMULATION_TAP ? use_tap(root, flatten, err) : 0;
}

static int merge_shared(struct run_root *root, struct box *box, struct err *err)
{
	const struct config *config = &root->image.config;
	auto_buf path = { 0 };
	int r = merge_read_only(&root->store, config->diff_ids, config->diff_id_count, &path, err);

	if (r == 0)
		box->root.path = arena_copy(&box->arena, path.bytes);
	return r;
}

static int merge_own(struct run_root *root, struct box *box, struct err *err)
{
	const struct config *config = &root->image.config;
	int r = root->is_real ? merge_private(&root->store, config->diff_ids, config->diff_id_count,
					      root->copy_name, err)
			      : spare_take(&root->store, config->diff_ids, config->diff_id_count,
					   root->copy_name, err);

	root->is_spare = r == 0 && !root->is_real;
	if (r == 0)
		box->root.path = arena_printf(&box->arena, "%s/%s", root->store.path,
					      root->copy_name);
	return r;
}

void run_give_back(struct run_root *root)
{
	const struct config *config = &root->image.config;

	if (root->is_spare && !root->is_real)
		spare_give_back(&root->store, config->diff_ids, config->diff_id_count,
				root->copy_name);
	root->is_spare = false;
}

int run_use_copy(struct run_root *root, struct box *box, bool is_shared, struct err *err)
{
	int r;

	err_clear(err);
	r = is_shared ? merge_shared(root, box, err) : merge_own(root, box, err);
	if (r < 0)
		return err_wrap(err, "a copy of the root, for layers cannot be stacked here");
	strings_clear(&box->root.lower);
	box->root.kind = BOX_ROOT_DIRECTORY;
	root->is_copy = true;
	if (root->is_real)
		return use_real_copy(root, err);
	return box->emulation == BOX_EMULATION_TAP ? read_merged_owners(root, err) : 0;
}
