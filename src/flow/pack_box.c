// SPDX-License-Identifier: Apache-2.0
#include "flow/pack_box.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/strings.h"
#include "codec/json.h"
#include "flow/host_files.h"
#include "flow/run_env.h"
#include "rootfs/level.h"
#include "sys/ids.h"
#include "sys/mount.h"
#include "sys/openat2.h"

#define DESCRIPTION_BYTES_MAX ((size_t)4 << 20)
#define NAMES_BYTES_MAX	      ((size_t)16 << 20)

/* --- the description --- */

void pack_description_done(struct pack_description *description)
{
	strings_done(&description->entry_point);
	strings_done(&description->command);
	strings_done(&description->env);
	strings_done(&description->expose);
	strings_done(&description->share);
	strings_done(&description->wrapped);
	strings_done(&description->own);
}

static int read_text(int root_fd, const char *path, size_t limit_bytes, struct buf *text,
		     struct err *err)
{
	auto_fd fd = openat2_in_root(root_fd, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);

	if (fd < 0)
		return fail(err, -fd, "open '%s'", path);
	return io_read_to_end(fd, limit_bytes, text, err);
}

int pack_description_read(int root_fd, struct pack_description *ret_description, struct err *err)
{
	struct pack_description description = { 0 };
	const struct {
		const char *key;
		struct strings *list;
	} lists[] = {
		{ "entryPoint", &description.entry_point },
		{ "command", &description.command },
		{ "env", &description.env },
		{ "expose", &description.expose },
		{ "share", &description.share },
		{ "wrapped", &description.wrapped },
		{ "own", &description.own },
	};
	auto_json *json = NULL;
	auto_buf text = { 0 };
	int r = read_text(root_fd, "/.rootlet/pack.json", DESCRIPTION_BYTES_MAX, &text, err);

	if (r == 0)
		r = json_parse(buf_text(&text), text.size_bytes, &json, err);
	for (size_t i = 0; r == 0 && i < array_count(lists); i++)
		r = json_read_strings(json, lists[i].key, lists[i].list, err);
	if (r < 0) {
		pack_description_done(&description);
		return err_wrap(err, "the pack's description");
	}
	*ret_description = description;
	return 0;
}

