// SPDX-License-Identifier: Apache-2.0
/* Relocatable packs: unpacked anywhere, their programs run by name.
 *
 *     usr/bin/lstopo       -> ../../.rootlet/launch       each program, a link
 *     .rootlet/real/usr/bin/lstopo                        the program itself
 *     .rootlet/real/usr/lib -> ../../../usr/lib           what stood beside its folder
 *
 * The launcher knows by the name it is called by which program is meant. In the root that it makes
 * .rootlet/real/usr/bin is put over /usr/bin, so that programs find each other and themselves where
 * they belong. Where the pack already is the root (chroot(1), PRoot) the program is run from where
 * it lies; the links beside its folder let $ORIGIN/../lib and the like lead where they should. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/map.h"
#include "base/strings.h"
#include "flow/pack.h"
#include "sys/sibling.h"

#define RUNTIME_BYTES_MAX ((size_t)16 << 20)
#define REAL		  PACK_FOLDER "/real"

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_for_programs(const struct tree_entry *entry)
{
	static const char *const names[] = { "bin", "sbin", "libexec", "games" };

	for (size_t i = 0; S_ISDIR(entry->mode) && i < array_count(names); i++)
		if (strcmp(last_name(entry->path), names[i]) == 0)
			return true;
	return false;
}

static bool is_program(const struct tree_entry *entry)
{
	return S_ISREG(entry->mode) && (entry->mode & 0111);
}

/* --- which folders --- */

/* Outermost ones that hold a program; what is below one goes with it. */
static void find_wrapped(struct pack *pack)
{
	const char *folder = NULL;
	bool is_listed = false;

	for (size_t i = 0; i < pack->tree.count; i++) {
		const struct tree_entry *entry = &pack->tree.item[i];

		if (folder && path_is_below(entry->path, folder)) {
			if (!is_listed && is_program(entry)) {
				strings_add(&pack->wrapped, folder);
				is_listed = true;
			}
			continue;
		}
		folder = is_for_programs(entry) ? entry->path : NULL;
		is_listed = false;
	}
}

/* Directories above those, "" among them. */
static void find_spine(const struct pack *pack, struct map *spine)
{
	static char present[] = "";

	strings_each(&pack->wrapped, folder) {
		auto_buf path = { 0 };
		const char *slash;

		map_set(spine, "", present);
		for (slash = strchr(folder, '/'); slash; slash = strchr(slash + 1, '/')) {
			buf_truncate(&path, 0);
			buf_add(&path, folder, (size_t)(slash - folder));
			map_set(spine, path.bytes, present);
		}
	}
}

/* --- the new tree --- */

struct relocation {
	struct pack *pack;
	struct tree from;
	struct map spine;
	struct map wrapped; /* those of pack->wrapped */
};

static struct tree_entry *add(struct relocation *relocation, const char *path, mode_t mode)
{
	struct tree_entry *entry = tree_add(&relocation->pack->tree);

	*entry = (struct tree_entry){ .path = path,
				      .mode = mode,
				      .disk_mode = mode,
				      .nlink = 1,
				      .root_fd = -1,
				      .mtime = { .tv_sec = relocation->pack->time_s } };
	return entry;
}

static const char *real_path(struct relocation *relocation, const char *path)
{
	return arena_printf(&relocation->from.arena, REAL "%s%s", *path ? "/" : "", path);
}

static void add_link(struct relocation *relocation, const char *path, const char *target)
{
	add(relocation, path, S_IFLNK | 0777)->link = pack_relative_link(relocation->pack, path,
									 target);
}

static void move_entry(struct relocation *relocation, const struct tree_entry *entry)
{
	struct tree_entry *moved = tree_add(&relocation->pack->tree);

	*moved = *entry;
	moved->path = real_path(relocation, entry->path);
	moved->disk_path = entry->disk_path ?: entry->path;
}

/* Something directly in a folder of programs. A link is a program by another name, unless it leads
 * to a folder. */
static bool is_run(const struct tree_entry *entry)
{
	return is_program(entry) || (S_ISLNK(entry->mode) && strcmp(entry->link, ".") != 0 &&
				     !text_ends(entry->link, "/") && !text_ends(entry->link, ".."));
}

