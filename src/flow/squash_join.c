// SPDX-License-Identifier: Apache-2.0
#include "flow/squash_join.h"

#include <sched.h>

#include "base/banned.h"

#define ATTEMPTS 5 /* a server that is about to end lets us wait and start another */

void squash_served_done(struct squash_served *served)
{
	cleanup_fd(&served->socket);
	for (size_t i = 0; i < served->count; i++)
		cleanup_fd(&served->fd[i]);
}

static int join(const struct squash_share *share, struct squash_served *served, struct err *err)
{
	int r = squash_share_connect(share, &served->socket, err);

	if (r == 0 && share->lends &&
	    squash_share_borrow(served->socket, served->fd, &served->count) == 0)
		return 0;
	if (r == 0)
		r = squash_share_receive(served->socket, served->fd, &served->count, err);
	if (r < 0) {
		cleanup_fd(&served->socket);
		served->socket = -1;
	}
	return r;
}

struct starter {
	int (*start)(void *context, struct err *err);
	void *context;
	bool is_stuck; /* there is one that does not answer: it is to be replaced */
};

/* Under the lock, if there is one: nobody else starts one, and none ends. Without it somebody else
 * may have been faster. */
static int start_and_join(const struct squash_share *share, const struct starter *starter,
			  struct squash_served *served, struct err *err)
{
	auto_fd lock = -1;
	int r = squash_share_lock(share, &lock, err);

	if (r < 0)
		return r;
	if (!starter->is_stuck && join(share, served, NULL) == 0)
		return 0;
	r = starter->start(starter->context, err);
	if (r == -EADDRINUSE && err)
		err_clear(err);
	return r < 0 && r != -EADDRINUSE ? r : join(share, served, err);
}

int squash_join(const struct squash_share *share, int (*start)(void *context, struct err *err),
		void *context, struct squash_served *served, struct err *err)
{
	struct starter starter = { start, context, false };
	int r = join(share, served, err);

	starter.is_stuck = r == -ETIMEDOUT;
	if (r == 0 || (starter.is_stuck && !share->lock)) /* whose name it keeps */
		return r;
	for (int i = 0; i < ATTEMPTS; i++) {
		if (err)
			err_clear(err);
		r = start_and_join(share, &starter, served, err);
		if (r != -ECONNRESET && r != -ECONNREFUSED)
			break;
	}
	return r;
}

int squash_enter_user(const struct squash_served *served, struct err *err)
{
	if (served->count > 2 && setns(served->fd[2], CLONE_NEWUSER) < 0)
		return fail(err, errno, "enter the user namespace of the mounted image");
	return 0;
}

int squash_enter(const struct squash_served *served, const char *cwd, struct err *err)
{
	if (setns(served->fd[0], CLONE_NEWNS) < 0)
		return fail(err, errno, "enter the mount namespace of the mounted image");
	if (cwd && chdir(cwd) < 0) /* where this process was is the same path in there */
		return fail(err, errno, "chdir '%s'", cwd);
	return 0;
}
