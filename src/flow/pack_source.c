// SPDX-License-Identifier: Apache-2.0
/* Where the files of a pack come from, and what is made the same of them everywhere. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/log.h"
#include "base/number.h"
#include "flow/environment.h"
#include "flow/obtain.h"
#include "flow/pack.h"

#define FIRST_SECOND 1 /* 0 is "no time" to some programs that unpack */

extern char **environ;

void pack_init(struct pack *pack, const struct pack_request *request)
{
	*pack = (struct pack){ .request = request, .store = STORE_NONE, .root_fd = -1 };
	view_init(&pack->view);
	config_init(&pack->config);
}

void pack_done(struct pack *pack)
{
	tree_done(&pack->tree);
	view_done(&pack->view);
	image_done(&pack->image);
	store_done(&pack->store);
	config_done(&pack->config);
	cleanup_fd(&pack->root_fd);
	strings_done(&pack->wrapped);
	strings_done(&pack->own);
	arena_done(&pack->arena);
}

/* --- what is kept --- */

static int read_keep(struct pack *pack, struct err *err)
{
	pack->keeps_owner = pack->keeps_mode = pack->keeps_time = pack->is_image;
	strings_each(&pack->request->keep, word) {
		if (strcmp(word, "owner") == 0)
			pack->keeps_owner = true;
		else if (strcmp(word, "mode") == 0)
			pack->keeps_mode = true;
		else if (strcmp(word, "time") == 0)
			pack->keeps_time = true;
		else
			return fail_plain(err, EINVAL,
					  "--keep '%s' is none of owner, mode and time", word);
	}
	return 0;
}

static int read_epoch(struct pack *pack, bool *ret_is_set, struct err *err)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");
	uint64_t seconds = FIRST_SECOND;

	*ret_is_set = text && *text;
	if (*ret_is_set && (number_parse_u64(text, &seconds) < 0 || seconds > INT64_MAX))
		return fail_plain(err, EINVAL, "SOURCE_DATE_EPOCH '%s' is not a number of seconds",
				  text);
	pack->time_s = (int64_t)seconds;
	return 0;
}

/* As git and Nix have it, only whether the owner may read and execute is a fact about a file;
 * the rest is somebody's umask. A directory that all may write to says so by its sticky bit. */
static mode_t plain_mode(mode_t mode)
{
	mode_t owner = mode & 0700;

	if (S_ISLNK(mode) || (S_ISDIR(mode) && (mode & S_ISVTX)))
		return mode;
	owner |= S_ISDIR(mode) ? 0700 : 0600;
	return (mode & (S_IFMT | 07000)) | owner | (owner & 0500) >> 3 | (owner & 0500) >> 6;
}

/* What a host adds by itself (SELinux, access control lists) says nothing about the file. */
static void keep_xattrs(struct tree_entry *entry)
{
	size_t kept = 0;

	for (size_t i = 0; i < entry->xattr_count; i++)
		if (text_starts(entry->xattrs[i].name, "user.") ||
		    strcmp(entry->xattrs[i].name, "security.capability") == 0)
			entry->xattrs[kept++] = entry->xattrs[i];
	entry->xattr_count = kept;
}

static int normalise(struct pack *pack, struct err *err)
{
	int64_t newest_s = FIRST_SECOND;
	bool has_epoch;
	int r = read_epoch(pack, &has_epoch, err);

	for (size_t i = 0; r == 0 && i < pack->tree.count; i++) {
		struct tree_entry *entry = &pack->tree.item[i];

		keep_xattrs(entry);
		if (!pack->keeps_owner)
			entry->uid = entry->gid = 0;
		if (!pack->keeps_mode)
			entry->mode = plain_mode(entry->mode);
		entry->mtime.tv_nsec = 0;
		if (!pack->keeps_time || (has_epoch && entry->mtime.tv_sec > pack->time_s))
			entry->mtime.tv_sec = pack->time_s;
		if (entry->mtime.tv_sec > newest_s)
			newest_s = entry->mtime.tv_sec;
	}
	if (pack->keeps_time && !has_epoch)
		pack->time_s = newest_s;
	return r;
}

/* --- names --- */

/* Letters of an image's name: what comes of a path or a list of packages. */
static const char *plain_name(struct pack *pack, const char *text)
{
	char *name = arena_copy(&pack->arena, *text ? text : "pack");

	for (char *c = name; *c; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') &&
		    (c == name || !strchr("._-", *c)))
			*c = c == name ? 'x' : '-';
	}
	return name;
}

