/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of the program, which may not be there: a bad pointer must give EFAULT, not a fault in the
 * middle of us. */
#ifndef TAP_BLOB_MEMORY_H
#define TAP_BLOB_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* 0 or -EFAULT. */
int memory_read(void *to, const void *program_address, size_t size_bytes);
int memory_write(void *program_address, const void *from, size_t size_bytes);
bool memory_is_readable(const void *program_address, size_t size_bytes);
/* 8 bytes or more, up to a page, all of which the caller is going to write: some are overwritten.
 */
bool memory_is_writable(void *program_address, size_t size_bytes);

/* Copy a string; returns its length, -EFAULT, or `too_long` when it does not fit with its NUL. */
long memory_read_string(char *to, const char *program_address, size_t room_bytes, int too_long);
/* Is the program's string equal to this one? false also when it cannot be read. */
bool memory_string_is(const char *program_address, const char *text);
bool memory_string_starts(const char *program_address, const char *prefix);

#endif
