// SPDX-License-Identifier: Apache-2.0
#include "flow/run_changes.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "flow/tar_root.h"
#include "sys/openat2.h"
#include "sys/remove.h"

static int make_folder(int dirfd, const char *name, mode_t mode, struct err *err)
{
	if (mkdirat(dirfd, name, 0700) < 0)
		return errno == EEXIST ? 0 : fail(err, errno, "make '%s'", name);
	/* chmod, for the umask is the caller's */
	if (fchmodat(dirfd, name, mode, 0) < 0)
		return fail(err, errno, "mode of '%s'", name);
	return 0;
}

/* The root of an overlay has the mode of its upper directory. */
static mode_t root_mode(const struct box_root *root)
{
	const char *top = root->kind == BOX_ROOT_DIRECTORY ? root->path : root->lower.item[0];
	struct stat st;

	return stat(top, &st) == 0 ? st.st_mode & 07777 : 0755;
}

static int lock(struct run_changes *changes, struct err *err)
{
	changes->dirfd = open(changes->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (changes->dirfd < 0)
		return fail(err, errno, "open");
	if (flock(changes->dirfd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return fail_plain(err, EBUSY, "another run keeps its changes there");
	return fail(err, errno, "lock");
}

static int write_record(const struct run_changes *changes, const struct map *by_path,
			struct arena *arena, struct err *err)
{
	auto_buf text = { 0 };
	auto_fd upper_fd = openat(changes->dirfd, "upper", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct owners owners;

	if (upper_fd < 0)
		return fail(err, errno, "upper");
	owned_to_owners(upper_fd, by_path, arena, &owners);
	owners_print(&owners, &text);
	return io_replace_file_at(changes->dirfd, "owners", text.bytes, text.size_bytes, 0666, err);
}

/* A run that was killed left what its first process had found out. */
static int take_kept_report(const struct run_changes *changes, struct err *err)
{
	auto_fd fd = openat(changes->dirfd, EMULATION_KEPT, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	auto_arena arena = { 0 };
	auto_map by_path = { 0 };
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : fail(err, errno, "open '%s'", EMULATION_KEPT);
	r = owned_read(fd, &arena, &by_path, err);
	if (r == 0)
		r = write_record(changes, &by_path, &arena, err);
	if (r == 0 && unlinkat(changes->dirfd, EMULATION_KEPT, 0) < 0)
		r = fail(err, errno, "remove '%s'", EMULATION_KEPT);
	return r;
}

static void use(const struct run_changes *changes, struct box *box)
{
	struct box_root *root = &box->root;

	if (root->kind == BOX_ROOT_DIRECTORY)
		strings_add(&root->lower, root->path);
	root->kind = BOX_ROOT_OVERLAY;
	root->path = NULL;
	root->upper = arena_printf(&box->arena, "%s/upper", changes->path);
	root->work = arena_printf(&box->arena, "%s/work", changes->path);
	root->read_only = false;
}

static int prepare(struct run_changes *changes, struct box *box, struct err *err)
{
	int r = lock(changes, err);

	if (r == 0)
		r = make_folder(changes->dirfd, "upper", root_mode(&box->root), err);
	if (r == 0)
		r = remove_tree(changes->dirfd, "work", err); /* of a run that was killed */
	if (r == 0)
		r = make_folder(changes->dirfd, "work", 0700, err);
	if (r == 0)
		r = take_kept_report(changes, err);
	if (r < 0)
		return err_wrap(err, "changes in '%s'", changes->path);
	use(changes, box);
	return 0;
}

int run_changes_open(struct run_changes *changes, const char *path, struct box *box,
		     struct err *err)
{
	auto_free char *real = NULL;

	changes->is_new = mkdir(path, 0777) == 0;
	if (!changes->is_new && errno != EEXIST)
		return fail(err, errno, "changes in '%s': make the folder", path);
	real = realpath(path, NULL);
	if (!real)
		return fail(err, errno, "changes in '%s'", path);
	changes->path = arena_copy(&box->arena, real);
	return prepare(changes, box, err);
}

int run_changes_open_in_store(struct run_changes *changes, const struct store *store,
			      struct box *box, struct err *err)
{
	int r = store_work_name(store, changes->work_name, err);

	if (r < 0)
		return r;
	changes->path = arena_printf(&box->arena, "%s/%s", store->path, changes->work_name);
	if (mkdir(changes->path, 0700) < 0)
		return fail(err, errno, "make '%s'", changes->path);
	return prepare(changes, box, err);
}

void run_changes_done(struct run_changes *changes)
{
	/* overlayfs leaves a directory of mode 0 in it, which nobody likes to find */
	if (changes->dirfd >= 0)
		(void)!remove_tree(changes->dirfd, "work", NULL);
	cleanup_fd(&changes->dirfd);
	*changes = (struct run_changes)RUN_CHANGES_NONE;
}

void run_changes_forget(const struct run_changes *changes)
{
	if (!changes->path || !changes->is_new || changes->dirfd < 0)
		return;
	(void)!remove_tree(changes->dirfd, "work", NULL);
	unlinkat(changes->dirfd, "upper", AT_REMOVEDIR);
	rmdir(changes->path);
}

/* ---- the record ---- */

int run_changes_recall(const struct run_changes *changes, struct view *layers, struct err *err)
{
	auto_arena arena = { 0 };
	auto_buf text = { 0 };
	struct owners owners = { .count = 0 };
	char upper[PATH_MAX];
	int r = 0;

	if (faccessat(changes->dirfd, "owners", F_OK, 0) == 0)
		r = io_read_file_at(changes->dirfd, "owners", CHANGES_OWNERS_MAX, &text, err);
	if (r == 0 && text.size_bytes)
		r = owners_parse(text.bytes, text.size_bytes, &arena, &owners, err);
	owners.overlay_ready = true;
	if (r == 0 &&
	    snprintf(upper, sizeof(upper), "%s/upper", changes->path) >= (int)sizeof(upper))
		r = fail(err, ENAMETOOLONG, "upper");
	if (r == 0)
		r = view_push_recorded(layers, upper, &owners, err);
	return r < 0 ? err_wrap(err, "changes in '%s'", changes->path) : 0;
}

int run_changes_record(const struct run_changes *changes, const struct emulation *emulation,
		       struct err *err)
{
	auto_arena arena = { 0 };
	auto_map by_path = { 0 };
	int r = emulation_read(emulation, &arena, &by_path, err);

	if (r == 0)
		r = write_record(changes, &by_path, &arena, err);
	return r < 0 ? err_wrap(err, "owners of the changes in '%s'", changes->path) : 0;
}

int run_changes_commit(const struct run_changes *changes, const struct store *store,
		       const char *base_id, const char *name, const struct box *box,
		       struct err *err)
{
	auto_arena arena = { 0 };
	auto_buf command = { 0 };
	auto_buf output = { 0 };
	const char *argv[] = { "rootlet",      "--store", store->path, "__commit",
			       "--base",       base_id,	  "--changes", changes->work_name,
			       "--uid",	       NULL,	  "--gid",     NULL,
			       "--created-by", NULL,	  name,	       NULL };

	strings_each(&box->argv, word)
		buf_printf(&command, "%s%s", command.size_bytes ? " " : "", word);
	argv[9] = arena_printf(&arena, "%u", box->uid);
	argv[11] = arena_printf(&arena, "%u", box->gid);
	argv[13] = buf_text(&command);
	return tar_root_program(argv, &output, err);
}

bool run_changes_read(const struct run_changes *changes, const char *path, size_t limit_bytes,
		      struct buf *text)
{
	auto_fd upper_fd = openat(changes->dirfd, "upper", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_fd fd = upper_fd < 0
			     ? -1
			     : openat2_in_root(upper_fd, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	if (io_read_to_end(fd, limit_bytes, text, NULL) < 0)
		buf_truncate(text, 0);
	return true;
}
