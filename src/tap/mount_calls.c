// SPDX-License-Identifier: Apache-2.0
#include "tap/mount_calls.h"

#include <errno.h>
#include <linux/mount.h>
#include <string.h>

#define MAGIC	    0xc0ed0000ul /* MS_MGC_VAL: old programs set it */
#define MAGIC_MASK  0xffff0000ul
#define PROPAGATION (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)
#define DETACH	    2 /* MNT_DETACH */

static bool is_shown_type(const char *type)
{
	return strcmp(type, "proc") == 0 || strcmp(type, "sysfs") == 0 ||
	       strcmp(type, "devpts") == 0;
}

/* What the box shows of such a file system already, and the flags to put it with; NULL: nothing. */
static const char *find_shown(const struct tap_place *place, const char *type, uint32_t *ret_flags)
{
	const char *host = type[0] == 'p' ? "/proc" : type[0] == 's' ? "/sys" : "/dev/pts";
	const struct pathmap *map = &place->map;

	for (uint32_t i = 0; i < map->count; i++)
		if (!(map->entry[i].flags & PATHMAP_HIDDEN) &&
		    strcmp(pathmap_host(map, i), host) == 0) {
			*ret_flags = map->entry[i].flags &
				     (PATHMAP_PROC | PATHMAP_OWN_PROCESSES | PATHMAP_READ_ONLY |
				      PATHMAP_STAYS_READ_ONLY);
			return host;
		}
	return NULL;
}

/* mount(2)'s options: the mode of a tmpfs. */
static uint32_t mode_of(const char *options)
{
	for (const char *at = options; *at; at++)
		if ((at == options || at[-1] == ',') && strncmp(at, "mode=", 5) == 0) {
			uint32_t mode = 0;

			for (at += 5; *at >= '0' && *at <= '7'; at++)
				mode = mode << 3 | (uint32_t)(*at - '0');
			return mode & 07777;
		}
	return 01777;
}

/* By an open descriptor one may come to what the map does not show, or shows otherwise. */
static long find(struct tap_mounter *mounter, unsigned long address, struct tap_mount_end *end)
{
	const struct pathmap *map = &mounter->place->map;
	long r = mounter->find(mounter->context, address, end);
	long length;

	if (r < 0)
		return r;
	length = pathmap_guest_of(map, mounter->root, end->host, strlen(end->host), mounter->known,
				  sizeof(mounter->known));
	if (length < 0)
		return -EINVAL;
	if (length == 1)
		mounter->known[--length] = '\0';
	if (map->entry[pathmap_find(map, mounter->known, (size_t)length)].flags & PATHMAP_HIDDEN)
		return -ENOENT;
	if (end->is_by_link)
		memcpy(end->guest, mounter->known, (size_t)length + 1);
	return 0;
}

static long put_bind(struct tap_mounter *mounter, unsigned long source)
{
	struct tap_mount mount = { .what = TAP_MOUNT_PUT,
				   .target = mounter->target.guest,
				   .host = mounter->source.host,
				   .source = mounter->source.guest,
				   .except = mounter->target.guest };
	long r = find(mounter, source, &mounter->source);

	if (r < 0)
		return r;
	if (mounter->source.is_directory != mounter->target.is_directory)
		return -ENOTDIR;
	mount.flags = mounter->source.is_directory ? 0 : PATHMAP_FILE;
	return mounter->change(mounter->context, &mount);
}

static long put_new(struct tap_mounter *mounter)
{
	struct tap_mount mount = { .what = TAP_MOUNT_PUT, .target = mounter->target.guest };
	const char *type = mounter->type;
	long r = 0;

	if (is_shown_type(type)) {
		mount.host = find_shown(mounter->place, type, &mount.flags);
	} else if (strcmp(type, "tmpfs") == 0 || strcmp(type, "ramfs") == 0) {
		mount.host = mounter->source.host;
		r = mounter->place->folder[0]
			    ? mounter->make_directory(mounter->context, mode_of(mounter->options),
						      mounter->source.host)
			    : -EPERM;
	}
	if (r == 0 && !mount.host)
		r = -EPERM;
	if (r == 0 && !mounter->target.is_directory)
		r = -ENOTDIR;
	return r < 0 ? r : mounter->change(mounter->context, &mount);
}

static long protect(struct tap_mounter *mounter, unsigned long flags)
{
	const struct tap_mount mount = { .what = TAP_MOUNT_CHANGE,
					 .target = mounter->target.guest,
					 .flags = flags & MS_RDONLY ? PATHMAP_READ_ONLY : 0 };

	return mounter->change(mounter->context, &mount);
}

long tap_mount(struct tap_mounter *mounter, const unsigned long arg[5])
{
	unsigned long flags = arg[3];
	long r = mounter->read_text(mounter->context, mounter->type, arg[2], sizeof(mounter->type));

	if ((flags & MAGIC_MASK) == MAGIC)
		flags &= ~MAGIC_MASK;
	if (r == 0)
		r = find(mounter, arg[1], &mounter->target);
	if (r < 0)
		return r;
	if (flags & MS_REMOUNT)
		return protect(mounter, flags);
	if (flags & MS_BIND)
		return put_bind(mounter, arg[0]);
	if (flags & PROPAGATION)
		return 0; /* there is nowhere to propagate to */
	if (flags & MS_MOVE)
		return -EINVAL;
	r = mounter->read_text(mounter->context, mounter->options, arg[4],
			       sizeof(mounter->options));
	return r < 0 ? r : put_new(mounter);
}

long tap_unmount(struct tap_mounter *mounter, const unsigned long arg[2])
{
	struct tap_mount mount = { .what = TAP_MOUNT_TAKE,
				   .target = mounter->target.guest,
				   .detach = arg[1] & DETACH };
	long r = find(mounter, arg[0], &mounter->target);

	if (r < 0)
		return r;
	/* After pivot_root(".", "."): the old root is not below the new one. */
	if (mounter->root[0] && strcmp(mounter->target.guest, mounter->root) == 0)
		return mount.detach ? 0 : -EBUSY;
	return mounter->change(mounter->context, &mount);
}

long tap_pivot_root(struct tap_mounter *mounter, const unsigned long arg[2])
{
	const struct tap_mount mount = { .what = TAP_MOUNT_PIVOT,
					 .target = mounter->target.guest,
					 .host = mounter->source.host,
					 .source = mounter->source.guest,
					 .except = mounter->new_root.guest };
	const struct tap_mount_end *new_root = &mounter->new_root;
	long r = find(mounter, arg[0], &mounter->new_root);

	if (r == 0)
		r = find(mounter, arg[1], &mounter->target);
	if (r == 0)
		r = mounter->find_root(mounter->context, &mounter->source);
	if (r < 0)
		return r;
	if (!new_root->is_directory || !mounter->target.is_directory)
		return -ENOTDIR;
	if (strcmp(new_root->guest, mounter->root) == 0)
		return -EBUSY;
	if (!pathmap_is_point(&mounter->place->map, new_root->guest, strlen(new_root->guest)) ||
	    !pathmap_is_in(mounter->target.guest, new_root->guest, strlen(new_root->guest)))
		return -EINVAL;
	return mounter->change(mounter->context, &mount);
}
