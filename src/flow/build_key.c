// SPDX-License-Identifier: Apache-2.0
#include "flow/build_key.h"

#include <string.h>

#include "base/banned.h"
#include "base/text.h"

void build_key_init(struct build_key *key)
{
	*key = (struct build_key){ 0 };
	sha256_init(&key->sha);
}

void build_key_done(struct build_key *key)
{
	sha256_done(&key->sha);
	buf_done(&key->inputs);
}

void build_key_add(struct build_key *key, const char *name, const char *value)
{
	size_t start = key->inputs.size_bytes;

	/* JSON strings hold no newline, so lines cannot run into each other. */
	text_add_json_string(&key->inputs, name);
	buf_add_char(&key->inputs, ' ');
	text_add_json_string(&key->inputs, value);
	buf_add_char(&key->inputs, '\n');
	sha256_add(&key->sha, key->inputs.bytes + start, key->inputs.size_bytes - start);
}

void build_key_finish(struct build_key *key, char ret_hex[SHA256_HEX_LENGTH + 1])
{
	sha256_finish(&key->sha, ret_hex);
}
