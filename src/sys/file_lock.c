// SPDX-License-Identifier: Apache-2.0
#include "sys/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/banned.h"

bool file_lock_is_missing(int error)
{
	return error == ENOLCK || error == ENOSYS || error == EOPNOTSUPP || error == EINVAL;
}

static int lock_by_flock(int fd, enum file_lock how, bool wait)
{
	int operation = (how == FILE_LOCK_SHARED ? LOCK_SH : LOCK_EX) | (wait ? 0 : LOCK_NB);

	while (flock(fd, operation) < 0) {
		if (errno == EWOULDBLOCK)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
	return 1;
}

static int lock_by_fcntl(int fd, enum file_lock how, bool wait)
{
	struct flock whole = { .l_type = how == FILE_LOCK_SHARED ? F_RDLCK : F_WRLCK,
			       .l_whence = SEEK_SET };

	while (fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &whole) < 0) {
		if (errno == EAGAIN || errno == EACCES)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
	return 1;
}

int file_lock(int fd, enum file_lock how, bool wait, struct err *err)
{
	int r = lock_by_flock(fd, how, wait);

	if (r < 0 && file_lock_is_missing(-r))
		r = lock_by_fcntl(fd, how, wait);
	if (r < 0 && file_lock_is_missing(-r))
		return fail(err, ENOLCK, "lock");
	return r < 0 ? fail(err, -r, "lock") : r;
}
