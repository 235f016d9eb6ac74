/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of other processors, which the kernel hands to an interpreter such as qemu-user
 * (Documentation/admin-guide/binfmt-misc.rst). */
#ifndef SYS_BINFMT_H
#define SYS_BINFMT_H

#include <stdbool.h>

#define BINFMT_FOLDER "/proc/sys/fs/binfmt_misc"

/* Does an entry of `folder` take programs of that architecture (as in images: "arm64"), also in
 * another root? Only one with flag F does: its interpreter was opened when it was registered. */
bool binfmt_runs(const char *folder, const char *architecture);

#endif
