/* SPDX-License-Identifier: Apache-2.0 */
/* A stage while it is built: the config so far, the layers so far, and how they look as one tree.
 */
#ifndef FLOW_BUILD_STAGE_H
#define FLOW_BUILD_STAGE_H

#include "flow/build_cache.h"
#include "flow/build_key.h"
#include "image/config.h"
#include "rootfs/view.h"
#include "store/image.h"

struct build_stage {
	const struct store *store;
	struct arena arena;
	struct config config;
	struct descriptor *layers; /* as many as config.diff_ids, lowest first */
	struct view view;
	char chain[SHA256_HEX_LENGTH + 1]; /* names the tree: the parent of the next step's key */
	char *created;			   /* when the newest layer was made; NULL: none yet */
};

/* Starting points. On failure the stage holds nothing. */
int build_stage_from_scratch(const struct store *store, const struct platform *platform,
			     struct build_stage *stage, struct err *err) must_check;
int build_stage_from_image(const struct store *store, const struct image *image,
			   struct build_stage *stage, struct err *err) must_check;
int build_stage_from_stage(const struct build_stage *parent, struct build_stage *stage,
			   struct err *err) must_check;
void build_stage_done(struct build_stage *stage);

/* A step's result becomes part of the stage; without a diff id only a line of history. */
int build_stage_add(struct build_stage *stage, const struct build_cached *result,
		    const char *created_by, struct err *err) must_check;
/* A line of history for a step that makes no layer. */
void build_stage_add_history(struct build_stage *stage, const char *created_by);

/* Write config and manifest as blobs. `created` of the config is that of the newest layer. */
int build_stage_write(struct build_stage *stage, const struct annotations *annotations,
		      struct descriptor *ret_manifest, struct digest *ret_image_id,
		      struct err *err) must_check;

#endif
