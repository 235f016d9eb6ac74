// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "base/buf.h"
#include "dockerfile/expand.h"

struct pair {
	const char *name;
	const char *value;
};

static const char *get(const void *data, const char *name)
{
	for (const struct pair *pair = data; pair->name; pair++)
		if (!strcmp(pair->name, name))
			return pair->value;
	return NULL;
}

static const struct pair values[] = {
	{ "A", "xxyy" },
	{ "E", "" },
	{ "P", "/tmp/tmp/bar.txt" },
	{ "G", "/foo*/*/*.txt" },
	{ "STAR", "\\*/" },
	{ "W", " one  two " },
	{ "V", "v1.2.3" },
	{ "L", "one\ntwo\n" },
	{ "Bad", "\xffz" },
	{ "Ü", "umlaut" },
	{ "S", "()[]{}^$.*?|\\x" },
	{ 0 },
};

/* Expand, giving the result or, when it fails, the message behind '!'. */
static const char *expand(struct arena *arena, const char *text, char escape)
{
	const struct variables variables = { get, values };
	struct expansion expansion = { .arena = arena, .escape = escape, .variables = &variables };
	const char *result;
	struct err err = { 0 };

	if (expand_word(&expansion, text, &result, &err) < 0)
		return arena_printf(arena, "!%s", err.text);
	return result;
}

static void assert_expands(const char *text, const char *expected)
{
	auto_arena arena = { 0 };

	assert_string_equal(expand(&arena, text, '\\'), expected);
}

test(defaults_and_alternatives_tell_unset_from_empty)
{
	assert_expands("${A-w} ${E-w} ${U-w}", "xxyy  w");
	assert_expands("${A:-w} ${E:-w} ${U:-w}", "xxyy w w");
	assert_expands("${A+w} ${E+w} ${U+w}", "w w ");
	assert_expands("${A:+w} ${E:+w} ${U:+w}", "w  ");
	assert_expands("${A?w} ${E?w}", "xxyy ");
	assert_expands("${U?no $A}", "!U: no xxyy");
	assert_expands("${E:?}", "!E: is not allowed to be empty");
	assert_expands("${U:?}", "!U: is not allowed to be unset");
	assert_expands("${U:-${E:-${A:+deep}}}", "deep");
}

test(beginnings_are_cut_shortest_and_longest)
{
	assert_expands("${A#x}", "xyy");
	assert_expands("${A#*x}", "xyy");
	assert_expands("${A##*x}", "yy");
	assert_expands("${A#*x*y}", "y");
	assert_expands("${A#*}", "xxyy");
	assert_expands("${A##*}", "");
	assert_expands("${A#}", "xxyy");
	assert_expands("${A##}", "xxyy");
	assert_expands("${A#y}", "xxyy");
	assert_expands("${V#v}", "1.2.3");
	assert_expands("${S#()[]{\\}^$.\\*\\?|\\\\}", "x");
	assert_expands("${U#x}", "");
}

test(ends_are_cut_shortest_and_longest)
{
	assert_expands("${A%y}", "xxy");
	assert_expands("${A%%y*}", "xx");
	assert_expands("${A%y*}", "xxy");
	assert_expands("${V%.*}", "v1.2");
	assert_expands("${V%%.*}", "v1");
	assert_expands("${V%%.?.*}", "v1");
	assert_expands("${A%%}", "xxyy");
	assert_expands("${S%\\\\x}", "()[]{}^$.*?|");
	assert_expands("${Bad#?}", "z");
	assert_expands("${Bad%z}", "\xff");
}

test(matches_are_replaced_once_or_everywhere)
{
	assert_expands("${A/x/ab}", "abxyy");
	assert_expands("${A//x/ab}", "ababyy");
	assert_expands("${A//x/}", "yy");
	assert_expands("${A//z/q}", "xxyy");
	assert_expands("${A/x*y/-}", "-");
	assert_expands("${A//?/.}", "....");
	assert_expands("${A//*/.}", ".");
	assert_expands("${A//\\//x}", "xxyy");
	assert_expands("${P/\\/tmp/} ${P//\\/tmp/}", "/tmp/bar.txt /bar.txt");
	assert_expands("${G/$STAR/.} - ${G//$STAR/.}", "/foo.*/*.txt - /foo..*.txt");
	assert_expands("${P//\\//\\/}", "\\/tmp\\/tmp\\/bar.txt");
	assert_expands("${A/$E/ww}", "wwxxyy");
	assert_expands("${A///}", "xxyy");
	assert_expands("${A//$E/.}", ".x.x.y.y.");
	assert_expands("${A//yy/$V}", "xxv1.2.3");
	assert_expands("${A//ww}", "!syntax error: missing '/' in ${}");
}

test(a_star_stays_within_its_line)
{
	assert_expands("${L##*}", "\ntwo\n");
	assert_expands("${L//*/-}", "-\n-\n-");
}

test(a_pattern_refuses_an_escape_without_meaning)
{
	assert_expands("${A#\\x}", "!pattern '\\x': a backslash may stand only before * ? \\ / }");
	assert_expands("${A/\\x/}", "!pattern '\\x': a backslash may stand only before * ? \\ / }");
}

