// SPDX-License-Identifier: Apache-2.0
/* How files of the host become a root: not by a mount for each of them (45 us each, at every
 * start), but by one overlay for each of a few big directories: over the host's /usr lies a
 * directory in which whatever shall not be seen is a whiteout. It is made once; a start mounts it.
 * Directories of which all is visible cost nothing at all; one of which hardly anything is hides
 * what is under it, and has copies (doc/why/0020-environments.md).
 *
 * Where mounts of the host are below a directory no overlay may show it (the kernel refuses to tear
 * them apart): it becomes a directory of ours, and its entries are looked at one by one. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/strings.h"
#include "codec/json.h"
#include "flow/host_listing.h"
#include "flow/isolate.h"
#include "flow/isolate_known.h"
#include "flow/isolate_place.h"
#include "sys/mount.h"

#define DEPTH_MAX   1000
#define FEW_ENTRIES 3
#define FEW_OF_HOST 8
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

struct writer {
	const struct visible *visible;
	const size_t *end; /* of what is below each item */
	struct isolate_layer *layer;
	struct strings mount_points; /* of the host */
	const char *overlay;	     /* the directory that is being written is over, or below */
	bool is_loose;		     /* it is, or is below, one of which the rest may be seen */
	struct isolate_whiteouts whiteouts;
};

/* ---- the items ---- */

static struct node node_at(const struct writer *writer, size_t index)
{
	return (struct node){ writer->visible->item[index], index + 1, writer->end[index] };
}

static size_t *find_ends(const struct visible *visible)
{
	size_t *end = memory_zeroed(visible->count + 1, sizeof(size_t));
	size_t around[PATH_MAX / 2 + 2]; /* items that this one is below, the deepest last */
	size_t depth = 0;

	for (size_t i = 0; i < visible->count; i++) {
		const char *path = visible->item[i]->path;

		while (depth > 0 && !path_is_below(path, visible->item[around[depth - 1]]->path))
			end[around[--depth]] = i;
		around[depth++] = i;
	}
	while (depth > 0)
		end[around[--depth]] = visible->count;
	return end;
}

