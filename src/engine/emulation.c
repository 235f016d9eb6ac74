// SPDX-License-Identifier: Apache-2.0
#include "engine/emulation.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>

#include "base/banned.h"
#include "base/io.h"
#include "engine/settle.h"
#include "rootemu/owned.h"
#include "sys/openat2.h"

static uint64_t open_files_of(const struct limits *limits)
{
	for (size_t i = 0; i < limits->count; i++)
		if (limits->item[i].resource == RLIMIT_NOFILE)
			return limits->item[i].soft;
	return 0;
}

static uint64_t nanoseconds(const struct timespec *time)
{
	return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
}

/* What is born from now on is no layer's. Clocks of network file systems may be ahead of ours, but
 * a layer was renamed to its place after all its files were made, and that changed its directory.
 */
static uint64_t settled_ns(const struct view *layers)
{
	struct timespec now;
	uint64_t settled;

	if (!layers || !layers->count || clock_gettime(CLOCK_REALTIME, &now) < 0)
		return LIES_UNSETTLED;
	settled = nanoseconds(&now);
	for (size_t i = 0; i < layers->count; i++) {
		struct stat st;
		uint64_t changed;

		if (fstat(layers->layer[i].dirfd, &st) < 0)
			return LIES_UNSETTLED;
		changed = nanoseconds(&st.st_ctim);
		settled = changed > settled ? changed : settled;
	}
	return settled;
}

static int open_reports(struct emulation *emulation, struct err *err)
{
	emulation->report_fd = memfd_create("owners", MFD_CLOEXEC);
	if (emulation->report_fd < 0)
		return fail(err, errno, "memory for owners");
	for (size_t i = 0; !emulation->space && i < emulation->mount_count; i++) {
		struct emulation_mount *mount = &emulation->mount[i];

		if (!mount->owners)
			continue;
		mount->report_fd = memfd_create("owners", MFD_CLOEXEC);
		if (mount->report_fd < 0)
			return fail(err, errno, "memory for owners");
	}
	return 0;
}

size_t emulation_reports(const struct emulation *emulation, int *fds, size_t room)
{
	size_t count = 0;

	for (size_t i = 0; i < emulation->mount_count && count < room; i++)
		if (emulation->mount[i].report_fd >= 0)
			fds[count++] = emulation->mount[i].report_fd;
	return count;
}

int emulation_take_report(struct emulation_mount *mount)
{
	return take_fd(&mount->report_fd);
}

int emulation_open(struct emulation *emulation, const struct box *box, struct err *err)
{
	const char *mode = getenv("ROOTLET_TAP");
	struct tap_options options = { .trap_only = mode && strcmp(mode, "trap") == 0,
				       .settled_ns = settled_ns(emulation->layers),
				       .one_id = !emulation->real_identity,
				       .real_identity = emulation->real_identity,
				       .open_files = open_files_of(&box->limits),
				       .uid = box->uid,
				       .gid = box->gid,
				       .groups = box->groups,
				       .group_count = box->group_count };
	int r = 0;

	emulation->report_fd = -1;
	for (size_t i = 0; i < emulation->mount_count; i++)
		emulation->mount[i].report_fd = -1;
	if (emulation->space)
		emulation->session.lies.fd = -1;
	else
		r = tap_session_open(&emulation->session, &options, err);
	if (r < 0 || !emulation->collects)
		return r;
	r = open_reports(emulation, err);
	if (r < 0)
		emulation_done(emulation);
	return r;
}

bool emulation_refusal(const struct emulation *emulation, struct tap_refusal *ret_refusal)
{
	return !emulation->space && tap_session_refusal(&emulation->session, ret_refusal);
}

void emulation_done(struct emulation *emulation)
{
	if (!emulation->space)
		tap_session_done(&emulation->session);
	if (emulation->report_fd >= 0)
		close(emulation->report_fd);
	for (size_t i = 0; i < emulation->mount_count; i++)
		if (emulation->mount[i].report_fd >= 0)
			close(emulation_take_report(&emulation->mount[i]));
}

static int seed_root(struct emulation *emulation, int root_fd, struct err *err)
{
	const struct view *view = emulation->layers;
	int r = 0;

	if (emulation->merged)
		return owned_seed(&emulation->session.lies, root_fd, -1, emulation->merged, err);
	for (size_t i = view ? view->count : 0; r == 0 && i-- > 0;)
		r = owned_seed(&emulation->session.lies, root_fd, view->layer[i].dirfd,
			       &view->layer[i].owners, err);
	return r;
}

/* What an earlier run kept has a record where it is not root's, and is opaque where it hides what
 * is below; else this run has just made it, for a mount point. */
static bool is_just_made(const struct emulation *emulation, const char *path)
{
	const struct view_layer *upper = &emulation->layers->layer[0];
	auto_fd fd = -1;
	char value;

	if (!emulation->upper_is_layer || owners_find(&upper->owners, path))
		return false;
	fd = openat2_no_symlinks(upper->dirfd, path[0] ? path : ".", O_RDONLY | O_DIRECTORY, 0);
	return fd >= 0 && fgetxattr(fd, "user.overlay.opaque", &value, 1) < 1;
}

