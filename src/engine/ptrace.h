/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_PTRACE_H
#define ENGINE_PTRACE_H

#include "engine/engine.h"

extern const struct engine engine_ptrace;

#endif
