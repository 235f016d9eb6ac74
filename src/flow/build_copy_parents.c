// SPDX-License-Identifier: Apache-2.0
/* COPY --parents: what a pattern matches, with the directories that lead to it. Names are matched
 * in the tree as it is; nothing is followed on the way. */
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/map.h"
#include "base/strings.h"
#include "dockerfile/glob.h"
#include "flow/build_copy_walk.h"

#define DEPTH_MAX 256 /* directories that "**" goes down */

struct matching {
	struct walk walk;
	const char *base;     /* resolved */
	struct map parents;   /* paths of directories that are there already */
	struct strings taken; /* what was matched, with all below it */
	struct err *err;
};

static bool is_directory(const struct matching *matching, const char *path)
{
	struct view_entry entry;

	return view_lookup(matching->walk.tree->view, path, &entry) == 0 && S_ISDIR(entry.mode);
}

static bool is_taken(const struct matching *matching, const char *path)
{
	strings_each(&matching->taken, above) {
		if (path_is_in(path, above))
			return true;
	}
	return false;
}

/* Directories between the base and the path. */
static int add_parents(struct matching *matching, const char *path)
{
	struct arena *arena = matching->walk.list->arena;
	const char *from = path + strlen(matching->base) + (*matching->base != '\0');
	int r = 0;

	for (const char *slash = strchr(from, '/'); r == 0 && slash;
	     slash = strchr(slash + 1, '/')) {
		const char *parent = arena_copy_bytes(arena, path, (size_t)(slash - path));

		if (map_get(&matching->parents, parent))
			continue;
		r = copy_walk_directory(&matching->walk, parent, matching->err);
		map_set(&matching->parents, parent, matching);
	}
	return r;
}

/* A match; when all of it is left out its directories are not kept either. */
static int take(struct matching *matching, const char *path)
{
	struct copy_operand *operand = matching->walk.operand;
	size_t before = operand->count;
	size_t with_parents;
	int r;

	if (is_taken(matching, path))
		return 0;
	r = add_parents(matching, path);
	with_parents = operand->count;
	if (r == 0)
		r = copy_walk(&matching->walk, path, matching->err);
	if (r < 0)
		return r;
	if (operand->count > with_parents) {
		strings_add(&matching->taken, path);
		return 0;
	}
	while (operand->count > before)
		map_remove(&matching->parents, operand->entry[--operand->count].path);
	return 0;
}

static int match(struct matching *matching, const char *done, const char *pattern, unsigned depth);

static int match_name(struct matching *matching, const char *done, const char *name,
		      const char *rest, unsigned depth)
{
	const char *path = copy_join(matching->walk.list->arena, done, name);
	struct view_entry entry;

	if (*rest)
		return is_directory(matching, path) ? match(matching, path, rest, depth) : 0;
	return view_lookup(matching->walk.tree->view, path, &entry) == 0 ? take(matching, path) : 0;
}

/* "**" with `rest` behind it: here, and in every directory below. */
static int match_any_depth(struct matching *matching, const char *done, const char *pattern,
			   const char *rest, unsigned depth)
{
	auto_strings names = { 0 };
	int r = *rest ? match(matching, done, rest, depth) : 0;

	if (r == 0)
		r = view_list(matching->walk.tree->view, done, &names, matching->err);
	if (r == 0 && depth == DEPTH_MAX)
		return fail_plain(matching->err, ELOOP, "more than %d directories deep", DEPTH_MAX);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		const char *path = copy_join(matching->walk.list->arena, done, names.item[i]);

		if (!*rest)
			r = take(matching, path);
		else if (is_directory(matching, path))
			r = match(matching, path, pattern, depth + 1);
	}
	return r;
}

