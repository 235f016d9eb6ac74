/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a host's directories by their names. */
#ifndef FLOW_ISOLATE_KNOWN_H
#define FLOW_ISOLATE_KNOWN_H

#include <stdbool.h>

/* No build looks there for what no package has put there. */
bool isolate_is_no_matter(const char *path);
/* Programs write below these while nobody looks, and mount things there. */
bool isolate_changes_all_the_time(const char *path);

#endif
