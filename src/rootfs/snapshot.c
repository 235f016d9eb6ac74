// SPDX-License-Identifier: Apache-2.0
/* Three passes: snapshot_plan walks the upper directory against the layers below and makes the list
 * of what changed, removing from the disk what did not; the list is written as tar; the disk is
 * put into the form that layers have (modes, times, marks) and published with its record. */
#include "rootfs/snapshot.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/strings.h"
#include "rootfs/directories.h"
#include "rootfs/layer_blob.h"
#include "rootfs/records.h"
#include "rootfs/snapshot_plan.h"
#include "store/blob.h"
#include "store/layers.h"
#include "sys/remove.h"

/* --- the disk --- */

struct settling {
	const struct snapshot_request *request;
	bool is_layer; /* else a copy that is kept: no marks, and nobody asks for its record */
	struct directories directories;
	struct records records;
	bool overlay_ready;
	struct err *err;
};

static int enter(struct settling *settling, const struct tree_entry *entry, int *ret_dirfd,
		 const char **ret_name)
{
	const char *slash = strrchr(entry->path, '/');
	int r = directories_enter(&settling->directories, entry->path,
				  slash ? (size_t)(slash - entry->path) : 0, NULL, NULL, ret_dirfd);

	*ret_name = !*entry->path ? "." : slash ? slash + 1 : entry->path;
	return r < 0 ? fail(settling->err, -r, "open the directory of '/%s'", entry->path) : 0;
}

static bool is_placeholder(const struct tree_entry *entry)
{
	return S_ISCHR(entry->mode) || S_ISBLK(entry->mode);
}

static mode_t disk_mode_of(const struct tree_entry *entry)
{
	mode_t mode = entry->mode & 07777;

	if (S_ISDIR(entry->mode))
		return mode | 0700;
	return is_placeholder(entry) ? (mode & 0777) | 0400 : mode | 0400;
}

/* A device that root made is replaced by an empty file, like those of unpacked layers. */
static int settle_device(struct settling *settling, const struct tree_entry *entry, int dirfd,
			 const char *name)
{
	struct stat st;
	auto_fd fd = -1;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
		return 0;
	if (unlinkat(dirfd, name, 0) < 0)
		return fail(settling->err, errno, "remove device '/%s'", entry->path);
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || fchmod(fd, disk_mode_of(entry)) < 0)
		return fail(settling->err, errno, "create '/%s'", entry->path);
	return 0;
}

static bool is_on_disk(int dirfd, const char *name, const struct xattr *xattr)
{
	auto_buf path = { 0 };

	buf_printf(&path, "/proc/self/fd/%d/%s", dirfd, name);
	return lgetxattr(path.bytes, xattr->name, NULL, 0) == (ssize_t)xattr->size_bytes;
}

static void record(struct settling *settling, const struct tree_entry *entry, int dirfd,
		   const char *name)
{
	struct owner owner = { .uid = entry->uid, .gid = entry->gid };
	struct owner *kept;

	if (!S_ISLNK(entry->mode) && disk_mode_of(entry) != (entry->mode & 07777)) {
		owner.has_mode = true;
		owner.mode = entry->mode & 07777;
	}
	if (is_placeholder(entry) || (S_ISFIFO(entry->mode) && !S_ISFIFO(entry->disk_mode))) {
		owner.type = entry->mode & S_IFMT;
		owner.rdev_major = entry->rdev_major;
		owner.rdev_minor = entry->rdev_minor;
	}
	if (!owner_is_needed(&owner) && !entry->xattr_count)
		return;
	kept = records_get(&settling->records, entry->path);
	owner.path = kept->path;
	owner.opaque = kept->opaque;
	*kept = owner;
	for (size_t i = 0; i < entry->xattr_count; i++)
		if (!is_on_disk(dirfd, name, &entry->xattrs[i]))
			records_add_xattr(&settling->records, kept, entry->xattrs[i].name,
					  entry->xattrs[i].value, entry->xattrs[i].size_bytes);
}

/* Of a copy: what tree_copy would not have put there, such as an access control list, is said by
 * the layer's record alone. */
static int strip(struct settling *settling, const struct tree_entry *entry, int dirfd,
		 const char *name)
{
	auto_buf path = { 0 };

	buf_printf(&path, "/proc/self/fd/%d/%s", dirfd, name);
	for (size_t i = 0; i < entry->disk_xattr_count; i++)
		if (!text_starts(entry->disk_xattrs[i].name, "user.") &&
		    lremovexattr(path.bytes, entry->disk_xattrs[i].name) < 0 && errno != ENODATA)
			return fail(settling->err, errno, "remove attribute '%s' of '/%s'",
				    entry->disk_xattrs[i].name, entry->path);
	return 0;
}

