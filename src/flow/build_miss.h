/* SPDX-License-Identifier: Apache-2.0 */
/* What is different between the inputs of two cache keys (build_key.h), in words. Pure. */
#ifndef FLOW_BUILD_MISS_H
#define FLOW_BUILD_MISS_H

#include <stddef.h>

#include "base/err.h"
#include "base/strings.h"

#define MISS_REASONS_MAX 10 /* then "and 12 more" */

/* Adds one line for each input that changed, came or went: "file src/main.c: its content changed",
 * "variable CC: 'gcc' became 'clang'". What `parent` stands for is said by the caller: `below` is
 * text such as "[2/4] COPY . /src". Adds nothing when both are the same. -EUCLEAN: not inputs. */
int build_miss_compare(const char *before, const char *now, const char *below,
		       struct strings *reasons, struct err *err) must_check;

#endif
