// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "image/whiteout.h"

test(names_are_told_apart)
{
	static const struct {
		const char *name;
		enum whiteout kind;
		const char *hidden;
	} cases[] = {
		{ "file", WHITEOUT_NONE, NULL },
		{ ".wh", WHITEOUT_NONE, NULL },
		{ "x.wh.y", WHITEOUT_NONE, NULL },
		{ ".wh.file", WHITEOUT_ENTRY, "file" },
		{ ".wh..hidden", WHITEOUT_ENTRY, ".hidden" },
		{ ".wh....", WHITEOUT_ENTRY, "..." },
		{ ".wh..wh..opq", WHITEOUT_OPAQUE, NULL },
		{ ".wh..wh.plnk", WHITEOUT_IGNORED, NULL },
		{ ".wh.", WHITEOUT_BAD, NULL },
		{ ".wh..", WHITEOUT_BAD, NULL },
		{ ".wh...", WHITEOUT_BAD, NULL },
	};

	for (size_t i = 0; i < array_count(cases); i++) {
		const char *hidden = NULL;

		if (whiteout_parse(cases[i].name, &hidden) != cases[i].kind)
			fail_msg("'%s' was taken for another kind", cases[i].name);
		if (cases[i].hidden)
			assert_string_equal(hidden, cases[i].hidden);
	}
}

test(paths_are_made_plain)
{
	static const char *const cases[][2] = {
		{ "a/b", "a/b" },     { "./a//b/./c/", "a/b/c" }, { "./", "" }, { ".", "" },
		{ "a/...", "a/..." }, { "..a/b..", "..a/b.." },	  { "/", "" },
	};

	for (size_t i = 0; i < array_count(cases); i++) {
		auto_buf path = { 0 };

		assert_int_equal(layer_path_normalize(cases[i][0], &path, NULL), 0);
		assert_string_equal(buf_text(&path), cases[i][1]);
	}
}

test(paths_that_lead_elsewhere_or_nowhere_are_refused)
{
	static const char *const bad[] = { "",	   "//",   "/a",     "..",
					   "../a", "a/..", "a/../b", "a/b/../../.." };

	for (size_t i = 0; i < array_count(bad); i++) {
		auto_buf path = { 0 };

		if (layer_path_normalize(bad[i], &path, NULL) != -EINVAL)
			fail_msg("'%s' was accepted", bad[i]);
	}
}

test(no_file_of_a_layer_is_called_like_a_deletion)
{
	static const char *const good[] = { "", "a/wh.b", "a/.whb", ".wh.a/b", "a.wh.b" };
	static const char *const bad[] = { ".wh.a", "/.wh.a", "a/.wh.b", "a/.wh.",
					   "a/.wh..wh..opq" };

	for (size_t i = 0; i < array_count(good); i++)
		assert_int_equal(layer_name_check(good[i], NULL), 0);
	for (size_t i = 0; i < array_count(bad); i++)
		if (layer_name_check(bad[i], NULL) != -EINVAL)
			fail_msg("'%s' was accepted", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(names_are_told_apart),
		RUN(paths_are_made_plain),
		RUN(paths_that_lead_elsewhere_or_nowhere_are_refused),
		RUN(no_file_of_a_layer_is_called_like_a_deletion),
	};

	return RUN_ALL(tests);
}
