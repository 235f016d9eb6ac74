// SPDX-License-Identifier: Apache-2.0
#include "flow/download.h"

#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/log.h"
#include "codec/json.h"
#include "codec/sha256.h"
#include "flow/build_secrets.h"
#include "remote/http.h"
#include "store/blob.h"
#include "store/blob_writer.h"

#define FOLDER	     "cache/downloads"
#define RECORD_BYTES ((size_t)64 * 1024)
#define NAME_BYTES   96

/* What is known of a URL. The texts are the tree's. */
struct record {
	struct json *tree; /* NULL: nothing */
	struct descriptor blob;
	const char *etag;
	const char *last_modified;
};

static void record_done(struct record *record)
{
	json_free(record->tree);
	*record = (struct record){ 0 };
}
#define auto_record cleanup(record_done) struct record

static const char *record_name(const char *url, char name[NAME_BYTES])
{
	auto_sha256 sha;
	char hex[SHA256_HEX_LENGTH + 1];

	sha256_init(&sha);
	sha256_add(&sha, url, strlen(url));
	sha256_finish(&sha, hex);
	snprintf(name, NAME_BYTES, FOLDER "/%s", hex);
	return name;
}

/* What cannot be read, or names a blob that is gone, counts as nothing. */
static void record_read(const struct store *store, const char *url, struct record *record)
{
	auto_buf text = { 0 };
	char name[NAME_BYTES];
	const char *digest;
	uint64_t size_bytes;

	if (io_read_file_at(store->dirfd, record_name(url, name), RECORD_BYTES, &text, NULL) < 0 ||
	    json_parse(text.bytes, text.size_bytes, &record->tree, NULL) < 0)
		return;
	digest = json_get_text(record->tree, "digest");
	if (!digest || digest_parse(digest, &record->blob.digest, NULL) < 0 ||
	    json_need_u64(record->tree, "size", &size_bytes, NULL) < 0) {
		record_done(record);
		return;
	}
	record->blob.size_bytes = size_bytes;
	record->etag = json_get_text(record->tree, "etag");
	record->last_modified = json_get_text(record->tree, "lastModified");
	if (!blob_present(store, &record->blob))
		record_done(record);
}

static int record_write(const struct store *store, const char *url,
			const struct http_response *response, const struct digest *digest,
			uint64_t size_bytes, struct err *err)
{
	auto_json *tree = json_new_object();
	auto_buf text = { 0 };
	char name[NAME_BYTES];

	json_set_text(tree, "url", url);
	json_set_text(tree, "digest", digest->text);
	json_set_integer(tree, "size", (int64_t)size_bytes);
	json_set_text(tree, "etag", http_header(response, "ETag", 0));
	json_set_text(tree, "lastModified", http_header(response, "Last-Modified", 0));
	json_print(tree, JSON_ONE_LINE, &text);
	buf_add_char(&text, '\n');
	if (mkdirat(store->dirfd, FOLDER, 0700) < 0 && errno != EEXIST)
		return fail(err, errno, "make '" FOLDER "' in the store");
	return io_replace_file_at(store->dirfd, record_name(url, name), text.bytes, text.size_bytes,
				  0600, err);
}

static void set_mtime(struct download *result, const char *last_modified)
{
	result->has_mtime = last_modified && http_date_parse(last_modified, &result->mtime_s) == 0;
}

/* ---- one request ---- */

struct transfer {
	const struct store *store;
	const struct download_request *request;
	struct http *http;
	const struct record *record;
	struct buf authorization;
	struct strings headers;
	struct http_response response;
	struct download result;
};

static int take_bytes(void *context, const struct http_response *response, const void *bytes,
		      size_t size_bytes, struct err *err)
{
	(void)response;
	return blob_writer_add(context, bytes, size_bytes, err);
}

static int refuse_status(const struct http_response *response, struct err *err)
{
	long status = response->status;
	int code = status == 404 || status == 410   ? ENOENT
		   : status == 401 || status == 403 ? EACCES
						    : EIO;

	return fail_plain(err, code, "the server answers %ld%s", status,
			  code == ENOENT   ? " (not found)"
			  : code == EACCES ? " (not allowed)"
					   : "");
}

