// SPDX-License-Identifier: Apache-2.0
/* Mounts; see mount.h. The fallback names mount points through /proc/self/fd, so that both ways
 * act on held fds and no path is resolved twice. */
#include "sys/mount.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "base/banned.h"

#define FD_PATH_MAX  32
#define TOP_PATH_MAX (PATH_MAX + 3)

static void fd_path(int fd, char path[FD_PATH_MAX])
{
	snprintf(path, FD_PATH_MAX, "/proc/self/fd/%d", fd);
}

/* ENOSYS: old kernel; EPERM: a container's seccomp profile that does not know the call. */
static bool refused(int error)
{
	return error == ENOSYS || error == EPERM;
}

static uint64_t attr_bits(unsigned attrs)
{
	return (attrs & MOUNT_READ_ONLY ? MOUNT_ATTR_RDONLY : 0u) |
	       (attrs & MOUNT_NOSUID ? MOUNT_ATTR_NOSUID : 0u) |
	       (attrs & MOUNT_NODEV ? MOUNT_ATTR_NODEV : 0u) |
	       (attrs & MOUNT_NOEXEC ? MOUNT_ATTR_NOEXEC : 0u);
}

static unsigned long flag_bits(unsigned attrs)
{
	return (attrs & MOUNT_READ_ONLY ? MS_RDONLY : 0) | (attrs & MOUNT_NOSUID ? MS_NOSUID : 0) |
	       (attrs & MOUNT_NODEV ? MS_NODEV : 0) | (attrs & MOUNT_NOEXEC ? MS_NOEXEC : 0);
}

/* The path as it is seen from on top of everything mounted over "/": this process's own root stays
 * the directory below such mounts, and only ".." looks upon them. With none it changes nothing. */
static void from_top(const char *path, char ret_path[TOP_PATH_MAX])
{
	snprintf(ret_path, TOP_PATH_MAX, "/..%s", path);
}

/* mount(2) remounts replace flags, and those the host locked must stay: read them first. */
static int remount_one(const char *path, unsigned attrs, struct err *err)
{
	static const struct {
		unsigned long statvfs_flag, mount_flag;
	} kept[] = {
		{ ST_RDONLY, MS_RDONLY },     { ST_NOSUID, MS_NOSUID },
		{ ST_NODEV, MS_NODEV },	      { ST_NOEXEC, MS_NOEXEC },
		{ ST_NOATIME, MS_NOATIME },   { ST_NODIRATIME, MS_NODIRATIME },
		{ ST_RELATIME, MS_RELATIME },
	};
	unsigned long flags = flag_bits(attrs);
	char target[TOP_PATH_MAX];
	struct statvfs st;

	from_top(path, target);
	if (statvfs(target, &st) < 0)
		return fail(err, errno, "statvfs '%s'", path);
	for (size_t i = 0; i < array_count(kept); i++)
		if (st.f_flag & kept[i].statvfs_flag)
			flags |= kept[i].mount_flag;
	if (mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0)
		return fail(err, errno, "remount '%s' with new flags", path);
	return 0;
}

