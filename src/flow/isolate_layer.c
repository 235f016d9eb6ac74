// SPDX-License-Identifier: Apache-2.0
/* How files of the host become a root: not by a mount for each of them (45 us each, at every
 * start), but by one overlay for each of a few big directories: over the host's /usr lies a
 * directory in which whatever shall not be seen is a whiteout. It is made once; a start mounts it.
 * Directories of which all is visible cost nothing at all; one of which hardly anything is hides
 * what is under it, and has copies (doc/why/0020-environments.md).
 *
 * Where mounts of the host are below a directory no overlay may show it (the kernel refuses to tear
 * them apart): it becomes a directory of ours, and its entries are looked at one by one. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/map.h"
#include "base/strings.h"
#include "codec/json.h"
#include "flow/isolate.h"
#include "sys/mount.h"

#define WHITEOUT_LINKS 30000 /* of one inode; file systems take 32000 and more */
#define DEPTH_MAX      1000
#define FEW_ENTRIES    3
/* A directory of so many entries is worth the look whether a copy is cheaper than whiteouts. One of
 * these is a link: a new inode costs as much as many, and so many bytes as one. */
#define OPAQUE_FROM	   16
#define WHITEOUTS_FOR_COPY 20
#define BYTES_FOR_WHITEOUT 16384

/* One item with those below it: a range of the sorted list. */
struct node {
	const struct visible_item *item;
	size_t first, end; /* of what is below */
};

/* A directory of the layer, made when something goes into it. */
struct place {
	struct place *above;
	const char *path; /* inside */
	mode_t mode;
	int fd; /* -1: not made so far */
};

struct writer {
	const struct visible *visible;
	struct isolate_layer *layer;
	struct strings mount_points; /* of the host */
	const char *overlay;	     /* the directory that is being written is over, or below */
	int whiteout_fd;	     /* directory of the last whiteout made */
	char whiteout[NAME_MAX + 1]; /* its name; "" none */
	unsigned whiteout_links;
};

/* ---- the layer's directories ---- */

static const char *name_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

