// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "cmd/opt.h"

struct request {
	struct common common;
	bool flag;
	unsigned level;
	const char *word;
	const char *choice;
	struct strings list;
	uint64_t number;
	uint64_t bytes;
	const char *maybe;
};

#define AT(field) offsetof(struct request, field)

static const struct opt opts[] = {
	{ OPT_HEADING, 0, NULL, 0, NULL, "Group", NULL },
	{ OPT_FLAG, 'f', "flag", AT(flag), NULL, "a flag", NULL },
	{ OPT_COUNT, 'l', "level", AT(level), NULL, "more of it", NULL },
	{ OPT_STR, 'w', "word", AT(word), "WORD", "a word", NULL },
	{ OPT_CHOICE, 0, "choice", AT(choice), "one|two", "one of two", NULL },
	{ OPT_LIST, 'i', "item", AT(list), "ITEM", "an item", NULL },
	{ OPT_U64, 0, "number", AT(number), "N", "a number", NULL },
	{ OPT_SIZE, 0, "bytes", AT(bytes), "SIZE", "a size", NULL },
	{ OPT_MAYBE, 0, "maybe", AT(maybe), "WORD", "with or without", NULL },
	{ OPT_REFUSED, 'd', "daemon", 0, NULL, "there is no daemon", NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

static const struct command command = {
	.name = "probe", .summary = "try options", .synopsis = "[OPTIONS] WHAT", .opts = opts
};

static const struct command stopping = { .name = "stop",
					 .summary = "stop early",
					 .synopsis = "WHAT [CMD...]",
					 .opts = opts,
					 .stop_at_operand = true };

#define PARSE(command, ...) \
	parse_words(command, (const char *[]){ "probe", __VA_ARGS__, NULL }, &request, &err)

static int operand;

static int parse_words(const struct command *which, const char **words, struct request *request,
		       struct err *err)
{
	int count = 0;

	while (words[count])
		count++;
	return opt_parse(which, count, (char **)(uintptr_t)words, request, &operand, err);
}

test(every_kind_is_stored)
{
	struct request request = { 0 };
	struct err err = { 0 };

	assert_int_equal(PARSE(&command, "-f", "-ll", "--level", "--word=w", "--choice", "two",
			       "-i", "a", "--item=b", "--number", "7", "--bytes", "2k", "x"),
			 0);
	assert_true(request.flag);
	assert_int_equal(request.level, 3);
	assert_string_equal(request.word, "w");
	assert_string_equal(request.choice, "two");
	assert_int_equal(request.list.count, 2);
	assert_string_equal(request.list.item[1], "b");
	assert_int_equal(request.number, 7);
	assert_int_equal(request.bytes, 2048);
	assert_int_equal(operand, 14);
	strings_done(&request.list);
}

test(an_optional_value_is_never_the_next_word)
{
	struct request request = { 0 };
	struct err err = { 0 };

	assert_int_equal(PARSE(&command, "--maybe", "word"), 0);
	assert_string_equal(request.maybe, "");
	assert_int_equal(operand, 2);
	assert_int_equal(PARSE(&command, "--maybe=word"), 0);
	assert_string_equal(request.maybe, "word");
}

test(unknown_options_are_named)
{
	struct request request = { 0 };
	struct err err = { 0 };

	assert_int_equal(PARSE(&command, "--nosuch"), -EINVAL);
	assert_string_equal(err.text, "unknown option '--nosuch'");
	assert_int_equal(PARSE(&command, "-f", "-Z"), -EINVAL);
	assert_string_equal(err.text, "unknown option '-Z'");
}

test(missing_and_bad_values_name_the_option)
{
	struct request request = { 0 };
	struct err err = { 0 };

	assert_int_equal(PARSE(&command, "--word"), -EINVAL);
	assert_string_equal(err.text, "--word needs a value (WORD)");
	assert_int_equal(PARSE(&command, "-w"), -EINVAL);
	assert_string_equal(err.text, "--word needs a value (WORD)");
	assert_int_equal(PARSE(&command, "--choice", "on"), -EINVAL);
	assert_non_null(strstr(err.text, "--choice: 'on' is not one of one|two"));
	assert_int_equal(PARSE(&command, "--number", "-1"), -EINVAL);
	assert_non_null(strstr(err.text, "--number: '-1'"));
}

test(refused_options_say_why)
{
	struct request request = { 0 };
	struct err err = { 0 };

	assert_int_equal(PARSE(&command, "-d"), -ENOTSUP);
	assert_string_equal(err.text, "--daemon is not supported: there is no daemon");
}

test(options_after_the_operand_belong_to_the_guest_when_the_command_says_so)
{
	struct request request = { 0 };
	struct err err = { 0 };

	assert_int_equal(PARSE(&stopping, "-f", "image", "-Z", "--word"), 0);
	assert_int_equal(operand, 2);
	assert_int_equal(PARSE(&command, "image", "-f"), 0);
	assert_int_equal(operand, 2);
}

test(double_dash_ends_the_options)
{
	struct request request = { 0 };
	struct err err = { 0 };

	assert_int_equal(PARSE(&command, "--", "-f"), 0);
	assert_false(request.flag);
	assert_int_equal(operand, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(every_kind_is_stored),
		RUN(an_optional_value_is_never_the_next_word),
		RUN(unknown_options_are_named),
		RUN(missing_and_bad_values_name_the_option),
		RUN(refused_options_say_why),
		RUN(options_after_the_operand_belong_to_the_guest_when_the_command_says_so),
		RUN(double_dash_ends_the_options),
	};

	return RUN_ALL(tests);
}
