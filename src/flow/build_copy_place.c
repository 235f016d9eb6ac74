// SPDX-License-Identifier: Apache-2.0
/* COPY and ADD: what was collected goes where it belongs. */
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "flow/build_copy.h"
#include "flow/build_unpack.h"

static const char *join(struct arena *arena, const char *directory, const char *name)
{
	return *directory ? arena_printf(arena, "%s/%s", directory, name) : name;
}

static struct place_meta meta_of(const struct copy_entry *entry, const struct copy_meta *meta)
{
	mode_t mode = entry->entry.mode & 07777;

	return (struct place_meta){
		.uid = meta->has_owner ? meta->uid : entry->entry.uid,
		.gid = meta->has_owner ? meta->gid : entry->entry.gid,
		.mode = meta->chmod ? chmod_apply(meta->chmod, mode, S_ISDIR(entry->entry.mode))
				    : mode,
		.mtime = entry->entry.st.st_mtim,
	};
}

/* ---- archives ---- */

/* An archive that ADD shall unpack? Then *ret_fd is open. */
static int open_archive(const struct copy_target *target, const struct copy_entry *entry,
			int *ret_fd, struct err *err)
{
	auto_fd fd = -1;
	int r;

	if (!target->meta.unpack || !S_ISREG(entry->entry.mode))
		return 0;
	r = view_open(target->tree->view, entry->path, &entry->entry, &fd, err);
	if (r < 0 || !build_is_archive(fd))
		return r;
	*ret_fd = take_fd(&fd);
	return 1;
}

/* What is in it goes below the destination. */
static int place_archive(const struct copy_target *target, struct copy_list *list, int fd,
			 const struct copy_entry *entry, struct err *err)
{
	struct place_meta made = { .mode = 0755, .mtime = entry->entry.st.st_mtim };
	const char *directory;
	int r = view_resolve(target->place->view, target->path, true, list->arena, &directory, err);

	if (r == 0)
		r = place_directory(target->place, directory, &made, false, err);
	if (r == 0)
		r = build_unpack(fd, directory, &target->meta, target->place, err);
	if (r < 0)
		return err_wrap(err, "unpack '%s'", entry->path);
	list->has_changed |= !copy_is_same(target->tree, entry, fd);
	return 0;
}

/* ---- entries ---- */

static int place_regular(const struct copy_target *target, struct copy_list *list,
			 const struct copy_entry *entry, const char *path, struct err *err)
{
	const struct place_meta meta = meta_of(entry, &target->meta);
	auto_fd fd = -1;
	int r = view_open(target->tree->view, entry->path, &entry->entry, &fd, err);

	if (r == 0)
		r = place_file(target->place, path, fd, &meta, err);
	if (r == 0)
		list->has_changed |= !copy_is_same(target->tree, entry, fd);
	return r;
}

/* A directory that exists keeps its mode. A new one takes that of the source, but for the
 * destination itself, which is made as any missing directory is. */
static int place_copied_directory(const struct copy_target *target, const struct copy_entry *entry,
				  const char *path, struct err *err)
{
	struct place_meta made = meta_of(entry, &target->meta);
	struct view_entry existing;
	bool is_new = view_lookup(target->place->view, path, &existing) == -ENOENT;

	if (!*entry->suffix)
		made.mode = 0755;
	return place_directory(target->place, path, &made, is_new, err);
}

static int place_entry(const struct copy_target *target, struct copy_list *list,
		       const struct copy_entry *entry, const char *path, struct err *err)
{
	const struct place_meta meta = meta_of(entry, &target->meta);

	if (S_ISDIR(entry->entry.mode))
		return place_copied_directory(target, entry, path, err);
	if (S_ISREG(entry->entry.mode))
		return place_regular(target, list, entry, path, err);
	if (S_ISLNK(entry->entry.mode))
		return place_symlink(target->place, path, entry->link, &meta, err);
	return place_special(target->place, path, entry->entry.mode & S_IFMT,
			     entry->entry.st.st_rdev, &meta, err);
}

static bool is_directory(const struct view *view, const char *path)
{
	struct view_entry entry;

	return view_lookup(view, path, &entry) == 0 && S_ISDIR(entry.mode);
}

/* The resolved path at which the operand itself goes. */
static int operand_path(const struct copy_target *target, const struct copy_list *list,
			const struct copy_operand *operand, const char **ret_path, struct err *err)
{
	const struct view *view = target->place->view;
	bool directory = S_ISDIR(operand->entry[0].entry.mode);
	int r = view_resolve(view, target->path, true, list->arena, ret_path, err);

	if (r < 0 || directory)
		return r;
	if (!target->into && list->count == 1 && !is_directory(view, *ret_path))
		return 0;
	return view_resolve(view, join(list->arena, *ret_path, operand->name), true, list->arena,
			    ret_path, err);
}

static int place_operand(const struct copy_target *target, struct copy_list *list,
			 const struct copy_operand *operand, struct err *err)
{
	const char *top;
	auto_fd archive_fd = -1;
	int r = open_archive(target, &operand->entry[0], &archive_fd, err);

	if (r > 0)
		return place_archive(target, list, archive_fd, &operand->entry[0], err);
	if (r == 0)
		r = operand_path(target, list, operand, &top, err);
	for (size_t i = 0; r == 0 && i < operand->count; i++) {
		const struct copy_entry *entry = &operand->entry[i];

		r = place_entry(target, list, entry,
				*entry->suffix ? join(list->arena, top, entry->suffix) : top, err);
	}
	return r;
}

int copy_place(const struct copy_target *target, struct copy_list *list, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->count; i++)
		r = place_operand(target, list, &list->operand[i], err);
	return r;
}