/* mountinfo writes blank, tab, newline and backslash as \ooo (proc_pid_mountinfo(5)). */
static void unescape(char *text)
{
	char *to = text;

	for (char *from = text; *from; from++) {
		if (from[0] == '\\' && from[1] && from[2] && from[3]) {
			*to++ = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 |
				       (from[3] - '0'));
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

/* The mount point, field 5 of a mountinfo line, when it lies below `top`; else NULL. */
static const char *mount_below(char *line, const char *top)
{
	size_t length = strlen(top);
	char *save = NULL;
	char *field = strtok_r(line, " ", &save);

	for (int i = 0; field && i < 4; i++)
		field = strtok_r(NULL, " ", &save);
	if (!field)
		return NULL;
	unescape(field);
	if (strncmp(field, top, length) != 0 || (field[length] != '/' && strcmp(top, "/") != 0))
		return NULL;
	return field;
}

/* mount(2) has no recursive remount: one by one, or a part would look read-only and not be. */
static int remount_below(const char *top, unsigned attrs, struct err *err)
{
	auto_fd fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	char text[8192];
	size_t have = 0;

	if (fd < 0)
		return fail(err, errno, "open /proc/self/mountinfo");
	for (;;) {
		ssize_t n = read(fd, text + have, sizeof(text) - 1 - have);
		char *line = text;
		char *end;

		if (n < 0)
			return fail(err, errno, "read /proc/self/mountinfo");
		have += (size_t)n;
		text[have] = '\0';
		for (; (end = strchr(line, '\n')); line = end + 1) {
			const char *point;
			int r;

			*end = '\0';
			point = mount_below(line, top);
			r = point ? remount_one(point, attrs, err) : 0;
			/* What a mount over it hides is in the list but not in sight. */
			if (r < 0 && r != -EINVAL && r != -ENOENT)
				return r;
		}
		have = strlen(line);
		memmove(text, line, have + 1);
		if (n == 0)
			return have ? fail(err, E2BIG, "/proc/self/mountinfo: line too long") : 0;
	}
}

static int remount(const char *path, bool recursive, unsigned attrs, struct err *err)
{
	int r = remount_one(path, attrs, err);

	if (r == 0 && recursive)
		r = remount_below(path, attrs, err);
	return r;
}

/* Where an fd lies; to be asked before a mount covers it, when the path is still its own. */
static int path_of(int fd, char path[PATH_MAX], struct err *err)
{
	char link[FD_PATH_MAX];
	ssize_t length;

	fd_path(fd, link);
	length = readlink(link, path, PATH_MAX - 1);
	if (length < 0)
		return fail(err, errno, "readlink '%s'", link);
	path[length] = '\0';
	return 0;
}

static int set_attrs(int mount_fd, bool recursive, unsigned attrs)
{
	struct mount_attr args = { .attr_set = attr_bits(attrs) };

	if (!attrs)
		return 0;
	if (mount_setattr(mount_fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &args,
			  sizeof(args)) == 0)
		return 0;
	return -errno;
}

int mount_add_attrs(int mount_fd, bool recursive, unsigned attrs, struct err *err)
{
	int r = set_attrs(mount_fd, recursive, attrs);
	char path[PATH_MAX];

	if (r == 0)
		return 0;
	if (!refused(-r))
		return fail(err, -r, "mount_setattr");
	r = path_of(mount_fd, path, err);
	if (r < 0)
		return r;
	return remount(path, recursive, attrs, err);
}

static int bind_old(int source_fd, int target_fd, bool recursive, unsigned attrs, struct err *err)
{
	char source[FD_PATH_MAX];
	char path[PATH_MAX];
	char target[TOP_PATH_MAX];
	int r;

	fd_path(source_fd, source);
	r = path_of(target_fd, path, err);
	if (r < 0)
		return r;
	from_top(path, target);
	if (mount(source, target, NULL, MS_BIND | (recursive ? MS_REC : 0), NULL) < 0)
		return fail(err, errno, "mount(MS_BIND)");
	return attrs ? remount(path, recursive, attrs, err) : 0;
}

int mount_bind(int source_fd, int target_fd, bool recursive, unsigned attrs, struct err *err)
{
	auto_fd tree = -1;
	char target[PATH_MAX];
	int attrs_set;

	tree = open_tree(source_fd, "",
			 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
				 (recursive ? AT_RECURSIVE : 0));
	if (tree < 0 && refused(errno))
		return bind_old(source_fd, target_fd, recursive, attrs, err);
	if (tree < 0)
		return fail(err, errno, "open_tree");
	attrs_set = set_attrs(tree, recursive, attrs);
	if (attrs_set < 0 && !refused(-attrs_set))
		return fail(err, -attrs_set, "mount_setattr");
	if (attrs_set < 0 && path_of(target_fd, target, err) < 0)
		return -err->code;
	if (move_mount(tree, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) <
	    0)
		return fail(err, errno, "move_mount");
	/* Kernels 5.2 to 5.11 have open_tree but not mount_setattr. */
	return attrs_set < 0 ? remount(target, recursive, attrs, err) : 0;
}

int mount_bind_file(const char *source, int target_fd, const char *name, struct err *err)
{
	auto_fd tree = open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	char target[PATH_MAX];

	if (tree >= 0) {
		if (move_mount(tree, "", target_fd, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
			return fail(err, errno, "move_mount");
		return 0;
	}
	if (!refused(errno))
		return fail(err, errno, "open_tree '%s'", source);
	snprintf(target, sizeof(target), "/proc/self/fd/%d/%s", target_fd, name);
	if (mount(source, target, NULL, MS_BIND, NULL) < 0)
		return fail(err, errno, "mount(MS_BIND) '%s'", source);
	return 0;
}

/* Options as mount(2) takes them: "a,b=c"; lowerdir+ folds into one lowerdir. */
static int join_options(const struct mount_option *options, char *text, size_t room)
{
	size_t used = 0;
	bool lower = false;

	text[0] = '\0';
	for (const struct mount_option *option = options; option && option->key; option++) {
		bool is_lower = strcmp(option->key, "lowerdir+") == 0;
		int n;

		if (is_lower && lower)
			n = snprintf(text + used, room - used, ":%s", option->value);
		else
			n = snprintf(text + used, room - used, "%s%s%s%s", used ? "," : "",
				     is_lower ? "lowerdir" : option->key, option->value ? "=" : "",
				     option->value ? option->value : "");
		lower = is_lower;
		if (n < 0 || (size_t)n >= room - used)
			return -E2BIG;
		used += (size_t)n;
	}
	return 0;
}

static int new_old(const char *type, const char *source, const struct mount_option *options,
		   unsigned attrs, int target_fd, int *ret_root_fd, struct err *err)
{
	char text[4096]; /* mount(2) takes one page */
	char path[PATH_MAX];
	char target[TOP_PATH_MAX];
	int r;

	r = join_options(options, text, sizeof(text));
	if (r < 0)
		return fail(err, -r, "mount %s: options", type);
	r = path_of(target_fd, path, err);
	if (r < 0)
		return err_wrap(err, "mount %s", type);
	from_top(path, target);
	if (mount(source, target, type, flag_bits(attrs), text) < 0)
		return fail(err, errno, "mount %s", type);
	if (!ret_root_fd)
		return 0;
	*ret_root_fd = open(target, O_PATH | O_CLOEXEC);
	if (*ret_root_fd < 0)
		return fail(err, errno, "open the new %s", type);
	return 0;
}

/* What the file system itself says about a refused option (fsopen(2) message queue). */
static int fail_context(int context, const char *type, const char *what, struct err *err)
{
	int error = errno;
	char message[256];
	ssize_t length = read(context, message, sizeof(message) - 1);

	if (length <= 0)
		return fail(err, error, "mount %s: %s", type, what);
	message[length] = '\0';
	message[strcspn(message, "\n")] = '\0';
	return fail(err, error, "mount %s: %s (%s)", type, what, message);
}

static int set_option(int context, const struct mount_option *option)
{
	return fsconfig(context, option->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
			option->key, option->value, 0);
}

static bool knows_lowerdir_plus(void)
{
	/* -EINVAL from fsconfig could mean a bad layer as well; ask with a context of its own. */
	auto_fd context = fsopen("overlay", FSOPEN_CLOEXEC);
	struct mount_option probe = { "lowerdir+", "/" };

	return context >= 0 && set_option(context, &probe) == 0;
}

static int set_options(int context, const char *type, const struct mount_option *options,
		       struct err *err)
{
	for (const struct mount_option *option = options; option && option->key; option++)
		if (set_option(context, option) < 0)
			return fail_context(context, type, option->key, err);
	return 0;
}

static bool lists_layers(const struct mount_option *options)
{
	for (; options && options->key; options++)
		if (strcmp(options->key, "lowerdir+") == 0)
			return true;
	return false;
}

int mount_new(const char *type, const char *source, const struct mount_option *options,
	      unsigned attrs, int target_fd, int *ret_root_fd, struct err *err)
{
	auto_fd context = fsopen(type, FSOPEN_CLOEXEC);
	struct mount_option source_option = { "source", source };
	auto_fd tree = -1;
	int r;

	if (context < 0 && refused(errno))
		return new_old(type, source, options, attrs, target_fd, ret_root_fd, err);
	if (context < 0)
		return fail(err, errno, "mount %s: fsopen", type);
	if (source && set_option(context, &source_option) < 0)
		return fail_context(context, type, "source", err);
	r = set_options(context, type, options, err);
	if (r < 0 && lists_layers(options) && !knows_lowerdir_plus())
		return new_old(type, source, options, attrs, target_fd, ret_root_fd, err);
	if (r < 0)
		return r;
	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fail_context(context, type, "create", err);
	tree = fsmount(context, FSMOUNT_CLOEXEC, attr_bits(attrs));
	if (tree < 0)
		return fail_context(context, type, "fsmount", err);
	if (move_mount(tree, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) <
	    0)
		return fail(err, errno, "mount %s: move_mount", type);
	if (ret_root_fd)
		*ret_root_fd = take_fd(&tree);
	return 0;
}

int mount_isolate(struct err *err)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return fail(err, errno, "make all mounts slaves");
	return 0;
}

/* Is something still mounted over our root, where "/.." would reach it? */
static int covered(int root_fd, struct err *err)
{
	struct stat root;
	struct stat top;

	if (fstat(root_fd, &root) < 0 || stat("/..", &top) < 0)
		return fail(err, errno, "stat of the new root");
	return root.st_dev != top.st_dev || root.st_ino != top.st_ino;
}

#define COVERS_MAX 16 /* the host's root, and helper mounts stacked on it while setting up */

int mount_pivot(int root_fd, struct err *err)
{
	int r;

	if (fchdir(root_fd) < 0)
		return fail(err, errno, "enter the new root");
	/* pivot_root(".", ".") stacks the old root on the new one: pivot_root(2), NOTES */
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return fail(err, errno, "pivot_root");
	if (chdir("/") < 0)
		return fail(err, errno, "chdir to the new root");
	for (int i = 0; (r = covered(root_fd, err)) > 0; i++) {
		if (i == COVERS_MAX)
			return fail(err, EBUSY, "the host's root stays mounted");
		if (umount2("/..", MNT_DETACH) < 0)
			return fail(err, errno, "detach the host's root");
	}
	return r;
}
