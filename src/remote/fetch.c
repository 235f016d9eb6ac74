// SPDX-License-Identifier: Apache-2.0
/* Downloads. A blob is one logical stream over as many connections as it takes: each new one asks
 * for the rest (Range), and a server that answers with the whole again has its first part skipped.
 */
#include <string.h>

#include "base/banned.h"
#include "base/memory.h"
#include "base/number.h"
#include "codec/json.h"
#include "codec/sha256.h"
#include "image/manifest.h"
#include "remote/session.h"
#include "remote/url.h"

#define TAGS_PAGE_MAX ((size_t)4 * 1024 * 1024)

static void pull_scope(struct buf *scope, const char *name)
{
	buf_printf(scope, "repository:%s:pull", name);
}

/* ---- manifests ---- */

static const char accept_manifests[] = "Accept: " MEDIA_OCI_INDEX ", " MEDIA_OCI_MANIFEST
				       ", " MEDIA_DOCKER_LIST ", " MEDIA_DOCKER_MANIFEST;

static int call_manifest(struct registry *registry, const char *method, const char *name,
			 const char *reference, struct http_response *response, struct err *err)
{
	auto_free char *url = registry_url(registry, name, "manifests/%s", reference);
	auto_buf scope = { 0 };
	struct call call = { .method = method, .url = url, .limit_bytes = MANIFEST_SIZE_MAX };
	int r;

	pull_scope(&scope, name);
	call.scope = scope.bytes;
	strings_add(&call.headers, accept_manifests);
	r = registry_call(registry, &call, response, err);
	strings_done(&call.headers);
	if (r < 0)
		return err_wrap(err, "manifest '%s' of '%s'", reference, name);
	if (response->status != 200)
		return registry_refused(registry, response, err, "manifest '%s' of '%s'", reference,
					name);
	return 0;
}

/* What Docker-Content-Digest says; none when it is absent or of another algorithm. */
static struct digest digest_header(const struct http_response *response)
{
	const char *value = http_header(response, "Docker-Content-Digest", 0);
	struct digest digest = { 0 };

	if (value && digest_parse(value, &digest, NULL) < 0)
		return (struct digest){ 0 };
	return digest;
}

static struct digest digest_of(const struct buf *bytes)
{
	char hex[SHA256_HEX_LENGTH + 1];

	sha256_hex(buf_text(bytes), bytes->size_bytes, hex);
	return digest_of_hex(hex);
}

static int check_digest(const struct registry *registry, const char *name,
			const struct digest *wanted, const struct digest *got, struct err *err)
{
	if (digest_is_none(wanted) || digest_equal(wanted, got))
		return 0;
	return fail_plain(err, EUCLEAN,
			  "registry '%s': manifest '%s' of '%s' has the digest %s: it is damaged",
			  registry->host, wanted->text, name, got->text);
}

int registry_get_manifest(struct registry *registry, const char *name, const char *reference,
			  struct buf *bytes, struct digest *ret_digest, char **ret_media_type,
			  struct err *err)
{
	auto_http_response response = { 0 };
	struct digest named = { 0 };
	struct digest said;
	struct digest got;
	const char *type;
	int r;

	r = call_manifest(registry, "GET", name, reference, &response, err);
	if (r < 0)
		return r;
	got = digest_of(&response.body);
	said = digest_header(&response);
	if (strchr(reference, ':'))
		r = digest_parse(reference, &named, err);
	if (r >= 0)
		r = check_digest(registry, name, &named, &got, err);
	if (r >= 0)
		r = check_digest(registry, name, &said, &got, err);
	if (r < 0)
		return r;
	type = http_header(&response, "Content-Type", 0);
	*ret_media_type = memory_copy_text(type ? type : "");
	(*ret_media_type)[strcspn(*ret_media_type, "; \t")] = '\0';
	*ret_digest = got;
	buf_add(bytes, buf_text(&response.body), response.body.size_bytes);
	return 0;
}

int registry_head_manifest(struct registry *registry, const char *name, const char *reference,
			   struct digest *ret_digest, struct err *err)
{
	auto_http_response response = { 0 };
	int r = call_manifest(registry, "HEAD", name, reference, &response, err);

	if (r < 0)
		return r;
	*ret_digest = digest_header(&response);
	return 0;
}

/* ---- blobs ---- */

struct download {
	const struct descriptor *descriptor;
	registry_sink *sink;
	void *context;
	uint64_t received_bytes; /* given to the sink */
	uint64_t position;	 /* in the blob, of the next byte of this answer */
	bool in_answer;		 /* position is known for this answer */
};

/* Where in the blob an answer begins: "Content-Range: bytes FIRST-LAST/SIZE" (RFC 9110 14.4). */
static int start_of(const struct http_response *response, uint64_t *ret_start, struct err *err)
{
	const char *range = http_header(response, "Content-Range", 0);
	char first[24] = "";
	size_t length;

	*ret_start = 0;
	if (response->status != 206)
		return 0;
	if (range && strncmp(range, "bytes ", 6) == 0) {
		length = strspn(range + 6, "0123456789");
		if (length < sizeof(first) && range[6 + length] == '-')
			memcpy(first, range + 6, length);
	}
	if (number_parse_u64(first, ret_start) < 0)
		return fail_plain(err, EPROTO, "partial answer without Content-Range");
	return 0;
}

