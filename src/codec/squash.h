/* SPDX-License-Identifier: Apache-2.0 */
/* Squashfs images, written and read through libsquashfs: the same struct tar_entry goes in and
 * comes out as for a tar, so that a tree has one description whatever it is packed in.
 *
 * Written: squashfs 4.0, zstd, blocks of 128 KiB, tails of files shared in fragments, equal content
 * stored once, an export table; always the same bytes for the same entries, whatever the number of
 * processors. Source: Documentation/filesystems/squashfs.rst of Linux. */
#ifndef CODEC_SQUASH_H
#define CODEC_SQUASH_H

#include "base/err.h"
#include "codec/tar.h"

/* --- reading --- */

/* What takes the entries of an archive, in the order of a tar. */
struct squash_sink {
	int (*entry)(void *context, const struct tar_entry *entry, struct err *err);
	/* NULL: nobody wants it */
	int (*data)(void *context, const void *bytes, size_t size_bytes, struct err *err);
	void *context;
};

/* The whole image that begins at `base` of the file, sockets left out: directories before what is
 * in them, names sorted byte by byte, further names of a file as hard links. -EUCLEAN: damaged;
 * -ENOTSUP: compressed with what libsquashfs lacks. */
int squash_read_all(int fd, uint64_t base, const struct squash_sink *sink,
		    struct err *err) must_check;

/* --- writing --- */

struct squash_writer;

/* Into a file that ends at `base`, open for reading and writing; the fd is borrowed. -EINVAL: it
 * cannot be written at any place (a pipe). */
int squash_writer_new(int fd, uint64_t base, struct squash_writer **ret_writer,
		      struct err *err) must_check;
void squash_writer_free(struct squash_writer *writer);
/* Begin an entry, as tar_writer_entry; a directory comes before what is in it, and a hard link
 * after the file. -EEXIST: the path came before. -ENOTSUP: squashfs has no place for it (attributes
 * other than user.*, trusted.* and security.*; times before 1970 or after 2106; more than 65,536
 * owners). */
int squash_writer_entry(struct squash_writer *writer, const struct tar_entry *entry,
			struct err *err) must_check;
int squash_writer_data(struct squash_writer *writer, const void *bytes, size_t size_bytes,
		       struct err *err) must_check;
/* What has no directory entry of its own gets root's, mode 755; then all tables are written. */
int squash_writer_end(struct squash_writer *writer, struct err *err) must_check;

#endif
