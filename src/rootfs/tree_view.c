// SPDX-License-Identifier: Apache-2.0
/* tree_of_view: what overlayfs would show of stacked layers, as a list. */
#include <string.h>

#include "base/banned.h"
#include "rootfs/level.h"
#include "rootfs/tree.h"

struct walk {
	const struct view *view;
	struct tree *tree;
	struct err *err;
};

int view_push_layers(struct view *view, const struct store *store, const struct digest *diff_ids,
		     size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		int r = view_push_layer(view, store, &diff_ids[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int add_entry(struct walk *walk, const struct level_entry *found, const char *name,
		     const char *path)
{
	struct tree_entry *entry = tree_add(walk->tree);
	int r;

	entry->path = arena_copy(&walk->tree->arena, path);
	entry->root_fd = walk->view->layer[found->index].dirfd;
	r = tree_entry_from_disk(walk->tree, entry, found->dirfd, name, &found->st, walk->err);
	if (r == 0)
		tree_entry_apply_owner(entry, found->owner, &walk->tree->arena);
	return r;
}

static int walk_level(struct walk *walk, const struct level *level, const char *path)
{
	auto_strings names = { 0 };
	int r = level_names(level, &names, walk->err);

	if (r < 0)
		return err_wrap(walk->err, "'/%s'", path);
	strings_each(&names, name) {
		auto_buf below = { 0 };
		auto_level down = { 0 };
		struct level_entry found;

		buf_printf(&below, "%s%s%s", path, *path ? "/" : "", name);
		if (!level_find(walk->view, level, below.bytes, name, &found))
			continue;
		r = add_entry(walk, &found, name, below.bytes);
		if (r == 0 && S_ISDIR(found.st.st_mode))
			r = level_down(walk->view, level, below.bytes, name, &down, walk->err);
		if (r == 0 && down.count)
			r = walk_level(walk, &down, below.bytes);
		if (r < 0)
			return r;
	}
	return 0;
}

int tree_of_view(const struct view *view, struct tree *tree, struct err *err)
{
	struct walk walk = { .view = view, .tree = tree, .err = err };
	auto_level root = { 0 };
	struct level_entry found;
	int r = level_root(view, &root, err);

	if (r < 0)
		return r;
	if (level_find(view, &root, "", ".", &found))
		r = add_entry(&walk, &found, ".", "");
	return r < 0 ? r : walk_level(&walk, &root, "");
}
