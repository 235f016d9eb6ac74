// SPDX-License-Identifier: Apache-2.0
/* cache/real/SPACE/HEX/root is the thin layer of layer HEX; SPACE is a hash of the id space, whose
 * text is in cache/real/SPACE/space. In a folder of its own because renaming a directory takes the
 * right to write to it, which the caller may not have. */
#include "rootfs/real.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/map.h"
#include "base/strings.h"
#include "rootfs/tree.h"
#include "sys/openat2.h"
#include "sys/remove.h"

#define SPACE_TEXT_MAX ((size_t)16 * 1024)

/* --- a record's word becomes true --- */

static bool says_something(const struct owner *owner)
{
	return !owner->whiteout &&
	       (owner->uid || owner->gid || owner->has_mode || owner->type || owner->xattr_count);
}

bool real_is_refused_xattr(const char *name)
{
	return text_starts(name, "trusted.") ||
	       (text_starts(name, "security.") && strcmp(name, "security.capability") != 0);
}

static int set_xattrs(int root_fd, const struct owner *owner, struct err *err)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", root_fd, owner->path);
	for (size_t i = 0; i < owner->xattr_count; i++) {
		const struct xattr *xattr = &owner->xattrs[i];

		if (lsetxattr(path, xattr->name, xattr->value, xattr->size_bytes, 0) == 0 ||
		    ((errno == EPERM || errno == ENOTSUP) && real_is_refused_xattr(xattr->name)))
			continue;
		fail(err, errno, "attribute %s of '/%s'", xattr->name, owner->path);
		err_hint(err, "the store's file system must hold it; engine userns needs that "
			      "nowhere");
		return -err->code;
	}
	return 0;
}

