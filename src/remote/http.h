/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP over libcurl: one exchange at a time per thread, any number of threads.
 *
 * Redirects are followed here and not by libcurl, so that the rule can be read in one place: what
 * identifies the caller (Authorization, client certificate) goes to the origin of the first URL
 * and to no other, and https never turns into http. A header is never larger, nor a body longer,
 * than said here. Proxies come from the environment (http_proxy, https_proxy, all_proxy, no_proxy
 * in either case), never for loopback hosts.
 * Source: RFC 9110 15.4 (redirection), libcurl-thread(3). */
#ifndef REMOTE_HTTP_H
#define REMOTE_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strings.h"

#define HTTP_REDIRECTS_MAX   8
#define HTTP_HEADERS_MAX     256
#define HTTP_ERROR_BODY_MAX  ((size_t)64 * 1024)
#define HTTP_CONNECT_MAX_S   30
#define HTTP_STALL_DEFAULT_S 60 /* slower than this for so long: the transfer is dead */
#define HTTP_SLOWEST_BYTES_S 100L
/* an answer that is no blob may take so many times as long in all */
#define HTTP_ANSWER_STALLS_MAX 5

struct http;

struct http_settings {
	bool unverified;	  /* accept any certificate, and a redirect to http */
	const struct strings *ca; /* PEM files trusted besides the system's; may be NULL */
	const char *certificate;  /* the client's, PEM, and its key; NULL: none */
	const char *key;
	unsigned stall_s;	   /* 0: HTTP_STALL_DEFAULT_S */
	const atomic_bool *cancel; /* may be NULL; set: exchanges end with -ECANCELED */
};

/* The settings are copied. The files are read when the first connection is made. */
struct http *http_new(const struct http_settings *settings);
void http_free(struct http *http); /* NULL is fine */

/* Bytes of a body with a 2xx status, in order. A negative return ends the exchange with it. */
struct http_response;
typedef int http_sink(void *context, const struct http_response *response, const void *bytes,
		      size_t size_bytes, struct err *err);

struct http_request {
	const char *method; /* GET HEAD POST PUT PATCH */
	const char *url;
	const struct strings *headers; /* "Name: value"; may be NULL */
	const char *authorization;     /* the value of that header; may be NULL */

	const void *body; /* of POST, PUT, PATCH: these bytes ... */
	int body_fd;	  /* ... or, when body is NULL and body_size_bytes > 0, of this file */
	uint64_t body_offset;
	uint64_t body_size_bytes;
	void (*sent)(void *context, uint64_t sent_bytes); /* of this body so far; may be NULL */

	http_sink *sink;    /* NULL: the body goes to response->body */
	size_t limit_bytes; /* for that; a longer body is -EFBIG */
	void *context;
};

struct http_response {
	long status;
	struct strings headers; /* of the final answer, "Name: value" */
	struct buf body;	/* also of an error's answer: its first HTTP_ERROR_BODY_MAX bytes */
	char *url;		/* that gave the answer */
	/* after a failure without an answer: */
	bool transient;	  /* another try may well succeed */
	bool unreachable; /* no connection was made */
};

void http_response_done(struct http_response *response);
#define auto_http_response cleanup(http_response_done) struct http_response

/* 0 for any status but a redirect that leads nowhere. `response` is emptied first. */
int http_perform(struct http *http, const struct http_request *request,
		 struct http_response *response, struct err *err) must_check;

/* A date as headers have it (RFC 9110 5.6.7), as seconds since 1970. -EINVAL when it is none. */
int http_date_parse(const char *text, int64_t *ret_seconds) must_check;

/* The first header of this name, or NULL; `from` counts further ones of the same name. */
const char *http_header(const struct http_response *response, const char *name, size_t from);

#endif
