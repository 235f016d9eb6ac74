// SPDX-License-Identifier: Apache-2.0
/* Threads share a struct http; each exchange takes an idle easy handle, with the connections it
 * still has open, or makes one. libcurl's multi interface was considered: it would put all hashing
 * and writing of all blobs on one thread, or need queues to move bytes to others. */
#include "remote/http.h"

#include <openssl/err.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/log.h"
#include "base/memory.h"
#include "remote/curl_door.h"
#include "remote/url.h"

#define IDLE_MAX	  8
#define HEADER_BYTES_MAX  ((size_t)64 * 1024)
#define RECEIVE_BUF_BYTES (256 * 1024L)
#define USER_AGENT	  "rootlet/" ROOTLET_VERSION

struct http {
	bool unverified;
	struct strings ca;
	char *certificate;
	char *key;
	unsigned stall_s;
	const atomic_bool *cancel;
	pthread_mutex_t lock;
	CURL *idle[IDLE_MAX];
	size_t idle_count;
};

/* One hop: what the callbacks below need to know. */
struct hop {
	struct http *http;
	const struct http_request *request;
	struct http_response *response;
	CURL *easy;
	struct err *err;
	int failed; /* -errno of a callback, told in err */
	uint64_t sent_bytes;
	size_t header_bytes;
	bool same_origin;
	char message[CURL_ERROR_SIZE];
};

struct http *http_new(const struct http_settings *settings)
{
	struct http *http = memory_zeroed(1, sizeof(*http));

	http->unverified = settings->unverified;
	if (settings->ca)
		strings_add_all(&http->ca, settings->ca->item);
	if (settings->certificate)
		http->certificate = memory_copy_text(settings->certificate);
	if (settings->key)
		http->key = memory_copy_text(settings->key);
	http->stall_s = settings->stall_s ? settings->stall_s : HTTP_STALL_DEFAULT_S;
	http->cancel = settings->cancel;
	pthread_mutex_init(&http->lock, NULL);
	return http;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	for (size_t i = 0; i < http->idle_count; i++)
		curl_easy_cleanup(http->idle[i]);
	pthread_mutex_destroy(&http->lock);
	strings_done(&http->ca);
	free(http->certificate);
	free(http->key);
	free(http);
}

void http_response_done(struct http_response *response)
{
	strings_done(&response->headers);
	buf_done(&response->body);
	free(response->url);
	*response = (struct http_response){ 0 };
}

const char *http_header(const struct http_response *response, const char *name, size_t from)
{
	size_t length = strlen(name);

	strings_each(&response->headers, line) {
		if (strncasecmp(line, name, length) != 0 || line[length] != ':')
			continue;
		if (from-- == 0)
			return line + length + 1 + strspn(line + length + 1, " \t");
	}
	return NULL;
}

int http_date_parse(const char *text, int64_t *ret_seconds)
{
	time_t when = (time_t)-1;

	if (curl_load(NULL) == 0)
		when = curl_getdate(text, NULL);
	if (when == (time_t)-1)
		return -EINVAL;
	*ret_seconds = when;
	return 0;
}

static CURL *take_easy(struct http *http)
{
	CURL *easy = NULL;

	pthread_mutex_lock(&http->lock);
	if (http->idle_count > 0)
		easy = http->idle[--http->idle_count];
	pthread_mutex_unlock(&http->lock);
	if (!easy)
		easy = curl_easy_init();
	if (!easy)
		memory_exhausted(0);
	return easy;
}

static void give_easy(struct http *http, CURL *easy)
{
	curl_easy_reset(easy); /* keeps its connections */
	pthread_mutex_lock(&http->lock);
	if (http->idle_count < IDLE_MAX) {
		http->idle[http->idle_count++] = easy;
		easy = NULL;
	}
	pthread_mutex_unlock(&http->lock);
	curl_easy_cleanup(easy);
}

/* ---- callbacks ---- */