int real_mark_device(int fd, mode_t type, unsigned device_major, unsigned device_minor)
{
	char path[64];
	char value[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	snprintf(value, sizeof(value), "%c %u %u", S_ISCHR(type) ? 'c' : 'b', device_major,
		 device_minor);
	return setxattr(path, REAL_DEVICE, value, strlen(value), 0) < 0 ? -errno : 0;
}

bool real_parse_device(const char *value, size_t size_bytes, mode_t *ret_type, uint32_t *ret_major,
		       uint32_t *ret_minor)
{
	char text[64];
	char kind, end;

	if (size_bytes >= sizeof(text))
		return false;
	memcpy(text, value, size_bytes);
	text[size_bytes] = '\0';
	if (sscanf(text, "%c %u %u%c", &kind, ret_major, ret_minor, &end) != 3 ||
	    (kind != 'c' && kind != 'b'))
		return false;
	*ret_type = kind == 'c' ? S_IFCHR : S_IFBLK;
	return true;
}

/* Where the kernel grants none. */
static int mark_device(int root_fd, const struct owner *owner, struct err *err)
{
	auto_fd fd = openat2_no_symlinks(root_fd, owner->path, O_PATH | O_NOFOLLOW, 0);
	int r = fd < 0 ? fd
		       : real_mark_device(fd, owner->type, owner->rdev_major, owner->rdev_minor);

	return r < 0 ? fail(err, -r, "note that '/%s' is a device", owner->path) : 0;
}

/* The empty file that stands for it on disk goes, and the directory keeps its time. */
static int make_device(int root_fd, const struct owner *owner, struct err *err)
{
	const char *slash = strrchr(owner->path, '/');
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	char parent[PATH_MAX];
	char name[PATH_MAX + 16];
	struct stat st;

	snprintf(parent, sizeof(parent), "%.*s", slash ? (int)(slash - owner->path) : 1,
		 slash ? owner->path : ".");
	snprintf(name, sizeof(name), "%s/.rootlet-device", parent);
	if (fstatat(root_fd, parent, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(err, errno, "look at '/%s'", parent);
	if (mknodat(root_fd, name, owner->type | 0600,
		    makedev(owner->rdev_major, owner->rdev_minor)) < 0)
		return errno == EPERM ? mark_device(root_fd, owner, err)
				      : fail(err, errno, "make device '/%s'", owner->path);
	times[1] = st.st_mtim;
	if (renameat(root_fd, name, root_fd, owner->path) < 0 ||
	    utimensat(root_fd, parent, times, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(err, errno, "make device '/%s'", owner->path);
	return 0;
}

static int apply_one(int root_fd, const struct owner *owner, struct err *err)
{
	const char *path = *owner->path ? owner->path : ".";
	struct stat st;
	int r = 0;

	if (fstatat(root_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail(err, errno, "look at '/%s'", owner->path);
	if (owner->type == S_IFCHR || owner->type == S_IFBLK)
		r = make_device(root_fd, owner, err);
	if (r < 0)
		return r;
	if (fchownat(root_fd, path, owner->uid, owner->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(err, errno, "give '/%s' to %u:%u", owner->path, owner->uid, owner->gid);
	/* chown(2) takes set-id bits away, and file capabilities: those come last. */
	if (!S_ISLNK(st.st_mode) &&
	    fchmodat(root_fd, path, (owner->has_mode ? owner->mode : st.st_mode) & 07777, 0) < 0)
		return fail(err, errno, "set the mode of '/%s'", owner->path);
	return set_xattrs(root_fd, owner, err);
}

int real_apply(int root_fd, const struct owners *owners, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < owners->count; i++)
		if (says_something(&owners->item[i]))
			r = apply_one(root_fd, &owners->item[i], err);
	return r;
}

int real_check(const struct owners *owners, const struct id_space *space, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < owners->count; i++) {
		const struct owner *owner = &owners->item[i];
		char what[PATH_MAX + 8];

		snprintf(what, sizeof(what), "'/%s'", owner->path);
		r = id_space_check(space, owner->uid, owner->gid, what, err);
	}
	return r;
}

/* --- the thin layer --- */

/* The files the record speaks of, and the directories above them. */
static int list_files(const struct store *store, const struct digest *diff_id,
		      const struct owners *owners, struct view *view, struct tree *tree,
		      struct err *err)
{
	struct map wanted = { 0 };
	size_t kept = 0;
	int r = view_push_layer(view, store, diff_id, err);

	if (r == 0)
		r = tree_of_view(view, tree, err);
	map_set(&wanted, "", &wanted);
	for (size_t i = 0; i < owners->count; i++) {
		char path[PATH_MAX];
		char *slash;

		if (!says_something(&owners->item[i]))
			continue;
		snprintf(path, sizeof(path), "%s", owners->item[i].path);
		map_set(&wanted, path, &wanted);
		while ((slash = strrchr(path, '/'))) {
			*slash = '\0';
			map_set(&wanted, path, &wanted);
		}
	}
	for (size_t i = 0; r == 0 && i < tree->count; i++)
		if (tree->item[i].kind == TREE_ENTRY && map_get(&wanted, tree->item[i].path))
			tree->item[kept++] = tree->item[i];
	tree->count = kept;
	map_done(&wanted);
	return r;
}

struct application {
	int root_fd;
	const struct owners *owners;
};

static int apply_inside(void *context, struct err *err)
{
	const struct application *application = context;

	return real_apply(application->root_fd, application->owners, err);
}

static int make(const struct store *store, const struct digest *diff_id,
		const struct owners *owners, const struct id_space *space, const char *work,
		struct err *err)
{
	struct application application = { .owners = owners };
	char root[STORE_WORK_NAME_MAX + 8];
	auto_view view;
	auto_tree tree = { 0 };
	auto_fd root_fd = -1;
	int r;

	view_init(&view);
	snprintf(root, sizeof(root), "%s/root", work);
	if (mkdirat(store->dirfd, work, 0700) < 0 || mkdirat(store->dirfd, root, 0755) < 0)
		return fail(err, errno, "make '%s' in '%s'", root, store->path);
	root_fd = openat(store->dirfd, root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return fail(err, errno, "open '%s' in '%s'", root, store->path);
	r = list_files(store, diff_id, owners, &view, &tree, err);
	if (r == 0)
		r = tree_copy(&tree, TREE_COPY_REFLINK, root_fd, err);
	application.root_fd = root_fd;
	if (r == 0)
		r = id_space_call(space, apply_inside, &application, err);
	return r < 0 ? r : store_sync(store, err);
}

/* FNV-1a; the text itself is compared. */
static uint64_t hash(const char *text)
{
	uint64_t value = 0xcbf29ce484222325;

	for (; *text; text++)
		value = (value ^ (unsigned char)*text) * 0x100000001b3;
	return value;
}

/* The folder of the id space, made if missing. */
static int open_space(const struct store *store, const struct id_space *space,
		      char folder[STORE_NAME_MAX], struct err *err)
{
	char file[STORE_NAME_MAX + 8];
	auto_buf text = { 0 };
	auto_buf found = { 0 };
	int r;

	id_space_name(space, &text);
	snprintf(folder, STORE_NAME_MAX, STORE_REAL "/%016llx",
		 (unsigned long long)hash(buf_text(&text)));
	snprintf(file, sizeof(file), "%s/space", folder);
	r = io_read_file_at(store->dirfd, file, SPACE_TEXT_MAX, &found, NULL);
	if (r == 0 && strcmp(buf_text(&found), buf_text(&text)) != 0)
		return fail_plain(err, EEXIST, "'%s' in the store is of another id space", folder);
	if (r != -ENOENT)
		return r < 0 ? fail(err, -r, "read '%s' in the store", file) : 0;
	r = store_make_folder(store, STORE_REAL, err);
	if (r == 0)
		r = store_make_folder(store, folder, err);
	return r < 0 ? r
		     : io_replace_file_at(store->dirfd, file, buf_text(&text), text.size_bytes,
					  0600, err);
}

static int make_and_publish(const struct store *store, const struct digest *diff_id,
			    const struct owners *owners, const struct id_space *space,
			    const char *name, struct err *err)
{
	char work[STORE_WORK_NAME_MAX];
	struct err removal = { 0 };
	int r = store_work_name(store, work, err);

	if (r == 0)
		r = make(store, diff_id, owners, space, work, err);
	if (r == 0 && renameat(store->dirfd, work, store->dirfd, name) == 0)
		return 0;
	/* EEXIST, ENOTEMPTY: somebody else was faster with the same. */
	if (r == 0 && errno != EEXIST && errno != ENOTEMPTY)
		r = fail(err, errno, "publish '%s' in the store", name);
	(void)!remove_tree(store->dirfd, work, &removal);
	return r;
}

static bool needs_one(const struct owners *owners)
{
	for (size_t i = 0; i < owners->count; i++)
		if (says_something(&owners->item[i]))
			return true;
	return false;
}

int real_layer(const struct store *store, const struct digest *diff_id, const struct owners *owners,
	       const struct id_space *space, struct buf *ret_path, struct err *err)
{
	char folder[STORE_NAME_MAX];
	char name[STORE_NAME_MAX + 80];
	int r;

	if (!needs_one(owners))
		return 0;
	r = real_check(owners, space, err);
	if (r == 0)
		r = open_space(store, space, folder, err);
	if (r < 0)
		return err_wrap(err, "layer %s", diff_id->text);
	snprintf(name, sizeof(name), "%s/%s", folder, digest_hex(diff_id));
	if (faccessat(store->dirfd, name, F_OK, 0) < 0) {
		r = make_and_publish(store, diff_id, owners, space, name, err);
		if (r < 0)
			return err_wrap(err, "true owners of layer %s", diff_id->text);
	}
	buf_printf(ret_path, "%s/%s/root", store->path, name);
	return 0;
}

int real_stack(const struct store *store, const struct digest *diff_ids, size_t count,
	       const struct view *view, const struct id_space *space, struct strings *lower,
	       struct err *err)
{
	for (size_t i = count; i-- > 0;) {
		auto_buf thin = { 0 };
		auto_buf path = { 0 };
		int r = real_layer(store, &diff_ids[i], &view->layer[view->count - 1 - i].owners,
				   space, &thin, err);

		if (r < 0)
			return r;
		if (thin.size_bytes)
			strings_add(lower, thin.bytes);
		layer_path(store, &diff_ids[i], &path);
		strings_add(lower, path.bytes);
	}
	return 0;
}

int real_own(int root_fd, const struct owners *owners, const struct id_space *space,
	     struct err *err)
{
	struct application application = { .root_fd = root_fd, .owners = owners };
	int r = real_check(owners, space, err);

	return r < 0 ? r : id_space_call(space, apply_inside, &application, err);
}

int real_copy(const struct store *store, const char *copy_name, const struct owners *owners,
	      const struct id_space *space, struct err *err)
{
	auto_fd root_fd = openat(store->dirfd, copy_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (root_fd < 0)
		return fail(err, errno, "open '%s' in the store", copy_name);
	r = real_own(root_fd, owners, space, err);
	return r < 0 ? err_wrap(err, "true owners of the copied root") : 0;
}
