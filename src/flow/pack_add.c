// SPDX-License-Identifier: Apache-2.0
/* What a pack has beside the files of its source. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "flow/pack.h"

#define SINGULARITY ".singularity.d"

/* --- the tree --- */

static size_t place_of(const struct tree *tree, const char *path)
{
	size_t low = 0;
	size_t high = tree->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (tree_compare_paths(tree->item[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct tree_entry *pack_find(const struct pack *pack, const char *path)
{
	size_t place = place_of(&pack->tree, path);

	return place < pack->tree.count && strcmp(pack->tree.item[place].path, path) == 0
		       ? &pack->tree.item[place]
		       : NULL;
}

static struct tree_entry *insert(struct pack *pack, const char *path, mode_t mode)
{
	struct tree *tree = &pack->tree;
	size_t place = place_of(tree, path);
	struct tree_entry *entry;

	tree_add(tree);
	entry = &tree->item[place];
	memmove(entry + 1, entry, (tree->count - 1 - place) * sizeof(*entry));
	*entry = (struct tree_entry){ .path = arena_copy(&tree->arena, path),
				      .mode = mode,
				      .disk_mode = mode,
				      .nlink = 1,
				      .root_fd = -1,
				      .mtime = { .tv_sec = pack->time_s } };
	return entry;
}

static int add_parents(struct pack *pack, const char *path, struct err *err)
{
	auto_free char *copy = memory_copy_text(path);
	char *slash = strrchr(copy, '/');

	if (slash)
		*slash = '\0';
	else
		copy[0] = '\0';
	return pack_add_directory(pack, copy, 0755, err);
}

int pack_add_directory(struct pack *pack, const char *path, mode_t mode, struct err *err)
{
	const struct tree_entry *there = pack_find(pack, path);
	int r;

	if (there && S_ISDIR(there->mode))
		return 0;
	if (there)
		return fail_plain(err, EEXIST, "'/%s' is there and is no directory", path);
	r = *path ? add_parents(pack, path, err) : 0;
	if (r == 0)
		insert(pack, path, S_IFDIR | mode);
	return r;
}

/* Room for an entry that is not there yet, with its parents. NULL: err says why not. */
static struct tree_entry *add(struct pack *pack, const char *path, mode_t mode, struct err *err)
{
	if (add_parents(pack, path, err) < 0)
		return NULL;
	if (!pack_find(pack, path))
		return insert(pack, path, mode);
	fail_plain(err, EEXIST, "'/%s' is there already", path);
	return NULL;
}

int pack_add_file(struct pack *pack, const char *path, const char *content, size_t size_bytes,
		  mode_t mode, struct err *err)
{
	struct tree_entry *entry = add(pack, path, S_IFREG | mode, err);

	if (!entry)
		return -EEXIST;
	entry->content = content;
	entry->size_bytes = size_bytes;
	return 0;
}

int pack_add_link(struct pack *pack, const char *path, const char *target, struct err *err)
{
	struct tree_entry *entry = pack_find(pack, path);

	if (entry && S_ISLNK(entry->mode) && strcmp(entry->link, target) == 0)
		return 0;
	entry = add(pack, path, S_IFLNK | 0777, err);
	if (!entry)
		return -EEXIST;
	entry->link = arena_copy(&pack->tree.arena, target);
	return 0;
}

int pack_read_file(const struct pack *pack, const struct tree_entry *entry, size_t limit_bytes,
		   struct buf *text, struct err *err)
{
	(void)pack;
	if (!S_ISREG(entry->mode))
		return -ENOENT;
	if (entry->content) {
		buf_add(text, entry->content, entry->size_bytes);
		return 0;
	}
	return io_read_file_at(entry->root_fd, entry->disk_path ?: entry->path, limit_bytes, text,
			       err);
}

/* --- links --- */

/* A way from where the link is, so that it leads there wherever the pack is unpacked. */
const char *pack_relative_link(struct pack *pack, const char *link, const char *target)
{
	auto_buf text = { 0 };

	for (const char *slash = strchr(link, '/'); slash; slash = strchr(slash + 1, '/'))
		buf_add_text(&text, "../");
	buf_add_text(&text, *target ? target : ".");
	return arena_copy(&pack->arena, buf_text(&text));
}

static const char *without_slashes(struct pack *pack, const char *path)
{
	char *copy = arena_copy(&pack->arena, path + strspn(path, "/"));
	size_t length = strlen(copy);

	while (length > 0 && copy[length - 1] == '/')
		copy[--length] = '\0';
	return copy;
}

static bool climbs(const char *path)
{
	return strcmp(path, "..") == 0 || text_starts(path, "../") || text_ends(path, "/..") ||
	       strstr(path, "/../");
}

static int add_one_link(struct pack *pack, const char *given, struct err *err)
{
	const char *equals = strchr(given, '=');
	const char *link;
	const char *target;

	if (!equals || equals == given || !equals[1])
		return fail_plain(err, EINVAL, "-S '%s' is not LINK=TARGET", given);
	link = without_slashes(pack,
			       arena_copy_bytes(&pack->arena, given, (size_t)(equals - given)));
	target = without_slashes(pack, equals + 1);
	if (!*link || climbs(link) || climbs(target))
		return fail_plain(err, EINVAL, "-S '%s' leads out of the pack", given);
	if (!pack_find(pack, target))
		return fail_plain(err, ENOENT, "-S '%s': the pack has no '/%s'", given, target);
	if (strcmp(link, target) == 0)
		return 0;
	return pack_add_link(pack, link, pack_relative_link(pack, link, target), err);
}

/* --- what others look for --- */

/* Where hosts mount things, so that nothing has to be made when it runs. */
static int add_mount_points(struct pack *pack, struct err *err)
{
	static const char *const directories[] = { "dev", "etc", "home", "proc",
						   "run", "sys", "tmp",	 "var/tmp" };
	static const char *const files[] = { "etc/group", "etc/hosts", "etc/passwd",
					     "etc/resolv.conf" };
	const struct tree_entry *var = pack_find(pack, "var");
	int r = 0;

	for (size_t i = 0; r == 0 && i < array_count(directories); i++) {
		bool is_scratch = text_ends(directories[i], "tmp");

		if (text_starts(directories[i], "var/") && var && !S_ISDIR(var->mode))
			continue;
		if (!pack_find(pack, directories[i]))
			r = pack_add_directory(pack, directories[i], is_scratch ? 01777 : 0755,
					       err);
	}
	for (size_t i = 0; r == 0 && i < array_count(files); i++)
		if (!pack_find(pack, files[i]))
			r = pack_add_file(pack, files[i], "", 0, 0644, err);
	return r;
}

static int add_text(struct pack *pack, const char *path, const struct buf *text, mode_t mode,
		    struct err *err)
{
	if (pack_find(pack, path)) /* the source brings its own */
		return 0;
	return pack_add_file(pack, path, arena_copy(&pack->arena, buf_text(text)), text->size_bytes,
			     mode, err);
}

/* As Singularity's documents have it: a script with variables, one that runs the container, and
 * /environment for old versions. */
static int add_singularity(struct pack *pack, struct err *err)
{
	auto_buf environment = { 0 };
	auto_buf script = { 0 };
	int r;

	buf_add_text(&environment, "#!/bin/sh\n");
	strings_each(&pack->config.env, entry) {
		const char *equals = strchr(entry, '=');

		if (!equals)
			continue;
		buf_printf(&environment, "export %.*s=", (int)(equals - entry), entry);
		text_add_shell_word(&environment, equals + 1);
		buf_add_char(&environment, '\n');
	}
	buf_add_text(&script, "#!/bin/sh\nexec");
	strings_each(&pack->config.entrypoint, word) {
		buf_add_char(&script, ' ');
		text_add_shell_word(&script, word);
	}
	buf_add_text(&script, pack->config.entrypoint.count ? " \"$@\"\n" : " \"${@:-/bin/sh}\"\n");
	r = add_text(pack, SINGULARITY "/env/90-environment.sh", &environment, 0755, err);
	if (r == 0)
		r = add_text(pack, SINGULARITY "/runscript", &script, 0755, err);
	if (r == 0 && !pack_find(pack, "environment"))
		r = pack_add_link(pack, "environment", SINGULARITY "/env/90-environment.sh", err);
	return r;
}

/* --- the configuration --- */

static void set_config(struct pack *pack)
{
	struct config *config = &pack->config;

	strings_each(&pack->request->env, entry) {
		auto_buf name = { 0 };
		const char *equals = strchr(entry, '=');

		if (!equals)
			continue;
		buf_add(&name, entry, (size_t)(equals - entry));
		strings_env_set(&config->env, buf_text(&name), equals + 1);
	}
	if (!strings_env_get(&config->env, "PATH"))
		strings_env_set(&config->env, "PATH",
				"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	if (pack->request->entry_point.count) {
		strings_clear(&config->entrypoint);
		strings_clear(&config->cmd);
		strings_add_all(&config->entrypoint, pack->request->entry_point.item);
	}
	if (!config->entrypoint.count && !config->cmd.count &&
	    (pack_find(pack, "bin/sh") || pack_find(pack, "usr/bin/sh")))
		strings_add(&config->cmd, "/bin/sh");
}

static void warn_of_shell(const struct pack *pack)
{
	if (!pack_find(pack, "bin/sh") && !pack_find(pack, "usr/bin/sh"))
		log_verbose("there is no /bin/sh in the pack, which Singularity wants");
}

int pack_add_all(struct pack *pack, struct err *err)
{
	int r = pack_add_directory(pack, "", 0755, err);

	strings_each(&pack->request->links, link) {
		if (r == 0)
			r = add_one_link(pack, link, err);
	}
	if (r < 0)
		return r;
	set_config(pack);
	warn_of_shell(pack);
	r = add_mount_points(pack, err);
	return r < 0 ? r : add_singularity(pack, err);
}
