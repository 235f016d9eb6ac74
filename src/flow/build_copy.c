// SPDX-License-Identifier: Apache-2.0
#include "flow/build_copy.h"

#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/banned.h"
#include "base/memory.h"
#include "dockerfile/glob.h"
#include "dockerfile/path.h"
#include "dockerfile/suggest.h"
#include "flow/build_copy_walk.h"
#include "rootfs/level.h"
#include "rootfs/snapshot_links.h"

void copy_list_done(struct copy_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->operand[i].entry);
	free(list->operand);
	*list = (struct copy_list){ 0 };
}

/* ---- which entries ---- */

const char *copy_join(struct arena *arena, const char *directory, const char *name)
{
	size_t length = strlen(directory);
	size_t name_length = strlen(name);
	char *path;

	if (length == 0)
		return arena_copy_bytes(arena, name, name_length);
	path = arena_alloc(arena, length + name_length + 2);
	memcpy(path, directory, length);
	path[length] = '/';
	memcpy(path + length + 1, name, name_length + 1);
	return path;
}

/* Below an operand that is `path` itself, the suffix is what follows. */
static const char *suffix_of(const struct walk *walk, const char *path)
{
	return strlen(path) > walk->suffix_at ? path + walk->suffix_at : "";
}

static int read_link(struct walk *walk, const struct level_entry *found, struct copy_entry *entry,
		     struct err *err)
{
	char link[PATH_MAX];
	ssize_t length = readlinkat(found->dirfd, path_base(entry->path), link, sizeof(link));

	if (length < 0 || length == (ssize_t)sizeof(link))
		return fail(err, length < 0 ? errno : ENAMETOOLONG, "read link '%s'", entry->path);
	entry->link = arena_copy_bytes(walk->list->arena, link, (size_t)length);
	return 0;
}

static int add_entry(struct walk *walk, const char *path, const struct level_entry *found,
		     struct err *err)
{
	struct copy_operand *operand = walk->operand;
	struct copy_entry *added;

	if (operand->count == operand->room) {
		operand->room = operand->room ? operand->room * 2 : 8;
		operand->entry = memory_resize(operand->entry, operand->room,
					       sizeof(*operand->entry));
	}
	added = &operand->entry[operand->count++];
	*added = (struct copy_entry){ .path = path, .suffix = suffix_of(walk, path) };
	level_view_entry(found, &added->entry);
	return S_ISLNK(added->entry.mode) ? read_link(walk, found, added, err) : 0;
}

/* Verdicts of both lists of patterns on one path. */
struct verdict {
	bool left_out;
	bool descend;
	struct ignore_dir ignore_dir, exclude_dir;
};

static struct verdict judge(const struct walk *walk, const struct verdict *parent, const char *path,
			    const char *suffix, bool directory)
{
	struct verdict verdict = { 0 };
	struct ignore_verdict by_ignore = { 0 };
	struct ignore_verdict by_exclude = { 0 };

	if (walk->tree->ignore)
		by_ignore = ignore_check(walk->tree->ignore, &parent->ignore_dir, path,
					 directory ? &verdict.ignore_dir : NULL);
	if (walk->exclude && *suffix)
		by_exclude = ignore_check(walk->exclude, &parent->exclude_dir, suffix,
					  directory ? &verdict.exclude_dir : NULL);
	verdict.left_out = by_ignore.ignored || by_exclude.ignored;
	verdict.descend = (!by_ignore.ignored || by_ignore.descend) &&
			  (!by_exclude.ignored || by_exclude.descend);
	return verdict;
}

static void verdict_done(struct verdict *verdict)
{
	ignore_dir_done(&verdict->ignore_dir);
	ignore_dir_done(&verdict->exclude_dir);
}

static int walk_level(struct walk *walk, const struct verdict *verdict, const struct level *level,
		      const char *path, struct err *err);

