/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_TAP_H
#define ENGINE_TAP_H

#include "engine/engine.h"

extern const struct engine engine_tap;

#endif
