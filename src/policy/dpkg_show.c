// SPDX-License-Identifier: Apache-2.0
/* From packages to their files: the lists of dpkg, where diversions and a merged /usr have put
 * them, and what maintainer scripts made beside them, which no list names. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "policy/dpkg.h"
#include "sys/openat2.h"

#define LIST_MAX_BYTES ((size_t)256 << 20)

struct show {
	const struct dpkg *dpkg;
	struct visible *visible;
	struct map diverted; /* path -> struct diversion */
};

struct diversion {
	const char *to;
	const char *package; /* whose own file stays at the path; ":" for the administrator */
};

static int read_file(int root_fd, const char *path, struct buf *text, struct err *err)
{
	auto_fd fd = openat2_in_root(root_fd, path, O_RDONLY | O_NONBLOCK, 0);
	int r;

	if (fd < 0)
		return fd;
	r = io_read_to_end(fd, LIST_MAX_BYTES, text, err);
	return r < 0 ? err_wrap(err, "'%s'", path) : 0;
}

/* Cut the next line off *rest; NULL at the end. */
static char *next_line(char **rest)
{
	return *rest && **rest ? strsep(rest, "\n") : NULL;
}

/* Three lines each: the path, where it is instead, for whom it is not. */
static int read_diversions(struct show *show, struct arena *arena, struct err *err)
{
	auto_buf text = { 0 };
	char *rest;
	char *path;
	int r = read_file(show->dpkg->root_fd, "/var/lib/dpkg/diversions", &text, err);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	rest = text.bytes;
	while ((path = next_line(&rest))) {
		const char *to = next_line(&rest);
		const char *package = to ? next_line(&rest) : NULL;
		struct diversion *diversion;

		if (!package)
			break;
		diversion = arena_new(arena, struct diversion);
		diversion->to = arena_copy(arena, to);
		diversion->package = arena_copy(arena, package);
		map_set(&show->diverted, path, diversion);
	}
	return 0;
}

static const char *diverted(const struct show *show, const char *path, const char *package)
{
	const struct diversion *diversion = map_get(&show->diverted, path);

	return diversion && strcmp(diversion->package, package) != 0 ? diversion->to : path;
}

/* What is listed and not on disk was removed by hand or by dpkg's path-exclude. */
static int show_path(const struct show *show, const char *path, struct err *err)
{
	int r = visible_add(show->visible, path, err);

	return r == -ENOENT ? 0 : r;
}

/* The list of a package that may be installed for several machine types has its own type in the
 * name. */
static int read_list(const struct show *show, const struct dpkg_package *package, struct buf *text,
		     struct err *err)
{
	auto_buf path = { 0 };
	int r;

	buf_printf(&path, "/var/lib/dpkg/info/%s:%s.list", package->name, package->architecture);
	r = read_file(show->dpkg->root_fd, buf_text(&path), text, err);
	if (r != -ENOENT)
		return r;
	buf_truncate(&path, 0);
	buf_printf(&path, "/var/lib/dpkg/info/%s.list", package->name);
	r = read_file(show->dpkg->root_fd, buf_text(&path), text, err);
	return r == -ENOENT ? fail(err, ENOENT, "files of package '%s': '%s'", package->name,
				   buf_text(&path))
			    : r;
}

static int show_files(const struct show *show, const struct dpkg_package *package, struct err *err)
{
	auto_buf text = { 0 };
	char *rest;
	char *line;
	int r = read_list(show, package, &text, err);

	rest = text.bytes;
	while (r == 0 && (line = next_line(&rest)))
		if (line[0] == '/' && strcmp(line, "/.") != 0)
			r = show_path(show, diverted(show, line, package->name), err);
	return r < 0 ? err_wrap(err, "package '%s'", package->name) : 0;
}

/* ---- what no list names ---- */

/* "re.cpython-311.opt-1.pyc" is made of re.py beside __pycache__. */
static bool is_compiled_of_shown(const struct visible *visible, const char *folder,
				 const char *name)
{
	auto_buf source = { 0 };
	size_t length = strcspn(name, ".");

	buf_printf(&source, "%s/%.*s.py", folder, (int)length, name);
	return text_ends(name, ".pyc") && visible_has(visible, buf_text(&source));
}

