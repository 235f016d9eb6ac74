/* SPDX-License-Identifier: Apache-2.0 */
/* Reading ahead of who reads a whole mounted squashfs: the kernel reads ahead in one file, and asks
 * for each of ten thousand small ones when somebody waits for it already. */
#ifndef ROOTFS_SQUASH_AHEAD_H
#define ROOTFS_SQUASH_AHEAD_H

#include "codec/squash_view.h"

struct squash_ahead;

/* What is read ahead goes to the kernel through fuse_fd, which must stay open as long. */
struct squash_ahead *squash_ahead_new(struct squash_image *image, int fuse_fd);
/* Ends its threads; the file system is unmounted already, or what they write may wait for pages. */
void squash_ahead_free(struct squash_ahead *ahead);

/* The kernel asks for this part of a file. Cheap; any thread. */
void squash_ahead_note(struct squash_ahead *ahead, uint64_t ref, uint64_t offset,
		       size_t size_bytes);

#endif
