/* SPDX-License-Identifier: Apache-2.0 */
/* What surrounds the escape battery (battery/battery.h): a fresh root, things outside it that hold
 * a secret, and a process of the host. All of it goes away with ground_done. */
#ifndef FLOW_BATTERY_GROUND_H
#define FLOW_BATTERY_GROUND_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct ground {
	struct arena arena;
	char *folder;  /* everything is below it */
	char *root;    /* for the box */
	char *outside; /* battery.h says what these are */
	char *both;
	char *bind;
	char *handle;
	char *abstract;
	char *secret;
	pid_t neighbour;
	volatile int *signals; /* how many the neighbour got; shared with it */
	struct buf before;     /* what is outside, as it was */
};

/* A temporary folder and a child process are made. The caller's session keyring becomes a new one,
 * with a key in it. */
int ground_make(struct ground *ret_ground, struct err *err) must_check;
void ground_done(struct ground *ground);
#define auto_ground cleanup(ground_done) struct ground

/* Is everything outside as it was? Else what is not, in the arena. */
const char *ground_damage(struct ground *ground);

#endif
