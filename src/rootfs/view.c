// SPDX-License-Identifier: Apache-2.0
#include "rootfs/view.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/map.h"
#include "base/memory.h"
#include "sys/openat2.h"

void view_init(struct view *view)
{
	*view = (struct view){ 0 };
}

void view_done(struct view *view)
{
	while (view->count)
		view_pop(view);
	free(view->layer);
	arena_done(&view->arena);
	*view = (struct view){ 0 };
}

static void push(struct view *view, const struct view_layer *layer)
{
	view->layer = memory_resize(view->layer, view->count + 1, sizeof(*view->layer));
	memmove(view->layer + 1, view->layer, view->count * sizeof(*view->layer));
	view->layer[0] = *layer;
	view->count++;
}

void view_pop(struct view *view)
{
	close(view->layer[0].dirfd);
	view->count--;
	memmove(view->layer, view->layer + 1, view->count * sizeof(*view->layer));
}

int view_push_layer(struct view *view, const struct store *store, const struct digest *diff_id,
		    struct err *err)
{
	struct view_layer layer = { .dirfd = -1 };
	int r = layer_owners(store, diff_id, &view->arena, &layer.owners, err);

	if (r == 0)
		r = layer_open(store, diff_id, &layer.dirfd, err);
	if (r == 0)
		push(view, &layer);
	return r;
}