static const char *name_of_path(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* --- images --- */

static void say_pulling(void *context, const char *name)
{
	(void)context;
	log_info("pulling %s", name);
}

static int read_image(struct pack *pack, struct err *err)
{
	const struct obtain_request request = { .name = pack->request->source,
						.pulling = say_pulling };
	char text[REF_TEXT_MAX];
	int r = store_open(pack->request->store, &pack->store, err);

	if (r == 0)
		r = store_announce(&pack->store, err);
	if (r == 0)
		r = obtain_image(&pack->store, &request, environ, &pack->image, err);
	if (r < 0)
		return r;
	pack->is_image = true;
	config_done(&pack->config);
	config_copy(&pack->image.config, &pack->config);
	pack->origin = arena_printf(&pack->arena, "image %s", pack->image.descriptor.digest.text);
	pack->name = plain_name(pack, pack->image.ref.name[0]
					      ? name_of_path(pack->image.ref.name)
					      : digest_short(image_id(&pack->image), text));
	r = view_push_layers(&pack->view, &pack->store, pack->config.diff_ids,
			     pack->config.diff_id_count, err);
	return r < 0 ? r : tree_of_view(&pack->view, &pack->tree, err);
}

/* --- directories --- */

static int read_directory(struct pack *pack, const char *path, struct err *err)
{
	char real[PATH_MAX];
	int r;

	if (!realpath(path, real))
		return fail(err, errno, "'%s'", path);
	if (strcmp(real, "/") == 0)
		return fail_plain(err, EINVAL,
				  "'%s' is the host's own root: name packages with "
				  "dpkg:, or a folder with prefix:",
				  path);
	pack->root_fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pack->root_fd < 0)
		return fail(err, errno, "open '%s'", path);
	pack->name = plain_name(pack, name_of_path(real));
	pack->origin = "directory";
	r = tree_of_directory(pack->root_fd, &pack->tree, err);
	return r < 0 ? err_wrap(err, "'%s'", path) : 0;
}

/* Those of images have a root, those of the host's files name these. */
static int read_environment(struct pack *pack, const char *path, struct err *err)
{
	auto_environment environment = { 0 };
	int r = environment_load(path, &environment, err);

	if (r < 0)
		return r;
	strings_each(&environment.env, entry)
		strings_add(&pack->config.env, entry);
	strings_each(&environment.set, entry) {
		const char *equals = strchr(entry, '=');

		if (equals)
			strings_env_set(
				&pack->config.env,
				arena_copy_bytes(&pack->arena, entry, (size_t)(equals - entry)),
				equals + 1);
	}
	if (environment.is_host_files)
		pack->root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = environment.is_host_files ? pack_read_environment(pack, &environment, err)
				      : read_directory(pack, environment.root, err);
	pack->name = plain_name(pack, name_of_path(environment.path));
	return r < 0 ? err_wrap(err, "environment '%s'", path) : 0;
}

static const char *expand_home(struct pack *pack, const char *path)
{
	const char *home = getenv("HOME");

	return path[0] == '~' && (path[1] == '/' || !path[1]) && home
		       ? arena_printf(&pack->arena, "%s%s", home, path + 1)
		       : path;
}

static int read_path(struct pack *pack, struct err *err)
{
	const char *path = expand_home(pack, pack->request->source);
	struct stat st;

	if (stat(path, &st) < 0)
		return fail(err, errno, "'%s'", path);
	if (S_ISDIR(st.st_mode))
		return environment_is(path) ? read_environment(pack, path, err)
					    : read_directory(pack, path, err);
	fail_plain(err, ENOTDIR, "'%s' is a file", path);
	err_hint(err, "rootlet import takes root file systems and images from files");
	return -ENOTDIR;
}

static int read_host(struct pack *pack, const char *source, struct err *err)
{
	const char *what = strchr(source, ':') + 1;
	int r;

	pack->root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pack->root_fd < 0)
		return fail(err, errno, "open '/'");
	r = text_starts(source, "dpkg:") ? pack_read_dpkg(pack, what, err)
					 : pack_read_prefix(pack, what, err);
	if (r == 0)
		pack->name = plain_name(pack, pack->name);
	return r;
}

/* What an earlier pack said about itself, where a pack is packed again. */
static int drop_description(struct pack *pack, struct err *err)
{
	static const char *const files[] = { PACK_FOLDER, PACK_DESCRIPTION, PACK_PROVENANCE,
					     PACK_SBOM };
	size_t kept = 0;

	if (pack_find(pack, PACK_FOLDER "/launch"))
		return fail_plain(
			err, EINVAL,
			"this is a relocatable pack: its programs are links to its launcher");
	for (size_t i = 0; i < pack->tree.count; i++) {
		bool is_told = false;

		for (size_t j = 0; j < array_count(files); j++)
			is_told |= strcmp(pack->tree.item[i].path, files[j]) == 0;
		if (!is_told)
			pack->tree.item[kept++] = pack->tree.item[i];
	}
	pack->tree.count = kept;
	return 0;
}

int pack_read_source(struct pack *pack, struct err *err)
{
	const char *source = pack->request->source;
	int r;

	if (text_starts(source, "dpkg:") || text_starts(source, "prefix:"))
		r = read_host(pack, source, err);
	else if (strchr("/.~", source[0]))
		r = read_path(pack, err);
	else
		r = read_image(pack, err);
	if (r == 0)
		r = drop_description(pack, err);
	if (r == 0)
		r = read_keep(pack, err);
	if (r == 0)
		r = normalise(pack, err);
	if (pack->request->name)
		pack->name = plain_name(pack, pack->request->name);
	return r;
}
