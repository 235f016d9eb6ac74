// SPDX-License-Identifier: Apache-2.0
/* Packs of what is installed on this host: packages, or folders of programs with what these need.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/log.h"
#include "base/map.h"
#include "base/strings.h"
#include "flow/isolate.h"
#include "flow/pack.h"
#include "policy/dpkg.h"
#include "policy/dpkg_relation.h"
#include "policy/elf_closure.h"
#include "policy/elf_runtime.h"
#include "policy/filelist.h"

#define LISTED_MAX	   5
#define NSSWITCH_BYTES_MAX ((size_t)1 << 16)

/* --- from what is visible to a tree --- */

static const char *below_root(const char *path)
{
	return path + (path[0] == '/');
}

/* Who says what is at a path: its own item, or that of the closest directory above. */
static const struct visible_item *said_of(const struct map *said, const char *path)
{
	char at[PATH_MAX];
	const struct visible_item *item;
	char *slash;

	snprintf(at, sizeof(at), "%s", path);
	while (!(item = map_get(said, at)) && (slash = strrchr(at, '/')))
		*slash = '\0';
	return item ?: map_get(said, "");
}

/* Whole directories, without what is said otherwise of something in them. */
static int add_trees(const struct visible *visible, struct tree *tree, struct err *err)
{
	auto_map said = { 0 };
	int r = 0;

	for (size_t i = 0; i < visible->count; i++)
		map_set(&said, below_root(visible->item[i]->path), visible->item[i]);
	for (size_t i = 0; r == 0 && i < visible->count; i++) {
		const struct visible_item *item = visible->item[i];
		size_t kept = tree->count;

		if (item->kind != VISIBLE_TREE)
			continue;
		r = tree_add_below(visible->root_fd, below_root(item->source),
				   below_root(item->path), tree, err);
		for (size_t j = kept; j < tree->count; j++)
			if (said_of(&said, tree->item[j].path) == item)
				tree->item[kept++] = tree->item[j];
		tree->count = kept;
	}
	return r;
}

/* On the way to something that is put where the host has nothing, or has hidden what it has. */
static void add_directory(const struct visible_item *item, struct tree *tree)
{
	struct tree_entry *entry = tree_add(tree);

	entry->path = arena_copy(&tree->arena, below_root(item->path));
	entry->nlink = 1;
	entry->root_fd = -1;
	entry->mode = entry->disk_mode = S_ISDIR(item->mode) ? item->mode : S_IFDIR | 0755;
}

static int add_host(const struct visible *visible, const struct visible_item *item,
		    struct tree *tree, struct err *err)
{
	const char *source = below_root(item->source);
	struct tree_entry *entry;
	struct stat st;

	if (fstatat(visible->root_fd, *source ? source : ".", &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT || !S_ISDIR(item->mode))
			return fail(err, errno, "stat '%s'", item->source);
		add_directory(item, tree);
		return 0;
	}
	entry = tree_add(tree);
	entry->path = arena_copy(&tree->arena, below_root(item->path));
	entry->root_fd = visible->root_fd;
	if (strcmp(item->path, item->source) != 0)
		entry->disk_path = arena_copy(&tree->arena, source);
	return tree_entry_from_disk(tree, entry, visible->root_fd, *source ? source : ".", &st,
				    err);
}

static void add_made(const struct visible_item *item, struct tree *tree)
{
	struct tree_entry *entry = tree_add(tree);
	const char *content = arena_copy_bytes(&tree->arena, item->content, item->content_bytes);

	entry->path = arena_copy(&tree->arena, below_root(item->path));
	entry->nlink = 1;
	entry->root_fd = -1;
	entry->mode = entry->disk_mode = item->mode;
	if (item->kind == VISIBLE_LINK) {
		entry->link = content;
		return;
	}
	entry->content = content;
	entry->size_bytes = item->content_bytes;
}

static int add_items(const struct visible *visible, struct tree *tree, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < visible->count; i++) {
		const struct visible_item *item = visible->item[i];

		if (item->kind == VISIBLE_HOST)
			r = add_host(visible, item, tree, err);
		else if (item->kind == VISIBLE_HIDDEN && item->is_opened)
			add_directory(item, tree);
		else if (item->kind == VISIBLE_LINK || item->kind == VISIBLE_FILE)
			add_made(item, tree);
	}
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct tree_entry *left = a;
	const struct tree_entry *right = b;

	return tree_compare_paths(left->path, right->path);
}

static bool is_readable(const struct tree_entry *entry)
{
	const char *path = entry->disk_path ?: entry->path;
	int how = S_ISDIR(entry->mode) ? R_OK | X_OK : R_OK;

	return entry->root_fd < 0 || entry->content ||
	       !(S_ISREG(entry->mode) || S_ISDIR(entry->mode)) ||
	       faccessat(entry->root_fd, *path ? path : ".", how, 0) == 0;
}

