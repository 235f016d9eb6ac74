// SPDX-License-Identifier: Apache-2.0
/* Basic and bearer authentication. A registry that wants a token names the server that gives it
 * (realm) and the service it is for; the token is bought with the user's credentials, or with none,
 * and kept until shortly before it expires. Source: distribution's token specification (GET) and
 * its OAuth 2 variant (POST, for identity tokens). */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"
#include "base/memory.h"
#include "codec/json.h"
#include "remote/challenge.h"
#include "remote/session.h"
#include "remote/url.h"

#define TOKEN_ANSWER_MAX     ((size_t)256 * 1024)
#define TOKEN_LIFE_DEFAULT_S 60 /* the specification's, when the server does not say */
#define TOKEN_LIFE_MAX_S     3600
#define TOKEN_MARGIN_S	     10
#define CLIENT_ID	     "rootlet"

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void token_free(struct token *token)
{
	free(token->scope);
	OPENSSL_cleanse(token->authorization, strlen(token->authorization));
	free(token->authorization);
	free(token);
}

void auth_done(struct registry *registry)
{
	while (registry->tokens) {
		struct token *token = registry->tokens;

		registry->tokens = token->next;
		token_free(token);
	}
	free(registry->realm);
	free(registry->service);
	credential_done(&registry->credential);
}

static char *basic(const struct credential *credential)
{
	auto_buf text = { 0 };
	auto_free unsigned char *base64 = NULL;
	struct buf value = { 0 };

	buf_printf(&text, "%s:%s", credential->user, credential->password);
	base64 = memory_zeroed((text.size_bytes + 2) / 3 * 4 + 1, 1);
	EVP_EncodeBlock(base64, (const unsigned char *)text.bytes, (int)text.size_bytes);
	buf_printf(&value, "Basic %s", base64);
	OPENSSL_cleanse(text.bytes, text.size_bytes);
	return buf_take(&value);
}

/* ---- tokens ---- */

static void add_parameter(struct buf *query, const char *name, const char *value)
{
	buf_printf(query, "%s%s=", query->size_bytes ? "&" : "", name);
	url_add_escaped(query, value);
}

/* Each word of the scope is a parameter of its own. */
static void add_scopes(struct buf *query, const char *scope)
{
	while (*scope) {
		size_t length = strcspn(scope, " ");
		auto_free char *one = memory_zeroed(length + 1, 1);

		memcpy(one, scope, length);
		add_parameter(query, "scope", one);
		scope += length + strspn(scope + length, " ");
	}
}

static void make_get(const struct registry *registry, const char *scope, struct buf *url)
{
	auto_buf query = { 0 };

	if (*registry->service)
		add_parameter(&query, "service", registry->service);
	if (registry->credential.user)
		add_parameter(&query, "account", registry->credential.user);
	add_scopes(&query, scope);
	buf_printf(url, "%s%c%s", registry->realm, strchr(registry->realm, '?') ? '&' : '?',
		   buf_text(&query));
}

static void make_form(const struct registry *registry, const char *scope, struct buf *form)
{
	add_parameter(form, "grant_type", "refresh_token");
	add_parameter(form, "service", registry->service);
	add_parameter(form, "client_id", CLIENT_ID);
	add_parameter(form, "scope", scope);
	add_parameter(form, "refresh_token", registry->credential.identity_token);
}

/* A token goes into a header: nothing but printable ASCII without blanks. */
static bool is_token_text(const char *text)
{
	if (!*text)
		return false;
	for (; *text; text++)
		if (*text <= 0x20 || *text >= 0x7f)
			return false;
	return true;
}

static int read_token(const struct http_response *response, struct token *token, struct err *err)
{
	auto_json *json = NULL;
	int64_t life_s = TOKEN_LIFE_DEFAULT_S;
	struct buf value = { 0 };
	const char *text;
	int r;

	r = json_parse(buf_text(&response->body), response->body.size_bytes, &json, err);
	if (r < 0)
		return r;
	text = json_get_text(json, "token");
	if (!text)
		text = json_get_text(json, "access_token");
	if (!text || !is_token_text(text))
		return fail_plain(err, EPROTO, "the answer holds no token");
	(void)json_integer_of(json_get(json, "expires_in"), &life_s);
	if (life_s < TOKEN_LIFE_DEFAULT_S)
		life_s = TOKEN_LIFE_DEFAULT_S;
	if (life_s > TOKEN_LIFE_MAX_S)
		life_s = TOKEN_LIFE_MAX_S;
	buf_printf(&value, "Bearer %s", text);
	token->authorization = buf_take(&value);
	token->expires = now_s() + life_s - TOKEN_MARGIN_S;
	return 0;
}

/* Credentials travel to the realm only as safely as to the registry itself. */
static int check_realm(const struct registry *registry, struct err *err)
{
	auto_buf origin = { 0 };
	const char *host;

	url_add_origin(&origin, registry->realm);
	host = strstr(origin.bytes, "://");
	if (url_is_https(registry->realm) || !url_is_https(registry->base) || registry->insecure ||
	    (host && url_host_is_loopback(host + 3)))
		return 0;
	return fail_plain(err, EACCES, "token server '%s' is not reached by https", origin.bytes);
}

/* Tokens are bought from another server with a call of their own: same rules for repeating. */
static int ask_for_token(struct registry *registry, const char *scope,
			 struct http_response *response, struct err *err)
{
	auto_buf url = { 0 };
	auto_buf form = { 0 };
	auto_strings headers = { 0 };
	auto_free char *authorization = NULL;
	struct http_request request = { .method = "GET", .limit_bytes = TOKEN_ANSWER_MAX };
	unsigned attempt = 0;

