// SPDX-License-Identifier: Apache-2.0
/* What comes with a build cache from elsewhere: its list of steps, whose keys become names of
 * files; and the words of --cache-from and --cache-to. */
#include <assert.h>
#include <string.h>

#include "fuzz.h"

#include "base/strings.h"
#include "flow/cache_pack.h"
#include "flow/cache_spec.h"

static void check_pack(const struct cache_pack *pack)
{
	for (size_t i = 0; i < pack->step_count; i++) {
		const struct cache_pack_step *step = &pack->step[i];

		assert(strspn(step->key, "0123456789abcdef") == DIGEST_HEX_LENGTH);
		assert(!step->key[DIGEST_HEX_LENGTH] && step->result.created && step->result.text);
	}
	for (size_t i = 0; i < pack->mount_count; i++)
		assert(pack->mount[i].id && !digest_is_none(&pack->mount[i].diff_id));
}

/* What was read is written so that it is read as the same. */
static void check_again(const struct cache_pack *pack)
{
	auto_arena arena = { 0 };
	struct cache_pack again;
	auto_buf once = { 0 };
	auto_buf twice = { 0 };
	struct err err = { 0 };

	cache_pack_print(pack, &once);
	assert(cache_pack_parse(once.bytes, once.size_bytes, &arena, &again, &err) == 0);
	cache_pack_print(&again, &twice);
	assert(strcmp(once.bytes, twice.bytes) == 0);
}

static void parse_spec(const char *text, enum cache_direction direction)
{
	auto_arena arena = { 0 };
	struct cache_spec spec;
	struct err err = { 0 };

	if (cache_spec_parse(text, direction, &arena, &spec, &err) < 0) {
		assert(text_starts(err.text, "--cache-"));
		return;
	}
	assert((spec.type == CACHE_REGISTRY) == (spec.ref != NULL));
	assert((spec.type == CACHE_LOCAL) == (spec.path != NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena arena = { 0 };
	struct cache_pack pack;
	struct err err = { 0 };
	const char *text = arena_copy_bytes(&arena, (const char *)data, size);

	if (size > 65536)
		return 0;
	if (cache_pack_parse(data, size, &arena, &pack, &err) == 0) {
		check_pack(&pack);
		check_again(&pack);
	}
	parse_spec(text, CACHE_FROM);
	parse_spec(text, CACHE_TO);
	return 0;
}
