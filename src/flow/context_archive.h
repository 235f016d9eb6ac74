/* SPDX-License-Identifier: Apache-2.0 */
/* Build contexts that come as one stream of bytes: a tar archive, compressed in any way, or text
 * that is a Dockerfile. */
#ifndef FLOW_CONTEXT_ARCHIVE_H
#define FLOW_CONTEXT_ARCHIVE_H

#include <stdbool.h>

#include "codec/byte_source.h"
#include "store/owners.h"

struct context_archive;

/* Read the first bytes and say what they begin. `source` is copied; its context must outlive the
 * archive. */
int context_archive_new(const struct byte_source *source, struct context_archive **ret_archive,
			struct err *err) must_check;
void context_archive_free(struct context_archive *archive);
static inline void context_archive_cleanup(struct context_archive **archive)
{
	context_archive_free(*archive);
}
#define auto_context_archive cleanup(context_archive_cleanup) struct context_archive

bool context_archive_is_tar(const struct context_archive *archive);

/* All of a tar into an empty directory. Who owned a file is not kept: in a context everything is
 * root's. The record has what the disk does not; it lives as long as the archive. */
int context_archive_unpack(struct context_archive *archive, int root_fd, struct owners *ret_owners,
			   struct err *err) must_check;
/* All bytes, when they are no tar. -EFBIG: more than limit_bytes. */
int context_archive_text(struct context_archive *archive, size_t limit_bytes, struct buf *text,
			 struct err *err) must_check;

#endif
