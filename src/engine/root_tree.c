// SPDX-License-Identifier: Apache-2.0
/* Root and mounts, all by fd: the root is mounted over the host's "/", where only fds reach it,
 * mount points are found or made inside it with openat2(RESOLVE_IN_ROOT), things are mounted on
 * them, pivot_root comes last.
 *
 * A read-only directory is taken for complete. Only when a mount point turns out to be missing
 * everything is begun anew on a second mount of the directory, with room.c looking for what is
 * missing first; what the first attempt mounted goes away with the host's root. */
#include "engine/root_tree.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "engine/tree.h"
#include "sys/openat2.h"

struct engine_made *engine_made_new(void)
{
	void *made = mmap(NULL, sizeof(struct engine_made), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return made == MAP_FAILED ? NULL : made;
}

void engine_made_free(struct engine_made *made)
{
	if (made)
		munmap(made, sizeof(*made));
}

int root_tree_plan(const struct engine_job *job, struct root_plan *ret_plan, struct err *err)
{
	const struct box_root *root = &job->box->root;

	if (root->kind == BOX_ROOT_OVERLAY && root->lower.count > TREE_LAYERS_MAX)
		return fail_plain(err, E2BIG, "%zu layers: overlay takes at most %d",
				  root->lower.count, TREE_LAYERS_MAX);
	*ret_plan = (struct root_plan){ .box = job->box, .made = job->made };
	return 0;
}

/* ---- memory ---- */

int tree_open_directory(const char *path, struct err *err)
{
	/* musl's open(2) is two calls */
	int fd = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? fail(err, errno, "directory '%s'", path) : fd;
}

int tree_need_memory(struct tree *tree, int attach_fd, struct err *err)
{
	static const struct mount_option options[] = { { "mode", "0700" }, { NULL, NULL } };
	int r;

	if (tree->memory_fd >= 0)
		return 0;
	r = mount_new("tmpfs", "rootlet", options, MOUNT_NOSUID | MOUNT_NODEV, attach_fd,
		      &tree->memory_fd, err);
	return r < 0 ? err_wrap(err, "memory for the box's own files") : 0;
}

int tree_memory_directory(struct tree *tree, mode_t mode, char ret_name[16], struct err *err)
{
	snprintf(ret_name, 16, "%u", tree->memory_names++);
	/* chmod, for the umask is the caller's */
	if (mkdirat(tree->memory_fd, ret_name, 0700) < 0 ||
	    fchmodat(tree->memory_fd, ret_name, mode, 0) < 0)
		return fail(err, errno, "make a directory in memory");
	return 0;
}

int tree_memory_file(struct tree *tree, const struct box_mount *mount, char ret_name[16],
		     struct err *err)
{
	auto_fd fd = -1;
	int r;

	snprintf(ret_name, 16, "%u", tree->memory_names++);
	fd = openat(tree->memory_fd, ret_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    mount->mode ? mount->mode : 0644);
	if (fd < 0)
		return fail(err, errno, "make a file in memory");
	r = io_write_all(fd, mount->content, mount->content_bytes);
	if (r < 0)
		return fail(err, -r, "write a file in memory");
	if ((mount->uid || mount->gid) && fchown(fd, mount->uid, mount->gid) < 0)
		return fail(err, errno, "give it to %u:%u", mount->uid, mount->gid);
	return 0;
}

int tree_overlay_on(struct tree *tree, struct mount_option *options, size_t count,
		    const char *upper_name, int target_fd, int *ret_root_fd, struct err *err)
{
	char work_name[16];
	char upper[64];
	char work[64];
	int r = tree_memory_directory(tree, 0700, work_name, err);

	if (r < 0)
		return r;
	snprintf(upper, sizeof(upper), "/proc/self/fd/%d/%s", tree->memory_fd, upper_name);
	snprintf(work, sizeof(work), "/proc/self/fd/%d/%s", tree->memory_fd, work_name);
	options[count++] = (struct mount_option){ "upperdir", upper, true };
	options[count++] = (struct mount_option){ "workdir", work, true };
	options[count++] = (struct mount_option){ "userxattr", NULL };
	options[count++] = (struct mount_option){ "xino", "on" }; /* see stack_root */
	options[count] = (struct mount_option){ NULL, NULL };
	return mount_new("overlay", "rootlet", options, 0, target_fd, ret_root_fd, err);
}

int tree_overlay_in_memory(struct tree *tree, struct mount_option *options, size_t count,
			   mode_t mode, int target_fd, int *ret_root_fd, struct err *err)
{
	char upper_name[16];
	int r = tree_memory_directory(tree, mode, upper_name, err);

	return r < 0 ? r
		     : tree_overlay_on(tree, options, count, upper_name, target_fd, ret_root_fd,
				       err);
}

/* ---- mount points ---- */

/* Remember a mount point that had to be made, with so many of the directories above it, by its path
 * in the root without symlinks. */
static void note_made(const struct tree *tree, int fd, unsigned count)
{
	struct engine_made *made = tree->plan->made;
	char root[PATH_MAX];
	char path[PATH_MAX];
	size_t skip;

	if (!made || made->count == ENGINE_MADE_MAX || mount_path_of(tree->root_fd, root) < 0 ||
	    mount_path_of(fd, path) < 0)
		return;
	skip = strcmp(root, "/") == 0 ? 0 : strlen(root);
	if (strncmp(path, root, skip) != 0 || strlen(path + skip) >= ENGINE_MADE_PATH_SIZE)
		return;
	memcpy(made->point[made->count].path, path + skip, strlen(path + skip) + 1);
	made->point[made->count++].components = count;
}

static bool is_read_only_directory(const struct box *box)
{
	return box->root.kind == BOX_ROOT_DIRECTORY && box->root.read_only;
}

/* A directory of somebody else's takes no mount points, not even in an overlay's memory. */
static bool may_have_rooms(const struct box *box)
{
	return box->root.read_only && (box->root.kind == BOX_ROOT_DIRECTORY ||
				       (box->root.kind == BOX_ROOT_OVERLAY && !box->root.upper));
}

/* -errno when it cannot be made. */
static int make_target(const struct tree *tree, const struct box_mount *mount, int source_fd,
		       unsigned *ret_made)
{
	struct stat st = { .st_mode = S_IFDIR };

	if (source_fd >= 0 && fstat(source_fd, &st) < 0)
		return -errno;
	return openat2_make_target(tree->root_fd, mount->target, S_ISDIR(st.st_mode), ret_made,
				   NULL);
}

int tree_open_target(struct tree *tree, const struct box_mount *mount, int source_fd,
		     struct err *err)
{
	unsigned made = 0;
	int fd = openat2_in_root(tree->root_fd, mount->target, O_PATH, 0);

