// SPDX-License-Identifier: Apache-2.0
/* Keys are compared after authfile_key, because Docker writes "https://index.docker.io/v1/" where
 * the other tools write "docker.io", and some write schemes and paths of API versions. */
#include "remote/authfile.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/memory.h"
#include "base/strings.h"

static void wipe(char **secret)
{
	if (*secret)
		OPENSSL_cleanse(*secret, strlen(*secret));
	free(*secret);
	*secret = NULL;
}

void credential_done(struct credential *credential)
{
	wipe(&credential->user);
	wipe(&credential->password);
	wipe(&credential->identity_token);
}

bool credential_is_none(const struct credential *credential)
{
	return !credential->user && !credential->identity_token;
}

int credential_parse(const char *text, struct credential *ret_credential, struct err *err)
{
	const char *colon = strchr(text, ':');
	auto_buf user = { 0 };

	if (!colon || colon == text)
		return fail_plain(err, EINVAL, "credentials have the form USER:PASSWORD");
	buf_add(&user, text, (size_t)(colon - text));
	ret_credential->user = buf_take(&user);
	ret_credential->password = memory_copy_text(colon + 1);
	ret_credential->identity_token = NULL;
	return 0;
}

char *authfile_key(const char *server)
{
	static const char *const versions[] = { "/v1", "/v2" };
	char *key;

	if (text_starts(server, "https://"))
		server += 8;
	else if (text_starts(server, "http://"))
		server += 7;
	key = memory_copy_text(server);
	for (size_t length = strlen(key); length > 1 && key[length - 1] == '/'; length--)
		key[length - 1] = '\0';
	for (size_t i = 0; i < array_count(versions); i++)
		if (text_ends(key, versions[i]) && strchr(key, '/') == strrchr(key, '/'))
			*strrchr(key, '/') = '\0';
	if (strcmp(key, "index.docker.io") == 0 || strcmp(key, "registry-1.docker.io") == 0) {
		free(key);
		key = memory_copy_text("docker.io");
	}
	return key;
}

static bool means(const char *written, const char *key)
{
	auto_free char *normal = authfile_key(written);

	return strcmp(normal, key) == 0;
}

/* ---- finding ---- */

/* "auth" is base64 of USER:PASSWORD; some writers pad with NUL bytes. */
static int decode_auth(const char *key, const char *auth, struct credential *ret_credential,
		       struct err *err)
{
	size_t length = strlen(auth);
	auto_free unsigned char *text = memory_zeroed(length + 4, 1);
	int r;

	if (length > AUTHFILE_SIZE_MAX ||
	    EVP_DecodeBlock(text, (const unsigned char *)auth, (int)length) < 0)
		return fail_plain(err, EINVAL, "entry '%s': \"auth\" is not base64", key);
	r = credential_parse((const char *)text, ret_credential, err);
	OPENSSL_cleanse(text, length + 4);
	if (r < 0)
		return err_wrap(err, "entry '%s': \"auth\"", key);
	return 0;
}

static int read_entry(const char *key, const struct json *entry, struct credential *ret_credential,
		      struct err *err)
{
	const char *auth = json_get_text(entry, "auth");
	const char *user = json_get_text(entry, "username");
	const char *password = json_get_text(entry, "password");
	const char *token = json_get_text(entry, "identitytoken");
	int r;

	if (auth && *auth) {
		r = decode_auth(key, auth, ret_credential, err);
		if (r < 0)
			return r;
	} else if (user && *user && password) {
		ret_credential->user = memory_copy_text(user);
		ret_credential->password = memory_copy_text(password);
	}
	if (token && *token)
		ret_credential->identity_token = memory_copy_text(token);
	return 0;
}

static const struct json *find_entry(const struct json *auths, const char *key,
				     const char **ret_written)
{
	json_each(auths, member)
	{
		if (!means(json_member_key(member), key))
			continue;
		*ret_written = json_member_key(member);
		return json_member_value(member);
	}
	return NULL;
}

static const char *host_helper(const struct json *file, const char *host, const char **ret_server)
{
	json_each(json_get(file, "credHelpers"), member)
	{
		if (!means(json_member_key(member), host))
			continue;
		*ret_server = json_member_key(member);
		return json_text(json_member_value(member));
	}
	return NULL;
}

/* credsStore holds all secrets; docker keeps an empty entry in "auths" as a trace. */
static const char *store_helper(const struct json *file, const char *host, const char **ret_server)
{
	const char *store = json_get_text(file, "credsStore");

	if (!store || !*store)
		return NULL;
	*ret_server = host;
	if (strcmp(host, "docker.io") == 0)
		*ret_server = "https://index.docker.io/v1/";
	(void)find_entry(json_get(file, "auths"), host, ret_server);
	return store;
}

int authfile_find(const struct json *file, const char *host, const char *name,
		  struct credential *ret_credential, const char **ret_helper,
		  const char **ret_server, struct err *err)
{
	const char *written = NULL;
	auto_buf key = { 0 };

	*ret_helper = host_helper(file, host, ret_server);
	if (*ret_helper)
		return 0;
	buf_printf(&key, "%s/%s", host, name);
	for (;;) {
		const struct json *entry = find_entry(json_get(file, "auths"), key.bytes, &written);
		char *slash = strrchr(key.bytes, '/');
		int r = entry ? read_entry(written, entry, ret_credential, err) : 0;

		if (r < 0 || !credential_is_none(ret_credential))
			return r;
		if (!slash)
			break;
		*slash = '\0';
	}
	*ret_helper = store_helper(file, host, ret_server);
	return 0;
}

/* ---- changing ---- */

bool authfile_remove(struct json *file, const char *key)
{
	struct json *auths = json_get(file, "auths");
	auto_strings found = { 0 };

	json_each(auths, member) if (means(json_member_key(member), key))
		strings_add(&found, json_member_key(member));
	strings_each(&found, written)
		json_remove(auths, written);
	return found.count > 0;
}

static char *encode_auth(const struct credential *credential)
{
	auto_buf text = { 0 };
	unsigned char *auth;

	buf_printf(&text, "%s:%s", credential->user, credential->password);
	auth = memory_zeroed((text.size_bytes + 2) / 3 * 4 + 1, 1);
	EVP_EncodeBlock(auth, (const unsigned char *)text.bytes, (int)text.size_bytes);
	OPENSSL_cleanse(text.bytes, text.size_bytes);
	return (char *)auth;
}

void authfile_set(struct json *file, const char *key, const struct credential *credential)
{
	struct json *entry = json_new_object();
	auto_free char *normal = authfile_key(key);

	(void)authfile_remove(file, normal);
	if (credential->user) {
		auto_free char *auth = encode_auth(credential);

		json_set_text(entry, "auth", auth);
	}
	json_set_text(entry, "identitytoken", credential->identity_token);
	if (!json_is_object(json_get(file, "auths")))
		json_set(file, "auths", json_new_object());
	json_set(json_get(file, "auths"), key, entry);
}
