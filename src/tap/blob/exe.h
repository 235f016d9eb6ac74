/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/self/exe, where the kernel cannot be told the truth about it. */
#ifndef TAP_BLOB_EXE_H
#define TAP_BLOB_EXE_H

#include <stdbool.h>

/* Does this path, in our memory, name it, and does it need our answer? */
bool exe_is_asked_for(const char *path);
/* The same of a path of the program's. */
bool exe_is_asked_for_at(const char *program_address);
/* Keep the program's file open, in place of the link. */
void exe_keep(int target_fd);

#endif
