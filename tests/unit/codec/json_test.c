// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "codec/json.h"

static struct json *parsed(const char *text)
{
	struct json *json = NULL;
	struct err err = { 0 };

	assert_int_equal(json_parse(text, strlen(text), &json, &err), 0);
	return json;
}

test(lookups_in_what_is_absent_are_absent)
{
	auto_json *json = parsed("{\"a\":{\"b\":\"c\"},\"n\":null,\"i\":3}");

	assert_string_equal(json_get_text(json_get(json, "a"), "b"), "c");
	assert_null(json_get_text(json_get(json_get(json, "x"), "y"), "z"));
	assert_null(json_get(json, "n"));
	assert_null(json_get_text(json, "i"));
	assert_null(json_at(json_get(json, "a"), 0));
	assert_int_equal(json_count(NULL), 0);
}

test(mistakes_are_reported_with_their_place)
{
	static const char *const bad[] = { "", "{", "{} x", "[1,]", "\"\\u0000\"", "{\"a\":1" };
	struct json *json = NULL;

	for (size_t i = 0; i < array_count(bad); i++) {
		struct err err = { 0 };

		assert_int_equal(json_parse(bad[i], strlen(bad[i]), &json, &err), -EINVAL);
		assert_non_null(strstr(err.text, "line 1"));
		assert_null(json);
	}
}

test(members_keep_their_order_and_text_that_is_no_utf8_is_repaired)
{
	auto_json *json = json_new_object();
	auto_buf out = { 0 };

	json_set_text(json, "z", "1");
	json_set_text(json, "a", "bad \xff byte");
	json_set_text(json, "none", NULL);
	json_set_integer(json, "z", 2);
	json_print(json, JSON_ONE_LINE, &out);
	assert_string_equal(out.bytes, "{\"z\":2,\"a\":\"bad \xef\xbf\xbd byte\"}");
}

test(numbers_and_strings_are_checked_by_kind)
{
	auto_json *json = parsed("{\"n\":-1,\"t\":\"x\",\"l\":[\"a\",1]}");
	auto_strings list = { 0 };
	struct err err = { 0 };
	const char *text;
	uint64_t number;

	assert_int_equal(json_need_u64(json, "n", &number, &err), -EINVAL);
	assert_int_equal(json_need_u64(json, "t", &number, &err), -EINVAL);
	assert_int_equal(json_need_text(json, "n", &text, &err), -EINVAL);
	assert_non_null(strstr(err.text, "'n' is not a string"));
	assert_int_equal(json_read_strings(json, "l", &list, &err), -EINVAL);
	assert_int_equal(json_read_strings(json, "absent", &list, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(lookups_in_what_is_absent_are_absent),
		RUN(mistakes_are_reported_with_their_place),
		RUN(members_keep_their_order_and_text_that_is_no_utf8_is_repaired),
		RUN(numbers_and_strings_are_checked_by_kind),
	};

	return RUN_ALL(tests);
}
