// SPDX-License-Identifier: Apache-2.0
#include "flow/build_mounts.h"

#include <string.h>

#include "base/banned.h"
#include "base/log.h"
#include "flow/build_cache_mount.h"
#include "flow/build_origin.h"
#include "flow/build_secrets.h"
#include "flow/cache_owners.h"

/* ---- each kind ---- */

/* Room for it was made for every mount of the step. */
static void give_to(struct work *work, const struct step_mount *mount, struct box_mount *made)
{
	if (work->build->owners_are_real) {
		made->uid = mount->uid;
		made->gid = mount->gid;
	} else if (mount->uid || mount->gid)
		work->mounted[work->mounted_count++] = (struct emulation_mount){
			.target = mount->target, .uid = mount->uid, .gid = mount->gid
		};
}

/* Files of a stage or an image keep their owners. */
static int keep_owners(struct work *work, const struct step_mount *mount, struct err *err)
{
	struct copy_tree tree;
	const char *source;
	int r = build_origin_tree(work->stage, &mount->from, &tree, err);

	if (r == 0)
		r = view_resolve(tree.view, mount->source, true, &work->arena, &source, err);
	if (r == 0)
		work->mounted[work->mounted_count++] = (struct emulation_mount){
			.target = mount->target, .layers = tree.view, .source = source
		};
	return r;
}

static int add_bind(struct work *work, const struct step_mount *mount, struct box *box,
		    struct err *err)
{
	struct strings *layers = work_new_list(work);
	struct box_mount *made;
	int r = build_origin_layers(work, &mount->from, layers, err);

	if (r < 0)
		return r;
	made = box_mounts_add(&box->mounts, BOX_MOUNT_LAYERS, mount->target);
	made->layers = layers;
	made->source = mount->source;
	made->read_only = mount->read_only;
	return keep_owners(work, mount, err);
}

static int use_copy(struct work *work, const struct step_mount *mount, struct box_mount *made,
		    struct emulation_mount *mounted, struct err *err)
{
	struct owners *owners = arena_new(&work->arena, struct owners);
	const char *path;
	int r = build_origin_merge(work, &mount->from, made->read_only, &path, owners, err);

	if (r < 0)
		return r;
	/* mounted->source has no symlinks, which would be the host's now */
	made->kind = BOX_MOUNT_BIND;
	made->source = *mounted->source ? arena_printf(&work->arena, "%s/%s", path, mounted->source)
					: path;
	mounted->merged = owners;
	return 0;
}

/* The lists have one order: that of the step. */
int build_mounts_use_copies(struct work *work, struct box *box, struct err *err)
{
	const struct step_run *run = &work->step->run;
	size_t made = 0;
	size_t mounted = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < run->mount_count; i++) {
		if (run->mount[i].kind != MOUNT_BIND)
			continue;
		while (box->mounts.item[made].kind != BOX_MOUNT_LAYERS)
			made++;
		while (!work->mounted[mounted].layers)
			mounted++;
		r = use_copy(work, &run->mount[i], &box->mounts.item[made],
			     &work->mounted[mounted++], err);
	}
	return r < 0 ? err_wrap(err, "--mount, as a copy, for layers cannot be stacked here") : 0;
}

/* Numbers of the step's cache mounts, in the order of their ids. */
static size_t order_caches(const struct step_run *run, size_t *order)
{
	size_t count = 0;

	for (size_t i = 0; i < run->mount_count; i++) {
		size_t at = count;

		if (run->mount[i].kind != MOUNT_CACHE)
			continue;
		for (; at > 0 && strcmp(run->mount[order[at - 1]].id, run->mount[i].id) > 0; at--)
			order[at] = order[at - 1];
		order[at] = i;
		count++;
	}
	return count;
}

/* All locks are taken in one order, or two builds could wait for each other; and one serves all
 * mounts of an id in this step, or it would wait for itself. path: by number of the mount. */
static int open_caches(struct work *work, const char **path, struct err *err)
{
	const struct step_run *run = &work->step->run;
	size_t *order = arena_array(&work->arena, size_t, run->mount_count);
	size_t count = order_caches(run, order);
	size_t next;

	for (size_t i = 0; i < count; i = next) {
		struct step_mount mount = run->mount[order[i]];
		const char *opened;
		int r;

		for (next = i; next < count && strcmp(run->mount[order[next]].id, mount.id) == 0;
		     next++)
			if (run->mount[order[next]].sharing == SHARING_LOCKED)
				mount.sharing = SHARING_LOCKED;
		r = cache_mount_open(work, &mount, &opened, err);
		if (r < 0)
			return r;
		for (size_t same = i; same < next; same++)
			path[order[same]] = opened;
	}
	return 0;
}

/* Who owned what when the last command was done with it. At first it is the mount's own owner's. */
static int recall_owners(struct work *work, size_t number, struct err *err)
{
	struct emulation_mount *mount = &work->mounted[number];
	struct owners *owners = arena_new(&work->arena, struct owners);
	int r = cache_owners_read(work->mounted_tree[number], &work->arena, owners, err);

	if (r < 0)
		return err_wrap(err, "cache mount at '%s'", mount->target);
	if (owners->count)
		mount->uid = mount->gid = 0;
	mount->owners = owners;
	return 0;
}

int build_mounts_recall_owners(struct work *work, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < work->mounted_count; i++)
		if (work->mounted_tree[i])
			r = recall_owners(work, i, err);
	return r;
}

static int add_cache(struct work *work, const struct step_mount *mount, const char *path,
		     struct box *box, struct err *err)
{
	struct box_mount *made = box_mounts_add(&box->mounts, BOX_MOUNT_BIND, mount->target);

