// SPDX-License-Identifier: Apache-2.0
#include "flow/root_lock.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/file.h>

/* Not for ever: a script may hold the directory's lock itself while it calls us. Who holds it alone
 * does so for some rmdir(2). */
#define TRIES	   50
#define BETWEEN_MS 2

static bool lock_soon(int root_fd, int kind)
{
	for (int i = 0; i < TRIES; i++) {
		if (flock(root_fd, kind | LOCK_NB) == 0)
			return true;
		if (errno != EWOULDBLOCK)
			return false;
		poll(NULL, 0, BETWEEN_MS);
	}
	return false;
}

bool root_lock_share(int root_fd)
{
	return lock_soon(root_fd, LOCK_SH);
}

bool root_lock_alone_soon(int root_fd)
{
	return lock_soon(root_fd, LOCK_EX);
}

bool root_lock_alone(int root_fd)
{
	return flock(root_fd, LOCK_EX | LOCK_NB) == 0;
}
