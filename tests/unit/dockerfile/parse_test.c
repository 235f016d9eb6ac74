// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "ast.h"
#include "dockerfile/parse.h"

static struct dockerfile dockerfile;
static struct arena arena;

static int parse(const char *text, struct err *err)
{
	arena_done(&arena);
	return dockerfile_parse(&arena, "Dockerfile", text, strlen(text), &dockerfile, err);
}

static void must_parse(const char *text)
{
	struct err err = { 0 };

	parse(text, &err);
	assert_string_equal(err.text, "");
}

static void assert_tree(const char *text, const char *expected)
{
	auto_buf tree = { 0 };

	must_parse(text);
	ast_add(&tree, &dockerfile);
	assert_string_equal(tree.bytes, expected);
}

static void assert_fails(const char *text, const char *message)
{
	struct err err = { 0 };

	assert_int_equal(parse(text, &err), -EINVAL);
	assert_string_equal(err.text, message);
}

test(directives_count_only_at_the_top)
{
	must_parse("# syntax = docker/dockerfile:1\n#escape=`\n# check=skip=all\nFROM a\n");
	assert_string_equal(dockerfile.syntax.value, "docker/dockerfile:1");
	assert_string_equal(dockerfile.check.value, "skip=all");
	assert_int_equal(dockerfile.escape, '`');
	assert_int_equal(dockerfile.check.at.line, 3);
	assert_int_equal(dockerfile.check.at.column, 9);

	must_parse("# a comment\n# escape=`\nFROM a\n");
	assert_int_equal(dockerfile.escape, '\\');
	must_parse("\n# escape=`\nFROM a\n");
	assert_int_equal(dockerfile.escape, '\\');
	must_parse("# other=x\n# escape=`\nFROM a\n");
	assert_int_equal(dockerfile.escape, '\\');
}

test(directives_are_checked)
{
	assert_fails("# escape=x\nFROM a\n",
		     "Dockerfile:1: invalid escape token 'x' does not match ` or \\");
	assert_fails("# escape=`\n# ESCAPE=\\\nFROM a\n",
		     "Dockerfile:2: only one ESCAPE parser directive can be used");
}

test(a_byte_order_mark_and_carriage_returns_are_no_part_of_the_text)
{
	assert_tree("\xef\xbb\xbf# escape=`\r\nFROM a\r\nRUN x `\r\n y\r\n",
		    "(from \"a\")\n(run \"x  y\")\n");
}

test(lines_are_continued_by_either_escape_character)
{
	assert_tree("FROM a\nRUN a \\\n\n  # comment\n  b \\  \nc\nRUN d \\\\\nUSER e",
		    "(from \"a\")\n(run \"a   b c\")\n(run \"d \\\\\\\\\")\n(user \"e\")\n");
	assert_tree("# escape=`\nFROM a\nRUN c:\\\nRUN a `\n b",
		    "(from \"a\")\n(run \"c:\\\\\")\n(run \"a  b\")\n");
	assert_int_equal(dockerfile.instruction[2]->line.first_line, 4);
	assert_int_equal(dockerfile.instruction[2]->line.last_line, 5);
}

test(instructions_keep_their_name_as_written)
{
	must_parse("from a\nRun b\nFOO c\n");
	assert_int_equal(dockerfile.instruction[0]->kind, INSTRUCTION_FROM);
	assert_int_equal(dockerfile.instruction[1]->kind, INSTRUCTION_RUN);
	assert_string_equal(dockerfile.instruction[1]->name, "Run");
	assert_int_equal(dockerfile.instruction[2]->kind, INSTRUCTION_UNKNOWN);
}

test(flags_are_split_from_arguments)
{
	const struct instruction *copy;

	must_parse("FROM a\nCOPY --chown=a\\ b --link --x='y  z'w -- --from=q b /\n");
	copy = dockerfile.instruction[1];
	assert_int_equal(copy->flag_count, 3);
	assert_string_equal(copy->flag[0].name, "chown");
	assert_string_equal(copy->flag[0].value, "a b");
	assert_string_equal(copy->flag[1].name, "link");
	assert_null(copy->flag[1].value);
	assert_string_equal(copy->flag[2].value, "y  zw");
	assert_int_equal(copy->arg_count, 3);
	assert_string_equal(copy->arg[0].text, "--from=q");
}

test(json_that_is_not_valid_is_the_shell_form)
{
	assert_tree("CMD ['a']\nCMD [\"a\" \"b\"]\nCMD [\"a\",]\nCMD [\"a\"] b\nCMD [\"\\x\"]\nCMD "
		    "[]\n",
		    "(cmd \"['a']\")\n(cmd \"[\\\"a\\\" \\\"b\\\"]\")\n(cmd \"[\\\"a\\\",]\")\n"
		    "(cmd \"[\\\"a\\\"] b\")\n(cmd \"[\\\"\\\\x\\\"]\")\n(cmd)\n");
	assert_false(dockerfile.instruction[0]->is_json);
	assert_true(dockerfile.instruction[5]->is_json);
	assert_tree("RUN [\"\\u00e9\\ud83d\\ude80\\ud800x\"]\nCOPY [ \"a b\" , \"c\" ]",
		    "(run \"é🚀\xef\xbf\xbdx\")\n(copy \"a b\" \"c\")\n");
}

