/* SPDX-License-Identifier: Apache-2.0 */
/* What squash_writer.c collects and squash_finish.c writes. */
#ifndef CODEC_SQUASH_TREE_H
#define CODEC_SQUASH_TREE_H

#include <sqfs/block_processor.h>
#include <sqfs/block_writer.h>
#include <sqfs/compressor.h>
#include <sqfs/frag_table.h>
#include <sqfs/id_table.h>
#include <sqfs/super.h>
#include <sqfs/xattr_writer.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "codec/squash.h"
#include "codec/squash_inode.h"
#include "codec/squash_io.h"

#define SQUASH_NOT_WRITTEN UINT64_MAX

struct squash_node {
	const char *name;
	struct squash_node *first; /* of a directory; in any order until the end */
	struct squash_node *next;
	size_t child_count;
	struct squash_node *target; /* of a further name of a file: the first one; else NULL */
	bool implied;		    /* a directory nobody wrote an entry for */
	mode_t mode;
	uint16_t uid_index, gid_index;
	uint32_t mtime_s;
	uint32_t device; /* as the kernel encodes it */
	uint32_t xattr;	 /* index, or SQUASH_NO_XATTR */
	uint32_t names;	 /* hard links */
	const char *symlink;
	uint32_t number;	     /* of the inode */
	uint64_t reference;	     /* where the inode is, or SQUASH_NOT_WRITTEN */
	sqfs_inode_generic_t *inode; /* libsquashfs's; of a file, from the first byte on */
};

struct squash_writer {
	struct squash_io io;
	sqfs_super_t super;
	sqfs_compressor_t *compressor;
	sqfs_compressor_t *decompressor;
	sqfs_block_writer_t *block_writer;
	sqfs_frag_table_t *fragments;
	sqfs_block_processor_t *blocks;
	sqfs_id_table_t *ids;
	sqfs_xattr_writer_t *xattrs;
	struct arena arena;
	struct map by_path;
	struct squash_node root;
	bool in_file;
	uint64_t left_bytes; /* of the file's data */
};

#endif
