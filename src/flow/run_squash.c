// SPDX-License-Identifier: Apache-2.0
#include "flow/run_squash.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/log.h"
#include "flow/squash_share.h"
#include "flow/tar_root.h"

#define RECORD_BYTES_MAX ((size_t)1 << 30)
#define ATTEMPTS	 3 /* a server that is about to end lets us wait and start another */

bool run_is_squashfs(const char *path)
{
	auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	return fd >= 0 && squash_is_image(fd);
}

/* --- the process that serves it --- */

struct served {
	int socket;
	int fd[SQUASH_SHARE_FDS]; /* mount namespace, record of owners, user namespace */
	size_t count;
};

static void served_done(struct served *served)
{
	cleanup_fd(&served->socket);
	for (size_t i = 0; i < served->count; i++)
		cleanup_fd(&served->fd[i]);
}
#define auto_served cleanup(served_done) struct served

static int join(const struct squash_share *share, struct served *served, struct err *err)
{
	int r = squash_share_connect(share, &served->socket, err);

	if (r == 0)
		r = squash_share_receive(served->socket, served->fd, &served->count, err);
	if (r < 0)
		cleanup_fd(&served->socket);
	return r;
}

/* Under the lock: nobody else starts one, and none ends. */
static int start_and_join(const struct squash_share *share, const char *path, struct served *served,
			  struct err *err)
{
	const char *const argv[] = { "rootlet", "__serve-squashfs", "--", path, NULL };
	auto_buf output = { 0 };
	auto_fd lock = -1;
	int r = squash_share_lock(share, &lock, err);

	if (r < 0)
		return r;
	if (join(share, served, NULL) == 0)
		return 0;
	r = tar_root_program(argv, &output, err);
	return r < 0 ? r : join(share, served, err);
}

static int find_server(const char *path, struct squash_share *ret_share, struct arena *arena,
		       struct served *served, struct err *err)
{
	struct stat st;
	int r = stat(path, &st) < 0 ? fail(err, errno, "stat '%s'", path)
				    : squash_share_names(&st, arena, ret_share, err);

	if (r < 0 || join(ret_share, served, NULL) == 0)
		return r;
	for (int i = 0; i < ATTEMPTS; i++) {
		err_clear(err);
		r = start_and_join(ret_share, path, served, err);
		if (r != -ECONNRESET)
			break;
	}
	return r;
}

/* Where this process was is the same path in there. */
static int enter(const struct served *served, struct err *err)
{
	char cwd[PATH_MAX];
	bool has_cwd = getcwd(cwd, sizeof(cwd)) != NULL;

	if (served->count > 2 && setns(served->fd[2], CLONE_NEWUSER) < 0)
		return fail(err, errno, "enter the user namespace of the mounted image");
	if (setns(served->fd[0], CLONE_NEWNS) < 0)
		return fail(err, errno, "enter the mount namespace of the mounted image");
	if (has_cwd && chdir(cwd) < 0)
		return fail(err, errno, "chdir '%s'", cwd);
	return 0;
}

/* --- the root --- */

static int push_record(const struct served *served, const char *point, struct run_root *root,
		       struct err *err)
{
	auto_arena arena = { 0 };
	auto_buf text = { 0 };
	struct owners owners = { 0 };
	int r;

	if (lseek(served->fd[1], 0, SEEK_SET) < 0)
		return fail(err, errno, "seek");
	r = io_read_to_end(served->fd[1], RECORD_BYTES_MAX, &text, err);
	if (r == 0 && text.size_bytes)
		r = owners_parse(buf_text(&text), text.size_bytes, &arena, &owners, err);
	return r < 0 ? r : view_push_recorded(&root->layers, point, &owners, err);
}

static int use_point(const struct run_request *request, const struct served *served,
		     const char *point, struct box *box, struct run_root *root, struct err *err)
{
	box->root.kind = BOX_ROOT_OVERLAY;
	strings_add(&box->root.lower, point);
	box->root.read_only = request->read_only;
	root->is_image = root->is_served = true;
	root->directory_fd = open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root->directory_fd < 0)
		return fail(err, errno, "open '%s'", point);
	return push_record(served, point, root, err);
}

/* Other engines want ids, or have no mounts; changes are kept over layers. */
static const char *cannot(const struct run_request *request)
{
	if (!engine_is_automatic(request->engine) && !text_equal(request->engine, "userns"))
		return "only engine userns runs a mounted squashfs";
	if (request->overlay || request->commit)
		return "changes to a mounted squashfs are not kept";
	return request->unpack ? "overlayfs refuses it" : NULL;
}

int run_mount_squashfs(const struct run_request *request, const char *path, struct box *box,
		       struct run_root *root, struct err *err)
{
	auto_served served = { .socket = -1 };
	const char *why_not = cannot(request);
	struct squash_share share;
	char real[PATH_MAX];
	int r;

	if (why_not)
		return fail_plain(err, EOPNOTSUPP, "%s", why_not);
	if (!realpath(path, real))
		return fail(err, errno, "'%s'", path);
	r = find_server(real, &share, &box->arena, &served, err);
	if (r == 0)
		r = enter(&served, err);
	if (r < 0)
		return err ? (err->code = EOPNOTSUPP, -EOPNOTSUPP) : -EOPNOTSUPP;
	r = use_point(request, &served, share.point, box, root, err);
	if (r == 0)
		root->served_fd = take_fd(&served.socket);
	return r;
}