/* "" is the root itself. */
static int seed_directory(struct emulation *emulation, int root_fd, const char *path,
			  struct err *err)
{
	struct view view = { .layer = emulation->layers->layer, .count = emulation->layers->count };
	struct view_entry entry;
	const struct owner *owner;

	if (is_just_made(emulation, path)) {
		view.layer++;
		view.count--;
	}
	if (view_lookup(&view, path, &entry) < 0 || !S_ISDIR(entry.mode))
		return 0;
	owner = owners_find(&view.layer[entry.layer].owners, path);
	return owner ? owned_seed_one(&emulation->session.lies, root_fd, owner, err) : 0;
}

/* A directory in which a mount point was made has been copied up for that, and looks like none of
 * the layers'. */
static int seed_copied_up(struct emulation *emulation, int root_fd, const struct engine_made *made,
			  struct err *err)
{
	char path[ENGINE_MADE_PATH_SIZE];
	int r = 0;

	if (!made || !emulation->layers || emulation->merged)
		return 0;
	for (size_t i = 0; i < made->count; i++) {
		const char *point = made->point[i].path + strspn(made->point[i].path, "/");
		char *slash;

		memcpy(path, point, strlen(point) + 1);
		while (r == 0 && path[0]) {
			slash = strrchr(path, '/');
			*(slash ? slash : path) = '\0';
			r = seed_directory(emulation, root_fd, path, err);
		}
	}
	return r;
}

static int seed_mount(struct emulation *emulation, int root_fd, const struct emulation_mount *mount,
		      struct err *err)
{
	const struct tap_session *session = &emulation->session;
	auto_fd fd = session->place ? tap_open(session, mount->target, O_PATH)
				    : openat2_in_root(root_fd, mount->target, O_PATH, 0);
	struct lies *lies = &emulation->session.lies;
	int r = 0;

	if (fd < 0)
		return fail(err, -fd, "open '%s'", mount->target);
	if (!mount->layers && (mount->uid || mount->gid))
		r = owned_give(lies, fd, mount->uid, mount->gid, err);
	if (r == 0 && mount->owners)
		r = owned_seed(lies, fd, -1, mount->owners, err);
	if (mount->merged)
		return owned_seed_below(lies, fd, -1, mount->source, mount->merged, err);
	if (!mount->layers)
		return r;
	for (size_t i = mount->layers->count; r == 0 && i-- > 0;)
		r = owned_seed_below(lies, fd, mount->layers->layer[i].dirfd, mount->source,
				     &mount->layers->layer[i].owners, err);
	return r;
}

static int open_root(const struct emulation *emulation)
{
	const char *path = emulation->root_path ? emulation->root_path : "/";

	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int emulation_seed(struct emulation *emulation, const struct engine_made *made, struct err *err)
{
	auto_fd root_fd = open_root(emulation);
	int r;

	if (emulation->space)
		return 0;
	if (root_fd < 0)
		return fail(err, errno, "open the root");
	r = seed_root(emulation, root_fd, err);
	if (r == 0)
		r = seed_copied_up(emulation, root_fd, made, err);
	for (size_t i = 0; r == 0 && i < emulation->mount_count; i++)
		r = seed_mount(emulation, root_fd, &emulation->mount[i], err);
	return r;
}

static void report_mount(struct emulation *emulation, int root_fd,
			 const struct emulation_mount *mount)
{
	auto_fd fd = -1;

	if (mount->report_fd < 0)
		return;
	fd = openat2_in_root(root_fd, mount->target, O_PATH | O_DIRECTORY, 0);
	if (fd >= 0) /* without a report there is nothing to read, which is told */
		owned_report(&emulation->session.lies, fd, -1, mount->report_fd);
}

void emulation_collect(struct emulation *emulation, const struct box *box, int upper_fd)
{
	auto_fd root_fd = open_root(emulation);

	if (emulation->space) {
		settle_owners(emulation, box, upper_fd);
		return;
	}
	owned_report(&emulation->session.lies, root_fd, upper_fd, emulation->report_fd);
	for (size_t i = 0; i < emulation->mount_count; i++)
		report_mount(emulation, root_fd, &emulation->mount[i]);
}

void emulation_keep(const struct emulation *emulation)
{
	static const char unfinished[] = EMULATION_KEPT ".new";
	int dirfd = *emulation->kept_dirfd;
	auto_fd fd = openat(dirfd, unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct err ignored = { 0 };

	if (fd >= 0 && lseek(emulation->report_fd, 0, SEEK_SET) == 0 &&
	    io_copy(emulation->report_fd, fd, UINT64_MAX, &ignored) == 0 && fsync(fd) == 0)
		(void)!renameat(dirfd, unfinished, dirfd, EMULATION_KEPT);
}

int emulation_read(const struct emulation *emulation, struct arena *arena, struct map *ret_by_path,
		   struct err *err)
{
	return owned_read(emulation->report_fd, arena, ret_by_path, err);
}
