// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "base/buf.h"
#include "codec/toml.h"

/* Parse text that must be right; the arena is the caller's. */
static const struct toml *parsed(struct arena *arena, const char *text)
{
	const struct toml *root = NULL;
	struct err err = { 0 };

	if (toml_parse(arena, text, strlen(text), &root, &err) < 0)
		fail_msg("'%s': %s", text, err.text);
	return root;
}

static void refused(const char *text, const char *why)
{
	const struct toml *root = NULL;
	auto_arena arena = { 0 };
	struct err err = { 0 };

	assert_int_equal(toml_parse(&arena, text, strlen(text), &root, &err), -EINVAL);
	if (!strstr(err.text, why))
		fail_msg("'%s': expected '%s' in '%s'", text, why, err.text);
}

/* Walk "a.b.c" from the root. */
static const struct toml *at(const struct toml *node, const char *path)
{
	char key[64];

	while (node && *path) {
		size_t length = strcspn(path, ".");

		memcpy(key, path, length);
		key[length] = '\0';
		node = toml_get(node, key);
		path += length + (path[length] == '.');
	}
	return node;
}

static const char *text_at(const struct toml *root, const char *path)
{
	const struct toml *node = at(root, path);

	return node && node->text ? node->text : "(none)";
}

test(tables_arrays_of_tables_and_dotted_keys_nest)
{
	auto_arena arena = { 0 };
	const struct toml *root = parsed(&arena, "top = 'x'\n"
						 "[a.b]\n"
						 "c.d = \"deep\"\n"
						 "[[list]]\n"
						 "name = 'one'\n"
						 "[[list.inner]]\n"
						 "v = 'i1'\n"
						 "[[list]]\r\n"
						 "name = 'two' # comment\n");
	const struct toml *list = toml_get(root, "list");

	assert_string_equal(text_at(root, "top"), "x");
	assert_string_equal(text_at(root, "a.b.c.d"), "deep");
	assert_int_equal(list->kind, TOML_ARRAY);
	assert_string_equal(text_at(list->first, "name"), "one");
	assert_string_equal(text_at(toml_get(list->first, "inner")->first, "v"), "i1");
	assert_string_equal(text_at(list->first->next, "name"), "two");
	assert_null(list->first->next->next);
}

test(strings_of_all_four_kinds_say_what_the_specification_says)
{
	auto_arena arena = { 0 };
	const struct toml *root = parsed(&arena,
					 "a = \"t\\t\\\"q\\\" \\u00e9 \\U0001F600\"\n"
					 "b = 'C:\\no\\escape'\n"
					 "c = \"\"\"\nline\\\n   \n  joined \"\"quoted\"\"\"\"\n"
					 "d = '''\nraw \\\n'''\n"
					 "\"key with blank\" = ''\n");

	assert_string_equal(text_at(root, "a"), "t\t\"q\" \xc3\xa9 \xf0\x9f\x98\x80");
	assert_string_equal(text_at(root, "b"), "C:\\no\\escape");
	assert_string_equal(text_at(root, "c"), "linejoined \"\"quoted\"");
	assert_string_equal(text_at(root, "d"), "raw \\\n");
	assert_string_equal(text_at(root, "key with blank"), "");
}

test(numbers_booleans_dates_and_arrays_are_read)
{
	auto_arena arena = { 0 };
	const struct toml *root = parsed(&arena, "a = [1_000, -2, +3, 0xfF, 0o17, 0b11,\n # c\n]\n"
						 "t = true\nf = false\n"
						 "x = 1.5e3\nd = 1979-05-27 07:32:00\ni = inf\n");
	static const int64_t expected[] = { 1000, -2, 3, 255, 15, 3 };
	size_t i = 0;

	toml_each(toml_get(root, "a"), node)
	{
		assert_int_equal(node->kind, TOML_INTEGER);
		assert_int_equal(node->integer, expected[i]);
		i++;
	}
	assert_int_equal(i, array_count(expected));
	assert_true(toml_get(root, "t")->truth);
	assert_false(toml_get(root, "f")->truth);
	assert_string_equal(text_at(root, "x"), "1.5e3");
	assert_string_equal(text_at(root, "d"), "1979-05-27 07:32:00");
	assert_int_equal(toml_get(root, "i")->kind, TOML_OTHER);
}

test(inline_tables_are_read_and_closed)
{
	auto_arena arena = { 0 };
	const struct toml *root = parsed(&arena, "p = { x = 'a', y.z = 'b' }\n");

	assert_string_equal(text_at(root, "p.x"), "a");
	assert_string_equal(text_at(root, "p.y.z"), "b");
	refused("p = { x = 1 }\np.y = 2\n", "line 2: cannot extend 'p'");
	refused("p = { x = 1 }\n[p.q]\n", "line 2: cannot extend 'p'");
	refused("p = { x = 1,\n y = 2 }\n", "key is expected");
}

