// SPDX-License-Identifier: Apache-2.0
#include "flow/run_squash.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/log.h"
#include "flow/squash_join.h"
#include "flow/tar_root.h"

#define RECORD_BYTES_MAX ((size_t)1 << 30)

bool run_is_squashfs(const char *path)
{
	auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	return fd >= 0 && squash_is_image(fd);
}

/* --- the process that serves it --- */

static int start(void *context, struct err *err)
{
	const char *const argv[] = { "rootlet", "__serve-squashfs", "--", context, NULL };
	auto_buf output = { 0 };

	return tar_root_program(argv, &output, err);
}

static int find_server(char *path, struct squash_share *ret_share, struct arena *arena,
		       struct squash_served *served, struct err *err)
{
	struct stat st;
	int r = stat(path, &st) < 0 ? fail(err, errno, "stat '%s'", path)
				    : squash_share_names(&st, arena, ret_share, err);

	return r < 0 ? r : squash_join(ret_share, start, path, served, err);
}

/* --- the root --- */

static int push_record(const struct squash_served *served, const char *point, struct run_root *root,
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

static int use_point(const struct run_request *request, const struct squash_served *served,
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
	auto_squash_served served = { .socket = -1 };
	const char *why_not = cannot(request);
	struct squash_share share;
	char real[PATH_MAX];
	char cwd[PATH_MAX];
	int r;

	if (why_not)
		return fail_plain(err, EOPNOTSUPP, "%s", why_not);
	if (!realpath(path, real))
		return fail(err, errno, "'%s'", path);
	r = find_server(real, &share, &box->arena, &served, err);
	if (r == 0)
		r = squash_enter_user(&served, err);
	if (r == 0)
		r = squash_enter(&served, getcwd(cwd, sizeof(cwd)), err);
	if (r < 0)
		return err ? (err->code = EOPNOTSUPP, -EOPNOTSUPP) : -EOPNOTSUPP;
	r = use_point(request, &served, share.point, box, root, err);
	if (r == 0)
		root->served_fd = take_fd(&served.socket);
	return r;
}
