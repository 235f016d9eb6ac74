// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "base/buf.h"
#include "codec/yaml_tree.h"

static void refused(const char *text, const char *why)
{
	const struct yaml *root = NULL;
	auto_arena arena = { 0 };
	struct err err = { 0 };

	assert_int_equal(yaml_parse(&arena, "f", text, strlen(text), &root, &err), -EINVAL);
	if (!strstr(err.text, why))
		fail_msg("'%s': expected '%s' in '%s'", text, why, err.text);
}

static const struct yaml *parsed(struct arena *arena, const char *text)
{
	const struct yaml *root = NULL;
	struct err err = { 0 };

	if (yaml_parse(arena, "f", text, strlen(text), &root, &err) < 0)
		fail_msg("'%s': %s", text, err.text);
	return root;
}

test(mappings_lists_and_scalars_come_in_order_with_their_lines)
{
	auto_arena arena = { 0 };
	const struct yaml *root = parsed(&arena, "a: one # comment\n"
						 "b:\n"
						 "  - 'two'\n"
						 "  - {c: 3, d: [x]}\n"
						 "e: |\n"
						 "  block\n");
	const struct yaml *b = root->first->next;

	assert_int_equal(root->kind, YAML_MAPPING);
	assert_string_equal(root->first->key, "a");
	assert_string_equal(root->first->text, "one");
	assert_true(root->first->is_plain);
	assert_int_equal(b->kind, YAML_LIST);
	assert_int_equal(b->key_line, 2);
	assert_int_equal(b->first->line, 3);
	assert_false(b->first->is_plain);
	assert_null(b->first->key);
	assert_string_equal(b->last->first->key, "c");
	assert_string_equal(b->last->last->first->text, "x");
	assert_string_equal(b->next->text, "block\n");
	assert_null(b->next->next);
}

test(only_plain_true_false_and_nothing_are_that)
{
	auto_arena arena = { 0 };
	const struct yaml *node =
		parsed(&arena, "[true, false, 'true', yes, ~, null, '', ]")->first;
	bool value = false;

	assert_true(yaml_is_bool(node, &value) && value);
	node = node->next;
	assert_true(yaml_is_bool(node, &value) && !value);
	for (int i = 0; i < 2; i++) {
		node = node->next;
		assert_false(yaml_is_bool(node, &value));
		assert_false(yaml_is_null(node));
	}
	node = node->next;
	assert_true(yaml_is_null(node));
	node = node->next;
	assert_true(yaml_is_null(node));
	node = node->next;
	assert_false(yaml_is_null(node));
}

test(a_text_without_content_has_no_root)
{
	auto_arena arena = { 0 };

	assert_null(parsed(&arena, ""));
	assert_null(parsed(&arena, "# only this\n"));
	assert_null(parsed(&arena, "---\n"));
}

test(what_means_other_than_it_seems_is_refused_by_file_and_line)
{
	auto_buf deep = { 0 };

	refused("a: 1\nb: 2\na: 3\n", "f:3: 'a' a second time (line 1)");
	refused("a: &x 1\nb: *x\n", "f:1: anchors");
	refused("\nb: *x\n", "f:2: aliases");
	refused("a: !!int 1\n", "f:1: tags");
	refused("a: !int\n  b: 1\n", "tags");
	refused("a: 1\n---\nb: 1\n", "f:2: a second document");
	refused("? [a]\n: 1\n", "f:1: a key has to be a word");
	refused("a: \"\\0\"\n", "NUL");
	refused("a: [1\n", "f:2:");
	refused("a: 1\n\tb: 2\n", "f:2:");
	refused("a: 'x\n", "f:");
	refused("\xff\xfe\xfd", "f:1:");
	for (int i = 0; i < YAML_DEPTH_MAX + 1; i++)
		buf_add_char(&deep, '[');
	refused(deep.bytes, "nested too deeply");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(mappings_lists_and_scalars_come_in_order_with_their_lines),
		RUN(only_plain_true_false_and_nothing_are_that),
		RUN(a_text_without_content_has_no_root),
		RUN(what_means_other_than_it_seems_is_refused_by_file_and_line),
	};

	return RUN_ALL(tests);
}
