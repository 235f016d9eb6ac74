/* SPDX-License-Identifier: Apache-2.0 */
/* A step's cache key: the SHA-256 of everything its result depends on, as named inputs. The inputs
 * are kept as text too, so that a miss can be explained by comparing two of them. */
#ifndef FLOW_BUILD_KEY_H
#define FLOW_BUILD_KEY_H

#include "base/buf.h"
#include "codec/sha256.h"

struct build_key {
	struct sha256 sha;
	struct buf inputs; /* lines "NAME VALUE", both as JSON strings */
};

void build_key_init(struct build_key *key);
void build_key_done(struct build_key *key);
#define auto_build_key cleanup(build_key_done) struct build_key

/* Order matters. `name` says what it is in an explanation: "file src/main.c", "env PATH". */
void build_key_add(struct build_key *key, const char *name, const char *value);
/* Nothing may be added afterwards. */
void build_key_finish(struct build_key *key, char ret_hex[SHA256_HEX_LENGTH + 1]);

#endif
