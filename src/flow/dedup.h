/* SPDX-License-Identifier: Apache-2.0 */
/* gc --dedup: files of one content, in whichever unpacked layers, share their blocks on disk.
 *
 * They stay files of their own, with owners, modes, times and link counts as they were, so that
 * nothing that reads, stacks, exports or deletes layers has to know, and it may be interrupted at
 * any point. Hard links would be neither; doc/why/0023. */
#ifndef FLOW_DEDUP_H
#define FLOW_DEDUP_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

struct dedup_result {
	uint64_t files;	       /* that share blocks now and did not before */
	uint64_t shared_bytes; /* of these */
};

/* -EOPNOTSUPP: the store's file system cannot. dry_run: only count. What others delete meanwhile is
 * passed over. */
int dedup_layers(const struct store *store, bool dry_run, struct dedup_result *ret_result,
		 struct err *err) must_check;

#endif
