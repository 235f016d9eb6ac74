// SPDX-License-Identifier: Apache-2.0
#include "policy/elf_closure.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "codec/elf_needs.h"
#include "policy/elf_tokens.h"
#include "sys/openat2.h"

#define SCRIPTS_MAX 5 /* interpreters that are scripts themselves: fs/exec.c has as many */
#define TREE_DEPTH  256

/* A file that was read once. */
struct object {
	struct elf_needs needs;
	const char *path;   /* real */
	const char *origin; /* its folder */
	bool is_elf;
	bool is_musl;
};

/* A file as one program loads it. */
struct load {
	const struct object *object;
	const struct load *by; /* NULL: the program itself */
};

struct program {
	struct elf_closure *closure;
	const struct object *main;
	struct map loaded; /* names that were asked for -> the closure */
	struct load **load;
	size_t done, count, room;
};

int elf_closure_open(struct elf_closure *closure, struct visible *visible, struct err *err)
{
	static const char *const path[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
					    "/usr/bin",	       "/sbin",		 "/bin" };

	*closure = (struct elf_closure){ .visible = visible };
	for (size_t i = 0; i < array_count(path); i++)
		strings_add(&closure->path, path[i]);
	return ldcache_read(visible->root_fd, &closure->cache, err);
}

void elf_closure_done(struct elf_closure *closure)
{
	map_each(&closure->objects, entry)
		elf_needs_done(&((struct object *)entry->value)->needs);
	map_done(&closure->objects);
	ldcache_done(&closure->cache);
	strings_done(&closure->library_path);
	strings_done(&closure->path);
	strings_done(&closure->companions);
	strings_done(&closure->missing);
	strings_done(&closure->left_out);
	arena_done(&closure->arena);
	*closure = (struct elf_closure){ 0 };
}

/* ---- reading ---- */

