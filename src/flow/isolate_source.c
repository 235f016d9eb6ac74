// SPDX-License-Identifier: Apache-2.0
/* What an environment of this host's files shows: the source's own files, and an /etc that knows
 * the user and nobody else. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "flow/isolate.h"
#include "flow/isolate_recipe.h"
#include "policy/dpkg.h"
#include "policy/elf_closure.h"
#include "policy/filelist.h"
#include "policy/ldcache.h"
#include "sys/ids.h"

/* What dpkg without names means: what builds need. */
static const char *const default_packages[] = {
	"gcc",	     "g++",	 "libc6-dev", "make",
	"patch",     "python3",	 "tar",	      "gzip",
	"bzip2",     "xz-utils", "file",      "diffutils",
	"findutils", "git",	 "perl",      "ca-certificates",
};

struct source {
	const struct isolate_request *request;
	struct visible *visible;
	struct dpkg dpkg;
	bool has_dpkg;
	struct elf_closure closure;
	struct strings *notes;
};

/* ---- dpkg ---- */

static int show_packages(struct source *source, const struct strings *names, bool without_essential,
			 struct err *err)
{
	auto_dpkg_set set = { 0 };
	int r = dpkg_closure(&source->dpkg, names, without_essential, &set, err);

	if (r == 0)
		r = dpkg_show(&source->dpkg, &set, source->visible, err);
	if (r == 0)
		strings_each(&set.missing, missing)
			strings_printf(source->notes, "package %s, which is not installed",
				       missing);
	return r;
}

static int show_dpkg(struct source *source, const char *words, struct err *err)
{
	auto_strings names = { 0 };

	if (words)
		strings_add_words(&names, words, ",");
	for (size_t i = 0; !words && i < array_count(default_packages); i++)
		if (dpkg_find(&source->dpkg, default_packages[i]))
			strings_add(&names, default_packages[i]);
	strings_add_all(&names, source->request->with.item);
	return show_packages(source, &names, false, err);
}

/* ---- the whole host ---- */

/* Of what the administrator set for users of the machine, and what came beside the packages. */
static const char *const not_of_host[] = {
	"/usr/local",
	"/usr/src",
	"/etc/gitconfig",
	"/etc/gitattributes",
	"/etc/npmrc",
	"/usr/etc/npmrc",
	"/etc/pip.conf",
	"/etc/xdg/pip",
	"/etc/gnupg",
	"/etc/ssh/ssh_config",
	"/etc/ssh/ssh_config.d",
	"/etc/profile.d",
	"/etc/bash.bashrc",
	"/etc/environment",
	"/etc/curlrc",
	"/etc/wgetrc",
};

static int show_host(struct source *source, struct err *err)
{
	static const char *const trees[] = { "/usr",	      "/etc",	     "/bin",   "/sbin",
					     "/lib",	      "/lib32",	     "/lib64", "/libx32",
					     "/var/lib/dpkg", "/var/lib/rpm" };
	struct visible *visible = source->visible;
	int r = 0;

	for (size_t i = 0; r == 0 && i < array_count(trees); i++) {
		r = visible_add_tree(visible, trees[i], err);
		r = r == -ENOENT ? 0 : r;
	}
	/* they may have files elsewhere, as in /opt */
	if (r == 0 && source->request->with.count)
		r = show_packages(source, &source->request->with, true, err);
	for (size_t i = 0; r == 0 && i < array_count(not_of_host); i++)
		r = visible_hide(visible, not_of_host[i], err);
	return r;
}

/* ---- /etc ---- */

static int add_text(struct visible *visible, const char *path, const char *text, struct err *err)
{
	return visible_add_file(visible, path, text, strlen(text), 0644, err);
}

static int show_people(struct source *source, struct err *err)
{
	struct visible *visible = source->visible;
	auto_arena arena = { 0 };
	auto_buf passwd = { 0 };
	auto_buf group = { 0 };
	struct user user;
	int r;

	ids_caller(&arena, &user);
	buf_add_text(&passwd, "root:x:0:0:root:/root:/bin/sh\n"
			      "nobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n");
	buf_add_text(&group, "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n");
	if (getuid() != 0) {
		buf_printf(&passwd, "%s:x:%u:%u::%s:%s\n", user.name, getuid(), getgid(), user.home,
			   visible_has(visible, "/usr/bin/bash") ? "/bin/bash" : "/bin/sh");
		buf_printf(&group, "%s:x:%u:\n", user.name, getgid());
	}
	r = add_text(visible, "/etc/passwd", buf_text(&passwd), err);
	return r < 0 ? r : add_text(visible, "/etc/group", buf_text(&group), err);
}

