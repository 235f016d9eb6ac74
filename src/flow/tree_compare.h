/* SPDX-License-Identifier: Apache-2.0 */
/* Are two directory trees on disk the same: names, types, modes, sizes, times, links' targets and
 * contents of files? */
#ifndef FLOW_TREE_COMPARE_H
#define FLOW_TREE_COMPARE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/owners.h"

/* *ret_same; when they are not, the first difference is appended to `difference`, as
 * "etc/passwd: its content is another", the second tree being as it should be. Directories that
 * `owners` has as implicit have no mode and time of their own. */
struct tree_pair {
	int dirfd;
	const char *name;
	const char *expected;
	const struct owners *owners;
};
int tree_compare(const struct tree_pair *pair, bool *ret_same, struct buf *difference,
		 struct err *err) must_check;

#endif
