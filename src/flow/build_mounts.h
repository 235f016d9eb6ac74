/* SPDX-License-Identifier: Apache-2.0 */
/* RUN --mount: what each kind adds to the box and to the step's key. */
#ifndef FLOW_BUILD_MOUNTS_H
#define FLOW_BUILD_MOUNTS_H

#include "box/box.h"
#include "flow/build_work.h"

/* Contents of bind mounts count, those of caches, secrets and agents do not. */
int build_mounts_key(struct work *work, struct build_key *key, struct err *err) must_check;
int build_mounts_add(struct work *work, struct box *box, struct err *err) must_check;

/* Where layers cannot be stacked: what was to be mounted from them is mounted from a copy, which is
 * gone with the step. */
int build_mounts_use_copies(struct work *work, struct box *box, struct err *err) must_check;

/* After the command, and before its emulation is done: owners in cache mounts are recorded, for the
 * next step that has them. */
void build_mounts_keep_owners(struct work *work);
/* Before another command of the same step. */
int build_mounts_recall_owners(struct work *work, struct err *err) must_check;

#endif