static int settle_entry(struct settling *settling, const struct tree_entry *entry)
{
	const char *name;
	int dirfd;
	int r = enter(settling, entry, &dirfd, &name);

	if (r == 0 && is_placeholder(entry))
		r = settle_device(settling, entry, dirfd, name);
	if (r < 0)
		return r;
	if (settling->is_layer)
		record(settling, entry, dirfd, name);
	else
		r = strip(settling, entry, dirfd, name);
	if (r < 0)
		return r;
	if (S_ISLNK(entry->mode) || disk_mode_of(entry) == (entry->disk_mode & 07777))
		return 0;
	if (fchmodat(dirfd, name, disk_mode_of(entry), 0) < 0)
		return fail(settling->err, errno, "set the mode of '/%s'", entry->path);
	return 0;
}

/* overlayfs has left its marks on disk; of a complete tree there are none yet. */
static int settle_mark(struct settling *settling, const struct tree_entry *entry)
{
	struct owner *owner = records_get(&settling->records, entry->path);
	const char *name;
	int dirfd;
	int r;

	if (entry->kind == TREE_OPAQUE) {
		owner->opaque = true;
		return 0;
	}
	owner->whiteout = true;
	r = enter(settling, entry, &dirfd, &name);
	if (r == 0 && mknodat(dirfd, name, S_IFCHR, makedev(0, 0)) < 0 && errno != EEXIST)
		settling->overlay_ready = false;
	return r;
}

/* Children come after their directory in the list and change its time: so from the end. */
static int settle_times(struct settling *settling, const struct tree *tree)
{
	for (size_t i = tree->count; i-- > 0;) {
		const struct tree_entry *entry = &tree->item[i];
		const struct snapshot_request *request = settling->request;
		struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, entry->mtime };
		bool late = request->clamp && entry->mtime.tv_sec >= request->clamp_s;
		const char *name;
		int dirfd;
		int r;

		if (entry->kind != TREE_ENTRY || (!late && !S_ISDIR(entry->mode)))
			continue;
		if (late)
			times[1] = (struct timespec){ .tv_sec = request->clamp_s };
		r = enter(settling, entry, &dirfd, &name);
		if (r < 0)
			return r;
		if (utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
			return fail(settling->err, errno, "set the time of '/%s'", entry->path);
	}
	return 0;
}

static int settle(struct settling *settling, const struct tree *tree, int root_fd)
{
	int r = 0;

	directories_init(&settling->directories, root_fd);
	for (size_t i = 0; r == 0 && i < tree->count; i++) {
		const struct tree_entry *entry = &tree->item[i];

		if (entry->kind == TREE_ENTRY)
			r = settle_entry(settling, entry);
		else if (settling->is_layer)
			r = settle_mark(settling, entry);
	}
	if (r == 0)
		r = settle_times(settling, tree);
	directories_done(&settling->directories);
	return r;
}

/* Of a copy that is kept the layer is copied out, at another name. */
static int copy_out(const struct snapshot_request *request, int upper_fd, const struct tree *tree,
		    const char *name, int *ret_fd, struct err *err)
{
	struct settling settling = { .request = request, .err = err };
	struct stat root;
	auto_fd fd = -1;
	int r = settle(&settling, tree, upper_fd);

	if (r < 0)
		return r;
	if (mkdirat(request->store->dirfd, name, 0755) < 0)
		return fail(err, errno, "make '%s' in '%s'", name, request->store->path);
	fd = openat(request->store->dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(upper_fd, &root) < 0 || fchmod(fd, root.st_mode & 07777) < 0)
		return fail(err, errno, "open '%s' in '%s'", name, request->store->path);
	r = tree_copy(tree, TREE_COPY_REFLINK, fd, err);
	if (r == 0)
		*ret_fd = take_fd(&fd);
	return r;
}

