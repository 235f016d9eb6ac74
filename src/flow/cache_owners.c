// SPDX-License-Identifier: Apache-2.0
#include "flow/cache_owners.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "base/banned.h"
#include "rootemu/owned.h"
#include "sys/settled.h"

#define RECORD_BYTES_MAX ((size_t)256 << 20)

/* The directory of the mount: what is above its tree. */
static int open_mount(const char *tree_path, struct err *err)
{
	auto_fd tree = open(tree_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = tree < 0 ? -1 : openat(tree, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? fail(err, errno, "open '%s'", tree_path) : fd;
}

static int read_record(int mount_fd, struct arena *arena, struct owners *ret_owners,
		       struct err *err)
{
	struct owners owners = { .overlay_ready = true };
	auto_buf text = { 0 };
	int r = settled_read_file_at(mount_fd, "owners", RECORD_BYTES_MAX, &text, err);

	if (r == -ENOENT) {
		err_clear(err);
		r = 0;
	}
	if (r == 0 && text.size_bytes)
		r = owners_parse(text.bytes, text.size_bytes, arena, &owners, err);
	if (r == 0)
		*ret_owners = owners;
	return r;
}

int cache_owners_read(const char *tree_path, struct arena *arena, struct owners *ret_owners,
		      struct err *err)
{
	auto_fd mount = open_mount(tree_path, err);

	return mount < 0 ? mount : read_record(mount, arena, ret_owners, err);
}

/* What others wrote meanwhile about files that are not in `ours`; those that were in `before` this
 * command removed, or made anew. */
static void keep_others(const struct owners *before, const struct owners *now, struct arena *arena,
			struct owners *ours)
{
	struct owner *item = arena_array(arena, struct owner, ours->count + now->count + 1);
	size_t count = ours->count;

	if (count)
		memcpy(item, ours->item, count * sizeof(*item));
	for (size_t i = 0; i < now->count; i++)
		if (!owners_find(ours, now->item[i].path) &&
		    !owners_find(before, now->item[i].path))
			item[count++] = now->item[i];
	ours->item = item;
	ours->count = count;
	owners_sort(ours);
}

static int replace(int mount_fd, const struct owners *before, struct owners *ours,
		   struct arena *arena, struct err *err)
{
	auto_buf text = { 0 };
	auto_buf was = { 0 };
	struct owners now;
	auto_fd lock = openat(mount_fd, "making", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int r;

	if (lock < 0)
		return fail(err, errno, "open 'making'");
	while (flock(lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return fail(err, errno, "lock 'making'");
	r = read_record(mount_fd, arena, &now, err);
	if (r < 0)
		return r;
	keep_others(before, &now, arena, ours);
	ours->overlay_ready = now.overlay_ready;
	owners_print(&now, &was);
	owners_print(ours, &text);
	if (strcmp(was.bytes, text.bytes) == 0)
		return 0;
	return io_replace_file_at(mount_fd, "owners", text.bytes, text.size_bytes, 0600, err);
}

int cache_owners_write(const char *tree_path, const struct owners *before, int report_fd,
		       struct err *err)
{
	auto_arena arena = { 0 };
	auto_map by_path = { 0 };
	struct owners ours;
	auto_fd mount = open_mount(tree_path, err);
	auto_fd tree = mount < 0 ? -1 : openat(mount, "tree", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = mount < 0  ? mount
		: tree < 0 ? fail(err, errno, "open its tree")
			   : owned_read(report_fd, &arena, &by_path, err);

	if (r < 0)
		return r;
	owned_to_owners(tree, &by_path, &arena, &ours);
	return replace(mount, before, &ours, &arena, err);
}
