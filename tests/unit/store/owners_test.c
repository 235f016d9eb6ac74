// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <sys/stat.h>

#include "store/owners.h"

#define HEAD "#mtree\n# rootlet owners 1\n"

test(a_record_survives_printing_and_reading)
{
	struct xattr capability = { "security.capability", "\x01\0\0\x02\xff", 5 };
	struct owner items[] = {
		{ .path = "", .has_mode = true, .mode = 01777 },
		{ .path = "a b\n#=\\\xc3\xa4", .uid = 33, .gid = 4294967294 },
		{ .path = "dev/null", .type = S_IFCHR, .rdev_major = 1, .rdev_minor = 3 },
		{ .path = "ping", .xattrs = &capability, .xattr_count = 1 },
		{ .path = "x", .whiteout = true },
		{ .path = "y", .opaque = true, .implicit = true },
	};
	struct owners owners = {
		.overlay_ready = true, .tar_bytes = 512, .item = items, .count = array_count(items)
	};
	struct owners back;
	auto_arena arena = { 0 };
	auto_buf text = { 0 };
	auto_buf again = { 0 };
	struct err err = { 0 };
	const struct owner *found;

	owners_print(&owners, &text);
	assert_string_equal(text.bytes,
			    HEAD "# overlay ready\n# tar-bytes 512\n"
				 ". mode=1777\n"
				 "./a\\040b\\012\\043\\075\\134\\303\\244 uid=33 gid=4294967294\n"
				 "./dev/null type=char device=linux,1,3\n"
				 "./ping xattr.security.capability=AQAAAv8=\n"
				 "./x type=whiteout\n"
				 "./y opaque implicit\n");
	assert_int_equal(owners_parse(text.bytes, text.size_bytes, &arena, &back, &err), 0);
	owners_print(&back, &again);
	assert_string_equal(again.bytes, text.bytes);
	found = owners_find(&back, "ping");
	assert_non_null(found);
	assert_int_equal(found->xattrs[0].size_bytes, 5);
	assert_memory_equal(found->xattrs[0].value, capability.value, 5);
	assert_true(back.tar_bytes == 512);
	assert_true(owners_peek_tar_bytes(text.bytes) == 512);
	assert_int_equal(owners_find(&back, "")->mode, 01777);
	assert_null(owners_find(&back, "dev"));
	assert_true(owners_head_overlay_ready(text.bytes, OWNERS_HEAD_BYTES));
	assert_false(owners_head_overlay_ready(text.bytes, strlen(HEAD)));
}

test(damage_is_refused_naming_the_line)
{
	static const char *const bad[] = {
		HEAD "/x uid=1\n",
		HEAD "./x uid=-1\n",
		HEAD "./x mode=9\n",
		HEAD "./x mode=17777\n",
		HEAD "./x what\n",
		HEAD "./x type=what\n",
		HEAD "./x xattr.a=AQA\n",
		HEAD "./x xattr.a=A===\n",
		HEAD "./x xattr.a=AQ=A\n",
		HEAD "./\\00 uid=1\n",
		HEAD "./\\000 uid=1\n",
		HEAD "./x device=1,2\n",
		"#mtree\n# other\n./x\n",
		"",
		"./x uid=1\n",
		HEAD "./b uid=1\n./a uid=1\n",
		"#mtree\n",
	};

	for (size_t i = 0; i < array_count(bad); i++) {
		auto_arena arena = { 0 };
		struct owners owners;
		struct err err = { 0 };

		if (owners_parse(bad[i], strlen(bad[i]), &arena, &owners, &err) != -EUCLEAN)
			fail_msg("accepted: %s", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_record_survives_printing_and_reading),
		RUN(damage_is_refused_naming_the_line),
	};

	return RUN_ALL(tests);
}
