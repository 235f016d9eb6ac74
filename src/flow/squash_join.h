/* SPDX-License-Identifier: Apache-2.0 */
/* A run's side of squash_share.h. */
#ifndef FLOW_SQUASH_JOIN_H
#define FLOW_SQUASH_JOIN_H

#include "flow/squash_share.h"

struct squash_served {
	int socket;		  /* as long as it is open the server stays; -1 */
	int fd[SQUASH_SHARE_FDS]; /* mount namespace, record of owners, user namespace */
	size_t count;
};
void squash_served_done(struct squash_served *served);
#define auto_squash_served cleanup(squash_served_done) struct squash_served

/* Connect to the server; when there is none, `start` makes one. -ETIMEDOUT: there is one that does
 * not answer, and its name cannot be taken from it. */
int squash_join(const struct squash_share *share, int (*start)(void *context, struct err *err),
		void *context, struct squash_served *served, struct err *err) must_check;
/* Enter its user namespace, if there is one; then the mount namespace with the image, where the
 * working directory has to be found again: cwd (NULL: "/"). */
int squash_enter_user(const struct squash_served *served, struct err *err) must_check;
int squash_enter(const struct squash_served *served, const char *cwd, struct err *err) must_check;

#endif