/* Files that the caller may not read belong to an administrator: they would not work for anybody
 * else either. Directories stay, without what is in them. */
static void leave_out_unreadable(struct tree *tree)
{
	size_t kept = 0;
	size_t left_out = 0;

	for (size_t i = 0; i < tree->count; i++) {
		const struct tree_entry *entry = &tree->item[i];
		bool stays = is_readable(entry);

		if (!stays) {
			log_verbose("'/%s' is left out: it cannot be read", entry->path);
			left_out++;
		}
		if (stays || S_ISDIR(entry->mode))
			tree->item[kept++] = *entry;
	}
	if (left_out)
		log_warning("%zu files and directories are left out, for only their owner may read "
			    "them",
			    left_out);
	tree->count = kept;
}

static int take(struct pack *pack, struct visible *visible, struct err *err)
{
	struct tree *tree = &pack->tree;
	int r = visible_finish(visible, err);

	if (r == 0)
		r = add_trees(visible, tree, err);
	if (r == 0)
		r = add_items(visible, tree, err);
	if (r < 0)
		return r;
	if (tree->count)
		qsort(tree->item, tree->count, sizeof(*tree->item), compare);
	leave_out_unreadable(tree);
	return 0;
}

/* --- what was asked for beside the source --- */

static int add_with(struct pack *pack, const struct filelist_sources *sources, struct err *err)
{
	const struct pack_request *request = pack->request;
	int r = 0;

	for (size_t i = 0; r == 0 && i < request->with.count; i++)
		r = filelist_show_line(sources, "--with", (unsigned)i + 1, request->with.item[i],
				       err);
	strings_each(&request->with_files, path) {
		if (r == 0)
			r = filelist_show(sources, path, err);
	}
	return r;
}

static bool has_with(const struct pack *pack)
{
	return pack->request->with.count || pack->request->with_files.count;
}

/* --- packages --- */

static const char *joined(struct pack *pack, const struct strings *words)
{
	auto_buf text = { 0 };

	strings_each(words, word) {
		const char *slash = strrchr(word, '/');

		buf_printf(&text, "%s%s", text.size_bytes ? "-" : "", slash ? slash + 1 : word);
	}
	return arena_copy(&pack->arena, buf_text(&text));
}

static void warn_missing(const struct strings *missing)
{
	for (size_t i = 0; i < missing->count && i < LISTED_MAX; i++)
		log_warning("%s, which is not here", missing->item[i]);
	if (missing->count > LISTED_MAX)
		log_warning("and %zu more", missing->count - LISTED_MAX);
}

static void warn_left_out(const struct strings *left_out)
{
	for (size_t i = 0; i < left_out->count && i < LISTED_MAX; i++)
		log_warning("%s, a folder that --with adds if it is wanted", left_out->item[i]);
	if (left_out->count > LISTED_MAX)
		log_warning("and %zu more", left_out->count - LISTED_MAX);
}

/* As apt installs them: gcc depends on no C library to link with, and recommends one. Of those that
 * are named, and as far as they are here. */
static void add_recommended(const struct dpkg *dpkg, const char *name, struct strings *words)
{
	static const char field[] = "\nRecommends: ";
	const struct dpkg_package *package = dpkg_find(dpkg, name);
	struct dpkg_relation relation;
	auto_buf stanza = { 0 };
	const char *cursor;

	if (!package)
		return;
	buf_add(&stanza, package->stanza, package->stanza_bytes);
	cursor = strstr(buf_text(&stanza), field);
	if (!cursor)
		return;
	cursor += strlen(field);
	((char *)(uintptr_t)cursor)[strcspn(cursor, "\n")] = '\0';
	while (dpkg_relation_next(&cursor, &relation))
		if (dpkg_find(dpkg, relation.name) && !strings_contains(words, relation.name))
			strings_add(words, relation.name);
}

int pack_read_dpkg(struct pack *pack, const char *names, struct err *err)
{
	auto_visible visible;
	auto_dpkg_set set = { 0 };
	auto_strings words = { 0 };
	auto_dpkg dpkg = { 0 };
	auto_elf_closure closure = { 0 };
	struct filelist_sources sources = { .visible = &visible, .dpkg = &dpkg };
	size_t named;
	int r;

	visible_init(&visible, pack->root_fd);
	strings_add_words(&words, names, ",");
	named = words.count;
	pack->name = joined(pack, &words);
	r = dpkg_open(&dpkg, pack->root_fd, err);
	for (size_t i = 0; r == 0 && i < named; i++)
		if (!pack->request->no_recommends)
			add_recommended(&dpkg, words.item[i], &words);
	if (r == 0)
		r = dpkg_closure(&dpkg, &words, false, &set, err);
	if (r == 0)
		r = dpkg_show(&dpkg, &set, &visible, err);
	if (r == 0 && has_with(pack)) {
		r = elf_closure_open(&closure, &visible, err);
		sources.closure = &closure;
		r = r < 0 ? r : add_with(pack, &sources, err);
	}
	if (r < 0)
		return r;
	warn_missing(&set.missing);
	pack->origin = arena_printf(&pack->arena, "dpkg:%s", names);
	return take(pack, &visible, err);
}

