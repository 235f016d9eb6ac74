/* SPDX-License-Identifier: Apache-2.0 */
/* A squashfs as a mounted directory, by FUSE: the files of the image are answered by threads of
 * this process. Nothing ever changes, so the kernel keeps what it was told and asks once. */
#ifndef ROOTFS_SQUASH_FUSE_H
#define ROOTFS_SQUASH_FUSE_H

#include "base/err.h"
#include "codec/squash_view.h"

struct squash_fuse;

/* Mount the image, which stays open as long, over point_fd, a directory. All files are shown as
 * those of this process, as the layers of an image are on disk: where one id is mapped others could
 * not be used. Needs a mount namespace of one's own and what mount(2) wants there. -EPERM, -EACCES,
 * -ENOENT, -ENODEV: FUSE is refused here. */
int squash_fuse_mount(struct squash_image *image, int point_fd, struct squash_fuse **ret_fuse,
		      struct err *err) must_check;

/* Answer until the file system is unmounted everywhere. */
int squash_fuse_serve(struct squash_fuse *fuse, struct err *err) must_check;
void squash_fuse_free(struct squash_fuse *fuse);

#endif
