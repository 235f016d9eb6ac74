/* SPDX-License-Identifier: Apache-2.0 */
/* The table of lies as text in the format of fakeroot(1) -s and -i, so that both read what the
 * other wrote: one line per file, by device and inode. Extended attributes follow in lines that
 * begin with '#', where fakeroot stops reading. */
#ifndef ROOTEMU_SAVED_H
#define ROOTEMU_SAVED_H

#include "base/buf.h"
#include "base/err.h"
#include "rootemu/lies.h"

#define SAVED_BYTES_MAX (256ul << 20)

/* Append, sorted by device and inode. */
void saved_print(struct lies *lies, struct buf *text);
/* -EUCLEAN names the line; what came before it is in the table then. */
int saved_load(struct lies *lies, const char *text, struct err *err) must_check;

#endif
