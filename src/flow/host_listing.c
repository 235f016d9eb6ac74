// SPDX-License-Identifier: Apache-2.0
#include "flow/host_listing.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"

void host_listing_done(struct host_listing *listing)
{
	strings_done(&listing->names);
}

int host_listing_read(int root_fd, const char *path, struct host_listing *listing, struct err *err)
{
	int fd = openat(root_fd, path[1] ? path + 1 : ".",
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const struct dirent *entry;
	struct stat st;
	DIR *stream;

	if (fd < 0)
		return errno == EACCES || errno == ENOENT || errno == ENOTDIR || errno == ELOOP
			       ? 0
			       : fail(err, errno, "'%s'", path);
	stream = fdopendir(fd);
	if (!stream || fstat(fd, &st) < 0) {
		fail(err, errno, "'%s'", path);
		close(fd);
		return -err->code;
	}
	listing->changed = st.st_ctim;
	listing->is_read = true;
	while ((entry = readdir(stream)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			strings_add(&listing->names, entry->d_name);
	closedir(stream);
	strings_sort(&listing->names);
	return 0;
}
