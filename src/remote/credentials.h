/* SPDX-License-Identifier: Apache-2.0 */
/* A user's credentials, wherever they are kept: auth files and the helpers they name. */
#ifndef REMOTE_CREDENTIALS_H
#define REMOTE_CREDENTIALS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strings.h"
#include "remote/authfile.h"
#include "remote/paths.h"

/* Entry of registries.conf's credential-helpers that stands for the auth files. */
#define CREDENTIALS_AUTH_FILES "containers-auth.json"

/* Credentials for repository `name` (may be "") at `host`; none known is no error and leaves
 * everything NULL. `helpers` is registries.conf's credential-helpers, in order; empty means the
 * auth files only. An auth file that cannot be read or understood is an error naming it. */
int credentials_find(const struct remote_paths *paths, const struct strings *helpers,
		     const char *host, const char *name, struct credential *ret_credential,
		     struct err *err) must_check;

/* Keep them in the first auth file, or in the helper that file names for the host; `where` says
 * in which. The file is replaced as a whole (0600), its directory made (0700). */
int credentials_store(const struct remote_paths *paths, const char *host,
		      const struct credential *credential, struct buf *where,
		      struct err *err) must_check;

/* Forget `host` everywhere it is found (`host` NULL: every entry of the first file); *ret_count
 * is in how many places. */
int credentials_erase(const struct remote_paths *paths, const char *host, unsigned *ret_count,
		      struct err *err) must_check;

#endif