/* A directory that is left out stands all the same when something in it is let in again: it is
 * added first and taken back when nothing came. */
static int walk_entry(struct walk *walk, const struct verdict *parent, const struct level *level,
		      const char *path, struct err *err)
{
	size_t mark = walk->operand->count;
	struct level_entry found;
	struct verdict verdict;
	int r = 0;

	if (!level_find(walk->tree->view, level, path, path_base(path), &found))
		return 0; /* deleted by a layer on top */
	verdict = judge(walk, parent, path, suffix_of(walk, path), S_ISDIR(found.st.st_mode));
	if (S_ISDIR(found.st.st_mode) && verdict.descend) {
		auto_level down = { 0 };

		r = add_entry(walk, path, &found, err);
		if (r == 0)
			r = level_down(walk->tree->view, level, path, path_base(path), &down, err);
		if (r == 0)
			r = walk_level(walk, &verdict, &down, path, err);
		if (verdict.left_out && walk->operand->count == mark + 1)
			walk->operand->count = mark;
	} else if (!verdict.left_out && !S_ISSOCK(found.st.st_mode)) { /* as in snapshots */
		r = add_entry(walk, path, &found, err);
	}
	verdict_done(&verdict);
	return r;
}

static int walk_level(struct walk *walk, const struct verdict *verdict, const struct level *level,
		      const char *path, struct err *err)
{
	auto_strings names = { 0 };
	int r = level_names(level, &names, err);

	if (r < 0)
		return err_wrap(err, "'%s'", path);
	for (size_t i = 0; r == 0 && i < names.count; i++)
		r = walk_entry(walk, verdict, level,
			       copy_join(walk->list->arena, path, names.item[i]), err);
	return r;
}

static int walk_root(struct walk *walk, const struct verdict *above, const struct level *root,
		     struct err *err)
{
	struct level_entry found;
	int r;

	if (!level_find(walk->tree->view, root, "", ".", &found))
		return fail(err, ENOENT, "the context");
	r = add_entry(walk, "", &found, err);
	return r < 0 ? r : walk_level(walk, above, root, "", err);
}

/* The verdicts on all directories above a path, which decide about what is in them. */
static struct verdict judge_parents(const struct walk *walk, const char *path)
{
	struct verdict above = { 0 };

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		const char *parent = arena_copy_bytes(walk->list->arena, path,
						      (size_t)(slash - path));
		struct verdict next = judge(walk, &above, parent, suffix_of(walk, parent), true);

		verdict_done(&above);
		above = next;
	}
	return above;
}

static int level_above(const struct walk *walk, const char *path, struct level *ret_level,
		       struct err *err)
{
	const char *last = strrchr(path, '/');

	return level_at(walk->tree->view,
			last ? arena_copy_bytes(walk->list->arena, path, (size_t)(last - path))
			     : "",
			ret_level, err);
}

int copy_walk(struct walk *walk, const char *path, struct err *err)
{
	struct verdict above = judge_parents(walk, path);
	auto_level level = { 0 };
	int r = level_above(walk, path, &level, err);

	if (r == 0)
		r = *path ? walk_entry(walk, &above, &level, path, err)
			  : walk_root(walk, &above, &level, err);
	verdict_done(&above);
	return r;
}

int copy_walk_directory(struct walk *walk, const char *path, struct err *err)
{
	auto_level level = { 0 };
	struct level_entry found;
	int r = level_above(walk, path, &level, err);

	if (r < 0)
		return r;
	if (!level_find(walk->tree->view, &level, path, *path ? path_base(path) : ".", &found))
		return fail(err, ENOENT, "'%s'", path);
	r = add_entry(walk, path, &found, err);
	walk->operand->entry[walk->operand->count - 1].only_leads = true;
	return r;
}

