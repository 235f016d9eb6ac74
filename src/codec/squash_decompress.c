// SPDX-License-Identifier: Apache-2.0
/* Every compression that libsquashfs was built with. */
#include "base/banned.h"
#include "codec/squash_io.h"

int squash_decompressor_new(const sqfs_super_t *super, sqfs_compressor_t **ret)
{
	sqfs_compressor_config_t config;
	int r = sqfs_compressor_config_init(&config, (SQFS_COMPRESSOR)super->compression_id,
					    super->block_size, SQFS_COMP_FLAG_UNCOMPRESS);

	return r < 0 ? r : sqfs_compressor_create(&config, ret);
}
