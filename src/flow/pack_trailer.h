/* SPDX-License-Identifier: Apache-2.0 */
/* A packed program: the runtime, zeros to the next page, a squashfs, and this at the very end.
 * Other programs mount it with the option offset=, which is `base`. Numbers are little-endian. */
#ifndef FLOW_PACK_TRAILER_H
#define FLOW_PACK_TRAILER_H

#include <stdint.h>

#define PACK_TRAILER_MAGIC "rootlet-pack v1\n"
#define PACK_BASE_ALIGN	   4096

struct pack_trailer {
	char magic[16];
	uint64_t base;
	uint64_t size_bytes; /* of the squashfs */
	char zeros[32];
};

#endif
