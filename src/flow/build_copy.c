// SPDX-License-Identifier: Apache-2.0
#include "flow/build_copy.h"

#include <string.h>

#include "base/banned.h"
#include "base/memory.h"
#include "dockerfile/glob.h"
#include "dockerfile/path.h"
#include "flow/build_unpack.h"

void copy_list_done(struct copy_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->operand[i].entry);
	free(list->operand);
	*list = (struct copy_list){ 0 };
}

/* ---- which entries ---- */

struct walk {
	const struct copy_tree *tree;
	const struct ignore *exclude;
	struct copy_list *list;
	struct copy_operand *operand;
};

static const char *join(struct arena *arena, const char *directory, const char *name)
{
	return *directory ? arena_printf(arena, "%s/%s", directory, name) : name;
}

static int add_entry(struct walk *walk, const char *path, const char *suffix,
		     const struct view_entry *entry, struct err *err)
{
	struct copy_operand *operand = walk->operand;
	struct copy_entry *added;

	if (operand->count == operand->room) {
		operand->room = operand->room ? operand->room * 2 : 8;
		operand->entry = memory_resize(operand->entry, operand->room,
					       sizeof(*operand->entry));
	}
	added = &operand->entry[operand->count++];
	*added = (struct copy_entry){ .path = path, .suffix = suffix, .entry = *entry };
	if (!S_ISLNK(entry->mode))
		return 0;
	return view_readlink(walk->tree->view, path, entry, walk->list->arena, &added->link, err);
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

static int walk_directory(struct walk *walk, const struct verdict *verdict, const char *path,
			  const char *suffix, struct err *err);

/* A directory that is left out stands all the same when something in it is let in again: it is
 * added first and taken back when nothing came. */
static int walk_entry(struct walk *walk, const struct verdict *parent, const char *path,
		      const char *suffix, struct err *err)
{
	struct view_entry entry;
	struct verdict verdict;
	size_t mark = walk->operand->count;
	int r = view_lookup(walk->tree->view, path, &entry);

	if (r < 0)
		return fail(err, -r, "'%s'", path);
	verdict = judge(walk, parent, path, suffix, S_ISDIR(entry.mode));
	if (S_ISDIR(entry.mode) && verdict.descend) {
		r = add_entry(walk, path, suffix, &entry, err);
		if (r == 0)
			r = walk_directory(walk, &verdict, path, suffix, err);
		if (verdict.left_out && walk->operand->count == mark + 1)
			walk->operand->count = mark;
	} else if (!verdict.left_out) {
		r = add_entry(walk, path, suffix, &entry, err);
	}
	verdict_done(&verdict);
	return r;
}

static int walk_directory(struct walk *walk, const struct verdict *verdict, const char *path,
			  const char *suffix, struct err *err)
{
	auto_strings names = { 0 };
	struct arena *arena = walk->list->arena;
	int r = view_list(walk->tree->view, path, &names, err);

	for (size_t i = 0; r == 0 && i < names.count; i++) {
		const char *name = arena_copy(arena, names.item[i]);

		r = walk_entry(walk, verdict, join(arena, path, name), join(arena, suffix, name),
			       err);
	}
	return r;
}

/* The verdicts on all directories above an operand, which decide about what is in them. */
static int walk_operand(struct walk *walk, const char *path, struct err *err)
{
	struct arena *arena = walk->list->arena;
	struct verdict above = { 0 };
	int r;

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		const char *parent = arena_copy_bytes(arena, path, (size_t)(slash - path));
		struct verdict next = judge(walk, &above, parent, "", true);

		verdict_done(&above);
		above = next;
	}
	if (*path) {
		r = walk_entry(walk, &above, path, "", err);
	} else {
		struct view_entry entry;

		r = view_lookup(walk->tree->view, "", &entry);
		r = r < 0 ? fail(err, -r, "the context") : add_entry(walk, "", "", &entry, err);
		if (r == 0)
			r = walk_directory(walk, &above, "", "", err);
	}
	verdict_done(&above);
	return r;
}

static struct copy_operand *new_operand(struct copy_list *list, const char *name)
{
	if (list->count == list->room) {
		list->room = list->room ? list->room * 2 : 4;
		list->operand = memory_resize(list->operand, list->room, sizeof(*list->operand));
	}
	list->operand[list->count] = (struct copy_operand){ .name = name };
	return &list->operand[list->count++];
}

