// SPDX-License-Identifier: Apache-2.0
/* One lstat(2) for each directory, whose outcome is remembered, and one for each file: directories
 * without links in them are looked up below root_fd as they are. */
#include "policy/visible.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/memory.h"
#include "base/strings.h"

#define LINKS_MAX 40 /* as the kernel's MAXSYMLINKS */

void visible_init(struct visible *visible, int root_fd)
{
	*visible = (struct visible){ .root_fd = root_fd };
}

void visible_done(struct visible *visible)
{
	map_done(&visible->by_path);
	map_done(&visible->directory);
	buf_done(&visible->based);
	arena_done(&visible->arena);
	free(visible->item);
	*visible = (struct visible){ .root_fd = -1 };
}

int visible_compare(const char *a, const char *b)
{
	size_t i = 0;

	while (a[i] && a[i] == b[i])
		i++;
	if (a[i] == b[i])
		return 0;
	if (!a[i] || !b[i])
		return a[i] ? 1 : -1;
	if (a[i] == '/' || b[i] == '/')
		return a[i] == '/' ? -1 : 1;
	return (unsigned char)a[i] < (unsigned char)b[i] ? -1 : 1;
}

/* ---- resolving ---- */

/* The path relative to root_fd. */
static const char *below(const char *path)
{
	return path[1] ? path + 1 : ".";
}

static void put(struct visible *visible, struct visible_item item)
{
	struct visible_item *old = map_get(&visible->by_path, item.path);
	struct visible_item *slot = old ?: arena_new(&visible->arena, struct visible_item);

	if (!old)
		item.path = arena_copy(&visible->arena, item.path);
	else
		item.path = old->path;
	item.order = ++visible->last_order;
	item.is_packaged = visible->in_package;
	if (!item.source)
		item.source = item.path;
	*slot = item;
	if (!old)
		map_set(&visible->by_path, item.path, slot);
}

/* What is said twice of a directory is not less the second time: its content is shown already. */
static void put_host(struct visible *visible, const char *path, const char *source,
		     enum visible_kind kind, const struct stat *st)
{
	const struct visible_item *old = map_get(&visible->by_path, path);

	if (old && kind == VISIBLE_HOST && S_ISDIR(st->st_mode) && old->kind != VISIBLE_HIDDEN)
		return;
	put(visible, (struct visible_item){ .path = path,
					    .source = source,
					    .mode = st->st_mode,
					    .size_bytes = (uint64_t)st->st_size,
					    .kind = kind });
}

struct walk {
	struct visible *visible;
	struct buf at;	 /* where it is: "" is the root */
	struct buf rest; /* what is still to go */
	unsigned links;
	struct err *err;
};

static int expand(struct walk *walk, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(walk->visible->root_fd, below(walk->at.bytes), target,
				    sizeof(target) - 1);
	auto_buf rest = { 0 };

	if (length < 0)
		return fail(walk->err, errno, "link '%s'", walk->at.bytes);
	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	target[length] = '\0';
	put_host(walk->visible, walk->at.bytes, NULL, VISIBLE_HOST, st);
	buf_printf(&rest, "%s/%s", target, buf_text(&walk->rest));
	buf_truncate(&walk->rest, 0);
	buf_add_text(&walk->rest, buf_text(&rest));
	if (target[0] == '/')
		buf_truncate(&walk->at, 0);
	else
		buf_truncate(&walk->at, (size_t)(strrchr(walk->at.bytes, '/') - walk->at.bytes));
	return 0;
}