static int show_compiled_in(struct visible *visible, const char *folder, struct err *err)
{
	auto_buf path = { 0 };
	struct dirent *entry;
	size_t length;
	DIR *stream;
	int r = 0;
	int fd;

	buf_printf(&path, "%s/__pycache__", folder);
	length = path.size_bytes;
	fd = openat2_in_root(visible->root_fd, path.bytes, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR || fd == -EACCES
			       ? 0
			       : fail(err, -fd, "'%s'", path.bytes);
	stream = fdopendir(fd);
	if (!stream) {
		close(fd);
		return fail(err, errno, "'%s'", path.bytes);
	}
	while (r == 0 && (entry = readdir(stream))) {
		if (!is_compiled_of_shown(visible, folder, entry->d_name))
			continue;
		buf_truncate(&path, length);
		buf_printf(&path, "/%s", entry->d_name);
		r = visible_add(visible, path.bytes, err);
		r = r == -ENOENT ? 0 : r;
	}
	closedir(stream);
	return r;
}

/* Python compiles what it may not write to anew at every start. */
static int show_compiled(struct visible *visible, struct err *err)
{
	auto_map folders = { 0 };
	int r = 0;

	map_each(&visible->by_path, entry) {
		const struct visible_item *item = entry->value;
		const char *slash = strrchr(item->path, '/');
		auto_buf folder = { 0 };

		if (!text_ends(item->path, ".py") || slash == item->path)
			continue;
		buf_add(&folder, item->path, (size_t)(slash - item->path));
		if (!map_get(&folders, folder.bytes))
			map_set(&folders, folder.bytes, visible);
	}
	map_each(&folders, folder)
		if (r == 0)
			r = show_compiled_in(visible, folder->key, err);
	return r;
}

/* What a maintainer script makes, where the path that it is made for is shown. */
struct made {
	const char *by, *path;
	bool is_tree;
};

static const struct made made[] = {
	{ "/usr/share/libc-bin/nsswitch.conf", "/etc/nsswitch.conf", false },
	{ "/usr/share/base-files/profile", "/etc/profile", false },
	{ "/usr/sbin/add-shell", "/etc/shells", false },
	{ "/usr/sbin/locale-gen", "/usr/lib/locale/locale-archive", false },
	{ "/usr/sbin/update-ca-certificates", "/etc/ssl/certs", true },
	{ "/usr/bin/update-mime-database", "/usr/share/mime", true },
	{ "/usr/sbin/update-xmlcatalog", "/etc/xml", true },
	{ "/usr/sbin/update-catalog", "/etc/sgml", true },
	{ "/usr/bin/update-perl-sax-parsers", "/etc/perl/XML/SAX/ParserDetails.ini", false },
	{ "/usr/share/glib-2.0/schemas", "/usr/share/glib-2.0/schemas/gschemas.compiled", false },
	{ "/usr/bin/ghc-pkg", "/var/lib/ghc", true },
	{ "/usr/share/texmf", "/var/lib/texmf", true },
	{ "/usr/share/texmf", "/etc/texmf", true },
	{ "/usr/bin/aspell", "/var/lib/aspell", true },
};

static int show_made(struct visible *visible, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < array_count(made); i++) {
		if (!visible_has(visible, made[i].by))
			continue;
		r = made[i].is_tree ? visible_add_tree(visible, made[i].path, err)
				    : visible_add(visible, made[i].path, err);
		r = r == -ENOENT ? 0 : r;
	}
	return r;
}

/* No build is different for manuals and translations of what is not there, and to hide those one by
 * one would be most of the work. */
static void let_loose(struct visible *visible)
{
	visible_let_loose(visible, "/usr/share/man");
	visible_let_loose(visible, "/usr/share/locale");
}

/* So that `dpkg -s`, and who asks it, hear of what is there and of nothing else. */
static int show_status(const struct dpkg_set *set, struct visible *visible, struct err *err)
{
	auto_buf status = { 0 };

	for (size_t i = 0; i < set->count; i++) {
		buf_add(&status, set->package[i]->stanza, set->package[i]->stanza_bytes);
		buf_add_char(&status, '\n');
	}
	return visible_add_file(visible, "/var/lib/dpkg/status", buf_text(&status),
				status.size_bytes, 0644, err);
}

/* A copy: of the host's thousands few are wanted, and they are small. */
static int show_list(const struct show *show, const struct dpkg_package *package, struct err *err)
{
	bool is_same = text_equal(package->multi_arch, "same");
	auto_buf path = { 0 };
	auto_buf text = { 0 };
	int r = read_list(show, package, &text, err);

	buf_printf(&path, "/var/lib/dpkg/info/%s%s%s.list", package->name, is_same ? ":" : "",
		   is_same ? package->architecture : "");
	return r < 0 ? r
		     : visible_add_file(show->visible, path.bytes, buf_text(&text), text.size_bytes,
					0644, err);
}

static int show_all(const struct show *show, const struct dpkg_set *set, struct err *err)
{
	struct visible *visible = show->visible;
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->count; i++) {
		r = show_files(show, set->package[i], err);
		if (r == 0)
			r = show_list(show, set->package[i], err);
	}
	if (r == 0)
		r = dpkg_show_alternatives(show->dpkg, visible, err);
	if (r == 0)
		r = show_compiled(visible, err);
	if (r == 0)
		r = show_made(visible, err);
	let_loose(visible);
	return r < 0 ? r : show_status(set, visible, err);
}

int dpkg_show(const struct dpkg *dpkg, const struct dpkg_set *set, struct visible *visible,
	      struct err *err)
{
	struct show show = { .dpkg = dpkg, .visible = visible };
	auto_arena arena = { 0 };
	int r = read_diversions(&show, &arena, err);

	visible->in_package = true;
	if (r == 0)
		r = show_all(&show, set, err);
	visible->in_package = false;
	map_done(&show.diverted);
	return r;
}

int dpkg_show_package(const struct dpkg *dpkg, const struct dpkg_package *package,
		      struct visible *visible, struct err *err)
{
	struct show show = { .dpkg = dpkg, .visible = visible };
	auto_arena arena = { 0 };
	int r = read_diversions(&show, &arena, err);

	if (r == 0)
		r = show_files(&show, package, err);
	map_done(&show.diverted);
	return r;
}