static size_t on_header(char *bytes, size_t one, size_t size_bytes, void *context)
{
	struct hop *hop = context;
	struct strings *headers = &hop->response->headers;
	auto_buf line = { 0 };

	(void)one;
	buf_add(&line, bytes, size_bytes);
	buf_truncate(&line, strcspn(line.bytes, "\r\n"));
	if (text_starts(line.bytes, "HTTP/") && !strchr(line.bytes, ':')) {
		strings_clear(headers); /* 100 Continue and the like came before */
		return size_bytes;
	}
	if (line.size_bytes == 0)
		return size_bytes;
	hop->header_bytes += size_bytes;
	if (headers->count == HTTP_HEADERS_MAX || hop->header_bytes > HEADER_BYTES_MAX) {
		hop->failed = fail_plain(hop->err, EFBIG, "the server sends too many headers");
		return 0;
	}
	strings_add_taken(headers, buf_take(&line));
	return size_bytes;
}

static int keep_body(struct hop *hop, const void *bytes, size_t size_bytes)
{
	struct buf *body = &hop->response->body;
	bool is_answer = hop->response->status / 100 == 2;
	size_t limit = is_answer ? hop->request->limit_bytes : HTTP_ERROR_BODY_MAX;

	if (size_bytes > limit - body->size_bytes) {
		if (is_answer)
			return fail_plain(hop->err, EFBIG, "answer of more than %zu bytes", limit);
		size_bytes = limit - body->size_bytes;
	}
	buf_add(body, bytes, size_bytes);
	return 0;
}

static size_t on_body(char *bytes, size_t one, size_t size_bytes, void *context)
{
	struct hop *hop = context;
	struct http_response *response = hop->response;
	const struct http_request *request = hop->request;

	(void)one;
	curl_easy_getinfo(hop->easy, CURLINFO_RESPONSE_CODE, &response->status);
	if (response->status / 100 == 2 && request->sink)
		hop->failed = request->sink(request->context, response, bytes, size_bytes,
					    hop->err);
	else
		hop->failed = keep_body(hop, bytes, size_bytes);
	return hop->failed < 0 ? CURL_WRITEFUNC_ERROR : size_bytes;
}

static size_t on_read(char *bytes, size_t one, size_t room, void *context)
{
	struct hop *hop = context;
	const struct http_request *request = hop->request;
	uint64_t left = request->body_size_bytes - hop->sent_bytes;
	size_t size_bytes = room * one;
	ssize_t n;

	if (left < size_bytes)
		size_bytes = (size_t)left;
	n = pread(request->body_fd, bytes, size_bytes,
		  (off_t)(request->body_offset + hop->sent_bytes));
	if (n < 0 || (n == 0 && size_bytes > 0)) {
		hop->failed = n < 0 ? fail(hop->err, errno, "read what is to be sent")
				    : fail_plain(hop->err, EUCLEAN,
						 "what is to be sent is shorter than its size");
		return CURL_READFUNC_ABORT;
	}
	hop->sent_bytes += (uint64_t)n;
	if (request->sent)
		request->sent(request->context, hop->sent_bytes);
	return (size_t)n;
}

/* libcurl sends again from the start, by itself, when a connection it had kept is closed. That is
 * right only while nothing was sent: a registry appends what it gets twice. */
static int on_seek(void *context, curl_off_t offset, int origin)
{
	const struct hop *hop = context;

	return origin == SEEK_SET && offset == 0 && hop->sent_bytes == 0 ? CURL_SEEKFUNC_OK
									 : CURL_SEEKFUNC_FAIL;
}

static int on_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
		       curl_off_t up)
{
	struct hop *hop = context;

	(void)down_total;
	(void)down;
	(void)up_total;
	(void)up;
	return hop->http->cancel && atomic_load(hop->http->cancel);
}

static CURLcode on_tls(CURL *easy, void *tls_context, void *context)
{
	struct hop *hop = context;

	(void)easy;
	strings_each(&hop->http->ca, path) {
		if (SSL_CTX_load_verify_file(tls_context, path) == 1)
			continue;
		hop->failed = fail_plain(hop->err, EINVAL, "certificate file '%s': %s", path,
					 ERR_reason_error_string(ERR_peek_last_error())
						 ?: "cannot be read");
		return CURLE_SSL_CACERT_BADFILE;
	}
	return CURLE_OK;
}

/* ---- one hop ---- */

