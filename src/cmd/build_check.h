/* SPDX-License-Identifier: Apache-2.0 */
/* What the build checks found, for people and for programs. */
#ifndef CMD_BUILD_CHECK_H
#define CMD_BUILD_CHECK_H

#include "codec/json.h"
#include "flow/build.h"

/* A paragraph for each finding: where, rule, message, the line with a caret, the rule's page. */
void build_findings_print(const struct build_findings *findings, struct buf *out);
/* The document of buildx's --call check,format=json. `error` is why the Dockerfile would not build,
 * or NULL. */
void build_findings_print_json(const struct build_findings *findings, const char *error,
			       struct buf *out);

/* A place in the Dockerfile as BuildKit's documents have it. */
struct json *build_location_json(struct mark at);

#endif