/* The disk as layers have it, and a draft of its record. */
static int settle_disk(const struct snapshot_request *request, int upper_fd,
		       const struct tree *tree, uint64_t tar_bytes,
		       char ret_record_name[STORE_WORK_NAME_MAX], struct err *err)
{
	struct settling settling = {
		.request = request, .is_layer = true, .overlay_ready = true, .err = err
	};
	struct owners owners;
	int r = settle(&settling, tree, upper_fd);

	/* The root's own entry is left out when it did not change; then its time is not the
	 * layer's. */
	if (r == 0 && *tree->item[0].path)
		records_get(&settling.records, "")->implicit = true;
	if (r == 0) {
		records_list(&settling.records, &owners);
		owners.overlay_ready = settling.overlay_ready;
		owners.tar_bytes = tar_bytes;
		r = layer_draft_record(request->store, &owners, ret_record_name, err);
	}
	records_done(&settling.records);
	return r;
}

/* One sync for the layer, its record and its blob. What is there already needs none. */
static int publish(const struct snapshot_request *request, const char *name,
		   struct layer_blob *blob, const struct snapshot *snapshot,
		   const char *record_name, struct err *err)
{
	int r = 0;

	if (!layer_present(request->store, &snapshot->diff_id) ||
	    !blob_present(request->store, &snapshot->layer))
		r = store_sync(request->store, err);
	if (r == 0)
		r = layer_blob_publish(blob, err);
	if (r == 0)
		r = layer_publish_draft(request->store, &snapshot->diff_id, name, record_name, err);
	return r;
}

/* --- the archive --- */

static int write_blob(const struct snapshot_request *request, const struct tree *tree,
		      struct layer_blob *blob, struct snapshot *snapshot, struct err *err)
{
	struct tree_tar_options options = { .clamp = request->clamp,
					    .clamp_s = request->clamp_s,
					    .is_layer = true };
	struct tar_writer writer = { .write = layer_blob_write, .context = blob };
	int r = tree_write_tar(tree, &options, &writer, err);

	return r < 0 ? r
		     : layer_blob_seal(blob, &snapshot->layer, &snapshot->diff_id,
				       &snapshot->tar_bytes, err);
}

/* The directory `name` becomes the layer. */
static int make_layer(const struct snapshot_request *request, const char *name, int fd,
		      const struct tree *tree, struct snapshot *snapshot, struct err *err)
{
	char record_name[STORE_WORK_NAME_MAX];
	auto_layer_blob *blob = NULL;
	int r = layer_blob_new(request->store, GZIP_FAST, &blob, err);

	if (r == 0)
		r = write_blob(request, tree, blob, snapshot, err);
	if (r == 0)
		r = settle_disk(request, fd, tree, snapshot->tar_bytes, record_name, err);
	if (r == 0)
		r = publish(request, name, blob, snapshot, record_name, err);
	return r;
}

static int make_layer_of_copy(const struct snapshot_request *request, int upper_fd,
			      const struct tree *tree, struct snapshot *snapshot, struct err *err)
{
	char name[STORE_WORK_NAME_MAX];
	auto_fd fd = -1;
	int r = store_work_name(request->store, name, err);

	if (r < 0)
		return r;
	r = copy_out(request, upper_fd, tree, name, &fd, err);
	if (r == 0)
		r = make_layer(request, name, fd, tree, snapshot, err);
	if (r < 0)
		(void)!remove_tree(request->store->dirfd, name, NULL);
	return r;
}

static int take(const struct snapshot_request *request, struct snapshot *snapshot, struct err *err)
{
	auto_tree tree = { 0 };
	auto_fd upper = openat(request->store->dirfd, request->upper_name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (upper < 0)
		return fail(err, errno, "open upper directory '%s'", request->upper_name);
	r = snapshot_plan(request, upper, &tree, err);
	if (r < 0)
		return r;
	snapshot->empty = tree.count == 0;
	snapshot->entry_count = tree.count;
	if (request->keeps)
		return snapshot->empty ? 0
				       : make_layer_of_copy(request, upper, &tree, snapshot, err);
	return snapshot->empty
		       ? remove_tree(request->store->dirfd, request->upper_name, err)
		       : make_layer(request, request->upper_name, upper, &tree, snapshot, err);
}

int snapshot_take(const struct snapshot_request *request, struct snapshot *ret_snapshot,
		  struct err *err)
{
	struct snapshot snapshot = { 0 };
	int r = take(request, &snapshot, err);

	if (r < 0) {
		if (!request->keeps)
			(void)!remove_tree(request->store->dirfd, request->upper_name, NULL);
		return err_wrap(err, "make a layer");
	}
	*ret_snapshot = snapshot;
	return 0;
}