test(malformed_substitutions_are_refused)
{
	assert_expands("${", "!syntax error: missing '}'");
	assert_expands("${A", "!syntax error: missing '}'");
	assert_expands("${A:", "!syntax error: missing '}'");
	assert_expands("${A:-w", "!syntax error: missing '}'");
	assert_expands("${A:=w}", "!unsupported modifier (:=) in substitution");
	assert_expands("${A=w}", "!unsupported modifier (=) in substitution");
	assert_expands("${A:/x/y}", "!unsupported modifier (:/) in substitution");
	assert_expands("${A é}", "!unsupported modifier ( ) in substitution");
	assert_expands("a\"b",
		       "!unexpected end of statement while looking for matching double-quote");
}

test(quotes_and_escapes_are_removed)
{
	assert_expands("'$A'\"$A\"$A\\$A", "$Axxyyxxyy$A");
	assert_expands("\"a\\\"b\\$c\\\\d\\e\"", "a\"b$c\\d\\e");
	assert_expands("a\\", "a");
	assert_expands("a\\ b", "a b");
}

test(the_escape_character_may_be_a_backtick)
{
	auto_arena arena = { 0 };

	assert_string_equal(expand(&arena, "c:\\x`$A\"`\"\\\"", '`'), "c:\\x$A\"\\");
}

test(names_are_letters_digits_and_underscore_of_any_script)
{
	assert_expands("$A.b ${Ü} $Ü! $A€", "xxyy.b umlaut umlaut! xxyy€");
	assert_expands("[$A_]", "[]");
	assert_expands("$1A $@A $$A", "A A A");
}

test(names_used_are_reported_once)
{
	auto_arena arena = { 0 };
	const struct variables variables = { get, values };
	struct expansion expansion = { .arena = &arena, .escape = '\\', .variables = &variables };
	const char *result;

	assert_int_equal(expand_word(&expansion, "$A $U ${A:-$N} $U", &result, NULL), 0);
	assert_int_equal(expansion.matched.count, 1);
	assert_string_equal(expansion.matched.item[0], "A");
	assert_int_equal(expansion.unmatched.count, 2);
	assert_string_equal(expansion.unmatched.item[0], "U");
	assert_string_equal(expansion.unmatched.item[1], "N");
}

test(the_place_of_a_fault_is_known)
{
	auto_arena arena = { 0 };
	struct expansion expansion = { .arena = &arena, .escape = '\\' };
	const char *result;
	struct err err = { 0 };

	assert_true(expand_word(&expansion, "abc${A:=x}", &result, &err) < 0);
	assert_int_equal(expansion.fault_offset, 7);
}

static void assert_words(const char *text, const char *const *expected)
{
	auto_arena arena = { 0 };
	const struct variables variables = { get, values };
	struct expansion expansion = { .arena = &arena, .escape = '\\', .variables = &variables };
	struct names words = { 0 };

	assert_int_equal(expand_words(&expansion, text, &words, NULL), 0);
	for (size_t i = 0; i < words.count; i++) {
		assert_non_null(expected[i]);
		assert_string_equal(words.item[i], expected[i]);
	}
	assert_null(expected[words.count]);
}

test(words_are_divided_at_unquoted_blanks)
{
	assert_words("80 443/tcp", (const char *[]){ "80", "443/tcp", NULL });
	assert_words("  a\tb  ", (const char *[]){ "a", "b", NULL });
	assert_words("$W", (const char *[]){ "one", "two", NULL });
	assert_words("x$W", (const char *[]){ "x", "one", "two", NULL });
	assert_words("\"$W\"", (const char *[]){ " one  two ", NULL });
	assert_words("'a b' c\\ d", (const char *[]){ "a b", "c d", NULL });
	assert_words("\"\" $U ''", (const char *[]){ NULL });
}

test(values_that_grow_without_bound_are_refused)
{
	auto_arena arena = { 0 };
	auto_buf value = { 0 };
	struct err err = { 0 };
	const char *result;

	for (size_t i = 0; i < 1 << 16; i++)
		buf_add_char(&value, 'a');

	const struct pair big[] = { { "B", value.bytes }, { 0 } };
	const struct variables variables = { get, big };
	struct expansion expansion = { .arena = &arena, .escape = '\\', .variables = &variables };

	assert_int_equal(expand_word(&expansion, "${B//a/$B}", &result, &err), -EINVAL);
	assert_string_equal(err.text, "the value becomes too long");
	assert_int_equal(
		expand_word(&expansion, "\"$B$B$B$B$B$B$B$B$B$B$B$B$B$B$B$B$B\"", &result, &err),
		-EINVAL);
}

test(nesting_without_end_is_refused)
{
	auto_buf text = { 0 };
	auto_arena arena = { 0 };

	for (int i = 0; i < 100000; i++)
		buf_add_text(&text, "${A:+");
	assert_string_equal(expand(&arena, text.bytes, '\\'), "!variables are nested too deeply");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(defaults_and_alternatives_tell_unset_from_empty),
		RUN(beginnings_are_cut_shortest_and_longest),
		RUN(ends_are_cut_shortest_and_longest),
		RUN(matches_are_replaced_once_or_everywhere),
		RUN(a_star_stays_within_its_line),
		RUN(a_pattern_refuses_an_escape_without_meaning),
		RUN(malformed_substitutions_are_refused),
		RUN(quotes_and_escapes_are_removed),
		RUN(the_escape_character_may_be_a_backtick),
		RUN(names_are_letters_digits_and_underscore_of_any_script),
		RUN(names_used_are_reported_once),
		RUN(the_place_of_a_fault_is_known),
		RUN(words_are_divided_at_unquoted_blanks),
		RUN(values_that_grow_without_bound_are_refused),
		RUN(nesting_without_end_is_refused),
	};

	return RUN_ALL(tests);
}
