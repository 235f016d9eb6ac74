// SPDX-License-Identifier: Apache-2.0
#include "box/box.h"

#include "base/banned.h"
#include "base/memory.h"

void box_init(struct box *box)
{
	*box = (struct box){ .cwd = "/", .private_ns = { .pid = true, .ipc = true, .uts = true } };
}

void box_done(struct box *box)
{
	arena_done(&box->arena);
	strings_done(&box->root.lower);
	strings_done(&box->hidden);
	strings_done(&box->argv);
	strings_done(&box->env);
	box_mounts_done(&box->mounts);
	*box = (struct box){ 0 };
}

/* What most runs need, in less than a kilobyte: musl takes a page of its own for more, beside the
 * one the arena begins in. */
#define FIRST_ROOM 11

struct box_mount *box_mounts_add(struct box_mounts *mounts, enum box_mount_kind kind,
				 const char *target)
{
	if (mounts->count == mounts->room) {
		mounts->room = mounts->room ? mounts->room * 2 : FIRST_ROOM;
		mounts->item = memory_resize(mounts->item, mounts->room, sizeof(*mounts->item));
	}
	mounts->item[mounts->count] = (struct box_mount){ .kind = kind, .target = target };
	return &mounts->item[mounts->count++];
}

struct box_mount *box_mounts_add_file(struct box_mounts *mounts, const char *target,
				      const char *bytes, size_t size_bytes)
{
	struct box_mount *mount = box_mounts_add(mounts, BOX_MOUNT_FILE, target);

	mount->content = bytes;
	mount->content_bytes = size_bytes;
	return mount;
}

void box_mounts_done(struct box_mounts *mounts)
{
	free(mounts->item);
	*mounts = (struct box_mounts){ 0 };
}

const char *box_emulation_name(enum box_emulation emulation)
{
	static const char *const names[] = {
		[BOX_EMULATION_NONE] = "none",
		[BOX_EMULATION_SECCOMP] = "seccomp",
		[BOX_EMULATION_TAP] = "tap",
		[BOX_EMULATION_DEVICES] = "devices",
	};

	return names[emulation];
}
