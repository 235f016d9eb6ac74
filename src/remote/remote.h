/* SPDX-License-Identifier: Apache-2.0 */
/* What all registries of one command share: the user's options and the configuration files. */
#ifndef REMOTE_REMOTE_H
#define REMOTE_REMOTE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"
#include "remote/paths.h"
#include "remote/registries.h"
#include "remote/retry.h"

enum remote_tls {
	REMOTE_TLS_CONFIGURED, /* as registries.conf says for the registry */
	REMOTE_TLS_VERIFY,     /* --tls-verify=true, also for registries marked insecure */
	REMOTE_TLS_ANY,	       /* --tls-verify=false: any certificate, or plain HTTP */
};

/* Borrowed texts, NULL when not given. */
struct remote_settings {
	const char *authfile; /* instead of the search for auth files */
	const char *creds;    /* USER:PASSWORD, for the registry named by the user (no mirror) */
	const char *cert_dir; /* *.crt trusted; NAME.cert with NAME.key identify the client */
	enum remote_tls tls;
	struct retry_policy retry;
	unsigned stall_s;	   /* 0: the default of http.h */
	const atomic_bool *cancel; /* set by the caller to end everything soon; may be NULL */
};

struct remote {
	struct remote_settings settings;
	struct remote_paths paths;
	struct registries registries;
};

/* Reads registries.conf. `environ_list` as for remote_paths_init. */
int remote_init(struct remote *remote, const struct remote_settings *settings,
		char *const *environ_list, struct err *err) must_check;
void remote_done(struct remote *remote);
#define auto_remote cleanup(remote_done) struct remote /* initialise with { 0 } */

#endif
