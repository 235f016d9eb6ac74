/* SPDX-License-Identifier: Apache-2.0 */
/* The mark by which an image says whether its files may all become root's (SC21, section 6.2.5:
 * "explicit marking of images to disallow, allow, or require them to be ownership-flattened"): the
 * manifest's annotation org.rootlet.ownership-flatten, else the config's label of that name. */
#ifndef IMAGE_OWNERSHIP_H
#define IMAGE_OWNERSHIP_H

#include "image/config.h"
#include "image/manifest.h"

#define OWNERSHIP_MARK	       "org.rootlet.ownership-flatten"
#define OWNERSHIP_MARK_CHOICES "disallow|allow|require"
#define OWNERSHIP_CHOICES      "keep|flatten"

enum ownership_mark { OWNERSHIP_UNMARKED, OWNERSHIP_DISALLOW, OWNERSHIP_ALLOW, OWNERSHIP_REQUIRE };

/* -EINVAL: the image's mark is none of the three words. */
int ownership_mark_of(const struct manifest *manifest, const struct config *config,
		      enum ownership_mark *ret_mark, struct err *err) must_check;
/* Shall the files become root's? asked: "keep", "flatten" or NULL, which does what the mark says.
 * -EPERM: the image disallows or requires otherwise. */
int ownership_choose(enum ownership_mark mark, const char *asked, bool *ret_flatten,
		     struct err *err) must_check;

/* What flattening does to a file: root's, and without the set-id bits that would have given
 * another user's or group's rights and now would give root's. */
void ownership_flatten(uint32_t *uid, uint32_t *gid, uint32_t *mode);

#endif
