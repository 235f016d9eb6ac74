// SPDX-License-Identifier: Apache-2.0
/* Uploads. The first try sends a blob as a whole (POST, PUT). When that breaks off or is too large
 * for what stands before the registry, the next tries send chunks (POST, PATCH..., PUT) and after
 * each failure ask how much has arrived. Chunks are not the first choice because several registries
 * handle them badly or slowly. Source: OCI distribution-spec v1.1, "Pushing blobs". */
#include <string.h>

#include "base/banned.h"
#include "base/memory.h"
#include "base/number.h"
#include "image/manifest.h"
#include "remote/session.h"
#include "remote/url.h"

#define MOUNTS_MAX 3 /* repositories tried */
#define ANSWER_MAX ((size_t)64 * 1024)
#define CHUNK_MIN_BYTES \
	((uint64_t)8 * 1024 * 1024) /* above S3's 5 MiB, below common proxies' limits */

struct transfer {
	struct registry *registry;
	const char *name;
	const struct registry_upload *upload;
	char *scope;
	char *location; /* of the open upload; the registry moves it with every answer */
	uint64_t chunk_bytes;
	uint64_t arrived_bytes; /* what the registry has of this upload */
	unsigned failures;
};

static int put_call(struct transfer *transfer, struct call *call, struct http_response *response,
		    struct err *err)
{
	const struct descriptor *descriptor = transfer->upload->descriptor;
	int r;

	call->scope = transfer->scope;
	call->limit_bytes = ANSWER_MAX;
	r = registry_call(transfer->registry, call, response, err);
	strings_done(&call->headers);
	if (r < 0)
		return err_wrap(err, "blob '%s' to '%s'", descriptor->digest.text, transfer->name);
	return 0;
}

static int refused(const struct transfer *transfer, const struct http_response *response,
		   struct err *err)
{
	return registry_refused(transfer->registry, response, err, "blob '%s' to '%s'",
				transfer->upload->descriptor->digest.text, transfer->name);
}

/* 1 when the registry has it, 0 when not. */
static int is_there(struct transfer *transfer, struct err *err)
{
	const struct descriptor *descriptor = transfer->upload->descriptor;
	auto_free char *url = registry_url(transfer->registry, transfer->name, "blobs/%s",
					   descriptor->digest.text);
	auto_http_response response = { 0 };
	struct call call = { .method = "HEAD", .url = url };
	int r = put_call(transfer, &call, &response, err);

	if (r < 0)
		return r;
	if (response.status == 404)
		return 0;
	return response.status == 200 ? 1 : refused(transfer, &response, err);
}

/* Remember where the upload goes on. */
static int moved(struct transfer *transfer, const struct http_response *response, struct err *err)
{
	const char *location = http_header(response, "Location", 0);
	char *url;
	int r;

	if (!location)
		return fail_plain(err, EPROTO, "registry '%s': upload without Location",
				  transfer->registry->host);
	r = url_resolve(response->url, location, &url, err);
	if (r < 0)
		return err_wrap(err, "registry '%s': upload", transfer->registry->host);
	if (url_is_https(transfer->registry->base) && !url_is_https(url) &&
	    !transfer->registry->insecure) {
		free(url);
		return fail_plain(err, EPROTO,
				  "registry '%s': the upload is to go on by http instead of https",
				  transfer->registry->host);
	}
	free(transfer->location);
	transfer->location = url;
	return 0;
}

static void read_chunk_size(struct transfer *transfer, const struct http_response *response)
{
	const char *value = http_header(response, "OCI-Chunk-Min-Length", 0);
	uint64_t bytes;

	transfer->chunk_bytes = CHUNK_MIN_BYTES;
	if (value && number_parse_u64(value, &bytes) == 0 && bytes > CHUNK_MIN_BYTES)
		transfer->chunk_bytes = bytes;
}

/* Open an upload; with `from`, ask to mount instead. 1: mounted, nothing to send. */
static int open_upload(struct transfer *transfer, const char *from, struct err *err)
{
	const char *digest = transfer->upload->descriptor->digest.text;
	auto_free char *url = registry_url(transfer->registry, transfer->name, "blobs/uploads/");
	auto_http_response response = { 0 };
	auto_buf query = { 0 };
	struct call call = { .method = "POST" };
	int r;

	buf_add_text(&query, url);
	if (from) {
		buf_printf(&query, "?mount=%s&from=", digest);
		url_add_escaped(&query, from);
	}
	call.url = query.bytes;
	r = put_call(transfer, &call, &response, err);
	if (r < 0)
		return r;
	if (response.status == 201)
		return 1;
	if (response.status != 202)
		return refused(transfer, &response, err);
	transfer->arrived_bytes = 0;
	read_chunk_size(transfer, &response);
	return moved(transfer, &response, err);
}

