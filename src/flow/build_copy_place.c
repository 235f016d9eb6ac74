// SPDX-License-Identifier: Apache-2.0
/* COPY and ADD: what was collected goes where it belongs. */
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "flow/build_copy_fill.h"
#include "flow/build_unpack.h"
#include "rootfs/xattrs.h"

static const char *join(struct arena *arena, const char *directory, const char *name)
{
	return *directory ? arena_printf(arena, "%s/%s", directory, name) : name;
}

/* Files of layers keep their extended attributes; those of a context are the host's business. */
static int meta_of(const struct copy_target *target, const struct copy_list *list,
		   const struct copy_tree *tree, const struct copy_entry *entry,
		   struct place_meta *ret_meta, struct err *err)
{
	const struct copy_meta *meta = &target->meta;
	mode_t mode = entry->entry.mode & 07777;
	struct xattrs xattrs = { 0 };
	int r = tree->is_constant ? xattrs_of_view(tree->view, entry->path, &entry->entry,
						   list->arena, &xattrs, err)
				  : 0;

	if (r < 0)
		return r;
	*ret_meta = (struct place_meta){
		.uid = meta->has_owner ? meta->uid : entry->entry.uid,
		.gid = meta->has_owner ? meta->gid : entry->entry.gid,
		.mode = meta->chmod ? chmod_apply(meta->chmod, mode, S_ISDIR(entry->entry.mode))
				    : mode,
		.mtime = entry->entry.st.st_mtim,
		.xattrs = xattrs.item,
		.xattr_count = xattrs.count,
	};
	return 0;
}

/* ---- archives ---- */

/* What is in it goes below the destination. */
static int unpack(const struct copy_target *target, struct arena *arena, int fd,
		  struct timespec mtime, struct err *err)
{
	struct place_meta made = { .mode = 0755, .mtime = mtime };
	const char *directory;
	int r = view_resolve(target->place->view, target->path, true, arena, &directory, err);

	if (r == 0)
		r = place_directory(target->place, directory, &made, false, err);
	if (r == 0)
		r = build_unpack(fd, directory, &target->meta, target->place, err);
	return r;
}

/* 1 when it was an archive that ADD had to unpack. */
static int place_archive(const struct copy_target *target, struct copy_list *list,
			 const struct copy_operand *operand, struct err *err)
{
	const struct copy_entry *entry = &operand->entry[0];
	auto_fd fd = -1;
	int r;

	if (!target->meta.unpack || !S_ISREG(entry->entry.mode))
		return 0;
	r = view_open(operand->tree->view, entry->path, &entry->entry, &fd, err);
	if (r < 0 || !build_is_archive(fd))
		return r;
	r = unpack(target, list->arena, fd, entry->entry.st.st_mtim, err);
	if (r < 0)
		return err_wrap(err, "unpack '%s'", entry->path);
	list->has_changed |= !copy_is_same(operand->tree, entry, fd);
	return 1;
}

/* ---- entries ---- */

struct copying {
	const struct copy_target *target;
	struct copy_list *list;
	struct copy_filler *filler;
};

static int place_regular(const struct copying *copying, const struct copy_tree *tree,
			 const struct copy_entry *entry, const char *path,
			 const struct place_meta *meta, struct err *err)
{
	struct copy_file file = { .tree = tree, .entry = entry };
	int r = place_create(copying->target->place, path, meta, &file.to, err);

	return r < 0 ? r : copy_filler_add(copying->filler, &file, err);
}

static bool is_directory(const struct view *view, const char *path)
{
	struct view_entry entry;

	return view_lookup(view, path, &entry) == 0 && S_ISDIR(entry.mode);
}

