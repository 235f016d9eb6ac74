/* SPDX-License-Identifier: Apache-2.0 */
/* What a directory tree takes on disk. */
#ifndef FLOW_DISK_USAGE_H
#define FLOW_DISK_USAGE_H

#include <stdint.h>

#include "base/err.h"

/* Blocks of everything at or below dirfd/name, a file with several names once. What vanishes
 * meanwhile or may not be entered is not counted. */
int disk_usage(int dirfd, const char *name, uint64_t *ret_bytes, struct err *err) must_check;

#endif
