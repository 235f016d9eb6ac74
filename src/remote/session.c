// SPDX-License-Identifier: Apache-2.0
/* Opening a session with a registry, and the loop around every call: authorize, send, judge,
 * wait, repeat. */
#include "remote/session.h"

#include <ctype.h>
#include <dirent.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>

#include "base/banned.h"
#include "base/log.h"
#include "base/memory.h"
#include "codec/json.h"
#include "remote/credentials.h"
#include "remote/url.h"

#define PING_ANSWER_MAX	  ((size_t)64 * 1024)
#define REASON_LENGTH_MAX 400

/* The Hub's registry has another name than its images. */
static const char *server_of(const char *host)
{
	return strcmp(host, "docker.io") == 0 ? "registry-1.docker.io" : host;
}

const char *registry_host(const struct registry *registry)
{
	return registry->host;
}

char *registry_url(const struct registry *registry, const char *name, const char *format, ...)
{
	struct buf url = { 0 };
	va_list args;

	buf_printf(&url, "%s/v2/%s/", registry->base, name);
	va_start(args, format);
	buf_vprintf(&url, format, args);
	va_end(args);
	return buf_take(&url);
}

/* ---- errors ---- */

/* What a server says goes to a terminal: no control characters, and not for pages. */
static void add_shown(struct buf *buf, const char *text)
{
	size_t start = buf->size_bytes;

	for (; *text && buf->size_bytes - start < REASON_LENGTH_MAX; text++)
		buf_add_char(buf, iscntrl((unsigned char)*text) ? ' ' : *text);
}

/* {"errors":[{"code":"NAME_UNKNOWN","message":"..."}]}, or a token server's {"details":"..."}. */
static void add_reason(struct buf *reason, const struct http_response *response)
{
	auto_json *json = NULL;
	const struct json *first;
	const char *message;
	const char *code;

	if (json_parse(buf_text(&response->body), response->body.size_bytes, &json, NULL) < 0)
		return;
	first = json_at(json_get(json, "errors"), 0);
	message = json_get_text(first, "message");
	code = json_get_text(first, "code");
	if (!message)
		message = json_get_text(json, "details");
	if (message)
		add_shown(reason, message);
	if (code) {
		buf_add_text(reason, message ? " (" : "(");
		add_shown(reason, code);
		buf_add_text(reason, ")");
	}
}

static const char *status_words(long status)
{
	switch (status) {
	case 400:
		return "bad request";
	case 401:
		return "authentication required";
	case 403:
		return "access denied";
	case 404:
		return "not found";
	case 405:
		return "not allowed there";
	case 413:
		return "too large for this registry";
	case 416:
		return "range refused";
	case 429:
		return "too many requests";
	case 500:
		return "internal server error";
	case 502:
		return "bad gateway";
	case 503:
		return "service unavailable";
	case 504:
		return "gateway timeout";
	default:
		return "unexpected answer";
	}
}

static int code_of(long status)
{
	switch (status) {
	case 401:
	case 403:
		return EACCES;
	case 404:
		return ENOENT;
	case 405:
		return ENOTSUP;
	case 413:
		return EFBIG;
	case 429:
		return EBUSY;
	default:
		return EIO;
	}
}

static void add_hint(const struct registry *registry, const struct http_response *response,
		     struct err *err)
{
	const char *after = http_header(response, "Retry-After", 0);
	auto_buf shown = { 0 };

	if (response->status == 401 && credential_is_none(&registry->credential))
		err_hint(err, "'rootlet login %s' keeps credentials for it", registry->host);
	else if (response->status == 401)
		err_hint(err,
			 "the credentials known for '%s' are refused; 'rootlet login %s' "
			 "replaces them",
			 registry->host, registry->host);
	else if (after) {
		add_shown(&shown, after);
		err_hint(err, "the registry asks to come back after: %s", buf_text(&shown));
	}
}

int registry_refused(const struct registry *registry, const struct http_response *response,
		     struct err *err, const char *format, ...)
{
	auto_buf what = { 0 };
	auto_buf reason = { 0 };
	va_list args;

