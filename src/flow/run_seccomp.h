/* SPDX-License-Identifier: Apache-2.0 */
/* run --seccomp: the profile's filter, compiled by rootlet-image. */
#ifndef FLOW_RUN_SECCOMP_H
#define FLOW_RUN_SECCOMP_H

#include "box/box.h"

/* Into box->seccomp, for a command without box->drop_capabilities. */
int run_seccomp(const char *path, struct box *box, struct err *err) must_check;

#endif
