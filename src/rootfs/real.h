/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded owners made real, for engines that have the ids (engine subid, engine root).
 *
 * On disk a layer belongs to the user, and its record says whose its files truly are. Where the
 * kernel itself shall know that, a thin layer is stacked right over it: copies of the few files
 * whose record says something (shared blocks where the file system can), with their true owner,
 * mode, attributes and, for root, devices; and the directories on the way to them. It is made once
 * for each layer and id space and kept in cache/real/; doc/why/0009. */
#ifndef ROOTFS_REAL_H
#define ROOTFS_REAL_H

#include "base/buf.h"
#include "base/err.h"
#include "image/digest.h"
#include "rootfs/view.h"
#include "store/layers.h"
#include "sys/subid.h"

/* Are all owners in the record ids of the space? -EOVERFLOW names the first that is not. */
int real_check(const struct owners *owners, const struct id_space *space,
	       struct err *err) must_check;

/* The thin layer's path is appended; nothing when the layer needs none. `owners` is the layer's
 * record. Checks the ids before it does anything. */
int real_layer(const struct store *store, const struct digest *diff_id, const struct owners *owners,
	       const struct id_space *space, struct buf *ret_path, struct err *err) must_check;

/* What overlayfs is to stack for these layers (lowest first), topmost first, appended to `lower`:
 * each layer, and its thin one over it. `view` holds them with their records, and may hold more on
 * top. */
int real_stack(const struct store *store, const struct digest *diff_ids, size_t count,
	       const struct view *view, const struct id_space *space, struct strings *lower,
	       struct err *err) must_check;

/* The same for a private copy of merged layers (rootfs/merge.h), in place. */
int real_copy(const struct store *store, const char *copy_name, const struct owners *owners,
	      const struct id_space *space, struct err *err) must_check;
/* And for any directory; what is no longer in it is passed over. */
int real_own(int root_fd, const struct owners *owners, const struct id_space *space,
	     struct err *err) must_check;

/* What the record says, done to the files below root_fd: lchown, chmod, setxattr, mknod; times
 * stay. For a process that is root among the ids. What only the initial namespace may have
 * (devices, trusted.*) is left out where the kernel refuses it. Allocates nothing. */
int real_apply(int root_fd, const struct owners *owners, struct err *err) must_check;

/* Note on the empty file at fd (O_PATH) that it stands for a device, in the attribute REAL_DEVICE,
 * and read that back: false when the file is none. */
#define REAL_DEVICE "user.rootlet.device"
int real_mark_device(int fd, mode_t type, unsigned device_major, unsigned device_minor) must_check;
bool real_parse_device(const char *value, size_t size_bytes, mode_t *ret_type, uint32_t *ret_major,
		       uint32_t *ret_minor);

/* Can the process that applied the record not have made this attribute real? */
bool real_is_refused_xattr(const char *name);

#endif
