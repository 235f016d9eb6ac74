/* SPDX-License-Identifier: Apache-2.0 */
/* How the formats of a pack are written. For the files of flow/pack.h. */
#ifndef FLOW_PACK_OUTPUT_H
#define FLOW_PACK_OUTPUT_H

#include "codec/gzip_writer.h"
#include "codec/sha256.h"
#include "flow/export.h"
#include "flow/pack_tree.h"
#include "flow/writeback.h"

/* Bytes on their way to a file (fd -1: to nowhere), counted and hashed. */
struct pack_output {
	struct export_output out;
	struct sha256 sha;
	uint64_t size_bytes;
	bool discards;
	struct writeback *writeback; /* borrowed; NULL: the file is to be thrown away */
};
void pack_output_init(struct pack_output *output, int fd);
void pack_output_done(struct pack_output *output);
/* A struct tar_writer's write, with a struct pack_output. */
int pack_output_write(void *context, const void *bytes, size_t size_bytes,
		      struct err *err) must_check;
/* Once: flushed, and the digest of all. */
int pack_output_end(struct pack_output *output, struct digest *ret_digest,
		    struct err *err) must_check;

/* All files as a tar, plain or in gzip members. */
int pack_write_tar(struct pack *pack, int (*write)(void *, const void *, size_t, struct err *),
		   void *context, struct err *err) must_check;
int pack_write_tar_gzip(struct pack *pack, const struct gzip_sink *sink,
			struct err *err) must_check;

#endif
