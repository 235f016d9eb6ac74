// SPDX-License-Identifier: Apache-2.0
/* Two walks, for a file with two names must be seen by both before it is changed. */
#include "engine/settle.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/limits.h> /* XATTR_LIST_MAX, XATTR_SIZE_MAX */
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/banned.h"
#include "base/io.h"
#include "rootemu/owner_report.h"
#include "rootfs/real.h"
#include "sys/entries.h"
#include "sys/openat2.h"

#define DEPTH_MAX 512

struct settling {
	const struct emulation *emulation;
	uid_t own_uid; /* the caller, as seen inside */
	gid_t own_gid;
	bool gives_back; /* the second walk */
	struct err *err;
	unsigned depth;
	char path[PATH_MAX]; /* relative to the root, "" is it */
	char names[XATTR_LIST_MAX];
	char value[XATTR_SIZE_MAX];
};

/* One file: `name` in the working directory. */
struct file {
	const char *name;
	struct stat st;
	size_t names_bytes; /* of settling->names: its attributes */
};

static int cannot(struct settling *settling, const char *what)
{
	return fail(settling->err, errno, "%s '/%s'", what, settling->path);
}

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

/* Labels are the host's business; user.* stays on disk. */
static bool is_noted(const char *name)
{
	return !text_starts(name, "user.") && !text_starts(name, "trusted.overlay.") &&
	       strcmp(name, "security.selinux") != 0 && !text_starts(name, "security.ima") &&
	       !text_starts(name, "security.evm") && !text_starts(name, "system.nfs4_acl");
}

static int list_xattrs(struct settling *settling, struct file *file)
{
	ssize_t size = llistxattr(file->name, settling->names, sizeof(settling->names));

	if (size < 0 && errno != ENOTSUP)
		return cannot(settling, "list the attributes of");
	file->names_bytes = size < 0 ? 0 : (size_t)size;
	return 0;
}

/* The noted attribute after `at` (NULL: the first), or NULL. */
static const char *next_noted(const struct settling *settling, const struct file *file,
			      const char *at)
{
	const char *end = settling->names + file->names_bytes;

	for (at = at ? at + strlen(at) + 1 : settling->names; at < end; at += strlen(at) + 1)
		if (is_noted(at))
			return at;
	return NULL;
}

/* ---- the first walk ---- */

static int put(struct settling *settling, const void *bytes, size_t size_bytes)
{
	int r = io_write_all(settling->emulation->report_fd, bytes, size_bytes);

	return r < 0 ? fail(settling->err, -r, "note the owner of '/%s'", settling->path) : 0;
}

static int put_xattr(struct settling *settling, const char *name, const void *value,
		     size_t size_bytes)
{
	struct report_xattr header = { .name_bytes = (uint32_t)strlen(name),
				       .value_bytes = (uint32_t)size_bytes };
	int r = put(settling, &header, sizeof(header));

	if (r == 0)
		r = put(settling, name, header.name_bytes);
	return r < 0 ? r : put(settling, value, size_bytes);
}

/* What the layers say of the file, as far as attributes could not be made real. */
static const struct owner *find_unreal(const struct settling *settling)
{
	const struct view *layers = settling->emulation->layers;

	for (size_t i = 0; layers && i < layers->count; i++) {
		const struct owner *owner = owners_find(&layers->layer[i].owners, settling->path);

		if (owner)
			return owner->whiteout ? NULL : owner;
	}
	return NULL;
}

static bool is_unreal_xattr(const struct settling *settling, const struct file *file,
			    const char *name)
{
	if (!real_is_refused_xattr(name))
		return false;
	for (const char *at = settling->names; at < settling->names + file->names_bytes;
	     at += strlen(at) + 1)
		if (strcmp(at, name) == 0)
			return false;
	return true;
}

static uint32_t count_xattrs(const struct settling *settling, const struct file *file,
			     const struct owner *unreal)
{
	uint32_t count = 0;
	const char *at = NULL;

	while ((at = next_noted(settling, file, at)))
		count++;
	for (size_t i = 0; unreal && i < unreal->xattr_count; i++)
		count += is_unreal_xattr(settling, file, unreal->xattrs[i].name);
	return count;
}

static int put_xattrs(struct settling *settling, const struct file *file,
		      const struct owner *unreal)
{
	const char *at = NULL;
	int r = 0;

	while ((at = next_noted(settling, file, at))) {
		ssize_t size = lgetxattr(file->name, at, settling->value, sizeof(settling->value));

		if (size < 0)
			return cannot(settling, "read an attribute of");
		r = put_xattr(settling, at, settling->value, (size_t)size);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; r == 0 && unreal && i < unreal->xattr_count; i++) {
		const struct xattr *xattr = &unreal->xattrs[i];

		if (is_unreal_xattr(settling, file, xattr->name))
			r = put_xattr(settling, xattr->name, xattr->value, xattr->size_bytes);
	}
	return r;
}

/* An empty file that stands for a device (devices.h). */
static void note_device(struct settling *settling, const struct file *file, struct lie *lie)
{
	mode_t type;
	ssize_t size;

	if (!S_ISREG(file->st.st_mode) || file->st.st_size > 0)
		return;
	size = lgetxattr(file->name, REAL_DEVICE, settling->value, sizeof(settling->value));
	if (size < 0 || !real_parse_device(settling->value, (size_t)size, &type, &lie->rdev_major,
					   &lie->rdev_minor))
		return;
	lie->mode_mask |= S_IFMT;
	lie->mode_bits |= type;
}

