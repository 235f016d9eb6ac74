// SPDX-License-Identifier: Apache-2.0
/* The same with mount(2) alone. Sources are named through /proc/self/fd; mount points must be
 * named by path, because what is then mounted there has to be found again. */
#include "sys/mount_old.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/banned.h"
#include "base/strings.h"

#define FD_PATH_MAX  32
#define TOP_PATH_MAX (PATH_MAX + 3)

static void fd_path(int fd, char path[FD_PATH_MAX])
{
	snprintf(path, FD_PATH_MAX, "/proc/self/fd/%d", fd);
}

unsigned long mount_old_flags(unsigned attrs)
{
	return (attrs & MOUNT_READ_ONLY ? MS_RDONLY : 0) | (attrs & MOUNT_NOSUID ? MS_NOSUID : 0) |
	       (attrs & MOUNT_NODEV ? MS_NODEV : 0) | (attrs & MOUNT_NOEXEC ? MS_NOEXEC : 0);
}

static void full_path(const char *prefix, const char *path, char ret_path[TOP_PATH_MAX])
{
	snprintf(ret_path, TOP_PATH_MAX, "%s%s", prefix, path);
}

static bool is_same(int fd, const char *path)
{
	struct stat by_fd;
	struct stat by_path;

	return fstat(fd, &by_fd) == 0 && lstat(path, &by_path) == 0 &&
	       by_fd.st_dev == by_path.st_dev && by_fd.st_ino == by_path.st_ino;
}

int mount_old_place(int fd, const char *name, struct mount_place *ret_place, struct err *err)
{
	char *path = ret_place->path;
	int r = mount_path_of(fd, path);
	size_t length;

	if (r < 0)
		return fail(err, -r, "read where fd %d is", fd);
	/* "/" itself may be covered: from on top it is the same when it is not. */
	ret_place->prefix = strcmp(path, "/") != 0 && is_same(fd, path) ? "" : "/..";
	length = strlen(path);
	if (name &&
	    snprintf(path + length, PATH_MAX - length, "/%s", name) >= (int)(PATH_MAX - length))
		return fail(err, ENAMETOOLONG, "'%s'", name);
	return 0;
}

/* mount(2) remounts replace flags, and those the host locked must stay: read them first. */
static int remount_one(const char *prefix, const char *path, unsigned attrs, struct err *err)
{
	static const struct {
		unsigned long statvfs_flag, mount_flag;
	} kept[] = {
		{ ST_RDONLY, MS_RDONLY },     { ST_NOSUID, MS_NOSUID },
		{ ST_NODEV, MS_NODEV },	      { ST_NOEXEC, MS_NOEXEC },
		{ ST_NOATIME, MS_NOATIME },   { ST_NODIRATIME, MS_NODIRATIME },
		{ ST_RELATIME, MS_RELATIME },
	};
	unsigned long flags = mount_old_flags(attrs);
	char target[TOP_PATH_MAX];
	struct statvfs st;

	full_path(prefix, path, target);
	if (statvfs(target, &st) < 0)
		return fail(err, errno, "statvfs '%s'", path);
	for (size_t i = 0; i < array_count(kept); i++)
		if (st.f_flag & kept[i].statvfs_flag)
			flags |= kept[i].mount_flag;
	if (mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0)
		return fail(err, errno, "remount '%s' with new flags", path);
	return 0;
}

/* mountinfo writes blank, tab, newline and backslash as \ooo. */
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

const char *mount_point_in(char *line)
{
	char *save = NULL;
	char *field = strtok_r(line, " ", &save);

	for (int i = 0; field && i < 4; i++)
		field = strtok_r(NULL, " ", &save);
	if (field)
		unescape(field);
	return field;
}

/* mount(2) has no recursive remount: one by one, or a part would look read-only and not be. */
static int remount_below(const struct mount_place *place, unsigned attrs, struct err *err)
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
			point = mount_point_in(line);
			r = point && path_is_below(point, place->path)
				    ? remount_one(place->prefix, point, attrs, err)
				    : 0;
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

int mount_old_remount(const struct mount_place *place, bool recursive, unsigned attrs,
		      struct err *err)
{
	int r = remount_one(place->prefix, place->path, attrs, err);

	if (r == 0 && recursive)
		r = remount_below(place, attrs, err);
	return r;
}

static int open_root(const char *target, int *ret_root_fd, struct err *err)
{
	int fd = ret_root_fd ? open(target, O_PATH | O_CLOEXEC) : -1;

	if (ret_root_fd && fd < 0)
		return fail(err, errno, "open what was mounted");
	if (ret_root_fd)
		*ret_root_fd = fd;
	return 0;
}