	made->source = path;
	made->read_only = mount->read_only;
	made->is_kept = true;
	if (box->emulation == BOX_EMULATION_TAP) {
		work->mounted_tree[work->mounted_count] = path;
		work->mounted[work->mounted_count] = (struct emulation_mount){
			.target = mount->target, .uid = mount->uid, .gid = mount->gid
		};
		return recall_owners(work, work->mounted_count++, err);
	}
	give_to(work, mount, made);
	return 0;
}

void build_mounts_keep_owners(struct work *work)
{
	for (size_t i = 0; i < work->mounted_count; i++) {
		struct emulation_mount *mount = &work->mounted[i];
		auto_fd report = emulation_take_report(mount);
		struct err err = { 0 };

		if (report >= 0 &&
		    cache_owners_write(work->mounted_tree[i], mount->owners, report, &err) < 0)
			log_warning("%s: who owns what in the cache mount at %s is not kept: %s",
				    work->stage->position, mount->target, err.text);
	}
}

static int add_tmpfs(const struct step_mount *mount, struct box *box)
{
	box_mounts_add(&box->mounts, BOX_MOUNT_TMPFS, mount->target)->size_bytes =
		mount->size_bytes;
	return 0;
}

static int add_secret(struct work *work, const struct step_mount *mount, struct box *box,
		      struct err *err)
{
	auto_buf value = { 0 };
	const char *content;
	int r = build_secret_find(&work->build->request->secrets, mount->id, &value, err);

	if (r == 0 && mount->is_required)
		return fail_plain(err, ENOENT,
				  "secret '%s' is required; give it with --secret id=%s,"
				  "src=FILE",
				  mount->id, mount->id);
	if (r <= 0)
		return r;
	content = arena_copy_bytes(&box->arena, buf_text(&value), value.size_bytes);
	if (mount->env)
		strings_env_set(&box->env, mount->env, content);
	if (mount->target) {
		struct box_mount *file = box_mounts_add_file(&box->mounts, mount->target, content,
							     value.size_bytes);

		file->mode = mount->mode;
		file->read_only = true;
		give_to(work, mount, file);
	}
	return 0;
}

static int add_ssh(struct work *work, const struct step_mount *mount, size_t number,
		   struct box *box, struct err *err)
{
	const char *agent = build_agent_find(&work->build->request->ssh, mount->id, &work->arena);
	const char *target =
		mount->target ?: arena_printf(&box->arena, "/run/buildkit/ssh_agent.%zu", number);

	if (!agent && mount->is_required)
		return fail_plain(err, ENOENT, "ssh agent '%s' is required; give it with --ssh %s",
				  mount->id, mount->id);
	if (!agent)
		return 0;
	box_mounts_add(&box->mounts, BOX_MOUNT_BIND, target)->source = agent;
	strings_env_set(&box->env, "SSH_AUTH_SOCK", target);
	return 0;
}

int build_mounts_add(struct work *work, struct box *box, struct err *err)
{
	const struct step_run *run = &work->step->run;
	const char **caches = arena_array(&work->arena, const char *, run->mount_count);
	int r = open_caches(work, caches, err);

	work->mounted = arena_array(&work->arena, struct emulation_mount, run->mount_count);
	work->mounted_tree = arena_array(&work->arena, const char *, run->mount_count);
	for (size_t i = 0; r == 0 && i < run->mount_count; i++) {
		const struct step_mount *mount = &run->mount[i];

		switch (mount->kind) {
		case MOUNT_BIND:
			r = add_bind(work, mount, box, err);
			break;
		case MOUNT_CACHE:
			r = add_cache(work, mount, caches[i], box, err);
			break;
		case MOUNT_TMPFS:
			r = add_tmpfs(mount, box);
			break;
		case MOUNT_SECRET:
			r = add_secret(work, mount, box, err);
			break;
		case MOUNT_SSH:
			r = add_ssh(work, mount, i, box, err);
			break;
		}
	}
	return r;
}

/* ---- the key ---- */

static int key_bind(struct work *work, const struct step_mount *mount, struct build_key *key,
		    struct err *err)
{
	struct copy_list list = { .arena = &work->arena };
	struct copy_tree tree;
	int r = build_origin_tree(work->stage, &mount->from, &tree, err);

	if (r == 0)
		r = copy_collect(&tree, mount->source, NULL, &list, err);
	if (r == 0)
		r = copy_hash(&list, err);
	if (r == 0)
		copy_key(&list, key);
	copy_list_done(&list);
	return r;
}

int build_mounts_key(struct work *work, struct build_key *key, struct err *err)
{
	static const char *const kinds[] = { [MOUNT_BIND] = "bind",
					     [MOUNT_CACHE] = "cache",
					     [MOUNT_TMPFS] = "tmpfs",
					     [MOUNT_SECRET] = "secret",
					     [MOUNT_SSH] = "ssh" };
	const struct step_run *run = &work->step->run;
	int r = 0;

	for (size_t i = 0; r == 0 && i < run->mount_count; i++) {
		const struct step_mount *mount = &run->mount[i];

		build_key_add(key, "mount",
			      arena_printf(&work->arena, "%s %s %s %s %o %u:%u%s",
					   kinds[mount->kind], or_empty(mount->target),
					   or_empty(mount->id), or_empty(mount->env), mount->mode,
					   mount->uid, mount->gid,
					   mount->read_only ? " read-only" : ""));
		if (mount->kind == MOUNT_BIND)
			r = key_bind(work, mount, key, err);
	}
	return r;
}