static int show_etc(struct source *source, struct err *err)
{
	static const char *const texts[][2] = {
		{ "/etc/hosts",
		  "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n" },
		{ "/etc/resolv.conf", "" },
		{ "/etc/hostname", ENVIRONMENT_HOSTNAME "\n" },
		{ "/etc/nsswitch.conf",
		  "passwd: files\ngroup: files\nhosts: files dns\nprotocols: files\n"
		  "services: files\n" },
	};
	/* of a merged /usr: whoever asks for /bin/sh means it */
	static const char *const links[] = {
		"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"
	};
	int r = show_people(source, err);

	for (size_t i = 0; r == 0 && i < array_count(links); i++) {
		struct stat st;

		if (lstat(links[i], &st) == 0 && S_ISLNK(st.st_mode))
			r = visible_add(source->visible, links[i], err);
	}
	for (size_t i = 0; r == 0 && i < array_count(texts); i++)
		r = add_text(source->visible, texts[i][0], texts[i][1], err);
	return r < 0 ? r : ldcache_show(source->visible, err);
}

/* ---- all of it ---- */

static int open_dpkg(struct source *source, bool is_needed, struct err *err)
{
	int r;

	/* dpkg writes to updates before it unpacks anything */
	visible_based_on(source->visible, "/var/lib/dpkg/updates");
	visible_based_on(source->visible, "/var/lib/dpkg/status");
	r = dpkg_open(&source->dpkg, source->visible->root_fd, err);
	source->has_dpkg = r == 0;
	if (r != -ENOENT || is_needed)
		return r;
	err_clear(err);
	return 0;
}

/* What a list says, and what the recipe adds; list may be NULL. */
static int show_lines(struct source *source, const char *list, struct err *err)
{
	const struct filelist_sources sources = { .visible = source->visible,
						  .closure = &source->closure,
						  .dpkg = source->has_dpkg ? &source->dpkg : NULL };
	int r = elf_closure_open(&source->closure, source->visible, err);

	if (r == 0 && list)
		r = filelist_show(&sources, list, err);
	if (r == 0)
		r = isolate_recipe_show(source->request->recipe, &sources, err);
	strings_each(&source->closure.missing, missing)
		strings_printf(source->notes, "%s, which is not found", missing);
	return r;
}

static int show_files(struct source *source, const char *list, struct err *err)
{
	int r = show_lines(source, list, err);

	return r == 0 && source->request->with.count
		       ? show_packages(source, &source->request->with, true, err)
		       : r;
}

static int show_source(struct source *source, const char *spec, struct err *err)
{
	int r = open_dpkg(source, text_starts(spec, "dpkg") || source->request->with.count, err);

	if (r < 0)
		return r;
	if (text_starts(spec, "files"))
		return show_files(source, spec[5] ? spec + strlen("files:") : NULL, err);
	r = strcmp(spec, "host") == 0
		    ? show_host(source, err)
		    : show_dpkg(source, spec[4] ? spec + strlen("dpkg:") : NULL, err);
	return r == 0 && source->request->recipe ? show_lines(source, NULL, err) : r;
}

int isolate_show(const struct isolate_request *request, const char *spec, struct visible *visible,
		 struct strings *notes, struct err *err)
{
	struct source source = { .request = request, .visible = visible, .notes = notes };
	int r = show_source(&source, spec, err);

	if (r == 0)
		r = show_etc(&source, err);
	for (size_t i = 0; r == 0 && i < request->hide.count; i++)
		r = filelist_hide(visible, request->hide.item[i], err);
	if (r == 0)
		r = visible_finish(visible, err);
	elf_closure_done(&source.closure);
	if (source.has_dpkg)
		dpkg_done(&source.dpkg);
	return r;
}
