// SPDX-License-Identifier: Apache-2.0
#include "policy/filelist.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "sys/openat2.h"

#define BLANKS " \t\r\f\v"

/* ---- reading ---- */

/* Where the comment begins, or the line ends. */
static size_t content_length(const char *line)
{
	size_t i = 0;

	for (; line[i]; i++) {
		if (line[i] == '\\' && line[i + 1])
			i++;
		else if (line[i] == '#' && (i == 0 || strchr(BLANKS, line[i - 1])))
			break;
	}
	return i;
}

/* Without blanks around it; a blank behind a backslash stays. */
static char *trim(char *text)
{
	size_t length;

	text += strspn(text, BLANKS);
	length = strlen(text);
	while (length && strchr(BLANKS, text[length - 1]) &&
	       !(length > 1 && text[length - 2] == '\\'))
		length--;
	text[length] = '\0';
	return text;
}

static bool has_wildcard(const char *text)
{
	for (; *text; text++) {
		if (*text == '\\' && text[1])
			text++;
		else if (strchr("*?[", *text))
			return true;
	}
	return false;
}

/* Escapes taken out, for what is no glob. */
static const char *plain(struct arena *arena, const char *text)
{
	auto_buf to = { 0 };

	for (; *text; text++) {
		if (*text == '\\' && text[1])
			text++;
		buf_add_char(&to, *text);
	}
	return arena_copy(arena, buf_text(&to));
}

static const char *after(const char *text, const char *word)
{
	return text_starts(text, word) ? text + strlen(word) + strspn(text + strlen(word), BLANKS)
				       : NULL;
}

static int parse_path(char *text, struct arena *arena, struct filelist_line *line, struct err *err)
{
	char *arrow = strstr(text, "=>");

	if (arrow) {
		*arrow = '\0';
		line->target = plain(arena, trim(arrow + 2));
		if (strstr(line->target, "=>"))
			return fail_plain(err, EINVAL, "'=>' twice");
		if (line->target[0] != '/')
			return fail_plain(err, EINVAL, "'%s' behind => is not an absolute path",
					  line->target);
		if (line->is_hidden)
			return fail_plain(err, EINVAL, "'!' and => exclude each other");
	}
	text = trim(text);
	line->is_glob = has_wildcard(text);
	/* what hides is a pattern in any case: filelist_hide */
	line->text = line->is_glob || line->is_hidden ? arena_copy(arena, text)
						      : plain(arena, text);
	if (line->text[0] != '/')
		return fail_plain(err, EINVAL,
				  "'%s' is no absolute path, pkg:NAME, exe:NAME or include FILE",
				  line->text);
	if (line->is_glob && line->target)
		return fail_plain(err, EINVAL, "a glob cannot be put at another place by =>");
	return 0;
}

static int parse_name(const char *name, const char *kind, struct arena *arena,
		      struct filelist_line *line, struct err *err)
{
	line->text = plain(arena, name);
	if (!line->text[0])
		return fail_plain(err, EINVAL, "%s lacks a name", kind);
	if (line->kind != FILELIST_INCLUDE && strpbrk(line->text, BLANKS))
		return fail_plain(err, EINVAL, "'%s': one name in each line", line->text);
	if (line->is_hidden)
		return fail_plain(err, EINVAL, "'!' hides paths, not %s", kind);
	return 0;
}

static int parse_line(char *text, struct arena *arena, struct filelist_line *line, struct err *err)
{
	const char *name;

	while (*text == '!' || *text == '?') {
		bool *mark = *text == '!' ? &line->is_hidden : &line->is_optional;

		if (*mark)
			return fail_plain(err, EINVAL, "'%c' twice", *text);
		*mark = true;
		text++;
		text += strspn(text, BLANKS);
	}
	if ((name = after(text, "pkg:"))) {
		line->kind = FILELIST_PACKAGE;
		return parse_name(name, "pkg:", arena, line, err);
	}
	if ((name = after(text, "exe:"))) {
		line->kind = FILELIST_PROGRAM;
		return parse_name(name, "exe:", arena, line, err);
	}
	if (text_starts(text, "include") && strchr(BLANKS, text[7])) {
		line->kind = FILELIST_INCLUDE;
		return parse_name(after(text, "include"), "include", arena, line, err);
	}
	line->kind = FILELIST_PATH;
	return parse_path(text, arena, line, err);
}

/* One line as it is written, comment and all. */
static int read_line(const char *text, size_t length, struct arena *arena,
		     struct filelist_line *line, bool *ret_is_empty, struct err *err)
{
	char *copy = arena_copy_bytes(arena, text, length);