/* One that only leads to something takes the source's mode, the rest of it only when it is new. */
static int place_leading_directory(struct place *place, const char *path,
				   const struct place_meta *meta, struct err *err)
{
	struct place_meta kept = *meta;
	const struct place_owner *existing;
	bool is_new = !is_directory(place->view, path);
	int r = place_directory(place, path, meta, false, err);

	if (r < 0)
		return r;
	existing = place_owner_of(place, path);
	if (existing && !is_new)
		kept = (struct place_meta){ .uid = existing->uid,
					    .gid = existing->gid,
					    .mode = meta->mode,
					    .mtime = existing->mtime };
	return place_directory(place, path, &kept, true, err);
}

/* The destination itself stays what it is, or is made as any missing directory. What is below it
 * becomes as it is in the source, whether or not it was there. */
static int place_copied_directory(struct place *place, const struct copy_entry *entry,
				  const char *path, const struct place_meta *meta, struct err *err)
{
	if (*entry->suffix && entry->only_leads)
		return place_leading_directory(place, path, meta, err);
	return place_directory(place, path, meta, *entry->suffix != '\0', err);
}

static int place_entry(const struct copying *copying, const struct copy_tree *tree,
		       const struct copy_entry *entry, const char *path, struct err *err)
{
	const struct copy_target *target = copying->target;
	struct place_meta meta;
	int r = meta_of(target, copying->list, tree, entry, &meta, err);

	if (r < 0)
		return r;
	if (S_ISDIR(entry->entry.mode))
		return place_copied_directory(target->place, entry, path, &meta, err);
	if (S_ISREG(entry->entry.mode))
		return place_regular(copying, tree, entry, path, &meta, err);
	if (S_ISLNK(entry->entry.mode))
		return place_symlink(target->place, path, entry->link, &meta, err);
	return place_special(target->place, path, entry->entry.mode & S_IFMT, entry->entry.rdev,
			     &meta, err);
}

int copy_file_path(const struct copy_target *target, struct arena *arena, const char *name,
		   const char **ret_path, struct err *err)
{
	const struct view *view = target->place->view;
	int r = view_resolve(view, target->path, true, arena, ret_path, err);

	if (r < 0 || (!target->into && !is_directory(view, *ret_path)))
		return r;
	return view_resolve(view, join(arena, *ret_path, name), true, arena, ret_path, err);
}

int copy_place_file(const struct copy_target *target, struct arena *arena, const char *name, int fd,
		    const struct place_meta *meta, struct err *err)
{
	const char *path;
	int r;

	if (target->meta.unpack && build_is_archive(fd))
		return unpack(target, arena, fd, meta->mtime, err);
	r = copy_file_path(target, arena, name, &path, err);
	return r < 0 ? r : place_file(target->place, path, fd, meta, err);
}

static int place_operand(const struct copying *copying, const struct copy_operand *operand,
			 struct err *err)
{
	const struct copy_target *target = copying->target;
	struct copy_list *list = copying->list;
	auto_map files = { 0 };
	const char *top;
	int r = place_archive(target, list, operand, err);

	if (r != 0)
		return r < 0 ? r : 0;
	r = S_ISDIR(operand->entry[0].entry.mode)
		    ? view_resolve(target->place->view, target->path, true, list->arena, &top, err)
		    : copy_file_path(target, list->arena, operand->name, &top, err);
	for (size_t i = 0; r == 0 && i < operand->count; i++) {
		struct copy_entry *entry = &operand->entry[i];
		const char *path = *entry->suffix ? join(list->arena, top, entry->suffix) : top;
		const struct copy_entry *first = copy_first_name(&files, entry);

		r = first ? place_hard_link(target->place, path,
					    join(list->arena, top, first->suffix), err)
			  : place_entry(copying, operand->tree, entry, path, err);
	}
	return r;
}

int copy_place(const struct copy_target *target, struct copy_list *list, struct err *err)
{
	const struct copying copying = { target, list, copy_filler_new() };
	int filled;
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->count; i++)
		r = place_operand(&copying, &list->operand[i], err);
	filled = copy_filler_end(copying.filler, &list->has_changed, r < 0 ? NULL : err);
	return r < 0 ? r : filled;
}