static int open_file(const struct elf_closure *closure, const char *path)
{
	auto_fd fd = openat2_in_root(closure->visible->root_fd, path,
				     O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? take_fd(&fd) : -EISDIR;
}

/* What cannot be read (a set-id program, mode 4711) is shown and has no known needs. */
static int read_object(struct elf_closure *closure, const char *real, struct object **ret_object,
		       struct err *err)
{
	struct object *object = map_get(&closure->objects, real);
	auto_fd fd = -1;
	int r;

	*ret_object = object;
	if (object)
		return 0;
	object = arena_new(&closure->arena, struct object);
	object->path = arena_copy(&closure->arena, real);
	object->origin = arena_copy_bytes(
		&closure->arena, real,
		strrchr(real, '/') == real ? 1 : (size_t)(strrchr(real, '/') - real));
	map_set(&closure->objects, real, object);
	*ret_object = object;
	fd = open_file(closure, real);
	if (fd < 0)
		return fd == -EACCES || fd == -EISDIR ? 0 : fail(err, -fd, "'%s'", real);
	r = elf_read_needs(fd, &object->needs, err);
	if (r == -ENOEXEC)
		return 0;
	if (r < 0)
		return err_wrap(err, "'%s'", real);
	object->is_elf = true;
	object->is_musl = object->needs.interpreter && strstr(object->needs.interpreter, "ld-musl");
	return 0;
}

/* ---- looking for a library ---- */

/* Is it one that this program could load? */
static bool suits(struct elf_closure *closure, const char *path, const struct object *main)
{
	struct err ignored = { 0 };
	struct object *object;
	auto_fd fd = open_file(closure, path);
	auto_elf_needs needs = { 0 };

	object = map_get(&closure->objects, path);
	if (fd < 0)
		return false;
	if (object)
		return object->is_elf && object->needs.class == main->needs.class &&
		       object->needs.machine == main->needs.machine;
	return elf_read_needs(fd, &needs, &ignored) == 0 && needs.class == main->needs.class &&
	       needs.machine == main->needs.machine;
}

static const char *try(struct program *program, const char *folder, const char *name)
{
	auto_buf path = { 0 };

	buf_printf(&path, "%s/%s", folder, name);
	return path.bytes[0] == '/' && suits(program->closure, path.bytes, program->main)
		       ? arena_copy(&program->closure->arena, path.bytes)
		       : NULL;
}

/* $LIB is what the linker was built with: of Debian, of Fedora, of others. */
static const char *try_list(struct program *program, const struct object *object, const char *list,
			    const char *name)
{
	auto_buf debian = { 0 };
	const char *found = NULL;

	buf_printf(&debian, "lib/%s", elf_triplet(&program->main->needs));
	while (list && !found) {
		const char *const libs[] = { debian.bytes, "lib64", "lib" };
		size_t length = strcspn(list, ":");
		const char *lib = strstr(list, "LIB"); /* else one look is enough */
		size_t looks = lib && lib < list + length ? array_count(libs) : 1;

		for (size_t i = 0; length && !found && i < looks; i++) {
			auto_buf folder = { 0 };

			elf_expand(&program->main->needs, object->origin, libs[i], list, length,
				   &folder);
			found = try(program, buf_text(&folder), name);
		}
		list = list[length] ? list + length + 1 : NULL;
	}
	return found;
}

static const char *try_cache(struct program *program, const char *name)
{
	const struct ldcache *cache = &program->closure->cache;

	for (size_t i = 0; i < cache->count; i++)
		if (cache->entry[i].hardware == 0 && strcmp(cache->entry[i].name, name) == 0 &&
		    suits(program->closure, cache->entry[i].path, program->main))
			return cache->entry[i].path;
	return NULL;
}

static const char *try_defaults(struct program *program, const char *name)
{
	static const char *const plain[] = { "/lib64", "/usr/lib64", "/lib", "/usr/lib" };
	const char *const machine = elf_triplet(&program->main->needs);
	const char *found = NULL;
	auto_buf folder = { 0 };

	buf_printf(&folder, "/lib/%s:/usr/lib/%s", machine, machine);
	if (machine[0])
		found = try_list(program, program->main, folder.bytes, name);
	for (size_t i = 0; !found && i < array_count(plain); i++)
		found = try(program, plain[i], name);
	return found;
}

/* musl: one list of folders for all, from a file named for the machine. */
static const char *try_musl(struct program *program, const char *name)
{
	auto_buf path = { 0 };
	auto_buf list = { 0 };
	auto_fd fd = -1;

	buf_printf(&path, "/etc/ld-musl-%s.path", elf_platform(&program->main->needs));
	fd = open_file(program->closure, path.bytes);
	if (fd < 0 || io_read_to_end(fd, 65536, &list, NULL) < 0) {
		buf_truncate(&list, 0);
		buf_add_text(&list, "/lib:/usr/local/lib:/usr/lib");
	}
	for (char *c = list.bytes; *c; c++)
		if (*c == '\n')
			*c = ':';
	return try_list(program, program->main, list.bytes, name);
}

/* ld.so(8), in its order. */
static const char *find_library(struct program *program, const struct load *load, const char *name)
{
	const struct object *object = load->object;
	const char *found = NULL;

	if (strchr(name, '/')) {
		auto_buf path = { 0 };

		elf_expand(&program->main->needs, object->origin, "lib", name, strlen(name), &path);
		return suits(program->closure, path.bytes, program->main)
			       ? arena_copy(&program->closure->arena, path.bytes)
			       : NULL;
	}
	for (const struct load *by = load; !object->needs.runpath && !found && by; by = by->by)
		if (!by->object->needs.runpath)
			found = try_list(program, by->object, by->object->needs.rpath, name);
	for (size_t i = 0; !found && i < program->closure->library_path.count; i++)
		found = try(program, program->closure->library_path.item[i], name);
	if (!found)
		found = try_list(program, object, object->needs.runpath, name);
	if (!found && program->main->is_musl)
		return try_musl(program, name);
	if (!found)
		found = try_cache(program, name);
	return found ?: try_defaults(program, name);
}

/* ---- loading ---- */

static int load_path(struct program *program, const char *path, const struct load *by,
		     struct err *err)
{
	struct elf_closure *closure = program->closure;
	struct object *object = NULL;
	struct load *load;
	const char *real;
	int r = visible_add_chain(closure->visible, path, &real, err);

	if (r == -ENOENT)
		return fail(err, ENOENT, "'%s'", path);
	if (r == 0)
		r = read_object(closure, real, &object, err);
	if (r < 0)
		return r;
	if (program->count == program->room) {
		program->room = program->room ? program->room * 2 : 16;
		program->load = memory_resize(program->load, program->room, sizeof(*program->load));
	}
	load = arena_new(&closure->arena, struct load);
	*load = (struct load){ .object = object, .by = by };
	program->load[program->count++] = load;
	if (!by)
		program->main = object;
	return 0;
}

static void note_missing(struct program *program, const struct object *object, const char *name)
{
	struct strings *missing = &program->closure->missing;
	auto_buf text = { 0 };

	buf_printf(&text, "%s needs %s", object->path, name);
	if (!strings_contains(missing, text.bytes))
		strings_add(missing, text.bytes);
}

/* Each name is looked for once in a program: the linker knows it by then. */
static int load_library(struct program *program, const struct load *load, const char *name,
			bool optional, struct err *err)
{
	const char *found;

	if (map_get(&program->loaded, name))
		return 0;
	map_set(&program->loaded, name, program);
	found = find_library(program, load, name);
	if (found)
		return load_path(program, found, load, err);
	if (!optional)
		note_missing(program, load->object, name);
	return 0;
}

/* What glibc opens by itself: names of users and hosts, and unwinding for pthread_cancel(3). */
static int load_companions(struct program *program, const struct load *load, struct err *err)
{
	static const char *const companions[] = { "libnss_files.so.2", "libnss_dns.so.2",
						  "libgcc_s.so.1" };
	int r = 0;

	if (!text_equal(load->object->needs.soname, "libc.so.6"))
		return 0;
	for (size_t i = 0; r == 0 && i < array_count(companions); i++)
		r = load_library(program, load, companions[i], true, err);
	strings_each(&program->closure->companions, name) {
		if (r == 0)
			r = load_library(program, load, name, true, err);
	}
	return r;
}

static int load_needs(struct program *program, const struct load *load, struct err *err)
{
	const struct elf_needs *needs = &load->object->needs;
	int r = 0;

	for (size_t i = 0; r == 0 && i < needs->needed.count; i++)
		r = load_library(program, load, needs->needed.item[i], false, err);
	for (size_t i = 0; r == 0 && i < needs->opened.count; i++)
		r = load_library(program, load, needs->opened.item[i], true, err);
	if (r == 0 && needs->interpreter && !map_get(&program->loaded, needs->interpreter)) {
		map_set(&program->loaded, needs->interpreter, program);
		if (suits(program->closure, needs->interpreter, program->main))
			r = visible_add_chain(program->closure->visible, needs->interpreter, NULL,
					      err);
		else
			note_missing(program, load->object, needs->interpreter);
	}
	return r < 0 ? r : load_companions(program, load, err);
}

static int add_elf(struct elf_closure *closure, const char *path, struct err *err)
{
	struct program program = { .closure = closure };
	int r = load_path(&program, path, NULL, err);

	while (r == 0 && program.done < program.count)
		r = load_needs(&program, program.load[program.done++], err);
	free(program.load);
	map_done(&program.loaded);
	return r;
}

/* ---- scripts ---- */

/* "#!/usr/bin/env -S NAME=VALUE python3 -u": what is to be found on PATH. */
static const char *env_program(struct arena *arena, char *words)
{
	char *word;

	while ((word = strsep(&words, " \t")))
		if (*word && *word != '-' && !strchr(word, '='))
			return arena_copy(arena, word);
	return NULL;
}

/* The interpreter in a script's first line, and what env would start; NULL: none. */
static const char *read_first_line(struct elf_closure *closure, const char *real,
				   const char **ret_by_env)
{
	auto_fd fd = open_file(closure, real);
	char line[256 + 1] = "";
	ssize_t length = fd < 0 ? -1 : io_read_full(fd, line, sizeof(line) - 1);
	char *path = line + 2;

	*ret_by_env = NULL;
	if (length < 3 || line[0] != '#' || line[1] != '!')
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	path += strspn(path, " \t");
	if (path[0] != '/')
		return NULL;
	length = (ssize_t)strcspn(path, " \t");
	if (path[length]) {
		path[length] = '\0';
		if (text_ends(path, "/env"))
			*ret_by_env = env_program(&closure->arena, path + length + 1);
	}
	return arena_copy(&closure->arena, path);
}

static int add(struct elf_closure *closure, const char *path, unsigned depth, struct err *err)
{
	struct err ignored = { 0 };
	const char *interpreter;
	const char *by_env;
	const char *found;
	const char *real;
	int r = add_elf(closure, path, err);

	if (r == 0)
		r = visible_add_chain(closure->visible, path, &real, err);
	if (r < 0)
		return r;
	interpreter = ((struct object *)map_get(&closure->objects, real))->is_elf
			      ? NULL
			      : read_first_line(closure, real, &by_env);
	if (!interpreter || depth == SCRIPTS_MAX)
		return 0;
	r = add(closure, interpreter, depth + 1, err);
	if (r == -ENOENT) {
		strings_printf(&closure->missing, "%s needs %s", real, interpreter);
		err_clear(err);
		return 0;
	}
	if (r < 0 || !by_env)
		return r;
	if (elf_closure_find(closure, by_env, &found, &ignored) == 0)
		return add(closure, found, depth + 1, err);
	strings_printf(&closure->missing, "%s needs %s", real, by_env);
	return 0;
}

int elf_closure_add(struct elf_closure *closure, const char *path, struct err *err)
{
	return add(closure, path, 0, err);
}

int elf_closure_find(struct elf_closure *closure, const char *name, const char **ret_path,
		     struct err *err)
{
	if (strchr(name, '/')) {
		*ret_path = arena_copy(&closure->arena, name);
		return 0;
	}
	strings_each(&closure->path, folder) {
		auto_buf path = { 0 };
		auto_fd fd = -1;
		struct stat st;

		buf_printf(&path, "%s/%s", folder, name);
		fd = openat2_in_root(closure->visible->root_fd, path.bytes, O_PATH, 0);
		if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 0111))
			continue;
		*ret_path = arena_copy(&closure->arena, path.bytes);
		return 0;
	}
	return fail_plain(err, ENOENT, "program '%s' is in no folder of PATH", name);
}