struct copy_operand *copy_new_operand(struct copy_list *list, const struct copy_tree *tree,
				      const char *name)
{
	if (list->count == list->room) {
		list->room = list->room ? list->room * 2 : 4;
		list->operand = memory_resize(list->operand, list->room, sizeof(*list->operand));
	}
	list->operand[list->count] = (struct copy_operand){ .tree = tree, .name = name };
	return &list->operand[list->count++];
}

void copy_drop_operand(struct copy_list *list)
{
	free(list->operand[--list->count].entry);
}

/* An operand that is itself a symlink stands for what it points to. */
static int add_operand(const struct copy_tree *tree, const char *path, const struct ignore *exclude,
		       struct copy_list *list, struct err *err)
{
	struct copy_operand *operand = copy_new_operand(list, tree, path_base(path));
	struct walk walk = { .tree = tree, .exclude = exclude, .list = list, .operand = operand };
	const char *resolved;
	int r = view_resolve(tree->view, path, true, list->arena, &resolved, err);

	if (r == 0) {
		walk.suffix_at = *resolved ? strlen(resolved) + 1 : 0;
		r = copy_walk(&walk, resolved, err);
	}
	if (r == 0 && operand->count > 0)
		return 0;
	copy_drop_operand(list);
	return r < 0 ? r : -ENOENT;
}

/* Match the pattern component by component; `done` is what is matched so far. */
static int match(const struct copy_tree *tree, const char *done, const char *pattern,
		 const struct ignore *exclude, struct copy_list *list, struct err *err)
{
	size_t length = strcspn(pattern, "/");
	const char *component = arena_copy_bytes(list->arena, pattern, length);
	const char *rest = pattern + length + strspn(pattern + length, "/");
	auto_strings names = { 0 };
	const struct glob *glob;
	const char *resolved;
	struct view_entry entry;
	int r;

	if (!glob_has_wildcards(component)) {
		done = copy_join(list->arena, done, component);
		return *rest ? match(tree, done, rest, exclude, list, err)
			     : add_operand(tree, done, exclude, list, err);
	}
	r = glob_parse(list->arena, component, 0, &glob, err);
	if (r == 0)
		r = view_resolve(tree->view, done, true, list->arena, &resolved, err);
	if (r < 0)
		return r;
	if (view_lookup(tree->view, resolved, &entry) < 0 || !S_ISDIR(entry.mode))
		return 0;
	r = view_list(tree->view, resolved, &names, err);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		const char *path;

		if (!glob_matches(glob, names.item[i], strlen(names.item[i])) ||
		    (!*rest && exclude && ignore_matches(exclude, names.item[i])))
			continue;
		path = copy_join(list->arena, done, arena_copy(list->arena, names.item[i]));
		r = *rest ? match(tree, path, rest, exclude, list, err)
			  : add_operand(tree, path, exclude, list, err);
		if (r == -ENOENT) /* left out by .dockerignore, or not there below this one */
			r = 0;
	}
	return r;
}

/* Why a name without wildcards is nothing, as far as it can be seen. */
void copy_explain_missing(const struct copy_tree *tree, const char *pattern, struct arena *arena,
			  struct err *err)
{
	const char *clean = path_resolve(arena, "/", pattern) + 1;
	const char *reason = tree->ignore ? ignore_reason(tree->ignore, clean) : NULL;
	const char *slash = strrchr(clean, '/');
	const char *parent = slash ? arena_copy_bytes(arena, clean, (size_t)(slash - clean)) : "";
	const char *above;
	const char *nearest;
	auto_strings names = { 0 };

	if (reason) {
		err_hint(err, ".dockerignore leaves it out ('%s')", reason);
		return;
	}
	if (strcmp(path_clean(arena, pattern), "..") == 0 ||
	    text_starts(path_clean(arena, pattern), "../")) {
		err_hint(err, "what is outside of the build context cannot be copied; "
			      "--build-context NAME=DIR makes another directory known");
		return;
	}
	if (view_resolve(tree->view, parent, true, arena, &above, NULL) < 0 ||
	    view_list(tree->view, above, &names, NULL) < 0 || names.count == 0)
		return;
	nearest = suggest(path_base(clean), (const char *const *)names.item, names.count);
	if (nearest)
		err_hint(err, "did you mean '%s%s%s%s'?", *pattern == '/' ? "/" : "", parent,
			 *parent ? "/" : "", nearest);
}

