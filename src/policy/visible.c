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
#include "policy/visible_put.h"

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
void visible_put_host(struct visible *visible, const char *path, const char *source,
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

/* ---- resolving ---- */

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
	ssize_t length = readlinkat(walk->visible->root_fd, visible_below(walk->at.bytes), target,
				    sizeof(target) - 1);
	auto_buf rest = { 0 };

	if (length < 0)
		return fail(walk->err, errno, "link '%s'", walk->at.bytes);
	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	target[length] = '\0';
	visible_put_host(walk->visible, walk->at.bytes, NULL, VISIBLE_HOST, st);
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
	if (fstatat(visible->root_fd, visible_below(walk->at.bytes), &st, AT_SYMLINK_NOFOLLOW) < 0)
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
	if (fstatat(visible->root_fd, visible_below(*ret_path), ret_st, AT_SYMLINK_NOFOLLOW) == 0)
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
	visible_put_host(visible, *ret_path, NULL, S_ISDIR(st.st_mode) ? kind : VISIBLE_HOST, &st);
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
	ssize_t length = readlinkat(visible->root_fd, visible_below(link), target,
				    sizeof(target) - 1);

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

/* Each run has these of its own, and a root it must have. */
static int check_place(const char *path, struct err *err)
{
	static const char *const own[] = { "/proc", "/sys" };

	if (path[strspn(path, "/")] == '\0')
		return fail_plain(err, EINVAL, "nothing can be in the place of '/'");
	for (size_t i = 0; i < array_count(own); i++)
		if (path_is_in(path, own[i]))
			return fail_plain(err, EINVAL, "'%s': %s is each command's own", path,
					  own[i]);
	return 0;
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
		r = 0;
	}
	if (r < 0)
		return err->code ? r : fail(err, -r, "'%s'", path);
	return check_place(*ret_path, err);
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

	if (path[0] == '/' && fstatat(visible->root_fd, visible_below(path), &st, 0) == 0)
		buf_printf(&visible->based, "%lld %ld %s\n", (long long)st.st_ctim.tv_sec,
			   st.st_ctim.tv_nsec, path);
}