static int keep(struct transfer *transfer, struct blob_writer *writer, struct err *err)
{
	const struct download_request *request = transfer->request;
	uint64_t size_bytes;
	int r = blob_writer_commit(writer, &transfer->result.digest, &size_bytes, err);

	if (r < 0)
		return r;
	set_mtime(&transfer->result, http_header(&transfer->response, "Last-Modified", 0));
	return record_write(transfer->store, request->url, &transfer->response,
			    &transfer->result.digest, size_bytes, err);
}

static int ask_once(struct transfer *transfer, struct err *err)
{
	const struct download_request *request = transfer->request;
	auto_blob_writer *writer = NULL;
	struct http_request http_request = { .method = "GET",
					     .url = request->url,
					     .headers = &transfer->headers,
					     .authorization = transfer->authorization.bytes,
					     .sink = take_bytes };
	int r = blob_writer_new(transfer->store, request->checksum, BLOB_SIZE_UNKNOWN, &writer,
				err);

	http_request.context = writer;
	if (r == 0)
		r = http_perform(transfer->http, &http_request, &transfer->response, err);
	if (r < 0)
		return r;
	if (transfer->response.status == 304 && transfer->record->tree) {
		transfer->result.digest = transfer->record->blob.digest;
		set_mtime(&transfer->result, transfer->record->last_modified);
		return 0;
	}
	return transfer->response.status == 200 ? keep(transfer, writer, err)
						: refuse_status(&transfer->response, err);
}

/* Answers that pass are waited for, as pull does it. */
static int ask(struct transfer *transfer, struct err *err)
{
	const struct download_request *request = transfer->request;
	int r;

	for (unsigned attempt = 0;; attempt++) {
		uint32_t random = 0;

		if (attempt > 0) {
			if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
				random = UINT32_MAX / 2;
			log_verbose("'%s': %s: trying again", request->url, err->text);
			if (!retry_wait(retry_delay_ms(&request->retry, attempt, random),
					request->cancel))
				return r;
			err_clear(err);
		}
		r = ask_once(transfer, err);
		if (r == 0 || attempt == request->retry.count ||
		    !(transfer->response.transient || retry_status(transfer->response.status)))
			return r;
	}
}

/* ---- all of it ---- */

static void add_conditions(struct transfer *transfer)
{
	const struct record *record = transfer->record;

	if (record->etag)
		strings_printf(&transfer->headers, "If-None-Match: %s", record->etag);
	if (record->last_modified)
		strings_printf(&transfer->headers, "If-Modified-Since: %s", record->last_modified);
}

/* The blob that the checksum names, whoever gave it. */
static bool find_by_checksum(const struct store *store, const struct download_request *request,
			     const struct record *record, struct download *result)
{
	auto_fd fd = -1;

	if (!request->checksum || blob_open(store, request->checksum, &fd, NULL, NULL) < 0)
		return false;
	result->digest = *request->checksum;
	if (record->tree && digest_equal(&record->blob.digest, request->checksum))
		set_mtime(result, record->last_modified);
	return true;
}

int download(const struct store *store, const struct download_request *request,
	     struct download *ret_download, struct err *err)
{
	const struct http_settings settings = { .cancel = request->cancel };
	auto_record record = { 0 };
	struct transfer transfer = { .store = store, .request = request, .record = &record };
	int r = 0;

	record_read(store, request->url, &record);
	if (!find_by_checksum(store, request, &record, &transfer.result)) {
		if (!request->checksum)
			add_conditions(&transfer);
		transfer.http = http_new(&settings);
		r = build_secret_for_files(request->secrets, request->url, &transfer.authorization,
					   err);
		if (r >= 0)
			r = ask(&transfer, err);
		http_free(transfer.http);
		http_response_done(&transfer.response);
		strings_done(&transfer.headers);
		buf_done(&transfer.authorization);
	}
	if (r < 0)
		return err_wrap(err, "'%s'", request->url);
	*ret_download = transfer.result;
	return 0;
}

int download_open(const struct store *store, const struct download_request *request, int *ret_fd,
		  struct err *err)
{
	struct download downloaded;
	int r = download(store, request, &downloaded, err);

	return r < 0 ? r : blob_open(store, &downloaded.digest, ret_fd, NULL, err);
}