test(what_is_defined_twice_is_refused_with_its_line)
{
	refused("a = 1\na = 2\n", "line 2: defined twice: 'a'");
	refused("[a]\n[b]\n[a]\n", "line 3: defined twice: 'a'");
	refused("a.b = 1\n[a]\n", "line 2: defined twice: 'a'");
	refused("[a.b]\n[a]\nb.c = 1\n", "line 3: cannot extend 'b'");
	refused("a = []\n[[a]]\n", "line 2: not an array of tables: 'a'");
	refused("[[a]]\n[a]\n", "line 2: defined twice: 'a'");
}

test(a_table_made_in_passing_may_be_defined_later)
{
	auto_arena arena = { 0 };
	const struct toml *root = parsed(&arena, "[a.b.c]\nx = 'deep'\n[a]\ny = 'late'\n");

	assert_string_equal(text_at(root, "a.b.c.x"), "deep");
	assert_string_equal(text_at(root, "a.y"), "late");
}

test(broken_text_is_refused_with_its_line)
{
	refused("\n\na\n", "line 3: '=' is expected after 'a'");
	refused("a = \n", "a value is expected");
	refused("a = yes\n", "not 'yes'");
	refused("a = 'x\n", "string without end");
	refused("a = \"\\q\"\n", "unknown escape");
	refused("a = \"\\u0000\"\n", "no usable character");
	refused("a = \"\\ud800\"\n", "no usable character");
	refused("a = 'x' b = 'y'\n", "something follows");
	refused("a = [1, 2\n", "',' or ']'");
	refused("[a\n", "']' is expected");
	refused("a = 012\n", "leading zero");
	refused("a = 1__0\n", "misplaced '_'");
	refused("a = 99999999999999999999\n", "out of range");
	refused("a = '\x01'\n", "control character");
	refused("# bell \a\n", "control character in a comment");
}

test(depth_is_limited)
{
	char deep[TOML_DEPTH_MAX + 8] = "a=";
	auto_buf dotted = { 0 };

	memset(deep + 2, '[', TOML_DEPTH_MAX + 2);
	refused(deep, "nested too deeply");
	for (int i = 0; i < TOML_DEPTH_MAX + 1; i++)
		buf_add_text(&dotted, "a.");
	buf_add_text(&dotted, "a=1");
	refused(dotted.bytes, "too many parts");
}

test(every_prefix_of_a_document_is_parsed_or_refused)
{
	static const char whole[] =
		"a.b = [\"x\\u00e9\", 'y', { z = 1_0 }]\n[[t]]\nd = 1979-05-27 07:32\n"
		"m = \"\"\"a\\\n b\"\"\"\n";

	for (size_t length = 0; length < sizeof(whole); length++) {
		const struct toml *root = NULL;
		auto_free char *exact = malloc(length + 1);
		auto_arena arena = { 0 };

		memcpy(exact, whole, length);
		if (toml_parse(&arena, exact, length, &root, NULL) == 0)
			assert_int_equal(root->kind, TOML_TABLE);
	}
}

test(typed_look_ups_name_line_and_key_of_what_is_wrong)
{
	auto_arena arena = { 0 };
	const struct toml *root = parsed(&arena, "s = 1\n\nb = 'x'\nl = ['a', 2]\n");
	const struct toml *array = NULL;
	const char *text = "kept";
	struct err err = { 0 };
	bool truth;

	assert_int_equal(toml_get_text(root, "s", &text, &err), -EINVAL);
	assert_string_equal(err.text, "line 1: 's' is not a string");
	assert_int_equal(toml_get_bool(root, "b", &truth, &err), -EINVAL);
	assert_string_equal(err.text, "line 3: 'b' is not true or false");
	assert_int_equal(toml_get_array(root, "l", TOML_STRING, &array, &err), -EINVAL);
	assert_string_equal(err.text, "line 4: 'l' is not an array of strings");
	assert_int_equal(toml_get_text(root, "absent", &text, &err), 0);
	assert_string_equal(text, "kept");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(tables_arrays_of_tables_and_dotted_keys_nest),
		RUN(strings_of_all_four_kinds_say_what_the_specification_says),
		RUN(numbers_booleans_dates_and_arrays_are_read),
		RUN(inline_tables_are_read_and_closed),
		RUN(what_is_defined_twice_is_refused_with_its_line),
		RUN(a_table_made_in_passing_may_be_defined_later),
		RUN(broken_text_is_refused_with_its_line),
		RUN(depth_is_limited),
		RUN(every_prefix_of_a_document_is_parsed_or_refused),
		RUN(typed_look_ups_name_line_and_key_of_what_is_wrong),
	};

	return RUN_ALL(tests);
}