int view_push_directory(struct view *view, const char *host_path, struct err *err)
{
	struct view_layer layer = { .plain = true };

	layer.dirfd = open(host_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (layer.dirfd < 0)
		return fail(err, errno, "open directory '%s'", host_path);
	push(view, &layer);
	return 0;
}

int view_push_recorded(struct view *view, const char *host_path, const struct owners *owners,
		       struct err *err)
{
	int r = view_push_directory(view, host_path, err);

	if (r < 0)
		return r;
	view->layer[0].plain = false;
	owners_copy(owners, &view->arena, &view->layer[0].owners);
	return 0;
}

static bool is_whiteout_on_disk(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static bool is_opaque_on_disk(const struct view_layer *layer, const char *path)
{
	auto_fd fd = openat2_no_symlinks(layer->dirfd, path, O_RDONLY | O_DIRECTORY, 0);
	char value;

	return fd >= 0 && fgetxattr(fd, "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

static bool is_whiteout(const struct view_layer *layer, const char *path, const struct stat *st)
{
	const struct owner *owner;

	if (layer->plain)
		return st && is_whiteout_on_disk(st);
	owner = owners_find(&layer->owners, path);
	return owner && owner->whiteout;
}

static bool is_opaque(const struct view_layer *layer, const char *path)
{
	const struct owner *owner;

	if (layer->plain)
		return is_opaque_on_disk(layer, path);
	owner = owners_find(&layer->owners, path);
	return owner && owner->opaque;
}

/* A symlink among the parents is a non-directory that hides what is below, as in overlayfs; it must
 * not be followed, and never out of the layer. Returns -errno. */
static int stat_in(const struct view_layer *layer, const char *path, struct stat *st)
{
	auto_fd fd = openat2_no_symlinks(layer->dirfd, path, O_PATH | O_NOFOLLOW, 0);

	if (fd < 0)
		return fd == -ELOOP ? -ENOTDIR : fd;
	return fstat(fd, st) < 0 ? -errno : 0;
}

/* Does this layer hide what lower ones have at `path`? -ENOENT: a parent is whited out or opaque;
 * -ENOTDIR: a parent is no directory; 0: they show through. */
static int hidden_below(const struct view_layer *layer, const char *path)
{
	char parent[PATH_MAX];
	size_t length = strlen(path);
	int hidden = 0;

	if (length >= sizeof(parent))
		return -ENAMETOOLONG;
	memcpy(parent, path, length + 1);
	for (char *slash = parent; *parent && slash;) { /* the outermost parent is asked last */
		struct stat st;
		bool exists;

		slash = strrchr(parent, '/');
		*(slash ? slash : parent) = '\0';
		exists = stat_in(layer, parent, &st) == 0;
		if (is_whiteout(layer, parent, exists ? &st : NULL))
			hidden = -ENOENT;
		else if (exists && !S_ISDIR(st.st_mode))
			hidden = -ENOTDIR;
		else if (exists && is_opaque(layer, parent))
			hidden = -ENOENT;
	}
	return hidden;
}

void view_entry_fill(struct view_entry *entry, size_t layer, const struct stat *st,
		     const struct owner *owner)
{
	*entry = (struct view_entry){ .layer = layer, .st = *st, .mode = st->st_mode };
	entry->rdev = st->st_rdev;
	if (!owner)
		return;
	entry->uid = owner->uid;
	entry->gid = owner->gid;
	if (owner->has_mode)
		entry->mode = (entry->mode & S_IFMT) | owner->mode;
	if (!owner->type)
		return;
	entry->mode = owner->type | (entry->mode & 07777);
	entry->rdev = makedev(owner->rdev_major, owner->rdev_minor);
}

/* A layer has something else than a directory above `path`: is that what the view shows, or does
 * a layer on top have a directory there, which then merely shows nothing of the layers below? */
static int why_missing(const struct view *view, const char *path)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;
	struct view_entry entry;
	int r;

	memcpy(parent, path, length);
	parent[length] = '\0';
	r = view_lookup(view, parent, &entry);
	if (r < 0)
		return r;
	return S_ISDIR(entry.st.st_mode) ? -ENOENT : -ENOTDIR;
}

int view_lookup(const struct view *view, const char *path, struct view_entry *ret_entry)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct view_layer *layer = &view->layer[i];
		struct stat st;
		int r = stat_in(layer, path, &st);

		if (is_whiteout(layer, path, r == 0 ? &st : NULL))
			return -ENOENT;
		if (r == 0) {
			view_entry_fill(ret_entry, i, &st,
					layer->plain ? NULL : owners_find(&layer->owners, path));
			return 0;
		}
		if (r != -ENOENT && r != -ENOTDIR)
			return r;
		r = hidden_below(layer, path);
		if (r < 0)
			return r == -ENOTDIR ? why_missing(view, path) : r;
	}
	return -ENOENT;
}

int view_readlink(const struct view *view, const char *path, const struct view_entry *entry,
		  struct arena *arena, const char **ret_text, struct err *err)
{
	char text[PATH_MAX];
	auto_fd fd = openat2_no_symlinks(view->layer[entry->layer].dirfd, path, O_PATH | O_NOFOLLOW,
					 0);
	ssize_t length = fd < 0 ? -1 : readlinkat(fd, "", text, sizeof(text));

	if (fd < 0)
		return fail(err, -fd, "open link '/%s'", path);
	if (length < 0)
		return fail(err, errno, "read link '/%s'", path);
	if (length == (ssize_t)sizeof(text))
		return fail(err, ENAMETOOLONG, "link '/%s'", path);
	*ret_text = arena_copy_bytes(arena, text, (size_t)length);
	return 0;
}

/* A resolution under way: what is done, and what is left. */
struct resolution {
	const struct view *view;
	struct arena *arena;
	const char *done;
	const char *rest;
	unsigned symlinks;
	bool follow_last;
};

static const char *parent_of(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? arena_copy_bytes(arena, path, (size_t)(slash - path)) : "";
}

static int follow(struct resolution *resolution, const char *link, struct err *err)
{
	if (++resolution->symlinks > VIEW_SYMLINKS_MAX)
		return fail(err, ELOOP, "'/%s'", resolution->done);
	if (link[0] == '/')
		resolution->done = "";
	resolution->rest = arena_printf(resolution->arena, "%s/%s", link, resolution->rest);
	return 0;
}

static int step(struct resolution *resolution, const char *name, struct err *err)
{
	const char *path;
	const char *link;
	struct view_entry entry;
	bool last = resolution->rest[strspn(resolution->rest, "/")] == '\0';
	bool follows = !last || resolution->follow_last;
	int r;

	if (strcmp(name, "") == 0 || strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0) {
		resolution->done = parent_of(resolution->arena, resolution->done);
		return 0;
	}
	path = *resolution->done ? arena_printf(resolution->arena, "%s/%s", resolution->done, name)
				 : name;
	r = view_lookup(resolution->view, path, &entry);
	if (r == 0 && S_ISLNK(entry.st.st_mode) && follows) {
		r = view_readlink(resolution->view, path, &entry, resolution->arena, &link, err);
		return r < 0 ? r : follow(resolution, link, err);
	}
	if (r < 0 && r != -ENOENT)
		return fail(err, -r, "'/%s'", path);
	resolution->done = path;
	return 0;
}

int view_resolve(const struct view *view, const char *guest_path, bool follow_last,
		 struct arena *arena, const char **ret_path, struct err *err)
{
	struct resolution resolution = { .view = view,
					 .arena = arena,
					 .done = "",
					 .rest = guest_path,
					 .follow_last = follow_last };

	while (*resolution.rest) {
		size_t length = strcspn(resolution.rest, "/");
		const char *name = arena_copy_bytes(arena, resolution.rest, length);
		int r;

		if (length > NAME_MAX)
			return fail(err, ENAMETOOLONG, "'%s'", guest_path);
		resolution.rest += length + (resolution.rest[length] == '/');
		r = step(&resolution, name, err);
		if (r < 0)
			return err_wrap(err, "resolve '%s'", guest_path);
		if (strlen(resolution.done) + strlen(resolution.rest) >= PATH_MAX)
			return fail(err, ENAMETOOLONG, "'%s'", guest_path);
	}
	*ret_path = resolution.done;
	return 0;
}

/* Add the names of one layer's directory; `hidden` gathers what it whites out. */
static int list_layer(const struct view_layer *layer, const char *path, struct map *seen,
		      struct strings *names, struct err *err)
{
	int fd = openat2_no_symlinks(layer->dirfd, path, O_RDONLY | O_DIRECTORY, 0);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (fd < 0)
		return fail(err, -fd, "list '/%s'", path);
	if (!directory) {
		close(fd);
		return fail(err, ENOMEM, "list '/%s'", path);
	}
	while ((entry = readdir(directory))) {
		auto_buf full = { 0 };
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    map_get(seen, entry->d_name))
			continue;
		map_set(seen, entry->d_name, seen);
		buf_printf(&full, "%s%s%s", path, *path ? "/" : "", entry->d_name);
		if (stat_in(layer, full.bytes, &st) < 0 || is_whiteout(layer, full.bytes, &st))
			continue;
		strings_add(names, entry->d_name);
	}
	closedir(directory);
	return 0;
}

