/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of registry.h, for the files that make it up: the session and one authenticated call. */
#ifndef REMOTE_SESSION_H
#define REMOTE_SESSION_H

#include <pthread.h>
#include <time.h>

#include "remote/http.h"
#include "remote/registry.h"

struct token {
	char *scope;
	char *authorization; /* "Bearer ..." */
	time_t expires;	     /* CLOCK_MONOTONIC seconds */
	struct token *next;
};

enum auth_scheme { AUTH_NONE, AUTH_BASIC, AUTH_BEARER };

struct registry {
	const struct remote *remote;
	struct http *http;
	char *host; /* as the user knows it */
	char *base; /* https://host[:port] */
	bool insecure;
	struct credential credential;

	pthread_mutex_t
		lock; /* for what follows; held while a token is fetched: one fetch serves all */
	enum auth_scheme scheme;
	char *realm; /* AUTH_BEARER */
	char *service;
	struct token *tokens;
};

struct call {
	const char *method;
	const char *url;   /* absolute */
	const char *scope; /* what the token is for: "repository:NAME:pull" */
	struct strings headers;
	const void *body;
	int body_fd;
	uint64_t body_offset;
	uint64_t body_size_bytes;
	void (*sent)(void *context, uint64_t sent_bytes);
	http_sink *sink;
	size_t limit_bytes;
	void *context;
	/* When not NULL: how far a download has come, and how far it is to go. Another try asks for
	 * the rest only, and tries are counted anew whenever it has moved. */
	const uint64_t *received_bytes;
	uint64_t expected_bytes;
	bool *in_answer; /* may be NULL; made false before each request */
	bool whole;	 /* asking for the rest was refused */
	bool once;	 /* not to be repeated */
};

/* Send with authorization; on failures that pass, wait and repeat. Returns 0 with any status that
 * is not worth repeating: the caller judges response->status. */
int registry_call(struct registry *registry, struct call *call, struct http_response *response,
		  struct err *err) must_check;

/* Turn a status the caller did not want into an error: "registry 'HOST': WHAT: reason". */
int registry_refused(const struct registry *registry, const struct http_response *response,
		     struct err *err, const char *format, ...) printf_like(4, 5);

/* "https://host/v2/NAME/WHAT/REFERENCE"; the caller frees it. */
char *registry_url(const struct registry *registry, const char *name, const char *format, ...)
	printf_like(3, 4);

/* After try number `attempt` (from 1) ended with `r` or an answer: wait and say true when another
 * one makes sense, as the policy, the status and Retry-After have it. */
bool registry_try_again(const struct registry *registry, unsigned attempt,
			const struct http_response *response, int r);

/* ---- auth.c ---- */

/* The value of Authorization for the scope, NULL when none is needed; the caller frees it. */
int auth_for(struct registry *registry, const char *scope, char **ret_authorization,
	     struct err *err) must_check;
/* Remember what the challenges of an answer ask for. Called with the lock held, or before there
 * are threads. */
int auth_learn(struct registry *registry, const struct http_response *response,
	       struct err *err) must_check;
/* The registry answered 401 to `used` (may be NULL): learn, and forget a stale token. 1: another
 * try has something better to offer. 0: it has not. */
int auth_challenged(struct registry *registry, const char *scope, const char *used,
		    const struct http_response *response, struct err *err) must_check;
void auth_done(struct registry *registry);

#endif