/* The scope of a mount covers both repositories. */
static int mount_blob(struct transfer *transfer, const char *from, struct err *err)
{
	char *own_scope = transfer->scope;
	auto_buf scope = { 0 };
	int r;

	buf_printf(&scope, "%s repository:%s:pull", own_scope, from);
	transfer->scope = scope.bytes;
	r = open_upload(transfer, from, err);
	transfer->scope = own_scope;
	return r;
}

/* 1: mounted. 0: an upload is open: a registry that does not mount opens one instead. A repository
 * that cannot be read is no reason to fail. */
static int begin(struct transfer *transfer, struct err *err)
{
	unsigned tries = 0;

	if (transfer->upload->mount_from)
		strings_each(transfer->upload->mount_from, from) {
			struct err ignored = { 0 };
			int r = mount_blob(transfer, from, &ignored);

			if (r == 1)
				return 1;
			if (r == -ECANCELED || ++tries == MOUNTS_MAX)
				break;
		}
	return transfer->location ? 0 : open_upload(transfer, NULL, err);
}

/* ---- sending ---- */

struct sent_from {
	const struct registry_upload *upload;
	uint64_t offset;
};

static void on_sent(void *context, uint64_t sent_bytes)
{
	struct sent_from *from = context;

	if (from->upload->sent)
		from->upload->sent(from->upload->context, from->offset + sent_bytes);
}

static void add_digest(struct buf *url, const struct transfer *transfer)
{
	buf_printf(url, "%s%cdigest=", transfer->location,
		   strchr(transfer->location, '?') ? '&' : '?');
	url_add_escaped(url, transfer->upload->descriptor->digest.text);
}

/* One request with bytes [offset, offset + size) of the blob. Not repeated as it is: the caller
 * first asks what has arrived. */
static int send_part(struct transfer *transfer, const char *method, const char *url,
		     uint64_t size_bytes, struct http_response *response, struct err *err)
{
	uint64_t offset = transfer->arrived_bytes;
	struct sent_from from = { transfer->upload, offset };
	struct call call = {
		.method = method,
		.url = url,
		.body_fd = transfer->upload->fd,
		.body_offset = offset,
		.body_size_bytes = size_bytes,
		.sent = on_sent,
		.context = &from,
		.once = true,
	};

	strings_add(&call.headers, "Content-Type: application/octet-stream");
	if (strcmp(method, "PATCH") == 0)
		strings_printf(&call.headers, "Content-Range: %llu-%llu",
			       (unsigned long long)offset,
			       (unsigned long long)(offset + size_bytes - 1));
	return put_call(transfer, &call, response, err);
}

static int send_whole(struct transfer *transfer, struct http_response *response, struct err *err)
{
	auto_buf url = { 0 };

	add_digest(&url, transfer);
	return send_part(transfer, "PUT", url.bytes, transfer->upload->descriptor->size_bytes,
			 response, err);
}

/* "Range: 0-N" of an upload's status means N+1 bytes; absent or "0-0" before the first chunk. */
static uint64_t arrived(const struct http_response *response)
{
	const char *range = http_header(response, "Range", 0);
	uint64_t last;

	if (range && strncmp(range, "bytes=", 6) == 0)
		range += 6;
	if (!range || strncmp(range, "0-", 2) != 0 || number_parse_u64(range + 2, &last) < 0 ||
	    last == 0)
		return 0;
	return last + 1;
}

/* Ask how far the upload came; a registry that has forgotten it gets a new one. */
static int resume(struct transfer *transfer, struct err *err)
{
	const struct descriptor *descriptor = transfer->upload->descriptor;
	auto_http_response response = { 0 };
	struct call call = { .method = "GET", .url = transfer->location };
	int r = put_call(transfer, &call, &response, err);

	if (r < 0)
		return r;
	if (response.status != 204 && response.status != 202)
		return open_upload(transfer, NULL, err);
	r = moved(transfer, &response, err);
	if (r < 0)
		return r;
	transfer->arrived_bytes = arrived(&response);
	if (transfer->arrived_bytes > descriptor->size_bytes)
		return open_upload(transfer, NULL, err);
	return 0;
}

