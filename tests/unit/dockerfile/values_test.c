// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "dockerfile/chmod.h"
#include "dockerfile/git_source.h"
#include "dockerfile/suggest.h"
#include "dockerfile/values.h"

static int64_t duration(const char *text)
{
	int64_t ns = -1;

	return duration_parse(text, &ns, NULL) < 0 ? -1 : ns;
}

test(durations_are_sums_of_numbers_with_units)
{
	assert_int_equal(duration("1h30m"), 5400000000000);
	assert_int_equal(duration("1.5s"), 1500000000);
	assert_int_equal(duration(".5s"), 500000000);
	assert_int_equal(duration("300ms"), 300000000);
	assert_int_equal(duration("1m2ms"), 60002000000);
	assert_int_equal(duration("7us"), 7000);
	assert_int_equal(duration("7\xc2\xb5s"), 7000);
	assert_int_equal(duration("9ns"), 9);
	assert_int_equal(duration("0"), 0);
	assert_int_equal(duration("-2s"), -2000000000);
}

test(malformed_durations_are_refused)
{
	static const char *const bad[] = { "",		 "5", "s",   "1x",  "1s2",
					   ".s",	 "-", "1 s", "1sm", "99999999999999999999s",
					   "9999999999h" };

	for (size_t i = 0; i < array_count(bad); i++)
		assert_int_equal(duration(bad[i]), -1);
}

test(signals_have_names_and_numbers)
{
	static const char *const good[] = { "9",	  "KILL",  "SIGKILL",
					    "sigterm",	  "RTMIN", "SIGRTMIN+15",
					    "SIGRTMAX-1", "WINCH", "rtmax" };
	static const char *const bad[] = { "",	       "0",	  "SIG",     "NOPE",
					   "RTMIN+16", "RTMIN-1", "RTMAX+1", "RTMAX-15",
					   "RTMIN+0",  "KILL ",	  "-9" };

	for (size_t i = 0; i < array_count(good); i++)
		assert_true(signal_is_valid(good[i]));
	for (size_t i = 0; i < array_count(bad); i++)
		assert_false(signal_is_valid(bad[i]));
}

static bool port_is_valid(const char *text, struct port_range *range)
{
	auto_arena arena = { 0 };

	return port_range_parse(&arena, text, range, NULL) == 0;
}

test(ports_are_numbers_or_ranges)
{
	struct port_range range;

	assert_true(port_is_valid("80-90/TCP", &range));
	assert_int_equal(range.first, 80);
	assert_int_equal(range.last, 90);
	assert_string_equal(range.protocol, "tcp");
	assert_false(range.is_lower_case);
	assert_false(range.has_host_part);
	assert_true(port_is_valid("127.0.0.1:8080:80", &range));
	assert_true(range.has_host_part);
	assert_true(port_is_valid("[::1]:8000-8001:80-81/udp", &range));
	assert_true(port_is_valid("1000-2000:80", &range));
	assert_true(port_is_valid("80/", &range));
}

test(malformed_ports_are_refused)
{
	static const char *const bad[] = { "",		 "/tcp",      "x",	 "80/x", "65536",
					   "90-80",	 "80-",	      "-80",	 "80:",	 "a:80",
					   "1.2.3:1:80", "1-3:80-81", "80-90-95" };
	struct port_range range;

	for (size_t i = 0; i < array_count(bad); i++)
		assert_false(port_is_valid(bad[i], &range));
}

test(fields_are_divided_at_commas_outside_quotes)
{
	auto_arena arena = { 0 };
	const char *const *fields;
	size_t count;

	assert_int_equal(csv_parse(&arena, "a=1,\"b=2,3\",\"q\"\"q\",", &fields, &count, NULL), 0);
	assert_int_equal(count, 4);
	assert_string_equal(fields[0], "a=1");
	assert_string_equal(fields[1], "b=2,3");
	assert_string_equal(fields[2], "q\"q");
	assert_string_equal(fields[3], "");
	assert_true(csv_parse(&arena, "a\"b", &fields, &count, NULL) < 0);
	assert_true(csv_parse(&arena, "\"a", &fields, &count, NULL) < 0);
	assert_true(csv_parse(&arena, "\"a\"b", &fields, &count, NULL) < 0);
}

static uint32_t changed(const char *text, uint32_t mode, bool is_dir)
{
	auto_arena arena = { 0 };
	struct chmod_change change;

	assert_int_equal(chmod_parse(&arena, text, &change, NULL), 0);
	return chmod_apply(&change, mode, is_dir);
}