static void set_proxy(CURL *easy, const char *url)
{
	const char *upper = getenv("HTTP_PROXY");
	auto_buf origin = { 0 };

	url_add_origin(&origin, url);
	if (url_host_is_loopback(strstr(origin.bytes, "://") + 3)) {
		curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
		return;
	}
	/* libcurl ignores HTTP_PROXY, which a CGI client could set; nobody runs this as a CGI
	 * program, and all Go tools obey it */
	if (!url_is_https(url) && upper && *upper && !getenv("http_proxy"))
		curl_easy_setopt(easy, CURLOPT_PROXY, upper);
}

static void set_tls(struct hop *hop)
{
	const struct http *http = hop->http;
	const char *ca_file = getenv("SSL_CERT_FILE");
	const char *ca_dir = getenv("SSL_CERT_DIR");

	if (http->unverified) {
		curl_easy_setopt(hop->easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(hop->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (ca_file && *ca_file)
		curl_easy_setopt(hop->easy, CURLOPT_CAINFO, ca_file);
	if (ca_dir && *ca_dir)
		curl_easy_setopt(hop->easy, CURLOPT_CAPATH, ca_dir);
	if (http->ca.count > 0) {
		curl_easy_setopt(hop->easy, CURLOPT_SSL_CTX_FUNCTION, on_tls);
		curl_easy_setopt(hop->easy, CURLOPT_SSL_CTX_DATA, hop);
	}
	if (http->certificate && hop->same_origin) {
		curl_easy_setopt(hop->easy, CURLOPT_SSLCERT, http->certificate);
		curl_easy_setopt(hop->easy, CURLOPT_SSLKEY, http->key);
	}
}

static void set_method(struct hop *hop)
{
	const struct http_request *request = hop->request;
	CURL *easy = hop->easy;

	if (strcmp(request->method, "GET") == 0) {
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
		return;
	}
	if (strcmp(request->method, "HEAD") == 0) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
		return;
	}
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size_bytes);
	if (request->body || request->body_size_bytes == 0) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
		return;
	}
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(easy, CURLOPT_READDATA, hop);
	curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(easy, CURLOPT_SEEKDATA, hop);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, RECEIVE_BUF_BYTES);
}

static struct curl_slist *add_header(struct curl_slist *list, const char *line)
{
	list = curl_slist_append(list, line);
	if (!list)
		memory_exhausted(0);
	return list;
}

static bool has_content_type(const struct http_request *request)
{
	if (request->headers)
		strings_each(request->headers, line)
			if (strncasecmp(line, "Content-Type:", 13) == 0)
				return true;
	return false;
}

static struct curl_slist *make_headers(const struct hop *hop)
{
	struct curl_slist *list = NULL;
	auto_buf authorization = { 0 };

	/* no waiting for 100 Continue, no form content type: what is sent is what is listed */
	list = add_header(list, "Expect:");
	if (!has_content_type(hop->request))
		list = add_header(list, "Content-Type:");
	if (hop->request->headers)
		strings_each(hop->request->headers, line)
			list = add_header(list, line);
	if (hop->request->authorization && hop->same_origin) {
		buf_printf(&authorization, "Authorization: %s", hop->request->authorization);
		list = add_header(list, authorization.bytes);
	}
	return list;
}

/* With TLS, whose other end may say nothing at all. */
static long connect_s(const struct http *http)
{
	return http->stall_s < HTTP_CONNECT_MAX_S ? (long)http->stall_s : HTTP_CONNECT_MAX_S;
}

static void set_common(struct hop *hop, const char *url, struct curl_slist *headers)
{
	CURL *easy = hop->easy;

	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, hop->message);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, hop);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, hop);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BUF_BYTES);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, hop);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, connect_s(hop->http));
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, HTTP_SLOWEST_BYTES_S);
	/* who wants to be slow can be slow forever, byte by byte, with a small answer, too */
	if (!hop->request->sink && !hop->request->body_size_bytes)
		curl_easy_setopt(easy, CURLOPT_TIMEOUT,
				 (long)hop->http->stall_s * HTTP_ANSWER_STALLS_MAX);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)hop->http->stall_s);
	set_proxy(easy, url);
	set_tls(hop);
	set_method(hop);
}

