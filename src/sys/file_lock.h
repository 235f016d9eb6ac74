/* SPDX-License-Identifier: Apache-2.0 */
/* Advisory locks of open files: flock(2), where the file system refuses that the locks of fcntl(2)
 * that belong to the open file as well (F_OFD_SETLK): NFS and Lustre have either, both or none. */
#ifndef SYS_FILE_LOCK_H
#define SYS_FILE_LOCK_H

#include <stdbool.h>

#include "base/err.h"

enum file_lock { FILE_LOCK_SHARED, FILE_LOCK_ALONE };

/* fd is open for reading and writing. 1: locked, until the file is closed everywhere; 0: somebody
 * has it and `wait` is false. -ENOLCK: the file system has no locks at all. */
int file_lock(int fd, enum file_lock how, bool wait, struct err *err) must_check;
/* Did this error of flock(2) say that there are no such locks? */
bool file_lock_is_missing(int error);

#endif
