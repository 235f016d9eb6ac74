/* SPDX-License-Identifier: Apache-2.0 */
/* What the caller trusts a build with: --secret and --ssh, as they were given. */
#ifndef FLOW_BUILD_SECRETS_H
#define FLOW_BUILD_SECRETS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/strings.h"

/* Before anything is built: are they well formed, and is there what they name? */
int build_secrets_check(const struct strings *secrets, const struct strings *agents,
			struct err *err) must_check;

/* 1 and the secret's bytes, 0 when none was given under this id. `secrets` may be NULL. */
int build_secret_find(const struct strings *secrets, const char *id, struct buf *value,
		      struct err *err) must_check;

/* The absolute path of an agent's socket, in the arena; NULL when none was given. */
const char *build_agent_find(const struct strings *agents, const char *id, struct arena *arena);

/* What the server of a URL is to be told by the header Authorization: 1 and its value, appended, 0
 * when there is nothing to tell. Secrets with ids of their own say it: HTTP_AUTH_HEADER_HOST[:PORT]
 * as it is, HTTP_AUTH_TOKEN_HOST[:PORT] for a bearer; for repositories GIT_AUTH_HEADER and
 * GIT_AUTH_TOKEN, with .HOST[:PORT] behind them for one server alone. Source: Dockerfile reference,
 * "ADD", "Secrets"; Docker's manual, "Build secrets". */
int build_secret_for_files(const struct strings *secrets, const char *url, struct buf *value,
			   struct err *err) must_check;
int build_secret_for_git(const struct strings *secrets, const char *url, struct buf *value,
			 struct err *err) must_check;

#endif