static bool is_program(int root_fd, const char *path)
{
	auto_fd fd = openat2_in_root(root_fd, path, O_PATH, 0);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

bool pack_find_program(int root_fd, const struct pack_description *description, const char *name,
		       struct arena *arena, const char **ret_path)
{
	const char *folders = strings_env_get(&description->env, "PATH");

	for (const char *folder = folders; folder && *folder;) {
		size_t length = strcspn(folder, ":");
		const char *path = arena_printf(arena, "%.*s/%s", (int)length, folder, name);

		if (length && is_program(root_fd, path)) {
			*ret_path = path;
			return true;
		}
		folder += length + (folder[length] == ':');
	}
	return false;
}

/* --- what is seen of the host --- */

static bool is_covered(const struct box *box, const char *path)
{
	for (size_t i = 0; i < box->mounts.count; i++)
		if (path_is_in(path, box->mounts.item[i].target))
			return true;
	return false;
}

/* What cannot even be opened, as a stale mount of a file server that is gone, is left out. */
static void bind(struct box *box, const char *path, bool read_only)
{
	auto_fd fd = open(path, O_PATH | O_CLOEXEC);
	struct box_mount *mount;

	if (fd < 0)
		return;
	mount = box_mounts_add(&box->mounts, BOX_MOUNT_BIND, arena_copy(&box->arena, path));
	mount->source = mount->target;
	mount->read_only = read_only;
}

static bool has(int root_fd, const char *path)
{
	auto_fd fd = openat2_in_root(root_fd, path, O_PATH | O_NOFOLLOW, 0);

	return fd >= 0;
}

static bool is_empty(int root_fd, const char *name)
{
	auto_fd fd = openat2_in_root(root_fd, name, O_RDONLY | O_DIRECTORY, 0);
	auto_strings names = { 0 };

	return fd < 0 || (directory_names(fd, &names, NULL) == 0 && names.count == 0);
}

/* What the pack must have there can be put over what the host has only where the host has that
 * place, too: nothing is made in the user's folders. */
static bool hides_own(const struct pack_description *description, const char *folder)
{
	strings_each(&description->own, path) {
		if (path_is_in(path, folder) && access(path, F_OK) < 0)
			return true;
	}
	return false;
}

static bool holds_own(const struct pack_description *description, const char *folder)
{
	strings_each(&description->own, path) {
		if (path_is_in(path, folder))
			return true;
	}
	return false;
}

/* The user's, unless the pack has something there; the kernel's, and those of systems, of which a
 * pack shows its own or none: what it does must not depend on what the host has installed. */
static bool is_host(const char *name, const char *path, int root_fd,
		    const struct pack_description *description)
{
	static const char *const always[] = { "run", "tmp" };
	static const char *const mostly[] = { "home", "media", "mnt", "srv" };
	static const char *const never[] = { ".rootlet", "bin",	  "boot",  "dev",    "etc",
					     "lib",	 "lib32", "lib64", "libx32", "lost+found",
					     "proc",	 "sbin",  "sys",   "usr" };

	if (hides_own(description, path))
		return false;
	for (size_t i = 0; i < array_count(always); i++)
		if (strcmp(always[i], name) == 0)
			return true;
	for (size_t i = 0; i < array_count(mostly); i++)
		if (strcmp(mostly[i], name) == 0)
			return holds_own(description, path) || is_empty(root_fd, name);
	for (size_t i = 0; i < array_count(never); i++)
		if (strcmp(never[i], name) == 0)
			return false;
	return !has(root_fd, name);
}

static int bind_top(struct box *box, int root_fd, const struct pack_description *description,
		    struct err *err)
{
	auto_strings names = { 0 };
	const struct dirent *entry;
	DIR *top = opendir("/");

	if (!top)
		return fail(err, errno, "open '/'");
	while ((entry = readdir(top)))
		if (entry->d_type != DT_LNK && entry->d_type != DT_REG && entry->d_name[0] != '.')
			strings_add(&names, entry->d_name);
	closedir(top);
	strings_sort(&names);
	strings_each(&names, name) {
		const char *path = arena_printf(&box->arena, "/%s", name);
		struct stat st;

		/* a root may be on a file system that tells no types; never ask a stale mount */
		if (is_host(name, path, root_fd, description) && lstat(path, &st) == 0 &&
		    S_ISDIR(st.st_mode))
			bind(box, path, false);
	}
	return 0;
}

/* Where something of the user's lies outside of what is seen, unless the pack has that place. */
static void bind_place(struct box *box, int root_fd, const char *path)
{
	if (path && path[0] == '/' && path[1] && !is_covered(box, path) && !has(root_fd, path))
		bind(box, path, false);
}

static void bind_own(struct box *box, const char *root_path, const struct strings *own)
{
	strings_each(own, path) {
		struct box_mount *mount;

		if (!is_covered(box, path))
			continue;
		mount = box_mounts_add(&box->mounts, BOX_MOUNT_BIND, path);
		mount->source = arena_printf(&box->arena, "%s%s", root_path, path);
		mount->read_only = true;
	}
}

static void bind_wrapped(struct box *box, const char *root_path, const struct strings *wrapped)
{
	strings_each(wrapped, folder) {
		struct box_mount *mount = box_mounts_add(&box->mounts, BOX_MOUNT_BIND,
							 arena_printf(&box->arena, "/%s", folder));

		mount->source = arena_printf(&box->arena, "%s/" PACK_REAL "/%s", root_path, folder);
		mount->read_only = true;
	}
}

static int add_mounts(const char *root_path, int root_fd,
		      const struct pack_description *description, struct box *box, struct err *err)
{
	char cwd[PATH_MAX];
	int r;

	bind_wrapped(box, root_path, &description->wrapped);
	box_mounts_add(&box->mounts, BOX_MOUNT_PROC, "/proc");
	box_mounts_add(&box->mounts, BOX_MOUNT_SYS, "/sys")->optional = true;
	bind(box, "/dev", false);
	r = bind_top(box, root_fd, description, err);
	if (r < 0)
		return r;
	if (!hides_own(description, "/var/tmp"))
		bind(box, "/var/tmp", false);
	bind_own(box, root_path, &description->own);
	bind_place(box, root_fd, getenv("HOME"));
	bind_place(box, root_fd, getenv("TMPDIR"));
	bind_place(box, root_fd, getcwd(cwd, sizeof(cwd)));
	strings_each(&description->expose, path)
		bind(box, path, true);
	strings_each(&description->share, path)
		bind(box, path, false);
	host_files_add_network(box, NULL);
	if (has(root_fd, "etc/localtime"))
		bind(box, "/etc/localtime", true);
	return 0;
}

/* --- who, and with what --- */

static void add_user(struct box *box, int root_fd)
{
	auto_buf passwd = { 0 };
	auto_buf group = { 0 };
	struct user user;

	(void)!read_text(root_fd, "/etc/passwd", NAMES_BYTES_MAX, &passwd, NULL);
	(void)!read_text(root_fd, "/etc/group", NAMES_BYTES_MAX, &group, NULL);
	ids_caller(&box->arena, &user);
	user.gid = getegid();
	box->uid = box->own_uid = user.uid;
	box->gid = box->own_gid = user.gid;
	host_files_add_user(box, &user, buf_text(&passwd), buf_text(&group));
}

/* Variables that lead programs to files of another root. */
static const char *const misleading[] = { "LD_*",	   "GCONV_PATH",      "LOCPATH",
					  "PYTHONHOME",	   "PYTHONPATH",      "PERL5LIB",
					  "PERLLIB",	   "GCC_EXEC_PREFIX", "COMPILER_PATH",
					  "ROOTLET_PACK_*" };

/* The host's folders of programs come after the pack's: some are seen inside. */
static void join_path(struct box *box)
{
	const char *inside = strings_env_get(&box->env, "PATH");
	const char *host = getenv("PATH");
	auto_buf all = { 0 };

	if (!inside || !host || !*host)
		return;
	buf_printf(&all, "%s:%s", inside, host);
	strings_env_set(&box->env, "PATH", all.bytes);
}

int pack_make_env(const struct pack_description *description, struct box *box, struct err *err)
{
	struct run_request request = { 0 };
	struct user user;
	int r;

	strings_add(&request.env_host_globs, "*");
	for (size_t i = 0; i < array_count(misleading); i++)
		strings_add(&request.unset_env_globs, misleading[i]);
	ids_caller(&box->arena, &user);
	r = run_env_fill(&request, &user, box, err);
	strings_each(&description->env, entry) {
		auto_buf name = { 0 };
		const char *equals = strchr(entry, '=');

		buf_add(&name, entry, strcspn(entry, "="));
		if (equals)
			strings_env_set(&box->env, buf_text(&name), equals + 1);
	}
	join_path(box);
	strings_done(&request.env_host_globs);
	strings_done(&request.unset_env_globs);
	return r;
}

static const char *cwd_inside(struct box *box, int root_fd)
{
	char cwd[PATH_MAX];

	if (!getcwd(cwd, sizeof(cwd)) || (!is_covered(box, cwd) && !has(root_fd, cwd)))
		return "/";
	return arena_copy(&box->arena, cwd);
}

int pack_make_box(const char *root_path, int root_fd, const struct pack_description *description,
		  struct box *box, struct err *err)
{
	int r;

	box->root.kind = BOX_ROOT_DIRECTORY;
	box->root.path = root_path;
	box->root.read_only = true;
	box->private_ns = (struct box_private){ 0 };
	r = add_mounts(root_path, root_fd, description, box, err);
	if (r < 0)
		return r;
	add_user(box, root_fd);
	box->cwd = cwd_inside(box, root_fd);
	return pack_make_env(description, box, err);
}

void pack_box_stack(struct box *box)
{
	box->root.kind = BOX_ROOT_OVERLAY;
	if (!box->root.lower.count)
		strings_add(&box->root.lower, box->root.path);
}

/* Where in the root a mount comes to be, through the root's links: what is there of its path.
 * False: a link leads to what is not there yet. */
static bool find_place(int root_fd, const char *target, char place[PATH_MAX])
{
	char path[PATH_MAX];
	char root[PATH_MAX];
	auto_fd fd = -1;

	snprintf(path, sizeof(path), "%s", target);
	while ((fd = openat2_in_root(root_fd, path, O_PATH, 0)) == -ENOENT && !has(root_fd, path)) {
		char *slash = strrchr(path, '/');

		slash[slash == path] = '\0';
	}
	if (fd < 0 || mount_path_of(root_fd, root) < 0 || mount_path_of(fd, path) < 0)
		return false;
	snprintf(place, PATH_MAX, "%s", path + (root[1] ? strlen(root) : 0));
	return true;
}

static bool find_places(const struct box *box, int root_fd, struct strings *places)
{
	char place[PATH_MAX];

	for (size_t i = 0; i < box->mounts.count; i++) {
		if (!find_place(root_fd, box->mounts.item[i].target, place))
			return false;
		strings_add(places, place);
	}
	return true;
}

static bool is_mounted_in(const struct strings *places, const char *folder)
{
	strings_each(places, place) {
		if (path_is_in(place, folder))
			return true;
	}
	return false;
}

int pack_box_bind_whole(struct box *box, int root_fd, struct err *err)
{
	auto_strings places = { 0 };
	auto_strings names = { 0 };
	int r = directory_names(root_fd, &names, err);

	if (r < 0 || !find_places(box, root_fd, &places))
		return r;
	strings_sort(&names);
	strings_each(&names, name) {
		const char *path = arena_printf(&box->arena, "/%s", name);
		struct box_mount *mount;
		struct stat st;

		if (is_mounted_in(&places, path) ||
		    fstatat(root_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
			continue;
		mount = box_mounts_add(&box->mounts, BOX_MOUNT_BIND, path);
		mount->source = arena_printf(&box->arena, "%s%s", box->root.path, path);
		mount->read_only = true;
	}
	return 0;
}

void pack_box_unstack(struct box *box)
{
	box->root.kind = BOX_ROOT_DIRECTORY;
}
