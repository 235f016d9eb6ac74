/* SPDX-License-Identifier: Apache-2.0 */
/* Mount points that an engine had to make in an upper directory are no part of a step's result. */
#ifndef FLOW_BUILD_MADE_H
#define FLOW_BUILD_MADE_H

#include "box/box.h"
#include "engine/engine.h"

/* Remove them, and the directories above them that hold nothing else and exist below anyway or
 * were made for them. */
int build_made_remove(const struct box *box, const struct engine_made *made,
		      struct err *err) must_check;

#endif
