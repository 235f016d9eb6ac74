/* SPDX-License-Identifier: Apache-2.0 */
/* Credential helpers: programs docker-credential-NAME found on PATH that keep secrets elsewhere.
 * Source: the protocol of docker-credential-helpers (get, store, erase; JSON on stdin/stdout). */
#ifndef REMOTE_HELPER_H
#define REMOTE_HELPER_H

#include "base/err.h"
#include "remote/authfile.h"

/* -ENOENT when the helper has nothing for `server`. */
int helper_get(const char *name, const char *server, struct credential *ret_credential,
	       struct err *err) must_check;
int helper_store(const char *name, const char *server, const struct credential *credential,
		 struct err *err) must_check;
/* -ENOENT when the helper had nothing for `server`. */
int helper_erase(const char *name, const char *server, struct err *err) must_check;

#endif