/* ---- a tree ---- */

static int add_below(struct elf_closure *closure, int folder_fd, const char *path, unsigned depth,
		     struct err *err);

/* A link out of the tree brings the file along that it leads to. A whole directory is for the
 * caller to name: it may be anything. */
static int add_link(struct elf_closure *closure, const char *path, struct err *err)
{
	auto_fd fd = openat2_in_root(closure->visible->root_fd, path, O_PATH, 0);
	const char *real;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	if (S_ISREG(st.st_mode) && (st.st_mode & 0111 || strstr(path, ".so")))
		return elf_closure_add(closure, path, err);
	r = visible_add_chain(closure->visible, path, &real, err);
	if (r == 0 && S_ISDIR(st.st_mode) && !path_is_in(real, closure->tree))
		strings_printf(&closure->left_out, "%s leads to %s", path, real);
	return r;
}

static int add_entry(struct elf_closure *closure, int folder_fd, const char *folder,
		     const char *name, unsigned depth, struct err *err)
{
	auto_buf path = { 0 };
	struct stat st;
	int fd;

	if (fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail(err, errno, "'%s/%s'", folder, name);
	buf_printf(&path, "%s/%s", folder, name);
	if (S_ISDIR(st.st_mode)) {
		fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		return fd < 0 ? fail(err, errno, "'%s'", path.bytes)
			      : add_below(closure, fd, path.bytes, depth + 1, err);
	}
	if (S_ISLNK(st.st_mode))
		return add_link(closure, path.bytes, err);
	if (!S_ISREG(st.st_mode) || (!(st.st_mode & 0111) && !strstr(name, ".so")))
		return 0;
	return elf_closure_add(closure, path.bytes, err);
}

/* Closes folder_fd. */
static int add_below(struct elf_closure *closure, int folder_fd, const char *path, unsigned depth,
		     struct err *err)
{
	DIR *stream = fdopendir(folder_fd);
	struct dirent *entry;
	int r = 0;

	if (!stream) {
		fail(err, errno, "'%s'", path);
		close(folder_fd);
		return -err->code;
	}
	if (depth > TREE_DEPTH)
		r = fail(err, ELOOP, "'%s'", path);
	while (r == 0 && (entry = readdir(stream)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = add_entry(closure, folder_fd, path, entry->d_name, depth, err);
	closedir(stream);
	return r;
}

int elf_closure_add_tree(struct elf_closure *closure, const char *path, struct err *err)
{
	const char *real;
	int fd;
	int r = visible_resolve(closure->visible, path, &real, err);

	if (r == 0)
		r = visible_add_tree(closure->visible, real, err);
	if (r == -ENOENT || r == -ENOTDIR)
		return fail(err, -r, "'%s'", path);
	if (r < 0)
		return r;
	closure->tree = real;
	fd = openat2_in_root(closure->visible->root_fd, real, O_RDONLY | O_DIRECTORY, 0);
	return fd < 0 ? fail(err, -fd, "'%s'", path) : add_below(closure, fd, real, 0, err);
}
