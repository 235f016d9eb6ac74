/* SPDX-License-Identifier: Apache-2.0 */
/* Reading files that others replace by rename(2) meanwhile.
 *
 * Where a file system of the network has no way to keep a file that is open but has no name, a
 * client that replaces one which somebody on the same machine has open first gives that one a
 * hidden name (".nfsXXXX", ".fuse_hiddenXXXX", ".__afsXXXX"), then gives its name to the new one.
 * In between there is no file of that name, for nobody. */
#ifndef SYS_SETTLED_H
#define SYS_SETTLED_H

#include <stdbool.h>

#include "base/io.h"

/* As io_read_file_at, but -ENOENT only when the file is not there in earnest: waits, up to a
 * minute, while its directory shows that one has just been replaced. For names whose absence would
 * mean something; on local file systems it costs nothing. */
int settled_read_file_at(int dirfd, const char *path, size_t limit_bytes, struct buf *buf,
			 struct err *err) must_check;

/* Is this such a hidden name? What has one has been deleted or replaced. */
bool settled_is_hidden(const char *name);

#endif