int mount_old_bind(const struct mount_source *source, int target_fd, const char *name,
		   int *ret_root_fd, struct err *err)
{
	char from[FD_PATH_MAX];
	struct mount_place place;
	char target[TOP_PATH_MAX];
	int r = mount_old_place(target_fd, name, &place, err);

	if (r < 0)
		return r;
	fd_path(source->fd, from);
	full_path(place.prefix, place.path, target);
	if (mount(from, target, NULL, MS_BIND | (source->recursive ? MS_REC : 0), NULL) < 0)
		return fail(err, errno, "mount(MS_BIND)");
	if (source->attrs)
		r = mount_old_remount(&place, source->recursive, source->attrs, err);
	return r < 0 ? r : open_root(target, ret_root_fd, err);
}

#define OPTIONS_BYTES ((size_t)4096) /* mount(2) takes one page */
#define LAYERS_MAX    512 /* OVL_MAX_STACK is 500; and upper, work, the working directory */

struct joined {
	char text[OPTIONS_BYTES];
	size_t used;
	int fd[LAYERS_MAX]; /* directories that the text names by number */
	size_t fd_count;
};

static void joined_done(struct joined *joined)
{
	while (joined->fd_count)
		close(joined->fd[--joined->fd_count]);
}

static int add_text(struct joined *joined, const char *before, const char *text)
{
	size_t room = sizeof(joined->text) - joined->used;
	int n = snprintf(joined->text + joined->used, room, "%s%s", before, text);

	if (n < 0 || (size_t)n >= room)
		return -E2BIG;
	joined->used += (size_t)n;
	return 0;
}

/* A directory as the number of an fd, to be looked up in /proc/self/fd: long paths overflow the
 * page, and ',' and ':' in them would end the option. */
static int add_directory(struct joined *joined, const char *before, const char *path)
{
	char number[12];
	int fd = joined->fd_count < array_count(joined->fd)
			 ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)
			 : -1;

	if (fd < 0)
		return joined->fd_count < array_count(joined->fd) ? -errno : -E2BIG;
	joined->fd[joined->fd_count++] = fd;
	snprintf(number, sizeof(number), "%d", fd);
	return add_text(joined, before, number);
}

/* "a,b=c"; lowerdir+ folds into one lowerdir. */
static int join_options(const struct mount_option *options, struct joined *joined)
{
	bool lower = false;
	int r = 0;

	for (const struct mount_option *option = options; r == 0 && option && option->key;
	     option++) {
		bool is_lower = strcmp(option->key, "lowerdir+") == 0;

		if (is_lower && lower) {
			r = add_directory(joined, ":", option->value);
			continue;
		}
		r = joined->used ? add_text(joined, ",", "") : 0;
		if (r == 0)
			r = add_text(joined, is_lower ? "lowerdir" : option->key,
				     option->value ? "=" : "");
		if (r == 0 && option->value)
			r = option->is_directory ? add_directory(joined, "", option->value)
						 : add_text(joined, "", option->value);
		lower = is_lower;
	}
	return r;
}

/* Relative names in the options are looked up from the working directory. */
static int mount_in_fd_folder(const char *source, const char *target, const char *type,
			      unsigned long flags, const char *options)
{
	auto_fd here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int error = 0;

	if (here < 0 || chdir("/proc/self/fd") < 0)
		return -errno;
	if (mount(source, target, type, flags, options) < 0)
		error = errno;
	if (fchdir(here) < 0)
		return -errno;
	return -error;
}

static int mount_joined(const char *type, const char *source, const struct mount_option *options,
			unsigned long flags, const char *target, struct err *err)
{
	struct joined joined = { .used = 0 };
	int r = join_options(options, &joined);

	if (r < 0) {
		fail(err, -r, "mount %s: options", type);
	} else {
		if (joined.fd_count)
			r = mount_in_fd_folder(source, target, type, flags, joined.text);
		else if (mount(source, target, type, flags, joined.text) < 0)
			r = -errno;
		if (r < 0)
			fail(err, -r, "mount %s", type);
	}
	joined_done(&joined);
	return r;
}

int mount_old_new(const char *type, const char *source, const struct mount_option *options,
		  unsigned attrs, int target_fd, int *ret_root_fd, struct err *err)
{
	struct mount_place place;
	char target[TOP_PATH_MAX];
	int r = mount_old_place(target_fd, NULL, &place, err);

	if (r < 0)
		return err_wrap(err, "mount %s", type);
	full_path(place.prefix, place.path, target);
	r = mount_joined(type, source, options, mount_old_flags(attrs), target, err);
	return r < 0 ? r : open_root(target, ret_root_fd, err);
}
