/* SPDX-License-Identifier: Apache-2.0 */
/* Files with equal content that share their blocks on disk, and stay two files: what is written to
 * one is not seen in the other. Source: ioctl_fideduperange(2), fiemap.rst of Linux. */
#ifndef SYS_SHARED_BLOCKS_H
#define SYS_SHARED_BLOCKS_H

#include <stdint.h>

#include "base/attributes.h"

/* Share size_bytes from the beginning, which the kernel compares first; both fds may be read-only,
 * but to_fd's file belongs to the caller. Content, times and modes stay as they are. 1; 0: they
 * differ; -errno, where -EOPNOTSUPP: this file system cannot. */
int shared_blocks_make(int from_fd, int to_fd, uint64_t size_bytes) must_check;

/* Where on the device the file begins: files that share their blocks begin at the same place. 0:
 * not known. */
uint64_t shared_blocks_place(int fd);

#endif
