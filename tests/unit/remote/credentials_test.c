// SPDX-License-Identifier: Apache-2.0
/* With real files and a real helper program, both in a directory of the test's own. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "remote/credentials.h"

/* Keeps what it is told in $HELPER_DIR/secret; knows the server "held.org" from the start. */
static const char helper_script[] =
	"#!/bin/sh\n"
	"case $1 in\n"
	"get) read -r server\n"
	"  case $server in\n"
	"  held.org) echo '{\"ServerURL\":\"held.org\",\"Username\":\"held\",\"Secret\":\"s\"}' "
	";;\n"
	"  token.org) echo '{\"Username\":\"<token>\",\"Secret\":\"refresh\"}' ;;\n"
	"  broken.org) echo 'keyring is locked'; exit 1 ;;\n"
	"  *) echo 'credentials not found in native keychain'; exit 1 ;;\n"
	"  esac ;;\n"
	"store) cat >\"$HELPER_DIR/secret\" ;;\n"
	"erase) read -r server; rm \"$HELPER_DIR/secret\" 2>/dev/null || {\n"
	"  echo 'credentials not found in native keychain'; exit 1; } ;;\n"
	"esac\n";

struct place {
	char directory[64];
	struct remote_paths paths;
};

static void write_at(const char *directory, const char *name, const char *text, mode_t mode)
{
	char path[128];
	struct err err = { 0 };

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (io_replace_file_at(AT_FDCWD, path, text, strlen(text), mode, &err) < 0)
		fail_msg("%s", err.text);
}

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	auto_buf path = { 0 };

	snprintf(place->directory, sizeof(place->directory), "/tmp/credentials-test-XXXXXX");
	if (!mkdtemp(place->directory))
		return -1;
	write_at(place->directory, "docker-credential-testing", helper_script, 0700);
	buf_printf(&path, "%s:%s", place->directory, getenv("PATH"));
	setenv("PATH", path.bytes, 1);
	setenv("HELPER_DIR", place->directory, 1);
	strings_printf(&place->paths.auth, "%s/run/containers/auth.json", place->directory);
	strings_printf(&place->paths.auth, "%s/config.json", place->directory);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = { "docker-credential-testing",
					     "secret",
					     "config.json",
					     "run/containers/auth.json",
					     "run/containers",
					     "run",
					     "." };
	struct place *place = *state;
	char path[128];

	for (size_t i = 0; i < array_count(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", place->directory, names[i]);
		if (i + 1 == array_count(names))
			snprintf(path, sizeof(path), "%s", place->directory);
		remove(path);
	}
	remote_paths_done(&place->paths);
	free(place);
	return 0;
}

static const char *found_user(const struct place *place, const char *host)
{
	static char user[64];
	auto_credential credential = { 0 };
	struct strings none = { 0 };
	struct err err = { 0 };

	if (credentials_find(&place->paths, &none, host, "a/b", &credential, &err) < 0)
		snprintf(user, sizeof(user), "!%.60s", err.text);
	else if (credential.identity_token)
		snprintf(user, sizeof(user), "token %s", credential.identity_token);
	else
		snprintf(user, sizeof(user), "%s", credential.user ? credential.user : "(none)");
	return user;
}

#define claim(name) static void name(void **state)

claim(no_files_mean_no_credentials_and_no_error)
{
	assert_string_equal(found_user(*state, "h.org"), "(none)");
}

