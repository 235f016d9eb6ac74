/* SPDX-License-Identifier: Apache-2.0 */
/* Files that other machines may see and change, too. */
#ifndef SYS_SHARED_FILE_H
#define SYS_SHARED_FILE_H

#include <stdbool.h>
#include <stdint.h>

/* May processes of other machines see it, too? True also when that is not known: then locks may be
 * this machine's only. */
bool shared_file_system(int fd);

/* Time of modification in nanoseconds since 1970, asked of the server where there is one and not of
 * what this machine remembers; false: there is no such file. */
bool shared_file_mtime(int dirfd, const char *name, int64_t *ret_ns);

#endif