	if (registry->credential.identity_token) {
		make_form(registry, scope, &form);
		strings_add(&headers, "Content-Type: application/x-www-form-urlencoded");
		request.method = "POST";
		request.url = registry->realm;
		request.body = form.bytes;
		request.body_size_bytes = form.size_bytes;
		request.headers = &headers;
	} else {
		make_get(registry, scope, &url);
		request.url = url.bytes;
		if (registry->credential.user)
			authorization = basic(&registry->credential);
		request.authorization = authorization;
	}
	for (;;) {
		int r = http_perform(registry->http, &request, response, err);

		if (r >= 0 && !retry_status(response->status))
			return 0;
		if (!registry_try_again(registry, ++attempt, response, r))
			return r;
	}
}

static int fetch_token(struct registry *registry, const char *scope, struct token *token,
		       struct err *err)
{
	auto_http_response response = { 0 };
	auto_buf origin = { 0 };
	int r = check_realm(registry, err);

	if (r < 0)
		return r;
	r = ask_for_token(registry, scope, &response, err);
	url_add_origin(&origin, registry->realm);
	if (r < 0)
		return err_wrap(err, "token server '%s'", origin.bytes);
	if (response.status != 200)
		return registry_refused(registry, &response, err, "token server '%s'",
					origin.bytes);
	r = read_token(&response, token, err);
	if (r < 0)
		return err_wrap(err, "token server '%s'", origin.bytes);
	token->scope = memory_copy_text(scope);
	return 0;
}

static struct token **find_token(struct registry *registry, const char *scope)
{
	struct token **at = &registry->tokens;

	while (*at && strcmp((*at)->scope, scope) != 0)
		at = &(*at)->next;
	return at;
}

static void drop_token(struct token **at)
{
	struct token *token = *at;

	*at = token->next;
	token_free(token);
}

static int bearer(struct registry *registry, const char *scope, char **ret_authorization,
		  struct err *err)
{
	struct token **at = find_token(registry, scope);
	struct token *token;
	int r;

	if (*at && (*at)->expires <= now_s())
		drop_token(at);
	at = find_token(registry, scope);
	if (!*at) {
		token = memory_zeroed(1, sizeof(*token));
		r = fetch_token(registry, scope, token, err);
		if (r < 0) {
			free(token);
			return r;
		}
		token->next = NULL;
		*at = token;
	}
	*ret_authorization = memory_copy_text((*at)->authorization);
	return 0;
}

int auth_for(struct registry *registry, const char *scope, char **ret_authorization,
	     struct err *err)
{
	int r = 0;

	*ret_authorization = NULL;
	pthread_mutex_lock(&registry->lock);
	if (registry->scheme == AUTH_BEARER)
		r = bearer(registry, scope, ret_authorization, err);
	else if (registry->scheme == AUTH_BASIC && registry->credential.user)
		*ret_authorization = basic(&registry->credential);
	pthread_mutex_unlock(&registry->lock);
	return r;
}

/* ---- challenges ---- */

static void learn(struct registry *registry, const struct challenge *challenge)
{
	if (strcmp(challenge->scheme, "basic") == 0) {
		registry->scheme = AUTH_BASIC;
		return;
	}
	registry->scheme = AUTH_BEARER;
	free(registry->realm);
	free(registry->service);
	registry->realm = memory_copy_text(challenge->realm);
	registry->service = memory_copy_text(challenge->service ? challenge->service : "");
}

static bool is_usable(const struct challenge *challenge)
{
	if (strcmp(challenge->scheme, "basic") == 0)
		return true;
	return strcmp(challenge->scheme, "bearer") == 0 && challenge->realm &&
	       (text_starts(challenge->realm, "https://") ||
		text_starts(challenge->realm, "http://"));
}

/* A token where that is offered, else Basic. */
int auth_learn(struct registry *registry, const struct http_response *response, struct err *err)
{
	struct challenge list[CHALLENGES_MAX];
	struct challenge best = { 0 };
	auto_arena arena = { 0 };
	const char *value;

	for (size_t i = 0; (value = http_header(response, "WWW-Authenticate", i)); i++) {
		size_t count = 0;
		int r = challenge_parse(&arena, value, list, &count, err);

		if (r < 0)
			return err_wrap(err, "registry '%s'", registry->host);
		for (size_t j = 0; j < count; j++)
			if (is_usable(&list[j]) &&
			    (!best.scheme || strcmp(best.scheme, "basic") == 0))
				best = list[j];
	}
	if (!best.scheme)
		return fail_plain(err, EACCES,
				  "registry '%s': authentication of a kind not known here",
				  registry->host);
	learn(registry, &best);
	return 0;
}

int auth_challenged(struct registry *registry, const char *scope, const char *used,
		    const struct http_response *response, struct err *err)
{
	struct token **at;
	int r;

	pthread_mutex_lock(&registry->lock);
	r = auth_learn(registry, response, err);
	at = find_token(registry, scope);
	/* another thread may have renewed it meanwhile: then its token deserves a try */
	if (used && *at && strcmp((*at)->authorization, used) == 0)
		drop_token(at);
	if (r >= 0)
		r = registry->scheme == AUTH_BEARER || (!used && registry->credential.user);
	pthread_mutex_unlock(&registry->lock);
	return r;
}