	copy[content_length(copy)] = '\0';
	copy = trim(copy);
	*ret_is_empty = !*copy;
	return *copy ? parse_line(copy, arena, line, err) : 0;
}

static void add_line(struct arena *arena, struct filelist *list, size_t *room,
		     const struct filelist_line *line)
{
	if (list->count == *room) {
		struct filelist_line *more;

		*room = *room ? *room * 2 : 64;
		more = arena_array(arena, struct filelist_line, *room);
		if (list->count)
			memcpy(more, list->line, list->count * sizeof(*more));
		list->line = more;
	}
	list->line[list->count++] = *line;
}

int filelist_parse(const char *text, const char *name, struct arena *arena,
		   struct filelist *ret_list, struct err *err)
{
	struct filelist list = { 0 };
	unsigned number = 0;
	size_t room = 0;

	while (*text) {
		struct filelist_line line = { .number = ++number };
		size_t length = strcspn(text, "\n");
		bool is_empty;
		int r = read_line(text, length, arena, &line, &is_empty, err);

		text += length + (text[length] == '\n');
		if (r < 0)
			return err_wrap(err, "%s:%u", name, number);
		if (is_empty)
			continue;
		add_line(arena, &list, &room, &line);
	}
	*ret_list = list;
	return 0;
}

/* ---- globs ---- */

struct glob {
	struct visible *visible;
	struct strings found;
};

/* Match the rest of a pattern in a folder ("" is the root). */
static int expand(struct glob *glob, const char *folder, const char *pattern, struct err *err)
{
	size_t length = strcspn(pattern, "/");
	const char *rest = pattern + length + strspn(pattern + length, "/");
	auto_arena arena = { 0 };
	const char *component = arena_copy_bytes(&arena, pattern, length);
	auto_strings names = { 0 };
	int r = 0;

	if (has_wildcard(component)) {
		int fd = openat2_in_root(glob->visible->root_fd, folder[0] ? folder : "/",
					 O_RDONLY | O_DIRECTORY, 0);
		DIR *stream = fd < 0 ? NULL : fdopendir(fd);
		const struct dirent *entry;

		if (!stream) {
			cleanup_fd(&fd);
			return 0;
		}
		while ((entry = readdir(stream)))
			if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			    fnmatch(component, entry->d_name, FNM_PERIOD) == 0)
				strings_add(&names, entry->d_name);
		closedir(stream);
		strings_sort(&names);
	} else {
		strings_add(&names, plain(&arena, component));
	}
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		auto_buf path = { 0 };

		buf_printf(&path, "%s/%s", folder, names.item[i]);
		if (*rest)
			r = expand(glob, path.bytes, rest, err);
		else
			strings_add(&glob->found, path.bytes);
	}
	return r;
}

static int expand_all(struct visible *visible, const char *pattern, struct strings *ret_found,
		      struct err *err)
{
	struct glob glob = { .visible = visible };
	int r = expand(&glob, "", pattern + strspn(pattern, "/"), err);

	*ret_found = glob.found;
	return r;
}

int filelist_hide(struct visible *visible, const char *pattern, struct err *err)
{
	auto_strings paths = { 0 };
	auto_arena arena = { 0 };
	int r = 0;

	if (pattern[0] != '/')
		return fail_plain(err, EINVAL, "hide '%s': not an absolute path", pattern);
	if (!has_wildcard(pattern))
		return visible_hide(visible, plain(&arena, pattern), err);
	map_each(&visible->by_path, entry)
		if (fnmatch(pattern, entry->key, FNM_PATHNAME | FNM_PERIOD) == 0)
			strings_add(&paths, entry->key);
	for (size_t i = 0; r == 0 && i < paths.count; i++)
		r = visible_hide(visible, paths.item[i], err);
	strings_done(&paths);
	if (r == 0)
		r = expand_all(visible, pattern, &paths, err);
	for (size_t i = 0; r == 0 && i < paths.count; i++)
		r = visible_hide(visible, paths.item[i], err);
	return r;
}

/* ---- showing ---- */

static int missing(const struct filelist_line *line, struct err *err)
{
	if (line->is_optional) {
		err_clear(err);
		return 0;
	}
	if (!err->code)
		fail_plain(err, ENOENT, "'%s' is not there", line->text);
	err_hint(err, "a '?' before a path says that it may be missing");
	return -ENOENT;
}

static int show_path(const struct filelist_sources *sources, const struct filelist_line *line,
		     struct err *err)
{
	auto_strings found = { 0 };
	const char *real;
	int r;

