/* SPDX-License-Identifier: Apache-2.0 */
/* auth.json and Docker's config.json as data: find, add and remove credentials. Pure.
 * Source: containers-auth.json(5); docker login, "Credential helpers". */
#ifndef REMOTE_AUTHFILE_H
#define REMOTE_AUTHFILE_H

#include <stdbool.h>

#include "base/err.h"
#include "codec/json.h"

#define AUTHFILE_SIZE_MAX ((size_t)1024 * 1024)
#define AUTHFILE_LEGACY	  ".dockercfg" /* its entries are the whole file, not a member of it */

/* Who we are to one registry. Either user and password, or an identity token (OAuth 2 refresh
 * token); all NULL: nobody in particular. Memory is overwritten before it is freed. */
struct credential {
	char *user;
	char *password;
	char *identity_token;
};

void credential_done(struct credential *credential);
#define auto_credential cleanup(credential_done) struct credential
bool credential_is_none(const struct credential *credential);
/* "USER:PASSWORD", as --creds takes it; -EINVAL without a colon. */
int credential_parse(const char *text, struct credential *ret_credential,
		     struct err *err) must_check;

/* "https://index.docker.io/v1/" -> "docker.io": the key under which a server is looked up. The
 * caller frees it. */
char *authfile_key(const char *server);

/* The credentials for repository `name` at `host`: the longest key among host/na/me ... host.
 * Where a helper is configured for the host, *ret_helper is its name (docker-credential-NAME) and
 * *ret_server what to ask it for, both borrowed from the file or static, and the file's own text
 * is not used. Nothing known: 0, with everything left empty. */
int authfile_find(const struct json *file, const char *host, const char *name,
		  struct credential *ret_credential, const char **ret_helper,
		  const char **ret_server, struct err *err) must_check;

/* Store under `key`, replacing every entry that means the same server. */
void authfile_set(struct json *file, const char *key, const struct credential *credential);
/* Remove every entry that means `key`; false when there was none. */
bool authfile_remove(struct json *file, const char *key);

#endif