/* The entry `name` of a directory among what is below it; false: nothing is said of it. */
static bool find_entry(const struct writer *writer, const struct node *node, const char *name,
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
		int order = visible_compare(writer->visible->item[middle]->path, path);

		if (order == 0) {
			*ret_entry = node_at(writer, middle);
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
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
static int write_bind(struct writer *writer, struct isolate_place *in,
		      const struct visible_item *item, struct err *err)
{
	add_bind(writer, item->source, item->path);
	if (S_ISDIR(item->mode)) {
		struct isolate_place point = { in, item->path, 0755, -1 };
		int r = isolate_place_open(&point, err);

		return r < 0 ? r : isolate_place_close(&point, err);
	}
	return isolate_place_file(in, item, "", 0, err);
}

/* ---- below an overlay ---- */

static int write_over(struct writer *writer, struct isolate_place *in, const struct node *node,
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

		entry = node_at(writer, i);
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

		entry = node_at(writer, i);
		item = entry.item;
		if (is_of_host(item) && S_ISREG(item->mode) &&
		    faccessat(writer->visible->root_fd, item->source + 1, R_OK, AT_EACCESS) < 0)
			return false;
	}
	return true;
}

/* A directory that does not show what is under it, so that no whiteouts are needed: where nothing
 * of it shows, or so little that a copy is cheaper. False: whiteouts it is. */
static bool make_opaque(const struct writer *writer, struct isolate_place *place,
			const struct node *node, size_t names, struct err *err)
{
	const struct shown shown = count_shown(writer, node);
	int fd;

	/* overlayfs does not ask the roots of its layers */
	if (names < OPAQUE_FROM || strcmp(node->item->path, writer->overlay) == 0 ||
	    !shown.are_files ||
	    shown.count * WHITEOUTS_FOR_COPY + shown.bytes / BYTES_FOR_WHITEOUT > names ||
	    !are_readable(writer, node))
		return false;
	fd = isolate_place_open(place, err);
	return fd >= 0 && fsetxattr(fd, "user.overlay.opaque", "y", 1, 0) == 0;
}

static int copy_file(struct writer *writer, struct isolate_place *in,
		     const struct visible_item *item, struct err *err)
{
	auto_fd from = openat(writer->visible->root_fd, item->source + 1,
			      O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int folder_fd = isolate_place_open(in, err);
	struct timespec times[2];
	auto_fd to = -1;
	struct stat st;
	int r;

	if (from < 0 || fstat(from, &st) < 0)
		return fail(err, errno, "copy '%s'", item->source);
	if (folder_fd < 0)
		return folder_fd;
	to = openat(folder_fd, isolate_name_of(item->path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    0600);
	if (to < 0)
		return fail(err, errno, "make '%s'", item->path);
	r = io_copy(from, to, UINT64_MAX, err);
	if (r < 0)
		return err_wrap(err, "copy '%s'", item->source);
	if (!item->is_packaged)
		environment_watch(&writer->layer->fresh, &st.st_ctim, item->source);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	return fchmod(to, st.st_mode & 0777) < 0 || futimens(to, times) < 0
		       ? fail(err, errno, "copy '%s'", item->source)
		       : 0;
}

static bool is_packaged(const struct writer *writer, const struct node *node)
{
	struct node entry;
	bool is = node->item->is_packaged;

	for (size_t i = node->first; is && i < node->end; i = entry.end) {
		entry = node_at(writer, i);
		is = entry.item->is_packaged;
	}
	return is;
}

/* What the host has and is not visible. */
static int hide_rest(struct writer *writer, struct isolate_place *place, const struct node *node,
		     const struct strings *names, size_t *ret_hidden, struct err *err)
{
	struct node entry;
	int r = 0;

	for (size_t i = 0; r == 0 && i < names->count; i++) {
		if (find_entry(writer, node, names->item[i], &entry) &&
		    (entry.item->kind != VISIBLE_HIDDEN || entry.first != entry.end))
			continue;
		r = isolate_place_whiteout(place, &writer->whiteouts, names->item[i], err);
		++*ret_hidden;
	}
	return r;
}

/* What is put into a directory that is shown in part would be visible. Of one that belongs to
 * packages, and of which all is visible, the package database tells; and so does it of copies. */
static int cover_host(struct writer *writer, struct isolate_place *place, const struct node *node,
		      bool *ret_opaque, struct err *err)
{
	auto_host_listing listing = { 0 };
	size_t hidden = 0;
	int r = host_listing_read(writer->visible->root_fd, node->item->path, &listing, err);

	if (r < 0)
		return r;
	*ret_opaque = make_opaque(writer, place, node, listing.names.count, err);
	if (!*ret_opaque)
		r = hide_rest(writer, place, node, &listing.names, &hidden, err);
	if (hidden && isolate_is_no_matter(node->item->path))
		hidden = 0;
	if (r == 0 && listing.is_read && (hidden || !is_packaged(writer, node)))
		environment_watch(&writer->layer->fresh, &listing.changed, node->item->path);
	return r;
}

/* The entries of a directory: those the host has, then those only we have. */
static int write_entries_over(struct writer *writer, struct isolate_place *place,
			      const struct node *node, bool shows_rest, unsigned depth,
			      struct err *err)
{
	bool is_opaque = false;
	struct node entry;
	int r = 0;

	if (depth > DEPTH_MAX)
		return fail(err, ENAMETOOLONG, "'%s'", node->item->path);
	if (!shows_rest)
		r = cover_host(writer, place, node, &is_opaque, err);
	for (size_t i = node->first; r == 0 && i < node->end; i = entry.end) {
		entry = node_at(writer, i);
		if (is_opaque && is_of_host(entry.item) && !is_elsewhere(entry.item) &&
		    !S_ISDIR(entry.item->mode))
			r = S_ISLNK(entry.item->mode)
				    ? isolate_place_host_link(place, writer->visible->root_fd,
							      entry.item, err)
				    : copy_file(writer, place, entry.item, err);
		else if (entry.item->kind != VISIBLE_HIDDEN || entry.first != entry.end)
			r = write_over(writer, place, &entry, depth + 1, err);
		else if (shows_rest)
			r = isolate_place_whiteout(place, &writer->whiteouts,
						   isolate_name_of(entry.item->path), err);
	}
	return r;
}

static int write_over(struct writer *writer, struct isolate_place *in, const struct node *node,
		      unsigned depth, struct err *err)
{
	const struct visible_item *item = node->item;
	struct isolate_place place = { in, item->path, item->mode ? item->mode : 0755, -1 };
	bool is_loose = writer->is_loose;
	struct stat st;
	int r;

	if (item->kind == VISIBLE_LINK)
		return isolate_place_link(in, item->path, item->content, err);
	if (item->kind == VISIBLE_FILE)
		return isolate_place_file(in, item, item->content, item->content_bytes, err);
	if (is_elsewhere(item))
		return write_bind(writer, in, item, err);
	if (is_of_host(item) && !S_ISDIR(item->mode))
		return 0;
	writer->is_loose = item->is_loose || (is_loose && item->kind == VISIBLE_HOST);
	r = write_entries_over(writer, &place, node, item->kind == VISIBLE_TREE || writer->is_loose,
			       depth, err);
	writer->is_loose = is_loose;
	if (r == 0 &&
	    fstatat(writer->visible->root_fd, item->path + 1, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = isolate_place_open(&place, err); /* ours alone, and perhaps empty */
	return r < 0 ? (isolate_place_close(&place, NULL), r) : isolate_place_close(&place, err);
}

/* ---- outside of any overlay ---- */

static int write_top(struct writer *writer, struct isolate_place *in, const struct node *node,
		     unsigned depth, struct err *err);

/* A tree of the host that has mounts below: each of its entries that nothing is said of is bound.
 */
static int write_rest_of_tree(struct writer *writer, struct isolate_place *place,
			      const struct node *node, struct err *err)
{
	auto_host_listing listing = { 0 };
	struct node entry;
	int r = host_listing_read(writer->visible->root_fd, node->item->path, &listing, err);

	if (r == 0 && listing.is_read)
		environment_watch(&writer->layer->fresh, &listing.changed, node->item->path);
	for (size_t i = 0; r == 0 && i < listing.names.count; i++) {
		auto_buf path = { 0 };
		struct visible_item item = { .kind = VISIBLE_TREE };
		struct stat st;

		if (find_entry(writer, node, listing.names.item[i], &entry))
			continue;
		buf_printf(&path, "%s/%s", node->item->path, listing.names.item[i]);
		item.path = item.source = path.bytes;
		if (fstatat(writer->visible->root_fd, path.bytes + 1, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		item.mode = st.st_mode;
		r = S_ISLNK(st.st_mode)
			    ? isolate_place_host_link(place, writer->visible->root_fd, &item, err)
			    : write_bind(writer, place, &item, err);
	}
	return r;
}

static int write_entries_apart(struct writer *writer, struct isolate_place *place,
			       const struct node *node, unsigned depth, struct err *err)
{
	struct node entry;
	int r = 0;

	if (depth > DEPTH_MAX)
		return fail(err, ENAMETOOLONG, "'%s'", node->item->path);
	if (node->item->kind == VISIBLE_TREE)
		r = write_rest_of_tree(writer, place, node, err);
	for (size_t i = node->first; r == 0 && i < node->end; i = entry.end) {
		entry = node_at(writer, i);
		r = write_top(writer, place, &entry, depth + 1, err);
	}
	return r;
}

/* For so few entries, or so few of the host's in whatever is ours, mounts of their own are cheaper,
 * and do not depend on what else happens in the directory: it may be anybody's, as all those on the
 * way to a file in a home are. */
static bool has_few_entries(const struct writer *writer, const struct node *node)
{
	struct node entry;
	unsigned entries = 0;
	unsigned of_host = 0;

	if (node->item->kind != VISIBLE_HOST)
		return false;
	for (size_t i = node->first; i < node->end && entries <= FEW_ENTRIES; i = entry.end) {
		entry = node_at(writer, i);
		entries++;
	}
	for (size_t i = node->first; i < node->end && of_host <= FEW_OF_HOST; i++) {
		const struct visible_item *item = writer->visible->item[i];

		of_host += is_of_host(item) && !is_elsewhere(item) &&
			   (item->kind == VISIBLE_TREE || !S_ISDIR(item->mode));
	}
	return entries <= FEW_ENTRIES || of_host <= FEW_OF_HOST;
}

static bool wants_overlay(const struct writer *writer, const struct node *node)
{
	struct stat st;

	return !has_few_entries(writer, node) && !isolate_changes_all_the_time(node->item->path) &&
	       !has_mounts_below(writer, node->item->path) &&
	       fstatat(writer->visible->root_fd, node->item->path + 1, &st, AT_SYMLINK_NOFOLLOW) ==
		       0 &&
	       S_ISDIR(st.st_mode);
}

static int write_directory(struct writer *writer, struct isolate_place *in, const struct node *node,
			   unsigned depth, struct err *err)
{
	const struct visible_item *item = node->item;
	struct isolate_place place = { in, item->path, item->mode ? item->mode : 0755, -1 };
	int r = isolate_place_open(&place, err);

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
	return r < 0 ? (isolate_place_close(&place, NULL), r) : isolate_place_close(&place, err);
}

static int write_top(struct writer *writer, struct isolate_place *in, const struct node *node,
		     unsigned depth, struct err *err)
{
	const struct visible_item *item = node->item;

	if (item->kind == VISIBLE_HIDDEN && node->first == node->end)
		return 0;
	if (item->kind == VISIBLE_LINK)
		return isolate_place_link(in, item->path, item->content, err);
	if (item->kind == VISIBLE_FILE)
		return isolate_place_file(in, item, item->content, item->content_bytes, err);
	if (S_ISLNK(item->mode))
		return isolate_place_host_link(in, writer->visible->root_fd, item, err);
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
	auto_free size_t *end = find_ends(visible);
	struct writer writer = {
		.visible = visible, .end = end, .layer = ret_layer, .whiteouts.fd = -1
	};
	const struct visible_item root_item = { .path = "/", .mode = S_IFDIR | 0755 };
	const struct node root = { &root_item, 0, visible->count };
	struct isolate_place place = { NULL, "/", 0755, root_fd };
	int r = read_mount_points(&writer.mount_points, err);

	*ret_layer = (struct isolate_layer){ .mounts = json_new_array() };
	buf_add(&ret_layer->fresh, buf_text(&visible->based), visible->based.size_bytes);
	if (r == 0)
		r = write_entries_apart(&writer, &place, &root, 0, err);
	cleanup_fd(&writer.whiteouts.fd);
	strings_done(&writer.mount_points);
	return r;
}
