// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <stdio.h>

#include "flow/build_annotations.h"

static int parse(const char *const *given, bool has_index, struct arena *arena,
		 struct build_annotation **ret_list)
{
	auto_strings list = { 0 };
	struct err err = { 0 };

	for (; *given; given++)
		strings_add(&list, *given);
	return build_annotations_parse(&list, has_index, arena, ret_list, &err);
}

/* "a=1 b=2" of what was given for a place and a platform (NULL: an index). */
static const char *given_for(const char *const *given, enum annotation_place place,
			     const char *platform_text)
{
	static char text[256];
	struct build_annotation *list;
	struct platform platform = { 0 };
	struct annotations found;
	auto_arena arena = { 0 };

	assert_int_equal(parse(given, true, &arena, &list), 0);
	if (platform_text)
		assert_int_equal(platform_parse(platform_text, &arena, &platform, NULL), 0);
	found = build_annotations_for(list, place, platform_text ? &platform : NULL, &arena);
	text[0] = '\0';
	for (size_t i = 0; i < found.count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s=%s", i ? " " : "",
			 found.item[i].key, found.item[i].value);
	return text;
}

#define GIVEN(...)                \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

test(without_a_place_it_is_the_manifest_of_every_platform)
{
	const char *const *given = GIVEN("b=2", "a=x=y");

	assert_string_equal(given_for(given, ANNOTATE_MANIFEST, "linux/arm64"), "a=x=y b=2");
	assert_string_equal(given_for(given, ANNOTATE_INDEX, NULL), "");
}

test(the_last_value_counts)
{
	assert_string_equal(given_for(GIVEN("a=1", "b=1", "manifest:a=2", "a="), ANNOTATE_MANIFEST,
				      "linux/amd64"),
			    "a= b=1");
}

test(places_are_listed_with_commas_and_may_name_a_platform)
{
	const char *const *given = GIVEN("index,manifest[linux/arm64],manifest-descriptor:a=1");

	assert_string_equal(given_for(given, ANNOTATE_INDEX, NULL), "a=1");
	assert_string_equal(given_for(given, ANNOTATE_MANIFEST, "linux/arm64"), "a=1");
	assert_string_equal(given_for(given, ANNOTATE_MANIFEST, "linux/amd64"), "");
	assert_string_equal(given_for(given, ANNOTATE_MANIFEST_DESCRIPTOR, "linux/amd64"), "a=1");
	assert_string_equal(given_for(given, ANNOTATE_INDEX_DESCRIPTOR, NULL), "");
}

test(a_colon_in_a_name_or_value_is_no_place)
{
	assert_string_equal(
		given_for(GIVEN("Org.x:y=1", "a=b:c"), ANNOTATE_MANIFEST, "linux/amd64"),
		"Org.x:y=1 a=b:c");
}

test(what_is_no_annotation_is_refused)
{
	static const char *const bad[] = { "a",
					   "=b",
					   "manifest:=b",
					   "nonsense:a=b",
					   "manifest,:a=b",
					   "manifest[linux/arm64:a=b",
					   "manifest[]:a=b",
					   "index[linux/arm64]:a=b",
					   "" };

	for (size_t i = 0; i < array_count(bad); i++) {
		struct build_annotation *list;
		auto_arena arena = { 0 };

		if (parse(GIVEN(bad[i]), true, &arena, &list) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
	}
}

test(an_index_that_is_not_made_cannot_be_annotated)
{
	struct build_annotation *list;
	auto_arena arena = { 0 };

	assert_int_equal(parse(GIVEN("index:a=b"), false, &arena, &list), -EINVAL);
	assert_int_equal(parse(GIVEN("index-descriptor:a=b"), false, &arena, &list), -EINVAL);
	assert_int_equal(parse(GIVEN("manifest-descriptor:a=b"), false, &arena, &list), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(without_a_place_it_is_the_manifest_of_every_platform),
		RUN(the_last_value_counts),
		RUN(places_are_listed_with_commas_and_may_name_a_platform),
		RUN(a_colon_in_a_name_or_value_is_no_place),
		RUN(what_is_no_annotation_is_refused),
		RUN(an_index_that_is_not_made_cannot_be_annotated),
	};

	return RUN_ALL(tests);
}