/* One component, which is the last one of walk->at: a directory or a link to one. */
static int enter(struct walk *walk)
{
	struct visible *visible = walk->visible;
	const char *known = map_get(&visible->directory, walk->at.bytes);
	struct stat st;

	if (known) {
		buf_truncate(&walk->at, 0);
		buf_add_text(&walk->at, known);
		return 0;
	}
	if (fstatat(visible->root_fd, below(walk->at.bytes), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? -errno
			       : fail(walk->err, errno, "'%s'", walk->at.bytes);
	if (S_ISLNK(st.st_mode))
		return expand(walk, &st);
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	map_set(&visible->directory, walk->at.bytes, arena_copy(&visible->arena, walk->at.bytes));
	return 0;
}

static void go_up(struct buf *at)
{
	const char *slash = at->size_bytes ? strrchr(at->bytes, '/') : NULL;

	buf_truncate(at, slash ? (size_t)(slash - at->bytes) : 0);
}

/* Take the next component off the rest; false at the end. */
static bool next_component(struct buf *rest, char name[NAME_MAX + 2], size_t *ret_length)
{
	const char *from = buf_text(rest);
	size_t skip = strspn(from, "/");
	size_t length = strcspn(from + skip, "/");
	auto_buf left = { 0 };

	*ret_length = length;
	if (length == 0)
		return false;
	memcpy(name, from + skip, length <= NAME_MAX ? length : NAME_MAX + 1);
	name[length <= NAME_MAX ? length : NAME_MAX + 1] = '\0';
	buf_add_text(&left, from + skip + length);
	buf_truncate(rest, 0);
	buf_add_text(rest, buf_text(&left));
	return true;
}

static int walk_directories(struct walk *walk)
{
	char name[NAME_MAX + 2];
	size_t length;
	int r = 0;

	while (r == 0 && next_component(&walk->rest, name, &length)) {
		if (length > NAME_MAX)
			return -ENAMETOOLONG;
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) {
			go_up(&walk->at);
			continue;
		}
		buf_printf(&walk->at, "/%s", name);
		r = enter(walk);
	}
	return r;
}

/* The directory part of a path: "" is the root. Outcomes are remembered under either name. */
static int resolve_directory(struct visible *visible, const char *directory, const char **ret_real,
			     struct err *err)
{
	struct walk walk = { .visible = visible, .err = err };
	int r;

	*ret_real = directory[0] ? map_get(&visible->directory, directory) : "";
	if (*ret_real)
		return 0;
	buf_add_text(&walk.rest, directory);
	r = walk_directories(&walk);
	if (r == 0) {
		char *real = arena_copy(&visible->arena, buf_text(&walk.at));

		map_set(&visible->directory, directory, real);
		*ret_real = real;
	}
	buf_done(&walk.at);
	buf_done(&walk.rest);
	return r;
}

int visible_resolve(struct visible *visible, const char *path, const char **ret_path,
		    struct err *err)
{
	const char *name = strrchr(path, '/');
	char directory[PATH_MAX];
	bool is_directory;
	const char *real;
	size_t length;
	int r;

	if (path[0] != '/' || strlen(path) >= PATH_MAX)
		return fail_plain(err, EINVAL, "'%s' is not an absolute path", path);
	is_directory = !name[1] || strcmp(name, "/.") == 0 || strcmp(name, "/..") == 0;
	length = is_directory ? strlen(path) : (size_t)(name - path);
	memcpy(directory, path, length);
	directory[length] = '\0';
	r = resolve_directory(visible, directory, &real, err);
	if (r < 0)
		return r;
	if (is_directory)
		*ret_path = real[0] ? real : "/";
	else
		*ret_path = arena_printf(&visible->arena, "%s%s", real, name);
	return 0;
}

/* ---- saying what is visible ---- */

/* Without the slashes at its end. */
static const char *trimmed(struct visible *visible, const char *path)
{
	size_t length = strlen(path);

	if (length < 2 || path[length - 1] != '/')
		return path;
	while (length > 1 && path[length - 1] == '/')
		length--;
	return arena_copy_bytes(&visible->arena, path, length);
}

static int look(struct visible *visible, const char *path, const char **ret_path,
		struct stat *ret_st, struct err *err)
{
	int r = visible_resolve(visible, trimmed(visible, path), ret_path, err);

	if (r == -ENOTDIR)
		return -ENOENT;
	if (r < 0)
		return r == -ENOENT || err->code ? r : fail(err, -r, "'%s'", path);
	if (fstatat(visible->root_fd, below(*ret_path), ret_st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return errno == ENOENT || errno == ENOTDIR ? -ENOENT : fail(err, errno, "'%s'", path);
}

static int add(struct visible *visible, const char *path, enum visible_kind kind,
	       const char **ret_path, mode_t *ret_mode, struct err *err)
{
	struct stat st;
	int r = look(visible, path, ret_path, &st, err);

	if (r < 0)
		return r;
	*ret_mode = st.st_mode;
	put_host(visible, *ret_path, NULL, S_ISDIR(st.st_mode) ? kind : VISIBLE_HOST, &st);
	return 0;
}

int visible_add(struct visible *visible, const char *path, struct err *err)
{
	const char *real;
	mode_t mode;

	return add(visible, path, VISIBLE_HOST, &real, &mode, err);
}

int visible_add_tree(struct visible *visible, const char *path, struct err *err)
{
	const char *real;
	mode_t mode;

	return add(visible, path, VISIBLE_TREE, &real, &mode, err);
}

/* Where a link leads, seen from its own directory. */
static int follow(struct visible *visible, const char *link, const char **ret_path, struct err *err)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(visible->root_fd, below(link), target, sizeof(target) - 1);

	if (length < 0)
		return fail(err, errno, "link '%s'", link);
	target[length] = '\0';
	*ret_path = target[0] == '/' ? arena_copy(&visible->arena, target)
				     : arena_printf(&visible->arena, "%.*s/%s",
						    (int)(strrchr(link, '/') - link), link, target);
	return 0;
}

int visible_add_chain(struct visible *visible, const char *path, const char **ret_real,
		      struct err *err)
{
	const char *real;
	mode_t mode;

	for (unsigned links = 0; links <= LINKS_MAX; links++) {
		int r = add(visible, path, VISIBLE_HOST, &real, &mode, err);

		if (r == 0 && S_ISLNK(mode))
			r = follow(visible, real, &path, err);
		if (r < 0)
			return r;
		if (S_ISLNK(mode))
			continue;
		if (ret_real)
			*ret_real = real;
		return 0;
	}
	return fail(err, ELOOP, "'%s'", path);
}

/* Where something is put that the host may lack: a directory that is missing stays as it is
 * written. */
static int place(struct visible *visible, const char *path, const char **ret_path, struct err *err)
{
	int r;

	path = trimmed(visible, path);
	r = visible_resolve(visible, path, ret_path, err);
	if (r == -ENOENT || r == -ENOTDIR) {
		if (strstr(path, "/../") || strstr(path, "/./") || strstr(path, "//"))
			return fail_plain(err, EINVAL, "'%s': write it without '.', '..' and '//'",
					  path);
		*ret_path = arena_copy(&visible->arena, path);
		return 0;
	}
	return r < 0 && !err->code ? fail(err, -r, "'%s'", path) : r;
}

int visible_add_at(struct visible *visible, const char *source, const char *path, struct err *err)
{
	const char *real_path;
	const char *real;
	struct stat st;
	int r = place(visible, path, &real_path, err);

	if (r == 0)
		r = look(visible, source, &real, &st, err);
	if (r < 0)
		return r;
	put(visible,
	    (struct visible_item){ .path = real_path,
				   .source = real,
				   .mode = st.st_mode,
				   .size_bytes = (uint64_t)st.st_size,
				   .kind = S_ISDIR(st.st_mode) ? VISIBLE_TREE : VISIBLE_HOST });
	return 0;
}

int visible_add_link(struct visible *visible, const char *path, const char *target, struct err *err)
{
	const char *real;
	int r = place(visible, path, &real, err);

	if (r == 0)
		put(visible, (struct visible_item){ .path = real,
						    .content = arena_copy(&visible->arena, target),
						    .content_bytes = strlen(target),
						    .mode = S_IFLNK | 0777,
						    .kind = VISIBLE_LINK });
	return r;
}

int visible_add_file(struct visible *visible, const char *path, const void *bytes,
		     size_t size_bytes, mode_t mode, struct err *err)
{
	const char *real;
	int r = place(visible, path, &real, err);

	if (r == 0)
		put(visible, (struct visible_item){ .path = real,
						    .content = arena_copy_bytes(&visible->arena,
										bytes, size_bytes),
						    .content_bytes = size_bytes,
						    .mode = S_IFREG | (mode & 07777),
						    .size_bytes = size_bytes,
						    .kind = VISIBLE_FILE });
	return r;
}

int visible_hide(struct visible *visible, const char *path, struct err *err)
{
	const char *real;
	int r = place(visible, path, &real, err);

	if (r == 0)
		put(visible, (struct visible_item){ .path = real, .kind = VISIBLE_HIDDEN });
	return r;
}

void visible_let_loose(struct visible *visible, const char *path)
{
	struct visible_item *item = map_get(&visible->by_path, path);

	if (item && item->kind == VISIBLE_HOST && S_ISDIR(item->mode))
		item->is_loose = true;
}

bool visible_has(const struct visible *visible, const char *path)
{
	const struct visible_item *item = map_get(&visible->by_path, path);

	return item && item->kind != VISIBLE_HIDDEN;
}

void visible_based_on(struct visible *visible, const char *path)
{
	struct stat st;

	if (path[0] == '/' && fstatat(visible->root_fd, below(path), &st, 0) == 0)
		buf_printf(&visible->based, "%lld %ld %s\n", (long long)st.st_ctim.tv_sec,
			   st.st_ctim.tv_nsec, path);
}

/* ---- finishing ---- */

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

	if (fstatat(visible->root_fd, below(path), &st, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno != ENOENT && errno != ENOTDIR)
		return fail(err, errno, "'%s'", path);
	put_host(visible, path, NULL, VISIBLE_HOST, &st);
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
		if (fstatat(visible->root_fd, below(between->path), &st, AT_SYMLINK_NOFOLLOW) < 0 ||
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
