/* SPDX-License-Identifier: Apache-2.0 */
/* Options of every command that speaks to a registry. Rows first, then the struct the rows fill:
 *
 *     struct pull_command { struct common common; struct remote_opt remote; ... };
 *     static const struct opt pull_opts[] = { REMOTE_OPTS(struct pull_command, remote), ... };
 */
#ifndef CMD_REMOTE_OPT_H
#define CMD_REMOTE_OPT_H

#include "cmd/opt.h"
#include "remote/remote.h"

struct remote_opt {
	const char *authfile;
	const char *creds;
	const char *cert_dir;
	const char *tls_verify; /* "true", "false" */
	uint64_t retry;
	const char *retry_delay;
	const char *timeout;
	uint64_t threads;
};

/* Start values; to be put into the request before opt_parse. */
#define REMOTE_OPT_DEFAULT                   \
	{                                    \
		.retry = RETRY_COUNT_DEFAULT \
	}

#define REMOTE_OPTS(request, member)                                                        \
	{ OPT_HEADING, 0, NULL, 0, NULL, "Registry", NULL },                                \
		{ OPT_STR,                                                                  \
		  0,                                                                        \
		  "authfile",                                                               \
		  offsetof(request, member.authfile),                                       \
		  "FILE",                                                                   \
		  "credentials are kept here (default: $REGISTRY_AUTH_FILE, "               \
		  "$XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json, " \
		  "~/.docker/config.json, ~/.dockercfg)",                                   \
		  NULL },                                                                   \
		{ OPT_STR,                                                                  \
		  0,                                                                        \
		  "cert-dir",                                                               \
		  offsetof(request, member.cert_dir),                                       \
		  "DIR",                                                                    \
		  "trust DIR/*.crt; identify the client with DIR/NAME.cert and NAME.key",   \
		  NULL },                                                                   \
		{ OPT_CHOICE,	0,                                                          \
		  "tls-verify", offsetof(request, member.tls_verify),                       \
		  "true|false", "false: accept any certificate, and plain HTTP",            \
		  NULL },                                                                   \
		{ OPT_U64, 0,                                                               \
		  "retry", offsetof(request, member.retry),                                 \
		  "N",	   "try again N times what may pass (default 4)",                   \
		  NULL },                                                                   \
		{ OPT_STR,                                                                  \
		  0,                                                                        \
		  "retry-delay",                                                            \
		  offsetof(request, member.retry_delay),                                    \
		  "TIME",                                                                   \
		  "wait this long before the first of them, twice as long before the next " \
		  "(default 500ms)",                                                        \
		  NULL },                                                                   \
	{                                                                                   \
		OPT_STR, 0, "timeout", offsetof(request, member.timeout), "TIME",           \
			"give up a connection that brings next to nothing for so long "     \
			"(default 60s)",                                                    \
			NULL                                                                \
	}

#define REMOTE_TRANSFER_OPTS(request, member)                                \
	{ OPT_STR,                                                           \
	  0,                                                                 \
	  "creds",                                                           \
	  offsetof(request, member.creds),                                   \
	  "USER:PASSWORD",                                                   \
	  "credentials for this once (others on this machine can see them)", \
	  NULL },                                                            \
	{                                                                    \
		OPT_U64, 0, "jobs", offsetof(request, member.threads), "N",  \
			"transfer N blobs at once (default 4)", NULL         \
	}

/* Texts stay borrowed from argv. Also ignores SIGPIPE for this process: a connection that is
 * closed by its other end is an error to report. */
int remote_opt_settings(const struct remote_opt *opt, struct remote_settings *ret_settings,
			struct err *err) must_check;

#endif