	va_start(args, format);
	buf_vprintf(&what, format, args);
	va_end(args);
	add_reason(&reason, response);
	fail_plain(err, code_of(response->status), "registry '%s': %s: %s%s%s (status %ld)",
		   registry->host, what.bytes, status_words(response->status),
		   reason.size_bytes ? ": " : "", buf_text(&reason), response->status);
	add_hint(registry, response, err);
	return -code_of(response->status);
}

/* ---- calls ---- */

static uint64_t pause_before(const struct registry *registry, unsigned attempt,
			     const struct http_response *response)
{
	const char *after = http_header(response, "Retry-After", 0);
	uint32_t random = 0;
	uint64_t pause_ms;

	if (after && retry_after_parse(after, time(NULL), &pause_ms) == 0)
		return pause_ms;
	(void)!getrandom(&random, sizeof(random), 0); /* 0 would only mean no spreading */
	return retry_delay_ms(&registry->remote->settings.retry, attempt, random);
}

bool registry_try_again(const struct registry *registry, unsigned attempt,
			const struct http_response *response, int r)
{
	const struct remote_settings *settings = &registry->remote->settings;
	uint64_t pause_ms;

	if (attempt > settings->retry.count || (r < 0 && !response->transient) ||
	    (r >= 0 && !retry_status(response->status)))
		return false;
	pause_ms = pause_before(registry, attempt, response);
	if (pause_ms > RETRY_AFTER_MAX_MS)
		return false;
	if (r < 0)
		log_verbose("registry '%s': connection failed, trying again in %llu ms",
			    registry->host, (unsigned long long)pause_ms);
	else
		log_verbose("registry '%s': status %ld, trying again in %llu ms", registry->host,
			    response->status, (unsigned long long)pause_ms);
	return retry_wait(pause_ms, settings->cancel);
}

static int send_call(struct registry *registry, const struct call *call, const char *authorization,
		     struct http_response *response, struct err *err)
{
	auto_strings headers = { 0 };
	struct http_request request = {
		.method = call->method,
		.url = call->url,
		.headers = &headers,
		/* an upload may be sent on to another server; it gets no credentials of ours */
		.authorization = url_same_origin(call->url, registry->base) ? authorization : NULL,
		.body = call->body,
		.body_fd = call->body_fd,
		.body_offset = call->body_offset,
		.body_size_bytes = call->body_size_bytes,
		.sent = call->sent,
		.sink = call->sink,
		.limit_bytes = call->limit_bytes,
		.context = call->context,
	};

	strings_add_all(&headers, call->headers.item);
	if (call->received_bytes && *call->received_bytes > 0 && !call->whole)
		strings_printf(&headers, "Range: bytes=%llu-",
			       (unsigned long long)*call->received_bytes);
	if (call->in_answer)
		*call->in_answer = false;
	return http_perform(registry->http, &request, response, err);
}

/* One try; a 401 is answered with a fresh token or with what the challenge asks for, once. */
static int authorized(struct registry *registry, const struct call *call,
		      struct http_response *response, struct err *err)
{
	for (bool first = true;; first = false) {
		auto_free char *authorization = NULL;
		int r = auth_for(registry, call->scope, &authorization, err);

		if (r < 0)
			return r;
		r = send_call(registry, call, authorization, response, err);
		if (r < 0)
			return err_wrap(err, "registry '%s'", registry->host);
		/* another origin's challenge is none of ours */
		if (response->status != 401 || !first ||
		    !url_same_origin(response->url, registry->base))
			return 0;
		r = auth_challenged(registry, call->scope, authorization, response, err);
		if (r <= 0)
			return r;
	}
}

/* A body whose end is the end of the connection: only we know that it came too soon. */
static bool is_cut_short(const struct call *call, const struct http_response *response)
{
	return response->status / 100 == 2 && call->received_bytes &&
	       *call->received_bytes < call->expected_bytes;
}

/* 416, though there is more: some servers behind a registry cannot do ranges, and say it so. */
static bool ask_for_whole(struct call *call, const struct http_response *response)
{
	if (response->status != 416 || call->whole || !call->received_bytes ||
	    *call->received_bytes == 0)
		return false;
	call->whole = true;
	return true;
}