test(json_of_other_things_than_strings_is_refused)
{
	assert_fails("CMD [\"a\", 1.5e3]", "Dockerfile:1: CMD: when using JSON array syntax, "
					   "arrays must be comprised of strings only");
	assert_fails("\n\nCOPY [\"a\", {\"b\": [null, true]}]\n",
		     "Dockerfile:3: COPY: when using JSON array syntax, "
		     "arrays must be comprised of strings only");
	assert_int_equal(dockerfile.fault.at.column, 6);
	must_parse("CMD [\"a\", 01]"); /* no JSON at all */
}

test(pairs_come_in_two_forms)
{
	assert_tree("ENV a=1 b='x y' c=\\\nd\nENV a b=c  d\nLABEL \"x y\"=z\n",
		    "(env \"a\" \"1\" \"=\" \"b\" \"'x y'\" \"=\" \"c\" \"d\" \"=\")\n"
		    "(env \"a\" \"b=c  d\" \"\")\n(label \"\\\"x y\\\"\" \"z\" \"=\")\n");
}

test(pairs_without_a_value_are_refused)
{
	assert_fails("ENV a=1 b\n",
		     "Dockerfile:1: Syntax error - can't find = in \"b\". Must be of "
		     "the form: name=value");
	assert_int_equal(dockerfile.fault.at.column, 9);
	assert_fails("LABEL a\n", "Dockerfile:1: LABEL must have two arguments");
}

test(onbuild_holds_an_instruction)
{
	assert_tree(
		"ONBUILD RUN [\"a\"]\nONBUILD COPY --from=x a b\nONBUILD\n",
		"(onbuild (run \"a\"))\n(onbuild (copy [\"--from=x\"] \"a\" \"b\"))\n(onbuild)\n");
}

test(comments_above_belong_to_the_instruction_below)
{
	const struct instruction *from;

	must_parse("# syntax=x\n# one\n#\n# two\n  # three\nFROM a\n# no\n\nRUN b\n");
	from = dockerfile.instruction[0];
	assert_int_equal(from->line.comment_count, 2);
	assert_string_equal(from->line.comment[0].text, "two");
	assert_string_equal(from->line.comment[1].text, "three");
	assert_int_equal(from->line.comment[1].line, 5);
	assert_int_equal(dockerfile.instruction[1]->line.comment_count, 0);
}

static void assert_heredoc(size_t instruction, size_t i, const char *name, const char *text)
{
	assert_true(i < dockerfile.instruction[instruction]->heredoc_count);
	assert_string_equal(dockerfile.instruction[instruction]->heredoc[i].name, name);
	assert_string_equal(dockerfile.instruction[instruction]->heredoc[i].text, text);
}

test(heredocs_keep_their_text)
{
	must_parse("RUN <<EOF\n# kept\n\ta \\\nEOF\n"
		   "COPY <<-A <<'B' /x\n\tone\n\tA\ntwo $x\nB\n"
		   "RUN 3<<e'o'f cat\ntext\neof\n"
		   "ADD << spaced /y\nz\nspaced\n"
		   "USER last\n");
	assert_heredoc(0, 0, "EOF", "# kept\n\ta \\\n");
	assert_true(dockerfile.instruction[0]->heredoc[0].expands);
	assert_int_equal(dockerfile.instruction[0]->heredoc[0].first_line, 2);
	assert_int_equal(dockerfile.instruction[0]->last_line, 4);
	assert_heredoc(1, 0, "A", "\tone\n");
	assert_true(dockerfile.instruction[1]->heredoc[0].strips_tabs);
	assert_string_equal(heredoc_contents(&arena, &dockerfile.instruction[1]->heredoc[0]),
			    "one\n");
	assert_heredoc(1, 1, "B", "two $x\n");
	assert_false(dockerfile.instruction[1]->heredoc[1].expands);
	assert_heredoc(2, 0, "eof", "text\n");
	assert_int_equal(dockerfile.instruction[2]->heredoc[0].descriptor, 3);
	assert_heredoc(3, 0, "spaced", "z\n");
	assert_int_equal(dockerfile.instruction[4]->line.first_line, 16);
}

test(onbuild_takes_its_heredocs)
{
	must_parse("FROM a\nONBUILD RUN <<E\nx\nE\nUSER b\n");
	assert_heredoc(1, 0, "E", "x\n");
	assert_int_equal(dockerfile.instruction_count, 3);
}

test(what_only_looks_like_a_heredoc_is_none)
{
	must_parse("RUN \"<<E\"\nRUN [\"<<E\"]\nUSER <<E\nRUN a <<<E\nRUN '<<E' <\nRUN echo "
		   "$((1<<2))\n"
		   "RUN \\<<E\nRUN x 'odd <<E\n");
	for (size_t i = 0; i < dockerfile.instruction_count; i++)
		assert_int_equal(dockerfile.instruction[i]->heredoc_count, 0);
	assert_int_equal(dockerfile.instruction_count, 8);
}

