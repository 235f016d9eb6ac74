// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "remote/authfile.h"

/* base64 of user:secret, org:o and repo:r */
#define USER_SECRET "dXNlcjpzZWNyZXQ="
#define ORG_O	    "b3JnOm8="
#define REPO_R	    "cmVwbzpy"

static struct json *parsed(const char *text)
{
	struct json *json = NULL;
	struct err err = { 0 };

	if (json_parse(text, strlen(text), &json, &err) < 0)
		fail_msg("%s", err.text);
	return json;
}

struct found {
	struct credential credential;
	const char *helper;
	const char *server;
};

static struct found find(const struct json *file, const char *host, const char *name)
{
	struct found found = { 0 };
	struct err err = { 0 };

	if (authfile_find(file, host, name, &found.credential, &found.helper, &found.server, &err) <
	    0)
		fail_msg("%s", err.text);
	return found;
}

static void finds(const char *text, const char *host, const char *name, const char *user)
{
	auto_json *file = parsed(text);
	struct found found = find(file, host, name);

	assert_string_equal(found.credential.user ? found.credential.user : "(none)", user);
	credential_done(&found.credential);
}

test(keys_of_all_writers_mean_the_same_server)
{
	static const char *const pairs[][2] = {
		{ "https://index.docker.io/v1/", "docker.io" }, { "index.docker.io", "docker.io" },
		{ "registry-1.docker.io", "docker.io" },	{ "https://h.org/v2/", "h.org" },
		{ "http://h.org:5000", "h.org:5000" },		{ "h.org/", "h.org" },
		{ "h.org/team/v1", "h.org/team/v1" },
	};

	for (size_t i = 0; i < array_count(pairs); i++) {
		auto_free char *key = authfile_key(pairs[i][0]);

		assert_string_equal(key, pairs[i][1]);
	}
}

test(the_longest_path_wins_then_the_host)
{
	static const char file[] = "{\"auths\":{\"h.org\":{\"auth\":\"" USER_SECRET "\"},"
				   "\"h.org/org\":{\"auth\":\"" ORG_O "\"},"
				   "\"h.org/org/repo\":{\"auth\":\"" REPO_R "\"}}}";

	finds(file, "h.org", "org/repo", "repo");
	finds(file, "h.org", "org/other/deep", "org");
	finds(file, "h.org", "organisation/x", "user");
	finds(file, "h.org", "", "user");
	finds(file, "h.org:5000", "org/repo", "(none)");
	finds(file, "other.org", "org/repo", "(none)");
}

test(docker_entries_with_urls_are_found)
{
	finds("{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"" USER_SECRET "\"}}}",
	      "docker.io", "library/debian", "user");
	finds("{\"auths\":{\"h\":{\"username\":\"u2\",\"password\":\"p\"}}}", "h", "a", "u2");
}

test(user_password_and_identity_token_are_decoded)
{
	auto_json *file = parsed("{\"auths\":{\"h\":{\"auth\":\"" USER_SECRET
				 "\",\"identitytoken\":\"tok\"}}}");
	struct found found = find(file, "h", "");

	assert_string_equal(found.credential.user, "user");
	assert_string_equal(found.credential.password, "secret");
	assert_string_equal(found.credential.identity_token, "tok");
	credential_done(&found.credential);
	assert_true(credential_is_none(&found.credential));
}

test(helpers_take_precedence_for_their_host)
{
	auto_json *file = parsed("{\"auths\":{\"h\":{\"auth\":\"" USER_SECRET "\"},"
				 "\"other\":{}},"
				 "\"credHelpers\":{\"h\":\"one\"},\"credsStore\":\"all\"}");
	struct found found = find(file, "h", "a/b");

	assert_string_equal(found.helper, "one");
	assert_string_equal(found.server, "h");
	assert_true(credential_is_none(&found.credential));
	found = find(file, "other", "a");
	assert_string_equal(found.helper, "all");
	assert_string_equal(found.server, "other");
	found = find(file, "docker.io", "a");
	assert_string_equal(found.server, "https://index.docker.io/v1/");
}

test(damaged_entries_are_errors_that_name_the_key)
{
	static const char *const bad[] = { "!!!!", "bm9jb2xvbg==", "abc" };

	for (size_t i = 0; i < array_count(bad); i++) {
		auto_json *file = json_new_object();
		struct json *auths = json_new_object();
		struct json *entry = json_new_object();
		struct credential credential = { 0 };
		const char *helper;
		const char *server;
		struct err err = { 0 };

		json_set_text(entry, "auth", bad[i]);
		json_set(auths, "h.org", entry);
		json_set(file, "auths", auths);
		assert_int_equal(
			authfile_find(file, "h.org", "", &credential, &helper, &server, &err),
			-EINVAL);
		assert_true(strstr(err.text, "entry 'h.org'"));
	}
}

test(setting_replaces_every_way_of_writing_and_keeps_the_rest)
{
	auto_json *file = parsed("{\"HttpHeaders\":{\"x\":\"y\"},\"auths\":{"
				 "\"https://h.org/v1/\":{\"auth\":\"" ORG_O "\"},"
				 "\"other\":{\"auth\":\"" ORG_O "\"}}}");
	struct credential credential = { 0 };
	auto_buf text = { 0 };
	struct err err = { 0 };

	assert_int_equal(credential_parse("user:secret", &credential, &err), 0);
	authfile_set(file, "h.org", &credential);
	json_print(file, JSON_ONE_LINE, &text);
	assert_string_equal(text.bytes,
			    "{\"HttpHeaders\":{\"x\":\"y\"},\"auths\":{\"other\":{\"auth\":\"" ORG_O
			    "\"},\"h.org\":{\"auth\":\"" USER_SECRET "\"}}}");
	assert_true(authfile_remove(file, "h.org"));
	assert_false(authfile_remove(file, "h.org"));
	credential_done(&credential);
}

test(credentials_need_a_user)
{
	struct credential credential = { 0 };
	struct err err = { 0 };

	assert_int_equal(credential_parse("nocolon", &credential, &err), -EINVAL);
	assert_int_equal(credential_parse(":p", &credential, &err), -EINVAL);
	assert_int_equal(credential_parse("u:p:q", &credential, &err), 0);
	assert_string_equal(credential.password, "p:q");
	credential_done(&credential);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(keys_of_all_writers_mean_the_same_server),
		RUN(the_longest_path_wins_then_the_host),
		RUN(docker_entries_with_urls_are_found),
		RUN(user_password_and_identity_token_are_decoded),
		RUN(helpers_take_precedence_for_their_host),
		RUN(damaged_entries_are_errors_that_name_the_key),
		RUN(setting_replaces_every_way_of_writing_and_keeps_the_rest),
		RUN(credentials_need_a_user),
	};

	return RUN_ALL(tests);
}