claim(stored_credentials_are_found_again_in_a_private_file)
{
	struct place *place = *state;
	struct credential credential = { 0 };
	auto_buf where = { 0 };
	struct err err = { 0 };
	struct stat st;
	unsigned count = 0;

	assert_int_equal(credential_parse("me:secret", &credential, &err), 0);
	assert_int_equal(credentials_store(&place->paths, "h.org", &credential, &where, &err), 0);
	credential_done(&credential);
	assert_string_equal(where.bytes, place->paths.auth.item[0]);
	assert_int_equal(stat(where.bytes, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_string_equal(found_user(place, "h.org"), "me");
	assert_string_equal(found_user(place, "other.org"), "(none)");
	assert_int_equal(credentials_erase(&place->paths, "h.org", &count, &err), 0);
	assert_int_equal(count, 1);
	assert_string_equal(found_user(place, "h.org"), "(none)");
}

claim(helpers_give_users_tokens_nothing_or_an_error)
{
	struct place *place = *state;

	write_at(place->directory, "config.json", "{\"credsStore\":\"testing\"}", 0600);
	assert_string_equal(found_user(place, "held.org"), "held");
	assert_string_equal(found_user(place, "token.org"), "token refresh");
	assert_string_equal(found_user(place, "h.org"), "(none)");
	assert_true(strstr(found_user(place, "broken.org"), "!credential helper"));
}

claim(a_missing_helper_and_a_path_for_one_are_errors)
{
	struct place *place = *state;

	write_at(place->directory, "config.json", "{\"credsStore\":\"absent-helper\"}", 0600);
	assert_true(strstr(found_user(place, "h.org"), "docker-credential-absent-helper"));
	write_at(place->directory, "config.json", "{\"credsStore\":\"../x\"}", 0600);
	assert_true(strstr(found_user(place, "h.org"), "not a name"));
}

claim(credentials_go_to_the_helper_that_the_first_file_names)
{
	struct place *place = *state;
	struct credential credential = { 0 };
	auto_buf where = { 0 };
	auto_buf secret = { 0 };
	struct err err = { 0 };
	char path[128];
	unsigned count = 0;

	strings_remove(&place->paths.auth, 0);
	write_at(place->directory, "config.json", "{\"credHelpers\":{\"h.org\":\"testing\"}}",
		 0600);
	assert_int_equal(credential_parse("me:se\"cret", &credential, &err), 0);
	if (credentials_store(&place->paths, "h.org", &credential, &where, &err) < 0)
		fail_msg("%s", err.text);
	credential_done(&credential);
	assert_string_equal(where.bytes, "docker-credential-testing");
	snprintf(path, sizeof(path), "%s/secret", place->directory);
	assert_int_equal(io_read_file_at(AT_FDCWD, path, 4096, &secret, &err), 0);
	assert_string_equal(secret.bytes, "{\"ServerURL\":\"h.org\",\"Username\":\"me\","
					  "\"Secret\":\"se\\\"cret\"}");
	assert_int_equal(credentials_erase(&place->paths, "h.org", &count, &err), 0);
	assert_int_equal(count, 1);
	assert_int_equal(credentials_erase(&place->paths, "h.org", &count, &err), 0);
	assert_int_equal(count, 0);
}

claim(a_file_that_is_not_json_is_an_error_that_names_it)
{
	struct place *place = *state;

	write_at(place->directory, "config.json", "{", 0600);
	assert_true(strstr(found_user(place, "h.org"), "!auth file"));
	write_at(place->directory, "config.json", "[]", 0600);
	assert_true(strstr(found_user(place, "h.org"), "!auth file"));
}

claim(erasing_everything_leaves_other_settings)
{
	struct place *place = *state;
	auto_buf text = { 0 };
	struct err err = { 0 };
	unsigned count = 0;

	strings_remove(&place->paths.auth, 0);
	write_at(place->directory, "config.json",
		 "{\"psFormat\":\"x\",\"auths\":{\"a\":{\"auth\":\"dTpw\"},\"b\":{\"auth\":"
		 "\"dTpw\"}}}",
		 0600);
	assert_int_equal(credentials_erase(&place->paths, NULL, &count, &err), 0);
	assert_int_equal(count, 2);
	assert_int_equal(io_read_file_at(AT_FDCWD, place->paths.auth.item[0], 4096, &text, &err),
			 0);
	assert_true(strstr(text.bytes, "psFormat"));
	assert_false(strstr(text.bytes, "dTpw"));
}

int main(void)
{
#define PLACED(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		PLACED(no_files_mean_no_credentials_and_no_error),
		PLACED(stored_credentials_are_found_again_in_a_private_file),
		PLACED(helpers_give_users_tokens_nothing_or_an_error),
		PLACED(a_missing_helper_and_a_path_for_one_are_errors),
		PLACED(credentials_go_to_the_helper_that_the_first_file_names),
		PLACED(a_file_that_is_not_json_is_an_error_that_names_it),
		PLACED(erasing_everything_leaves_other_settings),
	};

	return RUN_ALL(tests);
}
