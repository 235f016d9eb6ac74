// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "remote/url.h"

static void resolves(const char *base, const char *target, const char *expected)
{
	auto_free char *url = NULL;
	struct err err = { 0 };

	if (url_resolve(base, target, &url, &err) < 0)
		fail_msg("'%s': %s", target, err.text);
	assert_string_equal(url, expected);
}

static void refuses(const char *target)
{
	struct err err = { 0 };
	char *url = NULL;

	if (url_resolve("https://r.example/v2/", target, &url, &err) != -EINVAL)
		fail_msg("accepted: '%s'", target);
	assert_null(url);
}

test(targets_resolve_against_where_they_came_from)
{
	resolves("https://r.example:5000/v2/a/blobs/uploads/", "/v2/a/x?_state=1",
		 "https://r.example:5000/v2/a/x?_state=1");
	resolves("https://r.example/v2/a/b", "c", "https://r.example/v2/a/c");
	resolves("https://r.example/v2/", "//cdn.example/x", "https://cdn.example/x");
	resolves("https://r.example/", "http://cdn.example:8080/x", "http://cdn.example:8080/x");
}

test(targets_of_other_schemes_or_with_users_are_refused)
{
	refuses("file:///etc/passwd");
	refuses("ftp://h/x");
	refuses("gopher://h/x");
	refuses("https://user:secret@h/x");
	refuses("https://registry.example@evil.example/x");
}

test(origins_are_scheme_host_and_port)
{
	assert_true(url_same_origin("https://h/a", "https://H:443/b?c"));
	assert_true(url_same_origin("http://h:80", "http://h/"));
	assert_false(url_same_origin("https://h/", "http://h/"));
	assert_false(url_same_origin("https://h/", "https://h:444/"));
	assert_false(url_same_origin("https://h.example/", "https://h.example.evil/"));
	assert_false(url_same_origin("https://h/", "https://h@evil/"));
	assert_false(url_same_origin("https://h/", "nonsense://"));
}

test(loopback_is_only_what_cannot_leave_the_machine)
{
	static const char *const yes[] = { "localhost",	 "localhost:5000", "127.0.0.1:80",
					   "127.9.8.7",	 "[::1]",	   "[::1]:5000",
					   "LOCALHOST:1" };
	static const char *const no[] = { "127.0.0.1.example.com",
					  "localhost.example.com",
					  "10.0.0.1",
					  "[::2]:5000",
					  "128.0.0.1",
					  "127.1",
					  "local",
					  "",
					  "127.0.0.256" };

	for (size_t i = 0; i < array_count(yes); i++)
		if (!url_host_is_loopback(yes[i]))
			fail_msg("not loopback: %s", yes[i]);
	for (size_t i = 0; i < array_count(no); i++)
		if (url_host_is_loopback(no[i]))
			fail_msg("loopback: %s", no[i]);
}

test(escaping_leaves_only_unreserved_characters)
{
	auto_buf buf = { 0 };

	url_add_escaped(&buf, "a-Z_0.~:/ ,&=\xc3");
	assert_string_equal(buf.bytes, "a-Z_0.~%3A%2F%20%2C%26%3D%C3");
}

test(the_next_page_is_found_among_links)
{
	auto_buf target = { 0 };

	assert_true(url_link_next("</a>; rel=prev, </v2/x/tags/list?n=2&last=b>;title=\"a,b\"; "
				  "rel=\"next\"",
				  &target));
	assert_string_equal(target.bytes, "/v2/x/tags/list?n=2&last=b");
	buf_truncate(&target, 0);
	assert_true(url_link_next("<b>;REL=next", &target));
	assert_string_equal(target.bytes, "b");
	buf_truncate(&target, 0);
	assert_false(url_link_next("</a>; rel=prev", &target));
	assert_false(url_link_next("</a>; rel=nextish", &target));
	assert_false(url_link_next("</a; rel=next", &target));
	assert_false(url_link_next("", &target));
	assert_false(url_link_next("<a>;;;=;rel=\"next", &target));
}

test(only_the_origin_of_a_url_is_shown)
{
	auto_buf origin = { 0 };

	url_add_origin(&origin, "https://cdn.example:8443/x?signature=secret");
	assert_string_equal(origin.bytes, "https://cdn.example:8443");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(targets_resolve_against_where_they_came_from),
		RUN(targets_of_other_schemes_or_with_users_are_refused),
		RUN(origins_are_scheme_host_and_port),
		RUN(loopback_is_only_what_cannot_leave_the_machine),
		RUN(escaping_leaves_only_unreserved_characters),
		RUN(the_next_page_is_found_among_links),
		RUN(only_the_origin_of_a_url_is_shown),
	};

	return RUN_ALL(tests);
}
