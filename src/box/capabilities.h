/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of capabilities by name (capabilities(7)). Pure. */
#ifndef BOX_CAPABILITIES_H
#define BOX_CAPABILITIES_H

#include <stdint.h>

#include "base/err.h"
#include "base/strings.h"

/* Bit n is capability n. */
#define CAPABILITIES_ALL UINT64_MAX

/* Add "CAP_CHOWN", "chown" or "all", in any case. -EINVAL: there is none of this name. */
int capabilities_add(uint64_t *set, const char *name, struct err *err) must_check;
/* "CAP_CHOWN", ... in the order of their numbers; for all of them "ALL". */
void capabilities_to_names(uint64_t set, struct strings *names);

#endif
