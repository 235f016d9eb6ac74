/* SPDX-License-Identifier: Apache-2.0 */
/* What the first process found out about owners, in a memory file: for each file a header, its
 * path, then for each attribute its sizes, name, value. The last header has one of two numbers for
 * path_bytes; after REPORT_FAILED comes a struct err. Between emulation.c, settle.c and nobody
 * else.
 */
#ifndef ROOTEMU_OWNER_REPORT_H
#define ROOTEMU_OWNER_REPORT_H

#include <stdint.h>

#include "rootemu/lies.h"

#define REPORT_COMPLETE UINT32_MAX
#define REPORT_FAILED	(UINT32_MAX - 1)

struct report_file {
	uint32_t path_bytes;
	uint32_t xattr_count;
	struct lie lie;
};

struct report_xattr {
	uint32_t name_bytes;
	uint32_t value_bytes;
};

#endif