int registry_call(struct registry *registry, struct call *call, struct http_response *response,
		  struct err *err)
{
	uint64_t before = 0;
	unsigned attempt = 0;

	for (;;) {
		int r = authorized(registry, call, response, err);

		if (r >= 0 && is_cut_short(call, response)) {
			response->transient = true;
			r = fail_plain(err, EIO,
				       "registry '%s': connection closed after %llu of %llu bytes",
				       registry->host, (unsigned long long)*call->received_bytes,
				       (unsigned long long)call->expected_bytes);
		}
		if (call->once)
			return r;
		if (r >= 0 && ask_for_whole(call, response))
			continue;
		if (call->received_bytes && *call->received_bytes > before) {
			before = *call->received_bytes;
			attempt = 0;
		}
		if (!registry_try_again(registry, ++attempt, response, r))
			return r;
		err_clear(err);
	}
}

/* ---- opening ---- */

/* NAME.cert with NAME.key beside it; *.crt: authorities (containers-certs.d(5)). */
static int read_cert_dir(const char *path, bool required, struct strings *ca,
			 struct strings *client, struct err *err)
{
	auto_strings names = { 0 };
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return required ? fail(err, errno, "certificate directory '%s'", path) : 0;
	while ((entry = readdir(dir)))
		strings_add(&names, entry->d_name);
	closedir(dir);
	strings_sort(&names);
	strings_each(&names, name) {
		int stem = (int)strlen(name) - 5;
		auto_buf key = { 0 };

		if (text_ends(name, ".crt"))
			strings_printf(ca, "%s/%s", path, name);
		if (!text_ends(name, ".cert"))
			continue;
		buf_printf(&key, "%.*s.key", stem, name);
		if (!strings_contains(&names, key.bytes))
			return fail_plain(err, ENOENT, "'%s/%s' has no '%s' beside it", path, name,
					  key.bytes);
		strings_clear(client); /* the last directory is the nearest to the user */
		strings_printf(client, "%s/%s", path, name);
		strings_printf(client, "%s/%s", path, key.bytes);
	}
	return 0;
}

static int make_http(struct registry *registry, struct err *err)
{
	const struct remote_settings *settings = &registry->remote->settings;
	auto_strings client = { 0 };
	auto_strings ca = { 0 };
	int r;

	strings_each(&registry->remote->paths.certs, directory) {
		auto_buf path = { 0 };

		buf_printf(&path, "%s/%s", directory, registry->host);
		r = read_cert_dir(path.bytes, false, &ca, &client, err);
		if (r < 0)
			return r;
	}
	if (settings->cert_dir) {
		r = read_cert_dir(settings->cert_dir, true, &ca, &client, err);
		if (r < 0)
			return r;
	}
	registry->http = http_new(&(struct http_settings){
		.unverified = registry->insecure,
		.ca = &ca,
		.certificate = client.count ? client.item[0] : NULL,
		.key = client.count ? client.item[1] : NULL,
		.stall_s = settings->stall_s,
		.cancel = settings->cancel,
	});
	return 0;
}

static int ping(struct registry *registry, struct http_response *response, struct err *err)
{
	auto_buf url = { 0 };
	struct http_request request = { .method = "GET", .limit_bytes = PING_ANSWER_MAX };
	unsigned attempt = 0;

	buf_printf(&url, "%s/v2/", registry->base);
	request.url = url.bytes;
	for (;;) {
		int r = http_perform(registry->http, &request, response, err);

		/* no connection at all: a wrong name or nothing running; waiting will not help */
		if (r < 0 && response->unreachable)
			return r;
		if (!registry_try_again(registry, ++attempt, response, r))
			return r;
		err_clear(err);
	}
}

/* What a TLS server answers to plain HTTP, where it answers at all. */
static bool wants_https(const struct registry *registry, const struct http_response *response)
{
	return !url_is_https(registry->base) && response->status == 400;
}

