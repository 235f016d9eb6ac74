/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_SUBID_H
#define ENGINE_SUBID_H

#include "engine/engine.h"

extern const struct engine engine_subid;

#endif
