/* SPDX-License-Identifier: Apache-2.0 */
/* From built stages to an image: labels, manifest, the index over several platforms, and what
 * --metadata-file says about it. */
#ifndef FLOW_BUILD_IMAGE_H
#define FLOW_BUILD_IMAGE_H

#include "flow/build_state.h"

/* The target stage of the platform under way as config and manifest, which are in the store then
 * but have no name. */
int build_image_write(struct build *build, struct build_platform *platform,
		      struct err *err) must_check;
/* All platforms are written: build->root and build->result say what they make together. */
int build_image_finish(struct build *build, struct err *err) must_check;

/* As buildx writes it: containerimage.digest, containerimage.config.digest (unless of an index),
 * containerimage.descriptor, image.name. */
int build_image_metadata(const struct build *build, struct err *err) must_check;

#endif
