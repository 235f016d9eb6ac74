/* SPDX-License-Identifier: Apache-2.0 */
/* What the build checks found, for people and for programs. */
#ifndef CMD_BUILD_CHECK_H
#define CMD_BUILD_CHECK_H

#include "flow/build.h"

/* The methods of --call that there are, as in buildx: "build" (NULL is that too), "check",
 * "check,format=text" or "check,format=json". -ENOTSUP for those that buildx knows besides. */
struct build_call {
	bool check;
	bool as_json;
};
int build_call_parse(const char *text, struct build_call *ret_call, struct err *err) must_check;

/* A paragraph for each finding: where, rule, message, the line with a caret, the rule's page. */
void build_findings_print(const struct build_findings *findings, struct buf *out);
/* The document of buildx's --call check,format=json. `error` is why the Dockerfile would not build,
 * or NULL. */
void build_findings_print_json(const struct build_findings *findings, const char *error,
			       struct buf *out);

#endif
