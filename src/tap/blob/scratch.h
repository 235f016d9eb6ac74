/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for an exec, which may never come back to free it: a vfork(2) child that execs leaves its
 * parent's memory behind as it is. So memory taken here says who has it in a word that the kernel
 * itself clears when that thread leaves the memory (set_tid_address(2)). */
#ifndef TAP_BLOB_SCRATCH_H
#define TAP_BLOB_SCRATCH_H

#include <stddef.h>

/* At least size_bytes, zeroed where new; NULL: out of memory. At most one at a time per thread. */
void *scratch_take(size_t size_bytes);
void scratch_put(void *memory);

#endif