static void wrap(struct relocation *relocation, const struct tree_entry *entry, const char *folder)
{
	bool is_direct = !strchr(entry->path + strlen(folder) + 1, '/');

	move_entry(relocation, entry);
	if (!is_direct)
		return;
	if (is_run(entry))
		add_link(relocation, entry->path, PACK_FOLDER "/launch");
	else
		add_link(relocation, entry->path, real_path(relocation, entry->path));
}

static bool is_in_spine(const struct relocation *relocation, const char *path)
{
	const char *slash = strrchr(path, '/');
	auto_buf parent = { 0 };

	if (!*path)
		return false;
	buf_add(&parent, path, slash ? (size_t)(slash - path) : 0);
	return map_get(&relocation->spine, buf_text(&parent)) != NULL;
}

/* What stays where it is, and can be found from the moved programs, too. */
static void keep(struct relocation *relocation, const struct tree_entry *entry)
{
	const char *path = entry->path;

	*tree_add(&relocation->pack->tree) = *entry;
	if (map_get(&relocation->spine, path) || map_get(&relocation->wrapped, path)) {
		move_entry(relocation, entry);
		return;
	}
	if (!is_in_spine(relocation, path) || strcmp(path, PACK_FOLDER) == 0)
		return;
	if (S_ISLNK(entry->mode) && entry->link[0] != '/')
		move_entry(relocation, entry);
	else
		add_link(relocation, real_path(relocation, path), path);
}

static int compare(const void *a, const void *b)
{
	const struct tree_entry *left = a;
	const struct tree_entry *right = b;

	return tree_compare_paths(left->path, right->path);
}

static void rebuild(struct relocation *relocation)
{
	struct pack *pack = relocation->pack;
	const char *folder = NULL;

	for (size_t i = 0; i < relocation->from.count; i++) {
		const struct tree_entry *entry = &relocation->from.item[i];

		if (folder && path_is_below(entry->path, folder)) {
			wrap(relocation, entry, folder);
			continue;
		}
		folder = map_get(&relocation->wrapped, entry->path) ? entry->path : NULL;
		keep(relocation, entry);
	}
	add(relocation, PACK_FOLDER, S_IFDIR | 0755);
	qsort(pack->tree.item, pack->tree.count, sizeof(*pack->tree.item), compare);
}

int pack_read_runtime(struct pack *pack, struct buf *bytes, struct err *err)
{
	char path[PATH_MAX];
	int r;

	(void)pack;
	if (!sibling_find("rootlet-pack", path))
		return fail_plain(err, ENOENT,
				  "rootlet-pack, which goes into the pack, is not "
				  "installed beside rootlet");
	r = io_read_file_at(AT_FDCWD, path, RUNTIME_BYTES_MAX, bytes, err);
	return r < 0 ? err_wrap(err, "'%s'", path) : 0;
}

static int add_launcher(struct pack *pack, struct err *err)
{
	auto_buf bytes = { 0 };
	int r = pack_read_runtime(pack, &bytes, err);
	const char *copy;

	if (r < 0)
		return r;
	copy = arena_copy_bytes(&pack->arena, bytes.bytes, bytes.size_bytes);
	return pack_add_file(pack, PACK_FOLDER "/launch", copy, bytes.size_bytes, 0755, err);
}

int pack_relocate(struct pack *pack, struct err *err)
{
	static char present[] = "";
	struct relocation relocation = { .pack = pack };

	find_wrapped(pack);
	if (!pack->wrapped.count)
		return fail_plain(err, EINVAL,
				  "there is no program in a folder called bin, sbin, "
				  "libexec or games that -R could make run anywhere");
	strings_each(&pack->wrapped, folder)
		map_set(&relocation.wrapped, folder, present);
	find_spine(pack, &relocation.spine);
	relocation.from = pack->tree;
	pack->tree = (struct tree){ 0 };
	rebuild(&relocation);
	pack->tree.arena = relocation.from.arena; /* the paths of both */
	free(relocation.from.item);
	map_done(&relocation.spine);
	map_done(&relocation.wrapped);
	return add_launcher(pack, err);
}