static bool is_transient(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_SEND_FAIL_REWIND: /* see on_seek */
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
	case CURLE_AGAIN:
		return true;
	default:
		return false;
	}
}

static int report(struct hop *hop, CURLcode code)
{
	struct http_response *response = hop->response;
	const char *message = hop->message[0] ? hop->message : curl_easy_strerror(code);

	if (hop->failed < 0)
		return hop->failed;
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return fail_plain(hop->err, ECANCELED, "cancelled");
	response->transient = is_transient(code);
	response->unreachable = code == CURLE_COULDNT_RESOLVE_HOST ||
				code == CURLE_COULDNT_RESOLVE_PROXY ||
				code == CURLE_COULDNT_CONNECT;
	if (code != CURLE_PEER_FAILED_VERIFICATION)
		return fail_plain(hop->err, response->unreachable ? EHOSTUNREACH : EIO, "%s",
				  message);
	fail_plain(hop->err, EKEYREJECTED, "%s", message);
	err_hint(hop->err, "trust its authority with --cert-dir DIR (DIR/*.crt), or accept "
			   "any certificate with --tls-verify=false");
	return -EKEYREJECTED;
}

static int perform_hop(struct hop *hop, const char *url)
{
	struct curl_slist *headers = make_headers(hop);
	struct http_response *response = hop->response;
	CURLcode code;
	int r = 0;

	hop->easy = take_easy(hop->http);
	set_common(hop, url, headers);
	code = curl_easy_perform(hop->easy);
	curl_easy_getinfo(hop->easy, CURLINFO_RESPONSE_CODE, &response->status);
	if (code != CURLE_OK)
		r = report(hop, code);
	/* a query may hold the signature that opens a redirect's target */
	log_debug("%s %.*s: %ld%s%s", hop->request->method, (int)strcspn(url, "?"), url,
		  response->status, r < 0 ? ", " : "", r < 0 ? hop->err->text : "");
	give_easy(hop->http, hop->easy);
	curl_slist_free_all(headers);
	return r;
}

/* ---- redirects ---- */

static bool is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool changes_nothing(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

static int next_url(const struct http *http, const struct http_request *request,
		    const struct http_response *response, const char *url, char **ret_next,
		    struct err *err)
{
	const char *location = http_header(response, "Location", 0);
	int r;

	if (!location)
		return fail_plain(err, EPROTO, "redirected (%ld) to nowhere", response->status);
	if (!changes_nothing(request->method) && response->status < 307)
		return fail_plain(err, EPROTO, "%s redirected with status %ld", request->method,
				  response->status);
	r = url_resolve(url, location, ret_next, err);
	if (r < 0)
		return err_wrap(err, "redirected");
	if (url_is_https(url) && !url_is_https(*ret_next) && !http->unverified) {
		free(take_ptr(*ret_next));
		return fail_plain(err, EPROTO, "redirected from https to http");
	}
	return 0;
}

static int follow(struct hop *hop, char **url)
{
	char *next = NULL;
	int r = next_url(hop->http, hop->request, hop->response, *url, &next, hop->err);

	if (r < 0)
		return r;
	free(*url);
	*url = next;
	return 0;
}

int http_perform(struct http *http, const struct http_request *request,
		 struct http_response *response, struct err *err)
{
	char *url = memory_copy_text(request->url);
	int r = curl_load(err);

	for (unsigned hops = 0; r >= 0; hops++) {
		struct hop hop = { .http = http,
				   .request = request,
				   .response = response,
				   .err = err,
				   .same_origin = url_same_origin(request->url, url) };

		http_response_done(response);
		r = perform_hop(&hop, url);
		if (r < 0 || !is_redirect(response->status))
			break;
		if (hops == HTTP_REDIRECTS_MAX)
			r = fail_plain(err, ELOOP, "more than %d redirects", HTTP_REDIRECTS_MAX);
		else
			r = follow(&hop, &url);
	}
	if (r < 0 && strcmp(url, request->url) != 0) {
		auto_buf origin = { 0 };

		url_add_origin(&origin, url);
		err_wrap(err, "at '%s'", origin.bytes);
	}
	response->url = url;
	return r;
}
