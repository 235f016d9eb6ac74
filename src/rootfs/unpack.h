/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of a layer's archive placed into an empty directory, as layers.h wants the tree.
 *
 * Nothing outside the directory can be reached: names are normalised and checked, every parent is
 * opened one component at a time without following links, hard links lead to files of the same
 * archive only, devices become empty files. What the file system cannot hold goes into the record.
 */
#ifndef ROOTFS_UNPACK_H
#define ROOTFS_UNPACK_H

#include "codec/tar.h"
#include "rootfs/content.h"
#include "rootfs/records.h"

struct unpacker;

/* root_fd: an empty directory of the user, mode 0700 or more; borrowed. */
struct unpacker *unpacker_new(int root_fd);
void unpacker_free(struct unpacker *unpacker);
static inline void unpacker_cleanup(struct unpacker **unpacker)
{
	unpacker_free(*unpacker);
}
#define auto_unpacker cleanup(unpacker_cleanup) struct unpacker

/* It is no layer: a name that begins with ".wh." is a name like any other. */
void unpacker_be_literal(struct unpacker *unpacker);

/* Refuse (-EFBIG) what is out of all proportion to the bytes read so far (rootfs/content.h); the
 * number is looked at from the calling thread and outlives the unpacker. */
void unpacker_limit(struct unpacker *unpacker, const atomic_uint_fast64_t *packed_bytes);

/* Place one entry; a file's data is read from the reader. Errors name the entry: -EINVAL and
 * -ELOOP for what no honest archive holds, -ENOSPC and others from the file system. */
int unpacker_place(struct unpacker *unpacker, const struct tar_entry *entry,
		   struct tar_reader *reader, struct err *err) must_check;
/* After the last entry: directories get their times. The record lives as long as the unpacker. */
int unpacker_finish(struct unpacker *unpacker, struct owners *ret_owners,
		    struct err *err) must_check;

#endif