/* Whiteouts that are only in the record (a store that cannot hold them) hide names as well. */
static void hide_recorded(const struct view_layer *layer, const char *path, struct map *seen)
{
	size_t length = strlen(path);

	for (size_t i = 0; !layer->plain && i < layer->owners.count; i++) {
		const struct owner *owner = &layer->owners.item[i];
		const char *name = owner->path + length + (length > 0);

		if (!owner->whiteout || strncmp(owner->path, path, length) != 0 ||
		    (length && owner->path[length] != '/') || strchr(name, '/'))
			continue;
		map_set(seen, name, seen);
	}
}

int view_list(const struct view *view, const char *path, struct strings *names, struct err *err)
{
	auto_map seen = { 0 };

	for (size_t i = 0; i < view->count; i++) {
		const struct view_layer *layer = &view->layer[i];
		struct stat st;
		bool exists = stat_in(layer, path, &st) == 0;
		int r;

		if (exists && S_ISDIR(st.st_mode)) {
			r = list_layer(layer, path, &seen, names, err);
			if (r < 0)
				return r;
			hide_recorded(layer, path, &seen);
			if (is_opaque(layer, path))
				break;
		} else if (exists || is_whiteout(layer, path, NULL)) {
			break;
		}
		if (hidden_below(layer, path) < 0)
			break;
	}
	strings_sort(names);
	return 0;
}

int view_open(const struct view *view, const char *path, const struct view_entry *entry,
	      int *ret_fd, struct err *err)
{
	int fd = openat2_no_symlinks(view->layer[entry->layer].dirfd, path,
				     O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);

	if (fd < 0)
		return fail(err, -fd, "open '/%s'", path);
	*ret_fd = fd;
	return 0;
}

void view_read_text(const struct view *view, const char *guest_path, size_t limit_bytes,
		    struct buf *text)
{
	auto_arena arena = { 0 };
	auto_fd fd = -1;
	struct view_entry entry;
	const char *path;

	if (view_resolve(view, guest_path, true, &arena, &path, NULL) < 0 ||
	    view_lookup(view, path, &entry) < 0 || !S_ISREG(entry.st.st_mode) ||
	    view_open(view, path, &entry, &fd, NULL) < 0)
		return;
	if (io_read_to_end(fd, limit_bytes, text, NULL) < 0)
		buf_truncate(text, 0);
}
