/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_ROOT_H
#define ENGINE_ROOT_H

#include "engine/engine.h"

extern const struct engine engine_root;

#endif
