// SPDX-License-Identifier: Apache-2.0
/* From what was said of single paths to a sorted list without anything that makes no difference. */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/memory.h"
#include "base/strings.h"
#include "policy/visible_put.h"

static int compare_items(const void *a, const void *b)
{
	const struct visible_item *const *x = a;
	const struct visible_item *const *y = b;

	return visible_compare((*x)->path, (*y)->path);
}

/* A directory nobody named, above something named: the host's, or one we make. */
static int imply(struct visible *visible, const char *path, struct visible_item **ret_item,
		 struct err *err)
{
	struct stat st = { .st_mode = S_IFDIR | 0755 };

	if (fstatat(visible->root_fd, visible_below(path), &st, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno != ENOENT && errno != ENOTDIR)
		return fail(err, errno, "'%s'", path);
	visible_put_host(visible, path, NULL, VISIBLE_HOST, &st);
	*ret_item = map_get(&visible->by_path, path);
	(*ret_item)->is_implied = true;
	(*ret_item)->order = 0;
	return 0;
}

/* A directory is implied by the last item below it; a hidden one is opened by what is said later.
 */
static int imply_directories(struct visible *visible, const struct visible_item *item,
			     struct err *err)
{
	char path[PATH_MAX];
	char *slash;
	int r;

	memcpy(path, item->path, strlen(item->path) + 1);
	while ((slash = strrchr(path, '/')) != path) {
		struct visible_item *above;

		*slash = '\0';
		above = map_get(&visible->by_path, path);
		r = above ? 0 : imply(visible, path, &above, err);
		if (r < 0)
			return r;
		if (above->kind == VISIBLE_HIDDEN && above->order < item->order)
			above->is_opened = true;
		else if (above->kind != VISIBLE_HIDDEN && !S_ISDIR(above->mode))
			return fail_plain(err, ENOTDIR, "'%s': '%s' is no directory", item->path,
					  path);
		if (!above->is_implied || above->order >= item->order)
			continue;
		above->order = item->order;
	}
	return 0;
}

/* Trees and hidden places around an item, the deepest last. */
struct around {
	const struct visible_item *item;
	unsigned latest; /* order of the latest of them */
	bool shows;	 /* what is below it, unless an item says otherwise */
	bool is_loose;	 /* may show it */
};

static bool tree_has(const struct visible_item *tree, const struct visible_item *item)
{
	size_t length = strlen(tree->path);
	size_t source_length = strlen(tree->source);

	return (item->kind == VISIBLE_HOST || item->kind == VISIBLE_TREE) &&
	       strncmp(item->source, tree->source, source_length) == 0 &&
	       strcmp(item->source + source_length, item->path + length) == 0;
}

/* Does it make a difference? */
static bool matters(const struct around *around, struct visible_item *item)
{
	if (item->order < around->latest)
		return false;
	if (item->kind == VISIBLE_HIDDEN && !around->shows) {
		if (around->is_loose || !item->is_opened)
			return around->is_loose;
		item->kind = VISIBLE_HOST;
		item->mode = S_IFDIR | 0755;
		return true;
	}
	return !around->shows || !tree_has(around->item, item);
}

static struct around surround(const struct around *outer, const struct visible_item *item,
			      enum visible_kind kind)
{
	if (item->order < outer->latest)
		return *outer;
	if (item->is_loose)
		return (struct around){ .item = item, .latest = outer->latest, .is_loose = true };
	return (struct around){ .item = item,
				.latest = item->order,
				.shows = kind == VISIBLE_TREE };
}

static void drop_what_does_not_matter(struct visible *visible)
{
	struct around stack[PATH_MAX / 2 + 2] = { 0 }; /* a path has no more directories */
	const char *path[PATH_MAX / 2 + 2];
	size_t depth = 0;
	size_t kept = 0;

	for (size_t i = 0; i < visible->count; i++) {
		struct visible_item *item = visible->item[i];
		enum visible_kind kind = item->kind;

		while (depth > 0 && !path_is_below(item->path, path[depth]))
			depth--;
		if (matters(&stack[depth], item))
			visible->item[kept++] = item;
		if (kind != VISIBLE_TREE && kind != VISIBLE_HIDDEN && !item->is_loose)
			continue;
		stack[depth + 1] = surround(&stack[depth], item, kind);
		path[++depth] = item->path;
	}
	visible->count = kept;
}

/* The directories between a tree and something said of what is deep in it: trees as well. False:
 * the host has no such directory, so there is nothing to hide. */
static bool add_trees_between(struct visible *visible, const struct visible_item *tree,
			      const struct visible_item *item, struct visible_item **list,
			      size_t *count)
{
	size_t before = *count;
	const char *slash = item->path + strlen(tree->path);

	while ((slash = strchr(slash + 1, '/'))) {
		struct visible_item *between = arena_new(&visible->arena, struct visible_item);
		struct stat st;

		between->path = between->source = arena_copy_bytes(&visible->arena, item->path,
								   (size_t)(slash - item->path));
		if (fstatat(visible->root_fd, visible_below(between->path), &st,
			    AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISDIR(st.st_mode)) {
			*count = before;
			return item->kind != VISIBLE_HIDDEN;
		}
		between->kind = VISIBLE_TREE;
		between->mode = st.st_mode;
		between->is_packaged = tree->is_packaged;
		list[(*count)++] = between;
	}
	return true;
}

static size_t count_steps(const struct visible *visible)
{
	size_t steps = 1;

	for (size_t i = 0; i < visible->count; i++)
		for (const char *c = visible->item[i]->path; *c; c++)
			steps += *c == '/';
	return steps;
}

static void fill_trees(struct visible *visible)
{
	struct visible_item **list = memory_zeroed(count_steps(visible),
						   sizeof(struct visible_item *));
	const struct visible_item
		*around[PATH_MAX / 2 + 2]; /* the directories above, deepest last */
	size_t depth = 0;
	size_t count = 0;

	for (size_t i = 0; i < visible->count; i++) {
		struct visible_item *item = visible->item[i];
		size_t before = count;
		bool counts = true;

		while (depth > 0 && !path_is_below(item->path, around[depth - 1]->path))
			depth--;
		if (depth > 0 && around[depth - 1]->kind == VISIBLE_TREE &&
		    strcmp(around[depth - 1]->path, around[depth - 1]->source) == 0)
			counts = add_trees_between(visible, around[depth - 1], item, list, &count);
		if (counts)
			list[count++] = item;
		while (before < count)
			around[depth++] = list[before++];
	}
	free(visible->item);
	visible->item = list;
	visible->count = count;
}

int visible_finish(struct visible *visible, struct err *err)
{
	size_t named = visible->by_path.count;
	int r = 0;

	for (size_t i = 0; r == 0 && i < named; i++) {
		const struct visible_item *item = visible->by_path.entry[i].value;

		if (item->kind != VISIBLE_HIDDEN)
			r = imply_directories(visible, item, err);
	}
	if (r < 0)
		return r;
	free(visible->item);
	visible->count = visible->by_path.count;
	visible->item = memory_zeroed(visible->count + 1, sizeof(struct visible_item *));
	for (size_t i = 0; i < visible->count; i++)
		visible->item[i] = visible->by_path.entry[i].value;
	qsort(visible->item, visible->count, sizeof(struct visible_item *), compare_items);
	drop_what_does_not_matter(visible);
	fill_trees(visible);
	return 0;
}