/* An operand that is itself a symlink stands for what it points to. */
static int add_operand(const struct copy_tree *tree, const char *path, const struct ignore *exclude,
		       struct copy_list *list, struct err *err)
{
	struct copy_operand *operand = new_operand(list, path_base(path));
	struct walk walk = { .tree = tree, .exclude = exclude, .list = list, .operand = operand };
	const char *resolved;
	int r = view_resolve(tree->view, path, true, list->arena, &resolved, err);

	if (r == 0)
		r = walk_operand(&walk, resolved, err);
	if (r == 0 && operand->count > 0)
		return 0;
	list->count--;
	free(operand->entry);
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
		done = join(list->arena, done, component);
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

		if (!glob_matches(glob, names.item[i], strlen(names.item[i])))
			continue;
		path = join(list->arena, done, arena_copy(list->arena, names.item[i]));
		r = *rest ? match(tree, path, rest, exclude, list, err)
			  : add_operand(tree, path, exclude, list, err);
		if (r == -ENOENT) /* left out by .dockerignore, or not there below this one */
			r = 0;
	}
	return r;
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
	if (r < 0 && r != -ENOENT)
		return r;
	/* A pattern may match nothing, a name must be there. */
	if (list->count > before || (r == 0 && glob_has_wildcards(clean)))
		return 0;
	fail_plain(err, ENOENT, "'%s' is not there", pattern);
	if (tree->ignore && ignore_matches(tree->ignore, clean))
		err_hint(err, ".dockerignore leaves it out");
	return -ENOENT;
}

/* ---- the key ---- */

static int content_digest(const struct copy_tree *tree, const struct copy_entry *entry,
			  char hex[SHA256_HEX_LENGTH + 1], struct err *err)
{
	const char *known = tree->files ? build_files_known(tree->files, &entry->entry.st) : NULL;
	auto_fd fd = -1;
	int r;

	if (known) {
		memcpy(hex, known, SHA256_HEX_LENGTH + 1);
		return 0;
	}
	r = view_open(tree->view, entry->path, &entry->entry, &fd, err);
	if (r < 0)
		return r;
	if (tree->files)
		r = build_files_digest(tree->files, fd, &entry->entry.st, hex, err);
	else
		r = build_files_read(fd, hex, err);
	return r < 0 ? err_wrap(err, "'%s'", entry->path) : 0;
}

static int key_entry(const struct copy_tree *tree, const struct copy_operand *operand,
		     const struct copy_entry *entry, struct build_key *key, struct err *err)
{
	char hex[SHA256_HEX_LENGTH + 1] = "";
	auto_buf name = { 0 };
	auto_buf value = { 0 };
	int r = 0;

	if (S_ISREG(entry->entry.mode))
		r = content_digest(tree, entry, hex, err);
	if (r < 0)
		return r;
	buf_printf(&name, "file %s%s%s", operand->name, *entry->suffix ? "/" : "", entry->suffix);
	buf_printf(&value, "%06o %u:%u %s", entry->entry.mode, entry->entry.uid, entry->entry.gid,
		   entry->link ? entry->link : hex);
	build_key_add(key, name.bytes, value.bytes);
	return 0;
}