/* Chunks up to the end, then the empty PUT that names the digest. The first answer that is not
 * "go on" is left for the caller to judge. */
static int send_chunks(struct transfer *transfer, struct http_response *response, struct err *err)
{
	uint64_t size_bytes = transfer->upload->descriptor->size_bytes;
	auto_buf url = { 0 };

	while (transfer->arrived_bytes < size_bytes) {
		uint64_t left = size_bytes - transfer->arrived_bytes;
		uint64_t part = left < transfer->chunk_bytes ? left : transfer->chunk_bytes;
		int r = send_part(transfer, "PATCH", transfer->location, part, response, err);

		if (r < 0 || response->status != 202)
			return r;
		transfer->arrived_bytes += part;
		transfer->failures = 0;
		r = moved(transfer, response, err);
		if (r < 0)
			return r;
	}
	add_digest(&url, transfer);
	return send_part(transfer, "PUT", url.bytes, 0, response, err);
}

/* May sending go on after this answer? Too large as a whole: yes, in parts. Out of step with the
 * registry (416): yes, after asking. Else as for every call. */
static bool goes_on(struct transfer *transfer, bool whole, const struct http_response *response,
		    int r)
{
	transfer->failures++;
	if (r >= 0 && response->status == (whole ? 413 : 416))
		return transfer->failures <= transfer->registry->remote->settings.retry.count;
	return registry_try_again(transfer->registry, transfer->failures, response, r);
}

static int send_blob(struct transfer *transfer, struct err *err)
{
	for (bool whole = true;; whole = false) {
		auto_http_response response = { 0 };
		int r = whole ? send_whole(transfer, &response, err)
			      : send_chunks(transfer, &response, err);

		if (r >= 0 && response.status == 201)
			return 0;
		if (!goes_on(transfer, whole, &response, r))
			return r < 0 ? r : refused(transfer, &response, err);
		err_clear(err);
		r = resume(transfer, err);
		if (r < 0)
			return r;
	}
}

static int put_blob(struct transfer *transfer, enum registry_upload_result *ret_result,
		    struct err *err)
{
	int r = is_there(transfer, err);

	if (r == 1)
		*ret_result = UPLOAD_PRESENT;
	if (r != 0)
		return r < 0 ? r : 0;
	r = begin(transfer, err);
	if (r == 1)
		*ret_result = UPLOAD_MOUNTED;
	if (r != 0)
		return r < 0 ? r : 0;
	*ret_result = UPLOAD_SENT;
	return send_blob(transfer, err);
}

static char *push_scope(const char *name)
{
	struct buf scope = { 0 };

	buf_printf(&scope, "repository:%s:pull,push", name);
	return buf_take(&scope);
}

int registry_put_blob(struct registry *registry, const char *name,
		      const struct registry_upload *upload, enum registry_upload_result *ret_result,
		      struct err *err)
{
	struct transfer transfer = {
		.registry = registry, .name = name, .upload = upload, .scope = push_scope(name)
	};
	int r = put_blob(&transfer, ret_result, err);

	free(transfer.scope);
	free(transfer.location);
	return r;
}

int registry_put_manifest(struct registry *registry, const char *name, const char *reference,
			  const char *media_type, const struct buf *bytes, struct err *err)
{
	auto_free char *url = registry_url(registry, name, "manifests/%s", reference);
	auto_free char *scope = push_scope(name);
	auto_http_response response = { 0 };
	struct call call = {
		.method = "PUT",
		.url = url,
		.scope = scope,
		.body = bytes->bytes,
		.body_size_bytes = bytes->size_bytes,
		.limit_bytes = ANSWER_MAX,
	};
	int r;

	strings_printf(&call.headers, "Content-Type: %s", media_type);
	r = registry_call(registry, &call, &response, err);
	strings_done(&call.headers);
	if (r < 0)
		return err_wrap(err, "manifest '%s' to '%s'", reference, name);
	if (response.status != 201 && response.status != 200)
		return registry_refused(registry, &response, err, "manifest '%s' to '%s'",
					reference, name);
	return 0;
}
