// SPDX-License-Identifier: Apache-2.0
#include "sys/shared_blocks.h"

#include <errno.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "base/banned.h"

#define CALL_BYTES_MAX ((uint64_t)16 << 20) /* file systems do no more at once */

/* Returns how many bytes it did, 0 when they differ. */
static int64_t share_some(int from_fd, int to_fd, uint64_t offset, uint64_t size_bytes)
{
	union {
		struct file_dedupe_range range;
		char room[sizeof(struct file_dedupe_range) + sizeof(struct file_dedupe_range_info)];
	} call = { .range = { .src_offset = offset, .src_length = size_bytes, .dest_count = 1 } };
	struct file_dedupe_range_info *info = call.range.info;

	info->dest_fd = to_fd;
	info->dest_offset = offset;
	if (ioctl(from_fd, FIDEDUPERANGE, &call) < 0)
		return errno == ENOTTY || errno == ENOSYS ? -EOPNOTSUPP : -errno;
	if (info->status == FILE_DEDUPE_RANGE_DIFFERS)
		return 0;
	if (info->status < 0)
		return info->status;
	return info->bytes_deduped ? (int64_t)info->bytes_deduped : -EIO;
}

int shared_blocks_make(int from_fd, int to_fd, uint64_t size_bytes)
{
	uint64_t done = 0;

	while (done < size_bytes) {
		uint64_t left = size_bytes - done;
		int64_t n = share_some(from_fd, to_fd, done,
				       left < CALL_BYTES_MAX ? left : CALL_BYTES_MAX);

		if (n <= 0)
			return (int)n;
		done += (uint64_t)n;
	}
	return 1;
}

uint64_t shared_blocks_place(int fd)
{
	const uint32_t not_known = FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC |
				   FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_NOT_ALIGNED;
	union {
		struct fiemap map;
		char room[sizeof(struct fiemap) + sizeof(struct fiemap_extent)];
	} call = { .map = { .fm_length = FIEMAP_MAX_OFFSET, .fm_extent_count = 1 } };
	const struct fiemap_extent *first = call.map.fm_extents;

	if (ioctl(fd, FS_IOC_FIEMAP, &call) < 0 || call.map.fm_mapped_extents == 0 ||
	    first->fe_logical != 0 || (first->fe_flags & not_known))
		return 0;
	return first->fe_physical;
}
