// SPDX-License-Identifier: Apache-2.0
/* Mounts; see mount.h. What to do without the new calls is in mount_old.c. */
#include "sys/mount.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/stat.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/banned.h"
#include "base/seldom.h"
#include "sys/mount_old.h"
#include "sys/new_calls.h"

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

int mount_path_of(int fd, char path[PATH_MAX])
{
	char link[32];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, PATH_MAX - 1);
	if (length < 0)
		return -errno;
	path[length] = '\0';
	return 0;
}

int mount_add_attrs(int mount_fd, bool recursive, unsigned attrs, struct err *err)
{
	int r = set_attrs(mount_fd, recursive, attrs);
	struct mount_place place;

	if (r == 0)
		return 0;
	if (!refused(-r))
		return fail(err, -r, "mount_setattr");
	r = mount_old_place(mount_fd, NULL, &place, err);
	if (r < 0)
		return r;
	return mount_old_remount(&place, recursive, attrs, err);
}

void mount_source_done(struct mount_source *source)
{
	cleanup_fd(&source->fd);
	source->fd = -1;
}

static int take_old(int dirfd, const char *path, bool recursive, unsigned attrs,
		    struct mount_source *ret_source, struct err *err)
{
	int fd = *path ? openat(dirfd, path, O_PATH | O_CLOEXEC) : fcntl(dirfd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return fail(err, errno, "open");
	*ret_source = (struct mount_source){ .fd = fd, .recursive = recursive, .attrs = attrs };
	return 0;
}

/* Both in one call where the kernel (6.15) has it. */
static int copy_with_attrs(int dirfd, const char *path, unsigned flags, struct mount_source *source)
{
	struct mount_attr args = { .attr_set = attr_bits(source->attrs) };
	int fd = source->attrs ? open_tree_attr(dirfd, path, flags, &args, sizeof(args)) : -1;

	if (fd >= 0)
		source->attrs = 0;
	return fd >= 0 ? fd : open_tree(dirfd, path, flags);
}

int mount_take(int dirfd, const char *path, bool recursive, unsigned attrs,
	       struct mount_source *ret_source, struct err *err)
{
	struct mount_source source = { .is_copy = true, .recursive = recursive, .attrs = attrs };
	int r;

	source.fd = copy_with_attrs(dirfd, path,
				    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
					    (*path ? 0u : (unsigned)AT_EMPTY_PATH) |
					    (recursive ? (unsigned)AT_RECURSIVE : 0u),
				    &source);
	if (source.fd < 0 && !refused(errno))
		return fail(err, errno, "open_tree");
	if (source.fd < 0)
		return take_old(dirfd, path, recursive, attrs, ret_source, err);
	r = set_attrs(source.fd, recursive, source.attrs);
	if (r == 0)
		source.attrs = 0;
	if (r < 0 && !refused(-r)) {
		mount_source_done(&source);
		return fail(err, -r, "mount_setattr");
	}
	/* Kernels 5.2 to 5.11 have open_tree but not mount_setattr: it is done when mounted. */
	*ret_source = source;
	return 0;
}

static int move_copy(const struct mount_source *source, int target_fd, const char *name,
		     struct err *err)
{
	if (move_mount(source->fd, "", target_fd, name ? name : "",
		       MOVE_MOUNT_F_EMPTY_PATH | (name ? 0 : MOVE_MOUNT_T_EMPTY_PATH)) < 0)
		return fail(err, errno, "move_mount");
	return 0;
}

/* Its attributes are to be set where it is mounted. */
static seldom int move_copy_with_attrs(const struct mount_source *source, int target_fd,
				       const char *name, struct err *err)
{
	struct mount_place place;
	int r = mount_old_place(target_fd, name, &place, err);

	if (r == 0)
		r = move_copy(source, target_fd, name, err);
	return r < 0 ? r : mount_old_remount(&place, source->recursive, source->attrs, err);
}

static int put_copy(struct mount_source *source, int target_fd, const char *name, int *ret_root_fd,
		    struct err *err)
{
	int r = source->attrs ? move_copy_with_attrs(source, target_fd, name, err)
			      : move_copy(source, target_fd, name, err);

	if (r == 0 && ret_root_fd)
		*ret_root_fd = take_fd(&source->fd);
	return r;
}

int mount_put(struct mount_source *source, int target_fd, const char *name, int *ret_root_fd,
	      struct err *err)
{
	int r = source->is_copy ? put_copy(source, target_fd, name, ret_root_fd, err)
				: mount_old_bind(source, target_fd, name, ret_root_fd, err);

	mount_source_done(source);
	return r;
}

/* mount(2) takes a path, and the only one to an fd that needs no lookup is from where one stands.
 * It does in one call what takes the new ones many, so it comes first where it can do the same.
 * Nobody goes back: a process that builds a root has no use for where it stood. */

/* `name` is in the working directory when is_here. */
static int bind_file(const char *path, int directory_fd, const char *name, bool is_here,
		     struct err *err)
{
	struct mount_source source;
	int r;

