/* SPDX-License-Identifier: Apache-2.0 */
/* The tar format: ustar, pax and GNU headers read, ustar and pax written, names byte for byte.
 * Source: POSIX.1-2017 pax(1), GNU tar manual "Basic Tar Format" and "Storing Sparse Files",
 * star(1) for SCHILY.xattr. */
#ifndef CODEC_TAR_H
#define CODEC_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum tar_type {
	TAR_FILE,
	TAR_HARD_LINK,
	TAR_SYMLINK,
	TAR_CHAR_DEVICE,
	TAR_BLOCK_DEVICE,
	TAR_DIRECTORY,
	TAR_FIFO,
};

struct tar_xattr {
	const char *name;
	const void *value;
	size_t size_bytes;
};

struct tar_entry {
	enum tar_type type;
	const char *path; /* as it stands in the archive */
	const char *link; /* target of a link, else NULL */
	uint32_t mode;	  /* permission bits, 07777 */
	uint32_t uid;
	uint32_t gid;
	int64_t mtime_s;
	uint32_t mtime_ns;
	uint64_t size_bytes; /* of the file, holes included */
	bool sparse;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	const struct tar_xattr *xattrs;
	size_t xattr_count;
};

#define TAR_BLOCK_BYTES	     512
#define TAR_HEADER_BYTES_MAX ((size_t)8 * 1024 * 1024) /* one pax header or long name */
#define TAR_SEGMENTS_MAX     ((size_t)1024 * 1024)     /* of one sparse file */
#define TAR_PATH_BYTES_MAX   ((size_t)64 * 1024)

/* --- reading --- */

struct tar_input {
	/* The next stretch of bytes, valid until the next call; *ret_size_bytes 0 at the end. */
	int (*next)(void *context, const void **ret_bytes, size_t *ret_size_bytes, struct err *err);
	/* Pass over bytes that follow those given out; NULL: they are read and dropped. */
	int (*skip)(void *context, uint64_t size_bytes, struct err *err);
	void *context;
};

struct tar_reader;

struct tar_reader *tar_reader_new(const struct tar_input *input);
void tar_reader_free(struct tar_reader *reader);
static inline void tar_reader_cleanup(struct tar_reader **reader)
{
	tar_reader_free(*reader);
}
#define auto_tar_reader cleanup(tar_reader_cleanup) struct tar_reader

/* 1 and the next entry, whose memory is the reader's until the next call; 0 at the end; -EUCLEAN
 * for what is no tar or is damaged (names the entry before where it can), -ENOTSUP for entries of
 * kinds that cannot be unpacked (multi-volume archives). Data not read is passed over. */
int tar_reader_next(struct tar_reader *reader, struct tar_entry *ret_entry,
		    struct err *err) must_check;
/* 1 and the next stretch of the entry's data and where in the file it belongs; 0 at the end of the
 * entry. Valid until the next call. */
int tar_reader_data(struct tar_reader *reader, const void **ret_bytes, size_t *ret_size_bytes,
		    uint64_t *ret_offset, struct err *err) must_check;
/* Where the data of the current entry begins in the archive. */
uint64_t tar_reader_offset(const struct tar_reader *reader);
/* Was there an end-of-archive mark? (Ask at the end: without one the archive may be cut short.) */
bool tar_reader_saw_end(const struct tar_reader *reader);

/* --- writing: always the same bytes for the same entries --- */

struct tar_writer {
	int (*write)(void *context, const void *bytes, size_t size_bytes, struct err *err);
	void *context;
	uint64_t left_bytes; /* of the current entry's data */
	unsigned padding_bytes;
};

/* Begin an entry; a file's data follows by tar_writer_data, exactly size_bytes of it. Whole
 * seconds only. A directory's path gets the '/' that it ends in here. */
int tar_writer_entry(struct tar_writer *writer, const struct tar_entry *entry,
		     struct err *err) must_check;
int tar_writer_data(struct tar_writer *writer, const void *bytes, size_t size_bytes,
		    struct err *err) must_check;
/* The end-of-archive mark. */
int tar_writer_end(struct tar_writer *writer, struct err *err) must_check;

#endif