static int note(struct settling *settling, struct file *file)
{
	const struct owner *unreal = find_unreal(settling);
	const struct stat *st = &file->st;
	struct report_file header = {
		.path_bytes = (uint32_t)strlen(settling->path),
		.lie = { .uid = st->st_uid,
			 .gid = st->st_gid,
			 .mode_mask = S_ISLNK(st->st_mode) ? 0 : 07777,
			 .mode_bits = S_ISLNK(st->st_mode) ? 0 : st->st_mode & 07777,
			 .rdev_major = major(st->st_rdev),
			 .rdev_minor = minor(st->st_rdev) },
	};
	int r = list_xattrs(settling, file);

	if (r < 0)
		return r;
	header.xattr_count = count_xattrs(settling, file, unreal);
	note_device(settling, file, &header.lie);
	r = put(settling, &header, sizeof(header));
	if (r == 0)
		r = put(settling, settling->path, header.path_bytes);
	return r < 0 ? r : put_xattrs(settling, file, unreal);
}

/* ---- the second walk ---- */

static int give_back(struct settling *settling, struct file *file)
{
	const struct stat *st = &file->st;
	mode_t least = S_ISDIR(st->st_mode) ? 0700 : 0400;
	bool is_own = st->st_uid == settling->own_uid && st->st_gid == settling->own_gid;
	const char *at = NULL;
	int r = list_xattrs(settling, file);

	if (r < 0)
		return r;
	while ((at = next_noted(settling, file, at)))
		if (lremovexattr(file->name, at) < 0 && errno != ENODATA)
			return cannot(settling, "take an attribute from");
	if (S_ISREG(st->st_mode) && lremovexattr(file->name, REAL_DEVICE) < 0 && errno != ENODATA &&
	    errno != ENOTSUP)
		return cannot(settling, "take an attribute from");
	if (!is_own && lchown(file->name, settling->own_uid, settling->own_gid) < 0)
		return cannot(settling, "take back");
	/* after chown(2), which takes set-id bits away */
	if (!S_ISLNK(st->st_mode) && (!is_own || (st->st_mode & least) != least) &&
	    chmod(file->name, (st->st_mode & 07777) | least) < 0)
		return cannot(settling, "set the mode of");
	return 0;
}

/* ---- walking ---- */

static int walk(struct settling *settling, int fd);

static int visit(struct settling *settling, int dirfd, const char *name)
{
	struct file file = { .name = name };
	int r;

	if (fchdir(dirfd) < 0 || fstatat(dirfd, name, &file.st, AT_SYMLINK_NOFOLLOW) < 0)
		return cannot(settling, "look at");
	if (is_whiteout(&file.st))
		return 0;
	r = settling->gives_back ? give_back(settling, &file) : note(settling, &file);
	if (r < 0 || !S_ISDIR(file.st.st_mode))
		return r;
	auto_fd fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? cannot(settling, "open") : walk(settling, fd);
}

struct level {
	struct settling *settling;
	int fd;
};

static int visit_entry(void *context, const char *name)
{
	const struct level *level = context;
	struct settling *settling = level->settling;
	size_t length = strlen(settling->path);
	size_t more = strlen(name);
	int r;

	if (length + more + 2 > sizeof(settling->path) || settling->depth > DEPTH_MAX)
		return fail(settling->err, ENAMETOOLONG, "owners below '/%s'", settling->path);
	if (length)
		settling->path[length] = '/';
	memcpy(settling->path + length + (length > 0), name, more + 1);
	settling->depth++;
	r = visit(settling, level->fd, name);
	settling->depth--;
	settling->path[length] = '\0';
	return r;
}

static int walk(struct settling *settling, int fd)
{
	struct level level = { settling, fd };
	int r = entries_each(fd, visit_entry, &level);

	if (r == 0 || settling->err->code)
		return r;
	errno = -r;
	return cannot(settling, "list");
}

static int walk_root(struct settling *settling, int root_fd)
{
	auto_fd fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? cannot(settling, "open") : visit(settling, fd, ".");
}

/* Cache mounts of a build: they are still where the box had them. */
static int give_mounts_back(struct settling *settling, const struct box *box)
{
	auto_fd root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = root_fd < 0 ? cannot(settling, "open") : 0;

	for (size_t i = 0; r == 0 && i < box->mounts.count; i++) {
		const struct box_mount *mount = &box->mounts.item[i];
		auto_fd fd = -1;

		if (!mount->is_kept || mount->read_only)
			continue;
		fd = openat2_in_root(root_fd, mount->target, O_RDONLY | O_DIRECTORY, 0);
		if (fd < 0)
			return fail(settling->err, -fd, "open '%s'", mount->target);
		r = walk_root(settling, fd);
	}
	return r;
}

static int settle(struct settling *settling, const struct box *box, int upper_fd)
{
	int r = walk_root(settling, upper_fd);

	settling->gives_back = true;
	if (r == 0)
		r = walk_root(settling, upper_fd);
	return r < 0 ? r : give_mounts_back(settling, box);
}

void settle_owners(const struct emulation *emulation, const struct box *box, int upper_fd)
{
	struct settling *settling = mmap(NULL, sizeof(*settling), PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct report_file last = { .path_bytes = REPORT_COMPLETE };
	struct err err = { 0 };
	int r;

	if (settling == MAP_FAILED) {
		r = fail(&err, errno, "memory to note owners");
	} else {
		settling->emulation = emulation;
		settling->own_uid = box->own_uid;
		settling->own_gid = box->own_gid;
		settling->err = &err;
		r = settle(settling, box, upper_fd);
	}
	if (r < 0)
		last.path_bytes = REPORT_FAILED;
	(void)io_write_all(emulation->report_fd, &last, sizeof(last));
	if (r < 0)
		(void)io_write_all(emulation->report_fd, &err, sizeof(err));
}
