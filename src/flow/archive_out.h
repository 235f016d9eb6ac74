/* SPDX-License-Identifier: Apache-2.0 */
/* Named files written either into a directory or as entries of a tar, owned by root, of 1970. */
#ifndef FLOW_ARCHIVE_OUT_H
#define FLOW_ARCHIVE_OUT_H

#include "codec/byte_source.h"
#include "codec/tar.h"
#include "flow/export.h"

struct archive_out {
	bool is_directory;
	int fd; /* of the directory */
	struct export_output output;
	struct tar_writer tar;
};

void archive_out_init(struct archive_out *out, int fd, bool is_directory);
int archive_out_folder(struct archive_out *out, const char *name, struct err *err) must_check;
int archive_out_bytes(struct archive_out *out, const char *name, const void *bytes,
		      size_t size_bytes, struct err *err) must_check;
/* Exactly size_bytes must come from the source. */
int archive_out_source(struct archive_out *out, const char *name, const struct byte_source *source,
		       uint64_t size_bytes, struct err *err) must_check;
int archive_out_end(struct archive_out *out, struct err *err) must_check;
void archive_out_done(struct archive_out *out);

/* A source that checks SHA-256 of what is read: -EUCLEAN at its end when it is not `digest`. */
struct checked_source;
struct checked_source *checked_source_new(const struct byte_source *from,
					  const struct digest *digest);
void checked_source_free(struct checked_source *checked);
struct byte_source byte_source_checked(struct checked_source *checked);

#endif