	if (is_here && mount(path, name, NULL, MS_BIND, NULL) == 0)
		return 0;
	if (is_here && !refused(errno))
		return fail(err, errno, "mount");
	r = mount_take(AT_FDCWD, path, false, 0, &source, err);
	return r < 0 ? r : mount_put(&source, directory_fd, name, NULL, err);
}

#define FILE_PATH_SIZE 256 /* on the stack of each start */

int mount_files(const char *folder, const char *const *names, int directory_fd, struct err *err)
{
	bool is_here = fchdir(directory_fd) == 0;
	char path[FILE_PATH_SIZE];
	size_t length = (size_t)snprintf(path, sizeof(path), "%s/", folder);
	int r;

	for (; *names; names++) {
		size_t name_bytes = strlen(*names) + 1;

		if (length + name_bytes > sizeof(path))
			return fail(err, ENAMETOOLONG, "'%s'", *names);
		memcpy(path + length, *names, name_bytes);
		r = bind_file(path, directory_fd, *names, is_here, err);
		if (r == -ENOENT && unlinkat(directory_fd, *names, 0) == 0)
			err_clear(err);
		else if (r < 0)
			return err_wrap(err, "bind '%s'", path);
	}
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

/* "key=value,flag"; false when it cannot be said in one line. */
static bool join_options(const struct mount_option *option, char *line, size_t line_size)
{
	size_t length = 0;

	line[0] = '\0';
	for (; option && option->key; option++) {
		const char *value = option->value ?: "";

		if (option->is_directory || strchr(value, ','))
			return false;
		length += (size_t)snprintf(line + length, line_size - length, "%s%s%s%s",
					   length ? "," : "", option->key, option->value ? "=" : "",
					   value);
		if (length >= line_size)
			return false;
	}
	return true;
}

/* False: to be tried by the new calls, which say what was refused. */
static bool mount_at_once(const char *type, const char *source, const struct mount_option *options,
			  unsigned attrs, int target_fd)
{
	char line[256];

	return join_options(options, line, sizeof(line)) && fchdir(target_fd) == 0 &&
	       mount(source, ".", type, mount_old_flags(attrs), line) == 0;
}

int mount_new(const char *type, const char *source, const struct mount_option *options,
	      unsigned attrs, int target_fd, int *ret_root_fd, struct err *err)
{
	struct mount_option source_option = { "source", source };
	auto_fd context = -1;
	auto_fd tree = -1;
	int r;

	if (!ret_root_fd && mount_at_once(type, source, options, attrs, target_fd))
		return 0;
	context = fsopen(type, FSOPEN_CLOEXEC);
	if (context < 0 && refused(errno))
		return mount_old_new(type, source, options, attrs, target_fd, ret_root_fd, err);
	if (context < 0)
		return fail(err, errno, "mount %s: fsopen", type);
	if (source && set_option(context, &source_option) < 0)
		return fail_context(context, type, "source", err);
	r = set_options(context, type, options, err);
	if (r < 0 && lists_layers(options) && !knows_lowerdir_plus())
		return mount_old_new(type, source, options, attrs, target_fd, ret_root_fd, err);
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

int mount_pivot(int root_fd, struct err *err)
{
	if (fchdir(root_fd) < 0)
		return fail(err, errno, "enter the new root");
	/* pivot_root(".", ".") stacks the old root on the new one: pivot_root(2), NOTES */
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return fail(err, errno, "pivot_root");
	if (chdir("/") < 0)
		return fail(err, errno, "chdir to the new root");
	return 0;
}

/* A mount of this namespace by number: the root, or what lies over it ("/.."). -ENOTSUP: the kernel
 * does not number them (before 5.8). */
static int number_of(const char *path, uint64_t *ret_number)
{
	struct statx x = { 0 };

	if (syscall(SYS_statx, AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_MNT_ID, &x) < 0)
		return -errno;
	if (!(x.stx_mask & STATX_MNT_ID))
		return -ENOTSUP;
	*ret_number = x.stx_mnt_id;
	return 0;
}

int mount_is_covered(void)
{
	uint64_t root;
	uint64_t top;
	int r = number_of("/", &root);

	if (r == 0)
		r = number_of("/..", &top);
	return r < 0 ? r : root != top;
}

/* Is something still over the root? By what it is, where mounts have no numbers. */
static int covered(struct err *err)
{
	struct stat root;
	struct stat top;
	int r = mount_is_covered();

	if (r >= 0)
		return r;
	if (stat("/", &root) < 0 || stat("/..", &top) < 0)
		return fail(err, errno, "stat of the new root");
	return root.st_dev != top.st_dev || root.st_ino != top.st_ino;
}

#define COVERS_MAX 16 /* the host's root, and helper mounts stacked on it while setting up */

int mount_uncover(struct err *err)
{
	for (int i = 0; i < COVERS_MAX; i++) {
		int r;

		if (umount2("/..", MNT_DETACH) < 0)
			return fail(err, errno, "detach the host's root");
		r = covered(err);
		if (r <= 0)
			return r;
	}
	return fail(err, EBUSY, "the host's root stays mounted");
}
