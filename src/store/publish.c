// SPDX-License-Identifier: Apache-2.0
#include "store/publish.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"

#define CHUNK_BYTES ((size_t)256 * 1024)

static bool have_same_bytes(int a, int b)
{
	auto_free char *chunk = memory_resize(NULL, 2 * CHUNK_BYTES, 1);
	char *other = chunk + CHUNK_BYTES;
	ssize_t n;

	do {
		n = io_read_full(a, chunk, CHUNK_BYTES);
		if (n < 0 || io_read_full(b, other, CHUNK_BYTES) != n ||
		    memcmp(chunk, other, (size_t)n) != 0)
			return false;
	} while (n > 0);
	return true;
}

static bool is_there(const struct store *store, const char *work_name, const char *name)
{
	auto_fd there = openat(store->dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	auto_fd ours = there < 0 ? -1 : openat(store->dirfd, work_name, O_RDONLY | O_CLOEXEC);
	struct stat st[2];

	return ours >= 0 && fstat(there, &st[0]) == 0 && fstat(ours, &st[1]) == 0 &&
	       st[0].st_size == st[1].st_size && have_same_bytes(there, ours) &&
	       store_mark(store, name, NULL);
}

/* link(2) never replaces. Whatever hinders it (file systems without hard links, AFS between
 * directories) rename(2) can do without, or fails for, too. */
int publish_file(const struct store *store, const char *work_name, const char *name)
{
	if (linkat(store->dirfd, work_name, store->dirfd, name, 0) == 0 ||
	    is_there(store, work_name, name)) {
		unlinkat(store->dirfd, work_name, 0);
		return 0;
	}
	return renameat(store->dirfd, work_name, store->dirfd, name) < 0 ? -errno : 0;
}
