/* SPDX-License-Identifier: Apache-2.0 */
/* rootlet-image __seccomp: compiles a profile for `rootlet run --seccomp`, which is in the lean
 * program; prints the filter in hexadecimal digits. */
#ifndef CMD_SECCOMP_H
#define CMD_SECCOMP_H

#include "cmd/opt.h"

extern const struct command command_seccomp;

#endif
