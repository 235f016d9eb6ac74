// SPDX-License-Identifier: Apache-2.0
/* zstd alone, for the program inside of packs: naming sqfs_compressor_create would link every
 * compression there is, and both directions. */
#include <sqfs/error.h>
#include <zstd.h>

#include "base/banned.h"
#include "base/memory.h"
#include "codec/squash_io.h"

struct decompressor {
	sqfs_compressor_t base; /* first: libsquashfs hands this back */
	ZSTD_DCtx *context;
};

static void destroy(sqfs_object_t *object)
{
	struct decompressor *decompressor = (struct decompressor *)object;

	ZSTD_freeDCtx(decompressor->context);
	free(decompressor);
}

static sqfs_s32 do_block(sqfs_compressor_t *base, const sqfs_u8 *in, sqfs_u32 size, sqfs_u8 *out,
			 sqfs_u32 out_size)
{
	struct decompressor *decompressor = (struct decompressor *)base;
	size_t n = ZSTD_decompressDCtx(decompressor->context, out, out_size, in, size);

	return ZSTD_isError(n) ? SQFS_ERROR_COMPRESSOR : (sqfs_s32)n;
}

static sqfs_object_t *copy(const sqfs_object_t *object);

static struct decompressor *make(void)
{
	struct decompressor *decompressor = memory_zeroed(1, sizeof(*decompressor));

	decompressor->base.base = (sqfs_object_t){ .destroy = destroy, .copy = copy };
	decompressor->base.do_block = do_block;
	decompressor->context = ZSTD_createDCtx();
	if (decompressor->context)
		return decompressor;
	free(decompressor);
	return NULL;
}

static sqfs_object_t *copy(const sqfs_object_t *object)
{
	(void)object; /* the context keeps nothing from block to block */
	return (sqfs_object_t *)make();
}

int squash_decompressor_new(const sqfs_super_t *super, sqfs_compressor_t **ret)
{
	struct decompressor *decompressor;

	if (super->compression_id != SQFS_COMP_ZSTD)
		return SQFS_ERROR_UNSUPPORTED;
	decompressor = make();
	if (!decompressor)
		return SQFS_ERROR_ALLOC;
	*ret = &decompressor->base;
	return 0;
}