	if (fd == -ENOENT && !mount->optional)
		fd = make_target(tree, mount, source_fd, &made);
	if (fd < 0) {
		tree->point_missing = fd == -ENOENT && mount->optional;
		tree->lacks_room = fd != -ENOENT && !tree->makes_rooms &&
				   may_have_rooms(tree->plan->box);
		return fail(err, -fd, "mount point '%s' in the root", mount->target);
	}
	if (made > 0)
		note_made(tree, fd, made);
	return fd;
}

/* ---- the root ---- */

bool tree_binds_host(const struct box_mount *mount)
{
	return mount->kind == BOX_MOUNT_BIND && strcmp(mount->source, "/") == 0;
}

static int copy_host_trees(struct tree *tree, struct err *err)
{
	const struct box *box = tree->plan->box;

	for (size_t i = 0; i < box->mounts.count; i++) {
		const struct box_mount *mount = &box->mounts.item[i];
		struct mount_source *copy = &tree->host[tree->host_count];
		int r;

		if (!tree_binds_host(mount))
			continue;
		if (tree->host_count == TREE_HOST_BINDS_MAX)
			return fail_plain(err, E2BIG, "more than %d binds of '/'",
					  TREE_HOST_BINDS_MAX);
		r = mount_take(tree->host_root_fd, "", true, mount->read_only ? MOUNT_READ_ONLY : 0,
			       copy, err);
		if (r < 0)
			return err_wrap(err, "bind '/'");
		tree->host_count++;
		if (!copy->is_copy && box->root.kind == BOX_ROOT_OVERLAY)
			return fail_plain(err, ENOSYS,
					  "bind '/' in stacked layers: needs open_tree(2)");
	}
	return 0;
}

static int mount_directory(struct tree *tree, struct err *err)
{
	const struct box_root *root = &tree->plan->box->root;
	auto_mount_source source = MOUNT_SOURCE_NONE;
	auto_fd itself = -1;
	int r = mount_take(AT_FDCWD, root->path, true, root->read_only ? MOUNT_READ_ONLY : 0,
			   &source, err);

	if (r < 0)
		return err_wrap(err, "root directory '%s'", root->path);
	/* No copy: were it mounted over "/", binds of "/" would show it instead of the host. */
	if (!source.is_copy)
		itself = tree_open_directory(root->path, err);
	if (!source.is_copy && itself < 0)
		return itself;
	r = mount_put(&source, source.is_copy ? tree->host_root_fd : itself, NULL, &tree->root_fd,
		      err);
	return r < 0 ? err_wrap(err, "mount '%s' as root", root->path) : 0;
}

/* xino: where the upper directory is on another file system than the layers, as a memory file
 * system is, overlayfs numbers directories as they come into memory, and anew when the kernel had
 * forgotten them: the tap, which knows directories by their inode, would no longer know them. */
static int stack_root(struct tree *tree, struct err *err)
{
	const struct box_root *root = &tree->plan->box->root;
	struct mount_option options[TREE_LAYERS_MAX + 6];
	size_t n = 0;
	int r;

	for (; n < root->lower.count; n++)
		options[n] = (struct mount_option){ "lowerdir+", root->lower.item[n], true };
	if (!root->upper) {
		r = tree_need_memory(tree, tree->host_root_fd, err);
		return r < 0 ? r
			     : tree_overlay_in_memory(tree, options, n, 0755, tree->host_root_fd,
						      &tree->root_fd, err);
	}
	options[n++] = (struct mount_option){ "upperdir", root->upper, true };
	options[n++] = (struct mount_option){ "workdir", root->work, true };
	options[n++] = (struct mount_option){ "userxattr", NULL };
	options[n++] = (struct mount_option){ "xino", "on" };
	if (root->syncs_later)
		options[n++] = (struct mount_option){ "volatile", NULL };
	options[n] = (struct mount_option){ NULL, NULL };
	r = mount_new("overlay", "rootlet", options, 0, tree->host_root_fd, &tree->root_fd, err);
	if (r != -EINVAL || !root->syncs_later)
		return r;
	options[n - 1] = options[n]; /* not known before Linux 5.10 */
	err_clear(err);
	return mount_new("overlay", "rootlet", options, 0, tree->host_root_fd, &tree->root_fd, err);
}

static int mount_overlay(struct tree *tree, struct err *err)
{
	int r = stack_root(tree, err);

	if (r < 0 && tree->plan->made)
		tree->plan->made->overlay_refused = true;
	return r < 0 ? err_wrap(err, "stack the root's layers") : 0;
}

static int make_cwd(const struct tree *tree, struct err *err)
{
	const struct box *box = tree->plan->box;
	int fd;

	if (!box->make_cwd)
		return 0;
	fd = openat2_make_directories(tree->root_fd, box->cwd, 0755);
	if (fd < 0)
		return fail(err, -fd, "working directory '%s'", box->cwd);
	close(fd);
	return 0;
}

static int build(struct tree *tree, struct err *err)
{
	const struct box *box = tree->plan->box;
	bool overlay = box->root.kind == BOX_ROOT_OVERLAY;
	int r = overlay ? mount_overlay(tree, err) : mount_directory(tree, err);

	if (r == 0 && tree->makes_rooms)
		r = room_make_all(tree, err);
	if (r == 0) /* now, as rooms would hide covers below them */
		r = hide_all(tree, false, err);
	for (size_t i = 0; r == 0 && i < box->mounts.count; i++)
		r = tree_mount(tree, &box->mounts.item[i], err);
	if (r == 0)
		r = hide_all(tree, true, err);
	if (r == 0)
		r = make_cwd(tree, err);
	if (r == 0 && overlay && box->root.read_only)
		r = mount_add_attrs(tree->root_fd, false, MOUNT_READ_ONLY, err);
	return r < 0 ? r : room_close_all(tree, err);
}

static void close_all(struct tree *tree)
{
	cleanup_fd(&tree->host_root_fd);
	cleanup_fd(&tree->root_fd);
	cleanup_fd(&tree->memory_fd);
	while (tree->host_count > 0)
		mount_source_done(&tree->host[--tree->host_count]);
	while (tree->room_count > 0)
		close(tree->room_fd[--tree->room_count]);
}

static int attempt(struct tree *tree, struct err *err)
{
	int r;

	tree->host_root_fd = tree_open_directory("/", err);
	if (tree->host_root_fd < 0)
		return tree->host_root_fd;
	r = copy_host_trees(tree, err);
	/* Under the root, so that one look at "/.." tells when everything over it is gone. */
	if (r == 0 && (tree->makes_rooms || tree->plan->box->hidden.count))
		r = tree_need_memory(tree, tree->host_root_fd, err);
	if (r == 0)
		r = build(tree, err);
	return r < 0 ? r : mount_pivot(tree->root_fd, err);
}

static bool binds_host(const struct box *box)
{
	for (size_t i = 0; i < box->mounts.count; i++)
		if (tree_binds_host(&box->mounts.item[i]))
			return true;
	return false;
}

int root_tree_enter(const struct root_plan *plan, struct err *err)
{
	const struct tree nothing = {
		.plan = plan, .host_root_fd = -1, .root_fd = -1, .memory_fd = -1
	};
	struct tree tree = nothing;
	int r;

	/* A second attempt would find "/" covered by the first. */
	tree.makes_rooms = is_read_only_directory(plan->box) && binds_host(plan->box);
	r = attempt(&tree, err);
	close_all(&tree);
	if (r < 0 && tree.lacks_room) {
		tree = nothing;
		tree.makes_rooms = true;
		err_clear(err);
		r = attempt(&tree, err);
		close_all(&tree);
	}
	return r;
}