static int match_glob(struct matching *matching, const char *done, const char *component,
		      const char *rest, unsigned depth)
{
	auto_strings names = { 0 };
	const struct glob *glob;
	int r = glob_parse(matching->walk.list->arena, component, 0, &glob, matching->err);

	if (r == 0)
		r = view_list(matching->walk.tree->view, done, &names, matching->err);
	for (size_t i = 0; r == 0 && i < names.count; i++)
		if (glob_matches(glob, names.item[i], strlen(names.item[i])))
			r = match_name(matching, done, names.item[i], rest, depth);
	return r;
}

static int match(struct matching *matching, const char *done, const char *pattern, unsigned depth)
{
	size_t length = strcspn(pattern, "/");
	const char *component = arena_copy_bytes(matching->walk.list->arena, pattern, length);
	const char *rest = pattern + length + strspn(pattern + length, "/");

	if (strcmp(component, "**") == 0)
		return match_any_depth(matching, done, pattern, rest, depth);
	if (strcmp(component, ".") == 0)
		return *rest ? match(matching, done, rest, depth) : take(matching, done);
	return glob_has_wildcards(component) ? match_glob(matching, done, component, rest, depth)
					     : match_name(matching, done, component, rest, depth);
}

/* One base directory as an operand: it stands for the destination, what is matched goes below. */
static int collect_below(const struct copy_tree *tree, const char *base, const char *pattern,
			 const struct ignore *exclude, struct copy_list *list, struct err *err)
{
	struct matching matching = {
		.walk = { .tree = tree,
			  .exclude = exclude,
			  .list = list,
			  .operand = copy_new_operand(list, tree, ""),
			  .suffix_at = *base ? strlen(base) + 1 : 0 },
		.base = base,
		.err = err,
	};
	int r = copy_walk_directory(&matching.walk, base, err);

	if (r == 0)
		r = match(&matching, base, pattern, 0);
	if (r < 0 || matching.walk.operand->count == 1)
		copy_drop_operand(list);
	map_done(&matching.parents);
	strings_done(&matching.taken);
	return r;
}

/* The base directories: the names that its wildcards match, symlinks followed. */
static int each_base(const struct copy_tree *tree, const char *done, const char *base,
		     const char *pattern, const struct ignore *exclude, struct copy_list *list,
		     struct err *err)
{
	size_t length = strcspn(base, "/");
	const char *component = arena_copy_bytes(list->arena, base, length);
	const char *rest = base + length + strspn(base + length, "/");
	auto_strings names = { 0 };
	const struct glob *glob;
	const char *resolved;
	struct view_entry entry;
	int r = view_resolve(tree->view, done, true, list->arena, &resolved, err);

	if (r < 0)
		return r;
	if (view_lookup(tree->view, resolved, &entry) < 0 || !S_ISDIR(entry.mode))
		return 0;
	if (!*component || strcmp(component, ".") == 0)
		return collect_below(tree, resolved, pattern, exclude, list, err);
	if (!glob_has_wildcards(component))
		return each_base(tree, copy_join(list->arena, done, component), rest, pattern,
				 exclude, list, err);
	r = glob_parse(list->arena, component, 0, &glob, err);
	if (r == 0)
		r = view_list(tree->view, resolved, &names, err);
	for (size_t i = 0; r == 0 && i < names.count; i++)
		if (glob_matches(glob, names.item[i], strlen(names.item[i])))
			r = each_base(tree, copy_join(list->arena, done, names.item[i]), rest,
				      pattern, exclude, list, err);
	return r;
}

int copy_collect_parents(const struct copy_tree *tree, const char *base, const char *pattern,
			 const struct ignore *exclude, struct copy_list *list, struct err *err)
{
	size_t before = list->count;
	const char *whole;
	int r = each_base(tree, "", base, pattern, exclude, list, err);

	if (r < 0 || list->count > before || glob_has_wildcards(base) ||
	    glob_has_wildcards(pattern))
		return r;
	whole = strcmp(base, ".") == 0 ? pattern : copy_join(list->arena, base, pattern);
	fail_plain(err, ENOENT, "'%s' is not there", whole);
	copy_explain_missing(tree, whole, list->arena, err);
	return -ENOENT;
}
