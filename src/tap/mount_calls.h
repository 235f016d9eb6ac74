/* SPDX-License-Identifier: Apache-2.0 */
/* mount(2), umount2(2) and pivot_root(2) by the root that is emulated, for the tap and for a
 * tracer: what is asked for, and the change of the map it comes to (mounting.h).
 *
 * Bind mounts, always with what is mounted below; tmpfs; proc, sysfs and devpts as far as the box
 * shows them already; remounting read-only. pivot_root changes the root of all that have the
 * caller's, and nobody's working directory. A process that has no privilege is not let in here. */
#ifndef TAP_MOUNT_CALLS_H
#define TAP_MOUNT_CALLS_H

#include "tap/control.h"
#include "tap/mounting.h"

/* What a path leads to. */
struct tap_mount_end {
	char guest[PATHMAP_PATH_MAX]; /* without links, the root is "" */
	char host[PATHMAP_PATH_MAX];
	bool is_directory;
	bool is_by_link; /* of /proc/PID: `guest` does not say where it is */
};

/* What such a call needs. */
struct tap_mounter {
	const struct tap_place *place;
	const char *root; /* the caller's, of the guest */
	void *context;
	/* All return 0 or -errno. A text with its NUL, "" for address 0: */
	long (*read_text)(void *context, char *to, unsigned long address, size_t room_bytes);
	long (*find)(void *context, unsigned long address, struct tap_mount_end *ret_end);
	long (*find_root)(void *context, struct tap_mount_end *ret_end);
	long (*change)(void *context, const struct tap_mount *mount);
	/* A new directory below place->folder: its host path. */
	long (*make_directory)(void *context, uint32_t mode, char path[PATHMAP_PATH_MAX]);
	/* Room: there may be little stack. */
	struct tap_mount_end source, target, new_root;
	char options[PATHMAP_PATH_MAX], known[PATHMAP_PATH_MAX];
	char type[64];
};

long tap_mount(struct tap_mounter *mounter, const unsigned long arg[5]);
long tap_unmount(struct tap_mounter *mounter, const unsigned long arg[2]);
long tap_pivot_root(struct tap_mounter *mounter, const unsigned long arg[2]);

#endif
