/* SPDX-License-Identifier: Apache-2.0 */
/* Mount points that an engine had to make in an upper directory or in a directory that is written
 * are no part of what a step or a run leaves behind. */
#ifndef FLOW_MOUNT_POINTS_H
#define FLOW_MOUNT_POINTS_H

#include "box/box.h"
#include "engine/emulation.h"
#include "engine/engine.h"

/* Remove them and the directories that were made for them; in an upper directory also those above
 * them that hold nothing and exist below anyway. What the command put in their place stays, and
 * directories that it gave to somebody else: `emulation` knows, when it collects (else, or NULL:
 * nobody does). */
int mount_points_remove(const struct box *box, const struct engine_made *made,
			const struct emulation *emulation, struct err *err) must_check;

#endif
