/* SPDX-License-Identifier: Apache-2.0 */
/* rootlet pack --diff: which files of two packs differ, and in what. */
#ifndef FLOW_PACK_DIFF_H
#define FLOW_PACK_DIFF_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* Of any format each, directories included; of images the layers are looked into. A line for each
 * difference is appended to ret_text: "only in A: /x", "/x: mode 0644, 0600; time ...". */
int pack_diff(const char *a, const char *b, bool *ret_same, struct buf *ret_text,
	      struct err *err) must_check;

#endif
