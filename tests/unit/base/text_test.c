// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "base/text.h"

static void assert_json(const char *text, const char *json)
{
	auto_buf buf = { 0 };

	text_add_json_string(&buf, text);
	assert_string_equal(buf.bytes, json);
}

static void assert_shell(const char *text, const char *word)
{
	auto_buf buf = { 0 };

	text_add_shell_word(&buf, text);
	assert_string_equal(buf.bytes, word);
}

test(json_strings_escape_what_json_must)
{
	assert_json("", "\"\"");
	assert_json("a\"b\\c\n\t\x01\x7f", "\"a\\\"b\\\\c\\n\\t\\u0001\\u007f\"");
}

test(json_strings_keep_utf8)
{
	assert_json("\xc3\xa4\xe2\x82\xac\xf0\x9f\x8c\xb1",
		    "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x8c\xb1\"");
}

test(json_strings_replace_bytes_that_are_not_utf8)
{
	assert_json("a\xff", "\"a\xef\xbf\xbd\"");
	assert_json("\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""); /* overlong '/' */
	assert_json("\xed\xa0\x80x", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\""); /* surrogate */
	assert_json("\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"");		   /* cut short */
}

test(shell_words_read_back_as_they_were)
{
	assert_shell("a-b/c.d", "a-b/c.d");
	assert_shell("", "''");
	assert_shell("a b", "'a b'");
	assert_shell("it's", "'it'\\''s'");
	assert_shell("$HOME", "'$HOME'");
	assert_shell("~", "'~'");
}

static void assert_visible(const char *text, const char *shown)
{
	auto_buf buf = { 0 };

	text_add_visible(&buf, text);
	assert_string_equal(buf_text(&buf), shown);
}

test(what_a_terminal_would_obey_is_shown_instead)
{
	assert_visible("", "");
	assert_visible("a b\\c", "a b\\c");
	assert_visible("a\nb\tc\r", "a\\nb\\tc\\r");
	assert_visible("\x1b[31m\x7f", "\\x1b[31m\\x7f");
	assert_visible("\xc3\xa4\xe2\x98\x83", "\xc3\xa4\xe2\x98\x83");
	assert_visible("\xc2\x9b\xc2\xa0", "\\xc2\\x9b\xc2\xa0"); /* CSI of 8 bits */
	assert_visible("\xff\xe2\x82", "\\xff\\xe2\\x82");
}

static void assert_base64(const char *text, const char *base64)
{
	auto_buf buf = { 0 };
	auto_buf back = { 0 };

	text_add_base64(&buf, text, strlen(text));
	assert_string_equal(buf_text(&buf), base64);
	assert_true(text_read_base64(base64, &back));
	assert_string_equal(buf_text(&back), text);
}

test(base64_is_that_of_rfc_4648)
{
	assert_base64("", "");
	assert_base64("f", "Zg==");
	assert_base64("fo", "Zm8=");
	assert_base64("foo", "Zm9v");
	assert_base64("\xff\xfe\xfd\xfb", "//79+w==");
}

test(base64_is_read_without_padding_and_refused_when_broken)
{
	static const char *const broken[] = { "Z",	  "Zg=",  "Zg==x", "Zm9v=",
					      "Zm9v====", "Z!==", "Zm 9v" };
	auto_buf buf = { 0 };

	assert_true(text_read_base64("Zm8", &buf));
	assert_string_equal(buf_text(&buf), "fo");
	for (size_t i = 0; i < array_count(broken); i++)
		assert_false(text_read_base64(broken[i], &buf));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(json_strings_escape_what_json_must),
		RUN(json_strings_keep_utf8),
		RUN(json_strings_replace_bytes_that_are_not_utf8),
		RUN(shell_words_read_back_as_they_were),
		RUN(what_a_terminal_would_obey_is_shown_instead),
		RUN(base64_is_that_of_rfc_4648),
		RUN(base64_is_read_without_padding_and_refused_when_broken),
	};

	return RUN_ALL(tests);
}