test(modes_change_as_chmod_changes_them)
{
	assert_int_equal(changed("755", 0600, false), 0755);
	assert_int_equal(changed("4711", 0600, false), 04711);
	assert_int_equal(changed("10000", 0600, false), 0);
	assert_int_equal(changed("u+x", 0644, false), 0744);
	assert_int_equal(changed("go-rwx", 0777, false), 0700);
	assert_int_equal(changed("a=r", 0777, false), 0444);
	assert_int_equal(changed("u=rwX,go=rX", 0600, false), 0644);
	assert_int_equal(changed("u=rwX,go=rX", 0700, false), 0755);
	assert_int_equal(changed("u=rwX,go=rX", 0600, true), 0755);
	assert_int_equal(changed("+x", 0640, false), 0751);
	assert_int_equal(changed("g=u", 0640, false), 0660);
	assert_int_equal(changed("g=u-w", 0640, false), 0640);
	assert_int_equal(changed("u+s,g+s,+t", 0755, false), 07755);
	assert_int_equal(changed("u=rx", 04755, false), 0555);
	assert_int_equal(changed("g=rx", 02775, true), 02755);
	assert_int_equal(changed("o=", 0777, false), 0770);
}

test(malformed_modes_are_refused)
{
	static const char *const bad[] = { "",	   "8",	   "rwx",	    "u", "u+q", "u+x,",
					   "+x g", "0999", "77777777777777" };
	auto_arena arena = { 0 };
	struct chmod_change change;

	for (size_t i = 0; i < array_count(bad); i++)
		assert_int_equal(chmod_parse(&arena, bad[i], &change, NULL), -EINVAL);
}

static int git(struct arena *arena, const char *text, struct git_source *source)
{
	return git_source_parse(arena, text, source, NULL);
}

test(repositories_are_told_from_other_sources)
{
	static const char *const yes[] = { "https://x/r.git", "http://x/r.git#a", "ssh://h/r",
					   "git://h/r",	      "git@h:r",	  "a-b_1@h.x:o/r" };
	static const char *const no[] = { "https://x/r",	"./r.git", "r.git", "h:r",
					  "https://x/r?a=.git", "a b@h:r", "@h:r",  "user@host/r" };
	auto_arena arena = { 0 };
	struct git_source source;

	for (size_t i = 0; i < array_count(yes); i++)
		assert_int_equal(git(&arena, yes[i], &source), 1);
	for (size_t i = 0; i < array_count(no); i++)
		assert_int_equal(git(&arena, no[i], &source), 0);
}

test(repositories_may_say_what_of_them_is_wanted)
{
	auto_arena arena = { 0 };
	struct git_source source;

	assert_int_equal(git(&arena,
			     "ssh://h/r?tag=v%31&subdir=a/b&commit=12ab&keep-git-dir"
			     "&submodules=0",
			     &source),
			 1);
	assert_string_equal(source.remote, "ssh://h/r");
	assert_string_equal(source.ref, "refs/tags/v1");
	assert_string_equal(source.subdir, "a/b");
	assert_string_equal(source.checksum, "12ab");
	assert_int_equal(source.keep_git_dir, CHOICE_YES);
	assert_int_equal(source.submodules, CHOICE_NO);
	assert_int_equal(git(&arena, "git@h:r#:sub", &source), 1);
	assert_null(source.ref);
	assert_string_equal(source.subdir, "sub");
	assert_int_equal(git(&arena, "git@h:r?checksum=ab", &source), 1);
	assert_string_equal(source.ref, "ab");
	assert_int_equal(git(&arena, "git@h:r?what=x", &source), -EINVAL);
	assert_int_equal(git(&arena, "git@h:r?ref=", &source), -EINVAL);
	assert_int_equal(git(&arena, "git@h:r?branch=a&tag=b", &source), -EINVAL);
	assert_int_equal(git(&arena, "git@h:r?submodules=x", &source), -EINVAL);
}

test(near_names_are_suggested_and_others_are_not)
{
	static const char *const names[] = { "FROM", "RUN", "ENTRYPOINT", "target" };

	assert_string_equal(suggest("FORM", names, 4), "FROM");
	assert_string_equal(suggest("run1", names, 4), "RUN");
	assert_string_equal(suggest("entripoynt", names, 4), "ENTRYPOINT");
	assert_string_equal(suggest("taget", names, 4), "target");
	assert_null(suggest("FOO", names, 4));
	assert_null(suggest("RUN", names, 4));
	assert_null(suggest("", names, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(durations_are_sums_of_numbers_with_units),
		RUN(malformed_durations_are_refused),
		RUN(signals_have_names_and_numbers),
		RUN(ports_are_numbers_or_ranges),
		RUN(malformed_ports_are_refused),
		RUN(fields_are_divided_at_commas_outside_quotes),
		RUN(modes_change_as_chmod_changes_them),
		RUN(malformed_modes_are_refused),
		RUN(repositories_are_told_from_other_sources),
		RUN(repositories_may_say_what_of_them_is_wanted),
		RUN(near_names_are_suggested_and_others_are_not),
	};

	return RUN_ALL(tests);
}