/* A blob of another size is another blob: better said before it is fetched. */
static int check_length(const struct download *download, const struct http_response *response,
			struct err *err)
{
	const char *value = http_header(response, "Content-Length", 0);
	uint64_t size_bytes;

	if (response->status != 200 || !value || number_parse_u64(value, &size_bytes) < 0 ||
	    size_bytes == download->descriptor->size_bytes)
		return 0;
	return fail_plain(err, EUCLEAN, "it has %llu bytes, not the %llu announced",
			  (unsigned long long)size_bytes,
			  (unsigned long long)download->descriptor->size_bytes);
}

static int start_answer(struct download *download, const struct http_response *response,
			struct err *err)
{
	int r = start_of(response, &download->position, err);

	if (r >= 0)
		r = check_length(download, response, err);
	if (r < 0)
		return r;
	if (download->position > download->received_bytes)
		return fail_plain(err, EPROTO, "partial answer of another range than asked for");
	download->in_answer = true;
	return 0;
}

static int take_bytes(void *context, const struct http_response *response, const void *bytes,
		      size_t size_bytes, struct err *err)
{
	struct download *download = context;
	uint64_t skip;
	int r;

	if (!download->in_answer) {
		r = start_answer(download, response, err);
		if (r < 0)
			return r;
	}
	skip = download->received_bytes - download->position;
	download->position += size_bytes;
	if (skip >= size_bytes)
		return 0;
	size_bytes -= (size_t)skip;
	if (size_bytes > download->descriptor->size_bytes - download->received_bytes)
		return fail_plain(err, EUCLEAN, "it is longer than the %llu bytes announced",
				  (unsigned long long)download->descriptor->size_bytes);
	r = download->sink(download->context, (const char *)bytes + skip, size_bytes, err);
	if (r < 0)
		return r;
	download->received_bytes += size_bytes;
	return 0;
}

static int download_blob(struct registry *registry, struct call *call, struct download *download,
			 const char *name, struct err *err)
{
	const char *digest = download->descriptor->digest.text;
	auto_http_response response = { 0 };
	int r;

	r = registry_call(registry, call, &response, err);
	if (r < 0)
		return err_wrap(err, "blob '%s' of '%s'", digest, name);
	if (response.status != 200 && response.status != 206)
		return registry_refused(registry, &response, err, "blob '%s' of '%s'", digest,
					name);
	return 0;
}

int registry_get_blob(struct registry *registry, const char *name,
		      const struct registry_download *wanted, struct err *err)
{
	const struct descriptor *descriptor = wanted->descriptor;
	auto_free char *url = registry_url(registry, name, "blobs/%s", descriptor->digest.text);
	struct download download = { .descriptor = descriptor,
				     .sink = wanted->sink,
				     .context = wanted->context,
				     .received_bytes = wanted->start_bytes };
	auto_buf scope = { 0 };
	struct call call = {
		.method = "GET",
		.url = url,
		.sink = take_bytes,
		.context = &download,
		.received_bytes = &download.received_bytes,
		.expected_bytes = descriptor->size_bytes,
		.in_answer = &download.in_answer,
	};

	/* nothing is left to ask for; a range that begins at the end would be refused */
	if (wanted->start_bytes == descriptor->size_bytes && wanted->start_bytes > 0)
		return 0;
	pull_scope(&scope, name);
	call.scope = scope.bytes;
	return download_blob(registry, &call, &download, name, err);
}

/* ---- tags ---- */

static int read_tags(const struct http_response *response, struct strings *tags, struct err *err)
{
	auto_json *json = NULL;
	int r = json_parse(buf_text(&response->body), response->body.size_bytes, &json, err);

	if (r < 0)
		return r;
	return json_read_strings(json, "tags", tags, err);
}

/* The page after `response`, if it is on the same server; NULL when there is none. */
static char *next_page(const struct registry *registry, const struct http_response *response)
{
	const char *link = http_header(response, "Link", 0);
	auto_buf target = { 0 };
	char *url = NULL;

	if (!link || !url_link_next(link, &target) ||
	    url_resolve(response->url, buf_text(&target), &url, NULL) < 0)
		return NULL;
	if (url_same_origin(url, registry->base))
		return url;
	free(url);
	return NULL;
}

int registry_get_tags(struct registry *registry, const char *name, struct strings *tags,
		      struct err *err)
{
	char *url = registry_url(registry, name, "tags/list");
	auto_buf scope = { 0 };
	int r = 0;

	pull_scope(&scope, name);
	while (url && r >= 0 && tags->count < REGISTRY_TAGS_MAX) {
		auto_http_response response = { 0 };
		struct call call = { .method = "GET",
				     .url = url,
				     .scope = scope.bytes,
				     .limit_bytes = TAGS_PAGE_MAX };
		size_t before = tags->count;

		r = registry_call(registry, &call, &response, err);
		if (r >= 0 && response.status != 200)
			r = registry_refused(registry, &response, err, "tags of '%s'", name);
		if (r >= 0)
			r = read_tags(&response, tags, err);
		free(url);
		/* a page without tags ends the list, whatever link it bears */
		url = r >= 0 && tags->count > before ? next_page(registry, &response) : NULL;
	}
	free(url);
	return r < 0 ? err_wrap(err, "tags of '%s'", name) : 0;
}
