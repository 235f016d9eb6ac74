// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <stdio.h>

#include "flow/cache_pack.h"

#define HEX    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX
#define LAYER                                                                                 \
	"{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"" DIGEST \
	"\","                                                                                 \
	"\"size\":7}"
#define STEP                                                                                   \
	"{\"diffId\":\"" DIGEST "\",\"layer\":" LAYER ",\"created\":\"2020-01-01T00:00:00Z\"," \
	"\"text\":\"RUN make\",\"key\":\"" HEX "\"}"
#define EMPTY		    "{\"created\":\"2020-01-01T00:00:00Z\",\"text\":\"\",\"key\":\"" HEX "\"}"
#define MOUNT		    "{\"id\":\"/root/.cache\",\"number\":2,\"diffId\":\"" DIGEST "\",\"layer\":" LAYER "}"
#define PACK(steps, mounts) "{\"version\":1,\"steps\":[" steps "],\"mounts\":[" mounts "]}"

static int parse(const char *text, struct arena *arena, struct cache_pack *pack, struct err *err)
{
	return cache_pack_parse(text, strlen(text), arena, pack, err);
}

test(a_pack_is_read_and_written_back_as_it_was)
{
	const char *text = PACK(STEP "," EMPTY, MOUNT);
	struct cache_pack pack;
	auto_arena arena = { 0 };
	auto_buf again = { 0 };
	struct err err = { 0 };

	if (parse(text, &arena, &pack, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(pack.step_count, 2);
	assert_string_equal(pack.step[0].key, HEX);
	assert_string_equal(pack.step[0].result.diff_id.text, DIGEST);
	assert_int_equal(pack.step[0].result.layer.size_bytes, 7);
	assert_true(digest_is_none(&pack.step[1].result.diff_id));
	assert_int_equal(pack.mount_count, 1);
	assert_string_equal(pack.mount[0].id, "/root/.cache");
	assert_int_equal(pack.mount[0].number, 2);
	cache_pack_print(&pack, &again);
	assert_string_equal(again.bytes, text);
}

/* A key becomes the name of a file in the store. */
test(what_is_no_pack_is_refused)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{\"version\":2,\"steps\":[],\"mounts\":[]}",
		PACK("{\"created\":\"x\",\"key\":\"../../refs/x\"}", ""),
		PACK("{\"created\":\"x\",\"key\":\"" HEX "0\"}", ""),
		PACK("{\"created\":\"x\"}", ""),
		PACK("{\"key\":\"" HEX "\"}", ""),
		PACK("{\"diffId\":\"sha256:1\",\"layer\":" LAYER ",\"created\":\"x\",\"key\":\"" HEX
		     "\"}",
		     ""),
		PACK("{\"diffId\":\"" DIGEST "\",\"created\":\"x\",\"key\":\"" HEX "\"}", ""),
		PACK("", "{\"id\":\"x\",\"diffId\":\"" DIGEST "\"}"),
		PACK("",
		     "{\"id\":\"x\",\"number\":-1,\"diffId\":\"" DIGEST "\",\"layer\":" LAYER "}"),
		PACK("", "{\"diffId\":\"" DIGEST "\",\"layer\":" LAYER "}"),
		PACK("17", ""),
	};

	for (size_t i = 0; i < array_count(bad); i++) {
		struct cache_pack pack = { .step_count = 77 };
		auto_arena arena = { 0 };
		struct err err = { 0 };

		if (parse(bad[i], &arena, &pack, &err) >= 0)
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(pack.step_count, 77);
		assert_true(err.text[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_pack_is_read_and_written_back_as_it_was),
		RUN(what_is_no_pack_is_refused),
	};

	return RUN_ALL(tests);
}
