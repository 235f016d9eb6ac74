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
#define FOUND_FILE	   "rootlet-found"
#define FOUND_BYTES_MAX	   ((size_t)1000)

static const char *const found_settings[] = { "compilers.yaml", "packages.yaml" };

int spack_scope_begin(const struct spack *spack, const struct environment *environment,
		      struct arena *arena, const char **ret_folder, struct err *err)
{
	char *folder = arena_printf(arena, "%s/" ENVIRONMENT_SPACK ".tmp-XXXXXX",
				    environment->path);
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
	int r = rewrite(folder, found_settings[0], "compilers:", add_no_compilers, spack, err);

	return r < 0 ? r
		     : rewrite(folder, found_settings[1], "externals:", add_missing, spack, err);
}

/* ---- whether it still holds ---- */

/* "KEY SECONDS.NANOSECONDS SIZE ..": in which environment what was found, by its last change. */
static void describe(const struct environment *environment, const char *folder,
		     struct buf *ret_description)
{
	auto_fd fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	buf_add_text(ret_description, environment->key);
	for (size_t i = 0; i < array_count(found_settings); i++) {
		struct stat st = { 0 };

		(void)!fstatat(fd, found_settings[i], &st, AT_SYMLINK_NOFOLLOW);
		buf_printf(ret_description, " %lld.%ld %lld", (long long)st.st_mtim.tv_sec,
			   st.st_mtim.tv_nsec, (long long)st.st_size);
	}
	buf_add_char(ret_description, '\n');
}

/* What nobody described was found by an older rootlet, for the environment as it was then. */
enum spack_scope spack_scope_look(const struct environment *environment)
{
	auto_arena arena = { 0 };
	const char *folder = arena_printf(&arena, "%s/" ENVIRONMENT_SPACK, environment->path);
	const char *file = arena_printf(&arena, "%s/" FOUND_FILE, folder);
	auto_buf found = { 0 };
	auto_buf now = { 0 };
	size_t key_length = strlen(environment->key);

	if (access(folder, F_OK) < 0)
		return SPACK_SCOPE_MISSING;
	if (io_read_file_at(AT_FDCWD, file, FOUND_BYTES_MAX, &found, NULL) < 0 ||
	    (strncmp(buf_text(&found), environment->key, key_length) == 0 &&
	     buf_text(&found)[key_length] == ' '))
		return SPACK_SCOPE_CURRENT;
	describe(environment, folder, &now);
	return text_equal(strchr(buf_text(&found), ' '), strchr(now.bytes, ' '))
		       ? SPACK_SCOPE_OLD
		       : SPACK_SCOPE_EDITED;
}

static int write_description(const struct environment *environment, const char *folder,
			     struct err *err)
{
	auto_arena arena = { 0 };
	auto_buf text = { 0 };

	describe(environment, folder, &text);
	return io_replace_file_unsynced_at(AT_FDCWD, arena_printf(&arena, "%s/" FOUND_FILE, folder),
					   text.bytes, text.size_bytes, 0644, err);
}

/* ---- into place ---- */

/* Whatever else is there stays. */
static int take_over(const char *folder, const char *place, const char *name, struct err *err)
{
	auto_arena arena = { 0 };
	const char *to = arena_printf(&arena, "%s/%s", place, name);

	if (rename(arena_printf(&arena, "%s/%s", folder, name), to) == 0)
		return 0;
	return errno == ENOENT && (unlink(to) == 0 || errno == ENOENT)
		       ? 0
		       : fail(err, errno, "replace '%s'", to);
}

static int put_in_place(const char *folder, const char *place, bool replaces, struct err *err)
{
	int r = 0;

	if (rename(folder, place) == 0)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return fail(err, errno, "rename to '%s'", place);
	for (size_t i = 0; r == 0 && replaces && i < array_count(found_settings); i++)
		r = take_over(folder, place, found_settings[i], err);
	if (r == 0 && replaces)
		r = take_over(folder, place, FOUND_FILE, err);
	return r < 0 ? r : remove_tree(AT_FDCWD, folder, err);
}

int spack_scope_finish(const struct spack *spack, const struct environment *environment,
		       const char *folder, bool replaces, struct err *err)
{
	auto_arena arena = { 0 };
	int r = spack_scope_overrule(spack, folder, err);

	if (r == 0)
		r = write_description(environment, folder, err);
	if (r == 0)
		r = put_in_place(folder,
				 arena_printf(&arena, "%s/" ENVIRONMENT_SPACK, environment->path),
				 replaces, err);
	return r < 0 ? err_wrap(err, "settings of the environment") : 0;
}