static int open_place(struct place *place, struct err *err)
{
	int r;

	if (place->fd >= 0)
		return place->fd;
	r = open_place(place->above, err);
	if (r < 0)
		return r;
	if (mkdirat(r, name_of(place->path), 0700) < 0 && errno != EEXIST)
		return fail(err, errno, "make '%s'", place->path);
	place->fd = openat(r, name_of(place->path),
			   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (place->fd < 0)
		return fail(err, errno, "open '%s'", place->path);
	return place->fd;
}

/* Modes last: a directory that nobody may write to takes no entries from its owner either. */
static int close_place(struct place *place, struct err *err)
{
	int r = 0;

	if (place->fd < 0)
		return 0;
	if (fchmod(place->fd, (place->mode & 07777) | 0500) < 0)
		r = fail(err, errno, "mode of '%s'", place->path);
	close(place->fd);
	return r;
}

static int write_file(struct place *in, const struct visible_item *item, const void *bytes,
		      size_t size_bytes, struct err *err)
{
	int folder_fd = open_place(in, err);
	auto_fd fd = -1;
	int r;

	if (folder_fd < 0)
		return folder_fd;
	fd = openat(folder_fd, name_of(item->path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(err, errno, "make '%s'", item->path);
	r = io_write_all(fd, bytes, size_bytes);
	if (r == 0 && fchmod(fd, item->mode & 0777) < 0)
		r = -errno;
	return r < 0 ? fail(err, -r, "write '%s'", item->path) : 0;
}

static int write_link(struct place *in, const char *path, const char *target, struct err *err)
{
	int folder_fd = open_place(in, err);

	if (folder_fd < 0)
		return folder_fd;
	return symlinkat(target, folder_fd, name_of(path)) < 0 ? fail(err, errno, "link '%s'", path)
							       : 0;
}

static int write_host_link(const struct writer *writer, struct place *in,
			   const struct visible_item *item, struct err *err)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(writer->visible->root_fd, item->source + 1, target,
				    sizeof(target) - 1);

	if (length < 0)
		return fail(err, errno, "link '%s'", item->source);
	target[length] = '\0';
	return write_link(in, item->path, target, err);
}

/* The next one is another name of the same: inodes are counted where there are quotas. */
static int write_whiteout(struct writer *writer, struct place *in, const char *name,
			  struct err *err)
{
	int folder_fd = open_place(in, err);

	if (folder_fd < 0)
		return folder_fd;
	if (writer->whiteout_links < WHITEOUT_LINKS && writer->whiteout[0] &&
	    linkat(writer->whiteout_fd, writer->whiteout, folder_fd, name, 0) == 0) {
		writer->whiteout_links++;
		return 0;
	}
	if (mknodat(folder_fd, name, S_IFCHR, 0) < 0)
		return fail(err, errno == EPERM || errno == EINVAL ? EOPNOTSUPP : errno,
			    "whiteout for '%s/%s'", in->path, name);
	cleanup_fd(&writer->whiteout_fd);
	writer->whiteout_fd = fcntl(folder_fd, F_DUPFD_CLOEXEC, 0);
	snprintf(writer->whiteout, sizeof(writer->whiteout), "%s", name);
	writer->whiteout_links = 1;
	return 0;
}

/* ---- the items ---- */

static struct node node_at(const struct visible *visible, size_t index)
{
	struct node node = { visible->item[index], index + 1, index + 1 };

	while (node.end < visible->count &&
	       path_is_below(visible->item[node.end]->path, node.item->path))
		node.end++;
	return node;
}

/* The entry `name` of a directory among what is below it; false: nothing is said of it. */
static bool find_entry(const struct visible *visible, const struct node *node, const char *name,
		       struct node *ret_entry)
{
	char path[PATH_MAX];
	size_t low = node->first;
	size_t high = node->end;
	const char *folder = node->item->path[1] ? node->item->path : "";

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = visible_compare(visible->item[middle]->path, path);

		if (order == 0) {
			*ret_entry = node_at(visible, middle);
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* Names in a directory of the host, sorted; none where it may not be read. */
static int list_host(struct writer *writer, const char *path, struct strings *names,
		     struct err *err)
{
	int fd = openat(writer->visible->root_fd, path[1] ? path + 1 : ".",
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const struct dirent *entry;
	struct stat st;
	DIR *stream;

	if (fd < 0)
		return errno == EACCES || errno == ENOENT || errno == ENOTDIR || errno == ELOOP
			       ? 0
			       : fail(err, errno, "'%s'", path);
	stream = fdopendir(fd);
	if (!stream || fstat(fd, &st) < 0) {
		fail(err, errno, "'%s'", path);
		close(fd);
		return -err->code;
	}
	buf_printf(&writer->layer->fresh, "%lld %ld %s\n", (long long)st.st_ctim.tv_sec,
		   st.st_ctim.tv_nsec, path);
	while ((entry = readdir(stream)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			strings_add(names, entry->d_name);
	closedir(stream);
	strings_sort(names);
	return 0;
}

static bool is_of_host(const struct visible_item *item)
{
	return item->kind == VISIBLE_HOST || item->kind == VISIBLE_TREE;
}

static bool is_elsewhere(const struct visible_item *item)
{
	return is_of_host(item) && strcmp(item->source, item->path) != 0;
}

/* ---- mounts ---- */

static void add_bind(struct writer *writer, const char *source, const char *target)
{
	struct json *mount = json_new_object();

	json_set_text(mount, "target", target);
	json_set_text(mount, "source", source);
	json_add(writer->layer->mounts, mount);
}

static void add_overlay(struct writer *writer, const char *path)
{
	struct json *mount = json_new_object();
	auto_strings layers = { 0 };

	json_set_text(mount, "target", path);
	strings_printf(&layers, "%s%s", ENVIRONMENT_ROOT, path);
	strings_add(&layers, path);
	json_set_strings(mount, "layers", &layers);
	json_add(writer->layer->mounts, mount);
}

static bool has_mounts_below(const struct writer *writer, const char *path)
{
	strings_each(&writer->mount_points, point) {
		if (path_is_below(point, path))
			return true;
	}
	return false;
}

/* Where something is mounted, an empty file or directory waits for it. */
static int write_bind(struct writer *writer, struct place *in, const struct visible_item *item,
		      struct err *err)
{
	add_bind(writer, item->source, item->path);
	if (S_ISDIR(item->mode)) {
		struct place point = { in, item->path, 0755, -1 };
		int r = open_place(&point, err);

		return r < 0 ? r : close_place(&point, err);
	}
	return write_file(in, item, "", 0, err);
}

/* ---- below an overlay ---- */

static int write_over(struct writer *writer, struct place *in, const struct node *node,
		      unsigned depth, struct err *err);

/* Of the entries of a directory that are said to be visible, those the host has. */
struct shown {
	size_t count;
	uint64_t bytes;
	bool are_files; /* and links: they can be copied */
};

static struct shown count_shown(const struct writer *writer, const struct node *node)
{
	struct shown shown = { .are_files = true };
	struct node entry;

	for (size_t i = node->first; i < node->end; i = entry.end) {
		const struct visible_item *item;

		entry = node_at(writer->visible, i);
		item = entry.item;
		if (!is_of_host(item) || is_elsewhere(item))
			continue;
		shown.count++;
		shown.bytes += item->size_bytes;
		shown.are_files &= S_ISLNK(item->mode) ||
				   (S_ISREG(item->mode) && !(item->mode & 07000));
	}
	return shown;
}

static bool are_readable(const struct writer *writer, const struct node *node)
{
	struct node entry;

	for (size_t i = node->first; i < node->end; i = entry.end) {
		const struct visible_item *item;

		entry = node_at(writer->visible, i);
		item = entry.item;
		if (is_of_host(item) && S_ISREG(item->mode) &&
		    faccessat(writer->visible->root_fd, item->source + 1, R_OK, AT_EACCESS) < 0)
			return false;
	}
	return true;
}

/* A directory that does not show what is under it, so that no whiteouts are needed: where nothing
 * of it shows, or so little that a copy is cheaper. False: whiteouts it is. */
static bool make_opaque(const struct writer *writer, struct place *place, const struct node *node,
			size_t names, struct err *err)
{
	const struct shown shown = count_shown(writer, node);
	int fd;

	/* overlayfs does not ask the roots of its layers */
	if (names < OPAQUE_FROM || strcmp(node->item->path, writer->overlay) == 0 ||
	    !shown.are_files ||
	    shown.count * WHITEOUTS_FOR_COPY + shown.bytes / BYTES_FOR_WHITEOUT > names ||
	    !are_readable(writer, node))
		return false;
	fd = open_place(place, err);
	return fd >= 0 && fsetxattr(fd, "user.overlay.opaque", "y", 1, 0) == 0;
}

static int copy_file(const struct writer *writer, struct place *in, const struct visible_item *item,
		     struct err *err)
{
	auto_fd from = openat(writer->visible->root_fd, item->source + 1,
			      O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int folder_fd = open_place(in, err);
	struct timespec times[2];
	auto_fd to = -1;
	struct stat st;
	int r;

	if (from < 0 || fstat(from, &st) < 0)
		return fail(err, errno, "copy '%s'", item->source);
	if (folder_fd < 0)
		return folder_fd;
	to = openat(folder_fd, name_of(item->path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		return fail(err, errno, "make '%s'", item->path);
	r = io_copy(from, to, UINT64_MAX, err);
	if (r < 0)
		return err_wrap(err, "copy '%s'", item->source);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	return fchmod(to, st.st_mode & 0777) < 0 || futimens(to, times) < 0
		       ? fail(err, errno, "copy '%s'", item->source)
		       : 0;
}

/* The entries of a directory: those the host has, then those only we have. */
static int write_entries_over(struct writer *writer, struct place *place, const struct node *node,
			      bool shows_rest, unsigned depth, struct err *err)
{
	auto_strings names = { 0 };
	bool is_opaque = false;
	struct node entry;
	int r = 0;

	if (depth > DEPTH_MAX)
		return fail(err, ENAMETOOLONG, "'%s'", node->item->path);
	if (!shows_rest)
		r = list_host(writer, node->item->path, &names, err);
	if (r == 0 && !shows_rest)
		is_opaque = make_opaque(writer, place, node, names.count, err);
	for (size_t i = 0; r == 0 && !is_opaque && i < names.count; i++)
		if (!find_entry(writer->visible, node, names.item[i], &entry) ||
		    (entry.item->kind == VISIBLE_HIDDEN && entry.first == entry.end))
			r = write_whiteout(writer, place, names.item[i], err);
	for (size_t i = node->first; r == 0 && i < node->end; i = entry.end) {
		entry = node_at(writer->visible, i);
		if (is_opaque && is_of_host(entry.item) && !is_elsewhere(entry.item) &&
		    !S_ISDIR(entry.item->mode))
			r = S_ISLNK(entry.item->mode)
				    ? write_host_link(writer, place, entry.item, err)
				    : copy_file(writer, place, entry.item, err);
		else if (entry.item->kind != VISIBLE_HIDDEN || entry.first != entry.end)
			r = write_over(writer, place, &entry, depth + 1, err);
		else if (shows_rest)
			r = write_whiteout(writer, place, name_of(entry.item->path), err);
	}
	return r;
}

static int write_over(struct writer *writer, struct place *in, const struct node *node,
		      unsigned depth, struct err *err)
{
	const struct visible_item *item = node->item;
	struct place place = { in, item->path, item->mode ? item->mode : 0755, -1 };
	struct stat st;
	int r;

	if (item->kind == VISIBLE_LINK)
		return write_link(in, item->path, item->content, err);
	if (item->kind == VISIBLE_FILE)
		return write_file(in, item, item->content, item->content_bytes, err);
	if (is_elsewhere(item))
		return write_bind(writer, in, item, err);
	if (is_of_host(item) && !S_ISDIR(item->mode))
		return 0;
	r = write_entries_over(writer, &place, node, item->kind == VISIBLE_TREE, depth, err);
	if (r == 0 &&
	    fstatat(writer->visible->root_fd, item->path + 1, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = open_place(&place, err); /* ours alone, and perhaps empty */
	return r < 0 ? (close_place(&place, NULL), r) : close_place(&place, err);
}

/* ---- outside of any overlay ---- */

static int write_top(struct writer *writer, struct place *in, const struct node *node,
		     unsigned depth, struct err *err);

/* A tree of the host that has mounts below: each of its entries that nothing is said of is bound.
 */
static int write_rest_of_tree(struct writer *writer, struct place *place, const struct node *node,
			      struct err *err)
{
	auto_strings names = { 0 };
	struct node entry;
	int r = list_host(writer, node->item->path, &names, err);

	for (size_t i = 0; r == 0 && i < names.count; i++) {
		auto_buf path = { 0 };
		struct visible_item item = { .kind = VISIBLE_TREE };
		struct stat st;

		if (find_entry(writer->visible, node, names.item[i], &entry))
			continue;
		buf_printf(&path, "%s/%s", node->item->path, names.item[i]);
		item.path = item.source = path.bytes;
		if (fstatat(writer->visible->root_fd, path.bytes + 1, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		item.mode = st.st_mode;
		r = S_ISLNK(st.st_mode) ? write_host_link(writer, place, &item, err)
					: write_bind(writer, place, &item, err);
	}
	return r;
}

static int write_entries_apart(struct writer *writer, struct place *place, const struct node *node,
			       unsigned depth, struct err *err)
{
	struct node entry;
	int r = 0;

	if (depth > DEPTH_MAX)
		return fail(err, ENAMETOOLONG, "'%s'", node->item->path);
	if (node->item->kind == VISIBLE_TREE)
		r = write_rest_of_tree(writer, place, node, err);
	for (size_t i = node->first; r == 0 && i < node->end; i = entry.end) {
		entry = node_at(writer->visible, i);
		r = write_top(writer, place, &entry, depth + 1, err);
	}
	return r;
}

/* Programs write below these while nobody looks, and mount things there. */
static bool changes_all_the_time(const char *path)
{
	static const char *const busy[] = { "/var", "/tmp",  "/run", "/home", "/root",
					    "/dev", "/proc", "/sys", "/mnt",  "/media" };

	for (size_t i = 0; i < array_count(busy); i++)
		if (strcmp(path, busy[i]) == 0)
			return true;
	return false;
}

/* For so few entries mounts of their own are cheaper, and do not depend on what else happens in the
 * directory: it may be anybody's, as all those on the way to a file in a home are. */
static bool has_few_entries(const struct writer *writer, const struct node *node)
{
	struct node entry;
	unsigned count = 0;

	if (node->item->kind != VISIBLE_HOST)
		return false;
	for (size_t i = node->first; i < node->end && count <= FEW_ENTRIES; i = entry.end) {
		entry = node_at(writer->visible, i);
		count++;
	}
	return count <= FEW_ENTRIES;
}

static bool wants_overlay(const struct writer *writer, const struct node *node)
{
	struct stat st;

	return !has_few_entries(writer, node) && !changes_all_the_time(node->item->path) &&
	       !has_mounts_below(writer, node->item->path) &&
	       fstatat(writer->visible->root_fd, node->item->path + 1, &st, AT_SYMLINK_NOFOLLOW) ==
		       0 &&
	       S_ISDIR(st.st_mode);
}

static int write_directory(struct writer *writer, struct place *in, const struct node *node,
			   unsigned depth, struct err *err)
{
	const struct visible_item *item = node->item;
	struct place place = { in, item->path, item->mode ? item->mode : 0755, -1 };
	int r = open_place(&place, err);

	if (r < 0)
		return r;
	if (wants_overlay(writer, node)) {
		add_overlay(writer, item->path);
		writer->overlay = item->path;
		r = write_entries_over(writer, &place, node, item->kind == VISIBLE_TREE, depth,
				       err);
	} else {
		r = write_entries_apart(writer, &place, node, depth, err);
	}
	return r < 0 ? (close_place(&place, NULL), r) : close_place(&place, err);
}

static int write_top(struct writer *writer, struct place *in, const struct node *node,
		     unsigned depth, struct err *err)
{
	const struct visible_item *item = node->item;

	if (item->kind == VISIBLE_HIDDEN && node->first == node->end)
		return 0;
	if (item->kind == VISIBLE_LINK)
		return write_link(in, item->path, item->content, err);
	if (item->kind == VISIBLE_FILE)
		return write_file(in, item, item->content, item->content_bytes, err);
	if (S_ISLNK(item->mode))
		return write_host_link(writer, in, item, err);
	if (is_elsewhere(item) || !S_ISDIR(item->mode) ||
	    (item->kind == VISIBLE_TREE && node->first == node->end))
		return write_bind(writer, in, item, err);
	return write_directory(writer, in, node, depth, err);
}

/* ---- all of it ---- */

static int read_mount_points(struct strings *points, struct err *err)
{
	auto_buf text = { 0 };
	char *rest;
	char *line;
	int r = io_read_file_at(AT_FDCWD, "/proc/self/mountinfo", (size_t)64 << 20, &text, err);

	rest = r < 0 ? NULL : text.bytes;
	while (rest && (line = strsep(&rest, "\n"))) {
		const char *point = mount_point_in(line);

		if (point && strcmp(point, "/") != 0)
			strings_add(points, point);
	}
	return r;
}

int isolate_write_layer(const struct visible *visible, int root_fd, struct isolate_layer *ret_layer,
			struct err *err)
{
	struct writer writer = { .visible = visible, .layer = ret_layer, .whiteout_fd = -1 };
	const struct visible_item root_item = { .path = "/", .mode = S_IFDIR | 0755 };
	const struct node root = { &root_item, 0, visible->count };
	struct place place = { NULL, "/", 0755, root_fd };
	int r = read_mount_points(&writer.mount_points, err);

	*ret_layer = (struct isolate_layer){ .mounts = json_new_array() };
	if (r == 0)
		r = write_entries_apart(&writer, &place, &root, 0, err);
	cleanup_fd(&writer.whiteout_fd);
	strings_done(&writer.mount_points);
	return r;
}