/* --- folders of programs --- */

/* passwd: files sss [NOTFOUND=return] systemd */
static void add_name_services(struct elf_closure *closure)
{
	auto_buf text = { 0 };
	char *rest;
	char *line;

	if (io_read_file_at(AT_FDCWD, "/etc/nsswitch.conf", NSSWITCH_BYTES_MAX, &text, NULL) < 0)
		return;
	rest = text.bytes;
	while ((line = strsep(&rest, "\n"))) {
		char *words = strchr(line, ':');
		char *word;

		line[strcspn(line, "#")] = '\0';
		words = words && *words ? words + 1 : NULL;
		while ((word = strsep(&words, " \t")))
			if (*word && !strpbrk(word, "[]=/"))
				strings_printf(&closure->companions, "libnss_%s.so.2", word);
	}
}

/* What libc opens by itself, where the host has it. */
static int add_of_libc(struct elf_closure *closure, struct err *err)
{
	static const char *const files[] = {
		"/etc/nsswitch.conf",	"/etc/protocols",
		"/etc/services",	"/etc/ssl/certs/ca-certificates.crt",
		"/etc/ssl/openssl.cnf", "/etc/gai.conf"
	};
	static const char *const trees[] = { "/usr/lib/locale/C.utf8", "/usr/share/zoneinfo/UTC" };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < array_count(files); i++) {
		r = visible_add_chain(closure->visible, files[i], NULL, err);
		r = r == -ENOENT ? 0 : r;
	}
	for (size_t i = 0; r >= 0 && i < array_count(trees); i++) {
		r = visible_add_tree(closure->visible, trees[i], err);
		r = r == -ENOENT ? 0 : r;
	}
	return r;
}

static int add_prefix(struct pack *pack, struct elf_closure *closure, const char *given,
		      struct err *err)
{
	char real[PATH_MAX];
	const char *path;

	if (!realpath(given, real))
		return fail(err, errno, "prefix '%s'", given);
	if (strcmp(real, "/") == 0)
		return fail_plain(err, EINVAL, "prefix '/' is the whole host");
	path = strings_env_get(&pack->config.env, "PATH");
	strings_env_set(
		&pack->config.env, "PATH",
		arena_printf(&pack->arena, "%s%s%s/bin", path ?: "", path ? ":" : "", real));
	strings_printf(&closure->path, "%s/bin", real);
	strings_add(&pack->own, real);
	return elf_closure_add_tree(closure, real, err);
}

int pack_read_prefix(struct pack *pack, const char *folders, struct err *err)
{
	auto_visible visible;
	auto_strings words = { 0 };
	auto_elf_closure closure = { 0 };
	const struct filelist_sources sources = { .visible = &visible, .closure = &closure };
	int r;

	visible_init(&visible, pack->root_fd);
	strings_add_words(&words, folders, ",");
	if (!words.count)
		return fail_plain(err, EINVAL, "prefix: names no folder");
	r = elf_closure_open(&closure, &visible, err);
	if (r == 0)
		add_name_services(&closure);
	strings_each(&words, word) {
		if (r == 0)
			r = add_prefix(pack, &closure, word, err);
	}
	if (r == 0)
		r = add_of_libc(&closure, err);
	if (r == 0)
		r = add_with(pack, &sources, err);
	if (r == 0)
		r = elf_runtime_add(&closure, err);
	if (r < 0)
		return r;
	warn_missing(&closure.missing);
	warn_left_out(&closure.left_out);
	strings_env_set(&pack->config.env, "PATH",
			arena_printf(&pack->arena, "%s:/usr/local/bin:/usr/bin:/bin",
				     strings_env_get(&pack->config.env, "PATH")));
	pack->name = joined(pack, &words);
	pack->origin = arena_printf(&pack->arena, "prefix:%s", folders);
	return take(pack, &visible, err);
}

/* --- environments (rootlet isolate) --- */

int pack_read_environment(struct pack *pack, struct environment *environment, struct err *err)
{
	auto_visible visible;
	int r;

	visible_init(&visible, pack->root_fd);
	pack->origin = arena_printf(&pack->arena, "environment of %s", environment->source);
	r = isolate_show_again(environment, &visible, err);
	return r < 0 ? r : take(pack, &visible, err);
}
