/* SPDX-License-Identifier: Apache-2.0 */
/* Owner and mode that COPY and ADD give to what they place. */
#ifndef FLOW_COPY_META_H
#define FLOW_COPY_META_H

#include <stdbool.h>
#include <sys/types.h>

#include "dockerfile/chmod.h"

struct copy_meta {
	bool has_chown; /* uid and gid were asked for */
	bool has_owner; /* take uid and gid for files; else the source's */
	uid_t uid;
	gid_t gid;
	bool unpack; /* archives that are operands themselves are unpacked: ADD */
	const struct chmod_change *chmod; /* NULL: modes stay */
};

#endif
