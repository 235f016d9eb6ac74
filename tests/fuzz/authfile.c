// SPDX-License-Identifier: Apache-2.0
/* An auth file: looked up, changed, printed and read again. */
#include <assert.h>
#include <string.h>

#include "fuzz.h"

#include "remote/authfile.h"

static char *user_of(const struct json *file, const char *host, const char *name)
{
	struct credential credential = { 0 };
	const char *helper = NULL;
	const char *server = NULL;
	char *user = NULL;

	if (authfile_find(file, host, name, &credential, &helper, &server, NULL) == 0) {
		assert(!helper || server);
		user = credential.user;
		credential.user = NULL;
	}
	credential_done(&credential);
	return user;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[] = "me", password[] = "se:cret";
	struct credential me = { .user = name, .password = password };
	auto_json *file = NULL;
	auto_json *again = NULL;
	auto_buf text = { 0 };

	if (size > 65536 || json_parse(data, size, &file, NULL) < 0 || !json_is_object(file))
		return 0;
	free(user_of(file, "docker.io", "library/debian"));
	free(user_of(file, "h.org", "a/b/c"));
	if (json_get(json_get(file, "credHelpers"), "h.org"))
		return 0;
	json_remove(file, "credHelpers");
	authfile_set(file, "h.org", &me);
	json_print(file, JSON_PRETTY, &text);
	assert(json_parse(text.bytes, text.size_bytes, &again, NULL) == 0);
	char *user = user_of(again, "h.org", "");

	assert(user && !strcmp(user, "me"));
	free(user);
	assert(authfile_remove(again, "h.org"));
	assert(!authfile_remove(again, "h.org"));
	return 0;
}
