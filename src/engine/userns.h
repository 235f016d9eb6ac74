/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_USERNS_H
#define ENGINE_USERNS_H

#include "engine/engine.h"

extern const struct engine engine_userns;

#endif
