/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/self/exe, where the kernel cannot be told the truth about it. */
#ifndef TAP_BLOB_EXE_H
#define TAP_BLOB_EXE_H

#include <stdbool.h>

/* Does this path (of ours, readable) name it, and does it need our answer? */
bool exe_is_asked_for(const char *path);
/* Note what target_fd is called. */
void exe_note(int target_fd);

#endif