static int try_scheme(struct registry *registry, const char *scheme, struct err *err)
{
	auto_http_response response = { 0 };
	auto_buf base = { 0 };
	int r;

	buf_printf(&base, "%s://%s", scheme, server_of(registry->host));
	free(registry->base);
	registry->base = buf_take(&base);
	r = ping(registry, &response, err);
	if (r < 0)
		return err_wrap(err, "registry '%s'", registry->host);
	if (wants_https(registry, &response))
		return fail_plain(err, EPROTO, "registry '%s': does not speak plain HTTP",
				  registry->host);
	if (response.status == 401)
		return auth_learn(registry, &response, err);
	if (response.status / 100 != 2 && response.status != 403)
		return registry_refused(registry, &response, err, "this is no registry ('%s/v2/')",
					registry->base);
	return 0;
}

/* Loopback: http first, since TLS offered to a simple server may leave both waiting for the other.
 * Insecure: https first, so that nothing is sent in the clear that need not be. */
static int connect_any(struct registry *registry, struct err *err)
{
	bool loopback = url_host_is_loopback(registry->host);
	struct err first = { 0 };
	int r;

	if (!loopback && !registry->insecure)
		return try_scheme(registry, "https", err);
	r = try_scheme(registry, loopback ? "http" : "https", &first);
	if (r >= 0)
		return r;
	if (r == -ECANCELED || r == -EACCES) {
		*err = first;
		return r;
	}
	if (try_scheme(registry, loopback ? "https" : "http", err) >= 0)
		return 0;
	/* whose words help: the certificate's, when the server does speak TLS */
	if (first.code != EPROTO && err->code != EKEYREJECTED)
		*err = first;
	return -err->code;
}

static bool is_insecure(const struct remote *remote, const struct endpoint *endpoint)
{
	switch (remote->settings.tls) {
	case REMOTE_TLS_ANY:
		return true;
	case REMOTE_TLS_VERIFY:
		return false;
	default:
		return endpoint->insecure;
	}
}

static int choose_credential(struct registry *registry, const struct endpoint *endpoint,
			     struct credential *given, struct err *err)
{
	const struct remote *remote = registry->remote;

	if (given) {
		registry->credential = *given;
		*given = (struct credential){ 0 };
		return 0;
	}
	if (remote->settings.creds && !endpoint->is_mirror)
		return credential_parse(remote->settings.creds, &registry->credential, err);
	return credentials_find(&remote->paths, &remote->registries.helpers, endpoint->ref.host,
				endpoint->ref.name, &registry->credential, err);
}

int registry_open(const struct remote *remote, const struct endpoint *endpoint,
		  struct credential *credential, struct registry **ret_registry, struct err *err)
{
	auto_registry *registry = memory_zeroed(1, sizeof(*registry));
	int r;

	registry->remote = remote;
	registry->host = memory_copy_text(endpoint->ref.host);
	registry->insecure = is_insecure(remote, endpoint);
	pthread_mutex_init(&registry->lock, NULL);
	r = choose_credential(registry, endpoint, credential, err);
	if (r < 0)
		return r;
	r = make_http(registry, err);
	if (r < 0)
		return r;
	r = connect_any(registry, err);
	if (r < 0)
		return r;
	log_verbose("registry '%s': '%s'%s", registry->host, registry->base,
		    credential_is_none(&registry->credential) ? ", anonymous" : "");
	*ret_registry = take_ptr(registry);
	return 0;
}

void registry_free(struct registry *registry)
{
	if (!registry)
		return;
	auth_done(registry);
	http_free(registry->http);
	pthread_mutex_destroy(&registry->lock);
	free(registry->host);
	free(registry->base);
	free(registry);
}

int registry_check_login(struct registry *registry, struct err *err)
{
	auto_http_response response = { 0 };
	auto_buf url = { 0 };
	struct call call = { .method = "GET", .scope = "", .limit_bytes = PING_ANSWER_MAX };
	int r;

	buf_printf(&url, "%s/v2/", registry->base);
	call.url = url.bytes;
	r = registry_call(registry, &call, &response, err);
	if (r < 0)
		return r;
	if (response.status / 100 != 2)
		return registry_refused(registry, &response, err, "login");
	return 0;
}
