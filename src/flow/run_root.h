/* SPDX-License-Identifier: Apache-2.0 */
/* What ROOT of rootlet run means. */
#ifndef FLOW_RUN_ROOT_H
#define FLOW_RUN_ROOT_H

#include "flow/run.h"

/* Fill in box->root and what of `root` belongs to it. An image that is not here is pulled, an
 * archive imported. -ENOENT, -EINVAL name what was given. */
int run_find_root(const struct run_request *request, struct box *box, struct run_root *root,
		  struct err *err) must_check;

#endif