int copy_collect(const struct copy_tree *tree, const char *pattern, const struct ignore *exclude,
		 struct copy_list *list, struct err *err)
{
	/* Cleaning as if from / keeps `..` inside the source. */
	const char *clean = path_resolve(list->arena, "/", pattern) + 1;
	size_t before = list->count;
	int r;

	err_clear(err);
	r = match(tree, "", clean, exclude, list, err);
	if (r < 0 && r != -ENOENT && r != -ENOTDIR)
		return r;
	/* A pattern may match nothing, a name must be there. */
	if (list->count > before || (r == 0 && glob_has_wildcards(clean)))
		return 0;
	fail_plain(err, ENOENT, "'%s' is not there", pattern);
	copy_explain_missing(tree, pattern, list->arena, err);
	return -ENOENT;
}

const struct copy_entry *copy_first_name(struct map *files, struct copy_entry *entry)
{
	const struct stat *st = &entry->entry.st;
	const struct copy_entry *first;
	struct file_key key;

	if (!S_ISREG(entry->entry.mode) || st->st_nlink < 2)
		return NULL;
	first = map_get(files, file_key(st, &key));
	if (!first)
		map_set(files, key.text, entry);
	/* where inode numbers are made up, they may be those of different files */
	return first && strcmp(first->hex, entry->hex) == 0 ? first : NULL;
}

/* ---- the key ---- */

struct key_line {
	struct map files; /* of the operand at hand: copy_first_name */
	struct buf name;
	struct buf value;
	size_t meta_bytes; /* of the value: mode and owner */
	const struct copy_entry *before;
};

/* Most entries have the mode and owner of the one before. */
static void key_meta(struct key_line *line, const struct copy_entry *entry)
{
	const struct view_entry *now = &entry->entry;
	const struct view_entry *then = line->before ? &line->before->entry : NULL;

	line->before = entry;
	if (then && then->mode == now->mode && then->uid == now->uid && then->gid == now->gid) {
		buf_truncate(&line->value, line->meta_bytes);
		return;
	}
	buf_truncate(&line->value, 0);
	buf_printf(&line->value, "%06o %u:%u ", now->mode, now->uid, now->gid);
	line->meta_bytes = line->value.size_bytes;
}

static void key_entry(const struct copy_operand *operand, struct copy_entry *entry,
		      struct key_line *line, struct build_key *key)
{
	struct buf *name = &line->name;
	struct buf *value = &line->value;
	const struct copy_entry *first = copy_first_name(&line->files, entry);

	buf_truncate(name, 0);
	buf_add_text(name, "file ");
	buf_add_text(name, operand->name);
	if (*entry->suffix)
		buf_add_char(name, '/');
	buf_add_text(name, entry->suffix);
	key_meta(line, entry);
	buf_add_text(value, entry->link ? entry->link : entry->hex);
	if (S_ISCHR(entry->entry.mode) || S_ISBLK(entry->entry.mode))
		buf_printf(value, "%u,%u", major(entry->entry.rdev), minor(entry->entry.rdev));
	if (first)
		buf_printf(value, " = %s", first->suffix);
	build_key_add(key, name->bytes, value->bytes);
}

void copy_key(const struct copy_list *list, struct build_key *key)
{
	struct key_line line = { 0 };

	for (size_t i = 0; i < list->count; i++) {
		for (size_t j = 0; j < list->operand[i].count; j++)
			key_entry(&list->operand[i], &list->operand[i].entry[j], &line, key);
		map_done(&line.files);
	}
	buf_done(&line.name);
	buf_done(&line.value);
}