int copy_key(const struct copy_tree *tree, const struct copy_list *list, struct build_key *key,
	     struct err *err)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct copy_operand *operand = &list->operand[i];

		for (size_t j = 0; j < operand->count; j++) {
			int r = key_entry(tree, operand, &operand->entry[j], key, err);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* ---- placing ---- */

static struct place_meta meta_of(const struct copy_entry *entry, const struct copy_meta *meta)
{
	mode_t mode = entry->entry.mode & 07777;

	return (struct place_meta){
		.uid = meta->has_owner ? meta->uid : entry->entry.uid,
		.gid = meta->has_owner ? meta->gid : entry->entry.gid,
		.mode = meta->chmod ? chmod_apply(meta->chmod, mode, S_ISDIR(entry->entry.mode))
				    : mode,
		.mtime = entry->entry.st.st_mtim,
	};
}

/* ADD of a local archive: what is in it goes below the destination. *ret_done when it was one. */
static int place_archive(const struct copy_tree *tree, const struct copy_list *list,
			 const struct copy_operand *operand, const char *destination,
			 const struct copy_meta *meta, struct place *place, bool *ret_done,
			 struct err *err)
{
	const struct copy_entry *entry = &operand->entry[0];
	auto_fd fd = -1;
	const char *directory;
	int r;

	*ret_done = false;
	if (!meta->unpack || !S_ISREG(entry->entry.mode))
		return 0;
	r = view_open(tree->view, entry->path, &entry->entry, &fd, err);
	if (r < 0 || !build_is_archive(fd))
		return r;
	*ret_done = true;
	r = view_resolve(place->view, destination, true, list->arena, &directory, err);
	if (r == 0)
		r = place_directory(
			place, directory,
			&(struct place_meta){ .mode = 0755, .mtime = entry->entry.st.st_mtim },
			false, err);
	if (r == 0)
		r = build_unpack(fd, directory, meta, place, err);
	return r < 0 ? err_wrap(err, "unpack '%s'", entry->path) : 0;
}

static int place_regular(const struct copy_tree *tree, const struct copy_entry *entry,
			 const char *path, const struct place_meta *meta, struct place *place,
			 struct err *err)
{
	auto_fd fd = -1;
	int r = view_open(tree->view, entry->path, &entry->entry, &fd, err);

	return r < 0 ? r : place_file(place, path, fd, meta, err);
}

/* A directory that exists keeps its mode. A new one takes that of the source, but for the
 * destination itself, which is made as any missing directory is. */
static int place_copied_directory(const struct copy_entry *entry, const char *path,
				  const struct place_meta *meta, struct place *place,
				  struct err *err)
{
	struct place_meta made = *meta;
	struct view_entry existing;
	bool is_new = view_lookup(place->view, path, &existing) == -ENOENT;

	if (!*entry->suffix)
		made.mode = 0755;
	return place_directory(place, path, &made, is_new, err);
}

static int place_entry(const struct copy_tree *tree, const struct copy_entry *entry,
		       const char *path, const struct copy_meta *copy_meta, struct place *place,
		       struct err *err)
{
	struct place_meta meta = meta_of(entry, copy_meta);

	if (S_ISDIR(entry->entry.mode))
		return place_copied_directory(entry, path, &meta, place, err);
	if (S_ISREG(entry->entry.mode))
		return place_regular(tree, entry, path, &meta, place, err);
	if (S_ISLNK(entry->entry.mode))
		return place_symlink(place, path, entry->link, &meta, err);
	return place_special(place, path, entry->entry.mode & S_IFMT, entry->entry.st.st_rdev,
			     &meta, err);
}

static bool is_directory(const struct view *view, const char *path)
{
	struct view_entry entry;

	return view_lookup(view, path, &entry) == 0 && S_ISDIR(entry.mode);
}

/* The resolved path at which the operand itself goes. */
static int operand_path(const struct copy_list *list, const struct copy_operand *operand,
			const char *destination, bool into, struct place *place,
			const char **ret_path, struct err *err)
{
	bool directory = S_ISDIR(operand->entry[0].entry.mode);
	int r = view_resolve(place->view, destination, true, list->arena, ret_path, err);

	if (r < 0 || directory)
		return r;
	if (!into && list->count == 1 && !is_directory(place->view, *ret_path))
		return 0;
	return view_resolve(place->view, join(list->arena, *ret_path, operand->name), true,
			    list->arena, ret_path, err);
}

static int place_operand(const struct copy_tree *tree, const struct copy_list *list,
			 const struct copy_operand *operand, const char *destination, bool into,
			 const struct copy_meta *meta, struct place *place, struct err *err)
{
	const char *top;
	bool done;
	int r = place_archive(tree, list, operand, destination, meta, place, &done, err);

	if (r < 0 || done)
		return r;
	r = operand_path(list, operand, destination, into, place, &top, err);

	for (size_t i = 0; r == 0 && i < operand->count; i++) {
		const struct copy_entry *entry = &operand->entry[i];
		const char *path = *entry->suffix ? join(list->arena, top, entry->suffix) : top;

		r = place_entry(tree, entry, path, meta, place, err);
	}
	return r;
}

int copy_place(const struct copy_tree *tree, const struct copy_list *list, const char *destination,
	       bool into, const struct copy_meta *meta, struct place *place, struct err *err)
{
	for (size_t i = 0; i < list->count; i++) {
		int r = place_operand(tree, list, &list->operand[i], destination, into, meta, place,
				      err);

		if (r < 0)
			return r;
	}
	return 0;
}
