// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "remote/challenge.h"

static size_t parsed(struct arena *arena, const char *value, struct challenge list[CHALLENGES_MAX])
{
	struct err err = { 0 };
	size_t count = 0;

	if (challenge_parse(arena, value, list, &count, &err) < 0)
		fail_msg("'%s': %s", value, err.text);
	return count;
}

test(a_bearer_challenge_gives_realm_service_and_scope)
{
	struct challenge list[CHALLENGES_MAX];
	auto_arena arena = { 0 };

	assert_int_equal(parsed(&arena,
				"Bearer realm=\"https://auth.example/token\",service=\"registry\","
				"scope=\"repository:a/b:pull,push\",error=\"insufficient_scope\"",
				list),
			 1);
	assert_string_equal(list[0].scheme, "bearer");
	assert_string_equal(list[0].realm, "https://auth.example/token");
	assert_string_equal(list[0].service, "registry");
	assert_string_equal(list[0].scope, "repository:a/b:pull,push");
	assert_string_equal(list[0].error, "insufficient_scope");
}

test(several_challenges_in_one_header_are_told_apart)
{
	struct challenge list[CHALLENGES_MAX];
	auto_arena arena = { 0 };

	assert_int_equal(parsed(&arena,
				"Negotiate, NTLM YWJj=, Basic realm=\"a, b\" , charset=UTF-8, "
				"BEARER realm = tok , x=\"\\\"q\\\"\"",
				list),
			 4);
	assert_string_equal(list[0].scheme, "negotiate");
	assert_string_equal(list[1].scheme, "ntlm");
	assert_string_equal(list[2].scheme, "basic");
	assert_string_equal(list[2].realm, "a, b");
	assert_string_equal(list[3].scheme, "bearer");
	assert_string_equal(list[3].realm, "tok");
	assert_null(list[3].service);
}

test(malformed_challenges_are_refused)
{
	static const char *const bad[] = { "Basic realm=\"open", "=x",
					   "Bearer a=b, realm=", "\"Basic\"",
					   "Basic\x01 realm=x",	 "Bearer a=b c=d=" };
	struct challenge list[CHALLENGES_MAX];

	for (size_t i = 0; i < array_count(bad); i++) {
		auto_arena arena = { 0 };
		struct err err = { 0 };
		size_t count = 7;

		if (challenge_parse(&arena, bad[i], list, &count, &err) != -EINVAL)
			fail_msg("accepted: '%s'", bad[i]);
		assert_int_equal(count, 7);
	}
}

test(too_many_challenges_are_refused)
{
	struct challenge list[CHALLENGES_MAX];
	auto_arena arena = { 0 };
	struct err err = { 0 };
	size_t count = 0;

	assert_int_equal(challenge_parse(&arena, "a,b,c,d,e,f,g,h,i", list, &count, &err), -EINVAL);
	assert_int_equal(parsed(&arena, "a,b,c,d,e,f,g,h", list), CHALLENGES_MAX);
	assert_int_equal(parsed(&arena, "", list), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_bearer_challenge_gives_realm_service_and_scope),
		RUN(several_challenges_in_one_header_are_told_apart),
		RUN(malformed_challenges_are_refused),
		RUN(too_many_challenges_are_refused),
	};

	return RUN_ALL(tests);
}
