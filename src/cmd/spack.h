/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_SPACK_H
#define CMD_SPACK_H

#include "cmd/opt.h"

extern const struct command command_spack;

#endif
