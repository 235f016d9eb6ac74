// SPDX-License-Identifier: Apache-2.0
/* The settings of an environment: Spack searches it for compilers and external packages, as it
 * would a new machine, and writes them where the user's settings are outside. Then what other
 * settings say of the host's is overruled: `compilers::` and `externals::` replace instead of
 * adding (Spack's documentation, "Configuration scopes"), for a compiler that is not inside ends
 * each installation with an error. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "flow/spack.h"
#include "sys/remove.h"

#define SETTINGS_BYTES_MAX ((size_t)16 << 20)

int spack_scope_begin(const struct spack *spack, const struct environment *environment,
		      struct arena *arena, const char **ret_folder, struct err *err)
{
	char *folder = arena_printf(arena, "%s/" SPACK_SCOPE ".tmp-XXXXXX", environment->path);
	int r = 0;

	if (!mkdtemp(folder))
		return fail(err, errno, "make '%s'", folder);
	if (spack->preferences)
		r = io_replace_file_unsynced_at(
			AT_FDCWD, arena_printf(arena, "%s/packages.yaml", folder),
			spack->preferences, strlen(spack->preferences), 0644, err);
	if (r < 0) {
		spack_scope_abandon(folder);
		return r;
	}
	*ret_folder = folder;
	return 0;
}

void spack_scope_abandon(const char *folder)
{
	(void)!remove_tree(AT_FDCWD, folder, NULL);
}

/* Old releases have no `external find`; what they cannot find is built. */
void spack_search(const struct spack *spack, struct strings *ret_command)
{
	strings_add(ret_command, "/bin/sh");
	strings_add(ret_command, "-c");
	strings_add(ret_command, "exec >&2\n"
				 "\"$0\" compiler find --scope user || exit\n"
				 "\"$0\" external find --scope user\n"
				 "exit 0");
	strings_printf(ret_command, "%s/bin/spack", spack->root);
}

/* ---- what was found ---- */

static size_t indent_of(const char *line)
{
	return strspn(line, " ");
}

/* `key:` with a block or an empty list after it becomes `key::`. */
static void add_overruling(struct buf *out, const char *line, size_t length, const char *key)
{
	size_t end = indent_of(line) + strlen(key);
	const char *rest = line + end;

	if (length < end || strncmp(rest - strlen(key), key, strlen(key)) != 0) {
		buf_add(out, line, length);
		return;
	}
	rest += strspn(rest, " ");
	buf_add(out, line, end);
	if (rest == line + length || (rest + 2 == line + length && text_starts(rest, "[]")))
		buf_add_char(out, ':');
	buf_add(out, line + end, length - end);
}

static void overrule(const char *text, const char *key, struct buf *out)
{
	while (*text) {
		size_t length = strcspn(text, "\n");

		add_overruling(out, text, length, key);
		buf_add_char(out, '\n');
		text += length + (text[length] == '\n');
	}
}

/* Is there an entry of this name, one step in? */
static bool has_package(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
		if (indent_of(text) == 2 && strncmp(text + 2, name, length) == 0 &&
		    text[2 + length] == ':')
			return true;
	return false;
}

/* What the host has and the environment lacks. */
static void add_missing(const struct spack *spack, struct buf *out)
{
	auto_buf missing = { 0 };

	strings_each(&spack->externals, name)
		if (!has_package(buf_text(out), name))
			buf_printf(&missing, "  %s:\n    externals:: []\n", name);
	if (missing.size_bytes && !out->size_bytes)
		buf_add_text(out, "packages:\n");
	buf_add_text(out, buf_text(&missing));
}

static int rewrite(const char *folder, const char *name, const char *key,
		   void (*complete)(const struct spack *spack, struct buf *out),
		   const struct spack *spack, struct err *err)
{
	auto_fd fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_buf text = { 0 };
	auto_buf out = { 0 };
	int r = io_read_file_at(fd, name, SETTINGS_BYTES_MAX, &text, err);

	if (r == -ENOENT)
		err_clear(err);
	else if (r < 0)
		return r;
	overrule(buf_text(&text), key, &out);
	complete(spack, &out);
	return out.size_bytes
		       ? io_replace_file_unsynced_at(fd, name, out.bytes, out.size_bytes, 0644, err)
		       : 0;
}

/* Releases that have compilers among the packages find none that go there. */
static void add_no_compilers(const struct spack *spack, struct buf *out)
{
	if (spack->has_compilers && !out->size_bytes)
		buf_add_text(out, "compilers:: []\n");
}

int spack_scope_overrule(const struct spack *spack, const char *folder, struct err *err)
{
	int r = rewrite(folder, "compilers.yaml", "compilers:", add_no_compilers, spack, err);

	return r < 0 ? r : rewrite(folder, "packages.yaml", "externals:", add_missing, spack, err);
}

/* Who finds nothing there in between looks for compilers themselves. */
static int put_in_place(const char *folder, const char *place, bool replaces, struct err *err)
{
	auto_arena arena = { 0 };
	const char *old = arena_printf(&arena, "%s.old", folder);
	int r = 0;

	if (replaces && rename(place, old) < 0 && errno != ENOENT)
		return fail(err, errno, "rename '%s'", place);
	if (rename(folder, place) < 0) {
		if (errno != ENOTEMPTY && errno != EEXIST)
			return fail(err, errno, "rename to '%s'", place);
		r = remove_tree(AT_FDCWD, folder, err);
	}
	return r == 0 && replaces ? remove_tree(AT_FDCWD, old, err) : r;
}

int spack_scope_finish(const struct spack *spack, const struct environment *environment,
		       const char *folder, bool replaces, struct err *err)
{
	auto_arena arena = { 0 };
	int r = spack_scope_overrule(spack, folder, err);

	if (r == 0)
		r = put_in_place(folder, arena_printf(&arena, "%s/" SPACK_SCOPE, environment->path),
				 replaces, err);
	return r < 0 ? err_wrap(err, "settings of the environment") : 0;
}