	if (line->target) {
		r = visible_add_at(sources->visible, line->text, line->target, err);
		return r == -ENOENT ? missing(line, err) : r;
	}
	if (!line->is_glob) {
		r = visible_add_chain(sources->visible, line->text, &real, err);
		if (r == 0)
			r = visible_add_tree(sources->visible, real, err);
		return r == -ENOENT ? missing(line, err) : r;
	}
	r = expand_all(sources->visible, line->text, &found, err);
	if (r == 0 && found.count == 0)
		return missing(line, err);
	for (size_t i = 0; r == 0 && i < found.count; i++) {
		r = visible_add_tree(sources->visible, found.item[i], err);
		r = r == -ENOENT ? 0 : r; /* it vanished meanwhile */
	}
	return r;
}

static int show_package(const struct filelist_sources *sources, const struct filelist_line *line,
			struct err *err)
{
	auto_strings names = { 0 };
	auto_dpkg_set set = { 0 };
	int r;

	if (!sources->dpkg)
		return line->is_optional ? 0
					 : fail_plain(err, ENOENT,
						      "pkg:%s: this host has no package database",
						      line->text);
	strings_add(&names, line->text);
	r = dpkg_closure(sources->dpkg, &names, true, &set, err);
	if (r == -ENOENT)
		return missing(line, err);
	return r < 0 ? r : dpkg_show(sources->dpkg, &set, sources->visible, err);
}

static int show_program(const struct filelist_sources *sources, const struct filelist_line *line,
			struct err *err)
{
	const char *path;
	int r = elf_closure_find(sources->closure, line->text, &path, err);

	if (r == 0)
		r = elf_closure_add(sources->closure, path, err);
	return r == -ENOENT ? missing(line, err) : r;
}

static int show_list(const struct filelist_sources *sources, const char *path, unsigned depth,
		     struct err *err);

static int show_included(const struct filelist_sources *sources, const char *path,
			 const struct filelist_line *line, unsigned depth, struct err *err)
{
	const char *slash = strrchr(path, '/');
	auto_buf included = { 0 };

	if (line->text[0] != '/' && slash)
		buf_add(&included, path, (size_t)(slash - path) + 1);
	buf_add_text(&included, line->text);
	if (line->is_optional && access(included.bytes, F_OK) < 0)
		return 0;
	if (depth == FILELIST_DEPTH_MAX)
		return fail_plain(err, ELOOP, "include '%s': more than %d deep", line->text,
				  FILELIST_DEPTH_MAX);
	return show_list(sources, included.bytes, depth + 1, err);
}

static int show_line(const struct filelist_sources *sources, const char *path,
		     const struct filelist_line *line, unsigned depth, struct err *err)
{
	switch (line->kind) {
	case FILELIST_PACKAGE:
		return show_package(sources, line, err);
	case FILELIST_PROGRAM:
		return show_program(sources, line, err);
	case FILELIST_INCLUDE:
		return show_included(sources, path, line, depth, err);
	case FILELIST_PATH:
		return line->is_hidden ? filelist_hide(sources->visible, line->text, err)
				       : show_path(sources, line, err);
	}
	return -EINVAL;
}

static int show_list(const struct filelist_sources *sources, const char *path, unsigned depth,
		     struct err *err)
{
	struct filelist list;
	auto_arena arena = { 0 };
	auto_buf text = { 0 };
	int r;

	visible_based_on(sources->visible, path);
	r = io_read_file_at(AT_FDCWD, path, FILELIST_MAX_BYTES, &text, err);
	if (r < 0)
		return r;
	if (strlen(buf_text(&text)) != text.size_bytes)
		return fail_plain(err, EINVAL, "'%s' is no text: it holds a NUL byte", path);
	r = filelist_parse(buf_text(&text), path, &arena, &list, err);
	for (size_t i = 0; r == 0 && i < list.count; i++) {
		r = show_line(sources, path, &list.line[i], depth, err);
		if (r < 0)
			err_wrap(err, "%s:%u", path, list.line[i].number);
	}
	return r;
}

int filelist_show_line(const struct filelist_sources *sources, const char *name, unsigned number,
		       const char *text, struct err *err)
{
	struct filelist_line line = { .number = number };
	auto_arena arena = { 0 };
	bool is_empty;
	int r = read_line(text, strlen(text), &arena, &line, &is_empty, err);

	if (r == 0 && !is_empty)
		r = show_line(sources, name, &line, 0, err);
	return r < 0 ? err_wrap(err, "%s:%u", name, number) : 0;
}

int filelist_show(const struct filelist_sources *sources, const char *path, struct err *err)
{
	return show_list(sources, path, 0, err);
}