test(a_shift_in_arithmetic_is_no_heredoc)
{
	must_parse("RUN echo $(( 1<<2 )) && echo $((1 << 2))\nRUN x\n");
	assert_int_equal(dockerfile.instruction_count, 2);
	assert_int_equal(dockerfile.instruction[0]->heredoc_count, 0);
	must_parse("RUN echo $((1)) && cat << 2\nx\n2\n");
	assert_heredoc(0, 0, "2", "x\n");
	assert_fails("RUN echo $((1)) && cat << 2\nx\n",
		     "Dockerfile:1: unterminated heredoc: no line '2' follows");
}

test(a_heredoc_must_end)
{
	assert_fails("FROM a\nRUN cat <<EOF\nx\n EOF\n",
		     "Dockerfile:2: unterminated heredoc: no line 'EOF' follows");
	assert_int_equal(dockerfile.fault.at.column, 9);
	assert_int_equal(dockerfile.fault.at.width, 5);
}

test(a_fault_is_drawn_with_a_caret_under_the_column)
{
	auto_buf excerpt = { 0 };
	struct err err = { 0 };

	assert_true(parse("FROM a\nENV é=1 \\\n\tb=2\tbroken x=1\n", &err) < 0);
	source_excerpt(&dockerfile.fault, &excerpt);
	assert_string_equal(excerpt.bytes, "     3 | \tb=2\tbroken x=1\n"
					   "       | \t   \t^~~~~~\n");
}

test(a_long_line_is_cut_around_the_caret)
{
	auto_buf text = { 0 };
	auto_buf excerpt = { 0 };
	struct err err = { 0 };

	buf_add_text(&text, "ENV a=1");
	for (int i = 0; i < 300; i++)
		buf_add_text(&text, " é=1");
	buf_add_text(&text, " broken\n");
	assert_true(parse(text.bytes, &err) < 0);
	source_excerpt(&dockerfile.fault, &excerpt);
	assert_true(excerpt.size_bytes < 500);
	assert_non_null(strstr(excerpt.bytes, "^~~~~~"));
}

test(empty_files_and_binary_files_are_refused)
{
	struct err err = { 0 };

	assert_fails("# only\n", "Dockerfile: file with no instructions");
	arena_done(&arena);
	assert_true(dockerfile_parse(&arena, "D", "FROM a\n\0x", 9, &dockerfile, &err) < 0);
	assert_string_equal(err.text, "D:2: the line holds a NUL byte: not a text file");
}

test(a_line_beyond_the_limit_is_refused)
{
	auto_buf text = { 0 };
	struct err err = { 0 };

	buf_add_text(&text, "RUN ");
	while (text.size_bytes < DOCKERFILE_LINE_MAX_BYTES * 2)
		buf_add_text(&text, "0123456789abcdef \\\n");
	assert_true(parse(text.bytes, &err) < 0);
	assert_non_null(strstr(err.text, "line greater than the allowed 1048576 bytes"));
}

test(words_know_their_place)
{
	const struct instruction *copy;
	struct mark mark;

	must_parse("FROM a\n  COPY one \\\n  two /three\n");
	copy = dockerfile.instruction[1];
	mark = word_mark(copy, &copy->arg[1]);
	assert_int_equal(mark.line, 3);
	assert_int_equal(mark.column, 3);
	mark = word_mark(copy, &copy->arg[2]);
	assert_int_equal(mark.column, 7);
	assert_int_equal(mark.width, 6);
	mark = instruction_mark(copy);
	assert_int_equal(mark.line, 2);
	assert_int_equal(mark.column, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(directives_count_only_at_the_top),
		RUN(directives_are_checked),
		RUN(a_byte_order_mark_and_carriage_returns_are_no_part_of_the_text),
		RUN(lines_are_continued_by_either_escape_character),
		RUN(instructions_keep_their_name_as_written),
		RUN(flags_are_split_from_arguments),
		RUN(json_that_is_not_valid_is_the_shell_form),
		RUN(json_of_other_things_than_strings_is_refused),
		RUN(pairs_come_in_two_forms),
		RUN(pairs_without_a_value_are_refused),
		RUN(onbuild_holds_an_instruction),
		RUN(comments_above_belong_to_the_instruction_below),
		RUN(heredocs_keep_their_text),
		RUN(onbuild_takes_its_heredocs),
		RUN(what_only_looks_like_a_heredoc_is_none),
		RUN(a_shift_in_arithmetic_is_no_heredoc),
		RUN(a_heredoc_must_end),
		RUN(a_fault_is_drawn_with_a_caret_under_the_column),
		RUN(a_long_line_is_cut_around_the_caret),
		RUN(empty_files_and_binary_files_are_refused),
		RUN(a_line_beyond_the_limit_is_refused),
		RUN(words_know_their_place),
	};
	int failed = RUN_ALL(tests);

	arena_done(&arena);
	return failed;
}
