// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "base/strings.h"
#include "image/ref.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
	const char *text;
	const char *complete;
	const char *familiar;
} good[] = {
	{ "debian", "docker.io/library/debian:latest", "debian:latest" },
	{ "debian:12", "docker.io/library/debian:12", "debian:12" },
	{ "index.docker.io/debian:12", "docker.io/library/debian:12", "debian:12" },
	{ "me/app", "docker.io/me/app:latest", "me/app:latest" },
	{ "library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest" },
	{ "docker.io/docker.io/a", "docker.io/docker.io/a:latest", "docker.io/docker.io/a:latest" },
	{ "docker.io/localhost/a", "docker.io/localhost/a:latest", "docker.io/localhost/a:latest" },
	{ "localhost/app", "localhost/app:latest", "localhost/app:latest" },
	{ "localhost:5000/a__b/c-d.e:T.1", "localhost:5000/a__b/c-d.e:T.1",
	  "localhost:5000/a__b/c-d.e:T.1" },
	{ "127.0.0.1:5000/x@sha256:" HEX, "127.0.0.1:5000/x@sha256:" HEX,
	  "127.0.0.1:5000/x@sha256:" HEX },
	{ "[::1]:5000/x:1", "[::1]:5000/x:1", "[::1]:5000/x:1" },
	{ "debian:12@sha256:" HEX, "docker.io/library/debian:12@sha256:" HEX,
	  "debian:12@sha256:" HEX },
	{ "Host/x", "Host/x:latest", "Host/x:latest" },
	{ "a---b", "docker.io/library/a---b:latest", "a---b:latest" },
};

test(references_are_normalised_as_docker_does)
{
	for (size_t i = 0; i < array_count(good); i++) {
		struct err err = { 0 };
		struct ref ref;
		char text[REF_TEXT_MAX];

		assert_int_equal(ref_parse(good[i].text, &ref, &err), 0);
		assert_string_equal(ref_format(&ref, text), good[i].complete);
		assert_string_equal(ref_familiar(&ref, text), good[i].familiar);
	}
}

test(what_is_no_reference_is_refused)
{
	static const char *const bad[] = {
		"",
		":",
		":tag",
		"a:",
		"a:-x",
		"UPPER",
		"a/UPPER",
		"a//b",
		"/a",
		"a/",
		"a..b",
		"a___b",
		"-a",
		"a-",
		"a@sha256:abc",
		"a@md5:" HEX,
		"a:b:c",
		"../etc",
		"localhost:5000/..",
		"ho_st.x/a",
		"host:/a",
		"host:123456/a",
		"[::1/a",
		"a b",
		"a:t/g/",
		"_tags/x",
		"-x.y/a",
		"x/_tags/latest",
	};

	for (size_t i = 0; i < array_count(bad); i++) {
		struct err err = { 0 };
		struct ref ref;

		if (ref_parse(bad[i], &ref, &err) == 0)
			fail_msg("'%s' was accepted", bad[i]);
		assert_true(err.text[0]);
	}
}

test(too_long_parts_are_refused)
{
	char text[600];
	struct ref ref;

	memset(text, 'a', 300);
	text[300] = '\0';
	assert_int_equal(ref_parse(text, &ref, NULL), -ENAMETOOLONG);
	memset(text, 'a', 300);
	text[3] = ':';
	assert_int_equal(ref_parse(text, &ref, NULL), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(references_are_normalised_as_docker_does),
		RUN(what_is_no_reference_is_refused),
		RUN(too_long_parts_are_refused),
	};

	return RUN_ALL(tests);
}
