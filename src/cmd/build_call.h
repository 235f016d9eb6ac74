/* SPDX-License-Identifier: Apache-2.0 */
/* --call: what is asked of a Dockerfile, and the answers of outline and targets. */
#ifndef CMD_BUILD_CALL_H
#define CMD_BUILD_CALL_H

#include "flow/build.h"

enum build_method { BUILD_CALL_BUILD, BUILD_CALL_CHECK, BUILD_CALL_OUTLINE, BUILD_CALL_TARGETS };

/* "METHOD[,format=text|json]" with the methods of buildx: build (NULL is that too), check, outline,
 * targets. -EINVAL names what is wrong. */
struct build_call {
	enum build_method method;
	bool as_json;
};
int build_call_parse(const char *text, struct build_call *ret_call, struct err *err) must_check;

/* Tables for people, or the documents of BuildKit. */
void build_description_print(const struct build_description *description,
			     const struct build_call *call, struct buf *out);

#endif
