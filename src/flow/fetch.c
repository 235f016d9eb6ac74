// SPDX-License-Identifier: Apache-2.0
#include "flow/fetch.h"

#include <pthread.h>
#include <stdio.h>

#include "base/banned.h"
#include "base/log.h"
#include "base/memory.h"
#include "flow/flight.h"
#include "rootfs/layer.h"
#include "store/blob_writer.h"
#include "store/layers.h"

/* One blob on its way; the unpacking thread sees only what is const after it was started. */
struct transfer {
	const struct fetch_list *list;
	const struct fetch *fetch;
	unsigned item;
	struct blob_writer *writer;
	uint64_t received_bytes; /* with the part that was there already */
	bool resumed;
	atomic_bool received; /* all of it: from now on the unpacking is what is waited for */
	/* the thread that unpacks */
	bool unpacks;
	pthread_t thread;
	int reader_fd;
	uint64_t read_bytes;
	struct layer_staged *staged;
	int unpacked;
	struct err unpack_err;
};

/* ---- unpacking ---- */

/* The blob as far as it is written; waits for more. */
static ssize_t read_behind(void *context, void *bytes, size_t size_bytes, struct err *err)
{
	struct transfer *transfer = context;
	uint64_t there = blob_writer_wait_for(transfer->writer, transfer->read_bytes);
	ssize_t n;

	if (there == transfer->read_bytes)
		return 0;
	if (there - transfer->read_bytes < size_bytes)
		size_bytes = (size_t)(there - transfer->read_bytes);
	n = pread(transfer->reader_fd, bytes, size_bytes, (off_t)transfer->read_bytes);
	if (n < 0)
		return fail(err, errno, "read what was downloaded");
	transfer->read_bytes += (uint64_t)n;
	if (atomic_load(&transfer->received))
		progress_move(transfer->list->progress, transfer->item, "unpacking",
			      transfer->read_bytes, 0);
	return n;
}

static int unpack(const struct store *store, const struct byte_source *source,
		  const struct fetch *fetch, struct layer_staged *staged, struct err *err)
{
	const struct layer_request request = { .source = source, .diff_id = &fetch->diff_id };
	int r = layer_present(store, &fetch->diff_id)
			? layer_check(store, source, &fetch->diff_id, err)
			: layer_stage(store, &request, staged, err);

	return r < 0 ? err_wrap(err, "blob %s", fetch->descriptor.digest.text) : 0;
}

static void *unpack_behind(void *context)
{
	struct transfer *transfer = context;
	const struct byte_source source = { .read = read_behind, .context = transfer };

	transfer->unpacked = unpack(transfer->list->store, &source, transfer->fetch,
				    transfer->staged, &transfer->unpack_err);
	return NULL;
}

static int start_unpacking(struct transfer *transfer, struct err *err)
{
	int r = blob_writer_reader(transfer->writer, &transfer->reader_fd, err);

	if (r < 0)
		return r;
	r = pthread_create(&transfer->thread, NULL, unpack_behind, transfer);
	if (r != 0)
		return fail(err, r, "start a thread");
	transfer->unpacks = true;
	return 0;
}

static int unpack_from_store(const struct fetch_list *list, const struct fetch *fetch,
			     struct layer_staged *staged, struct err *err)
{
	auto_fd fd = -1;
	int r = blob_open(list->store, &fetch->descriptor.digest, &fd, NULL, err);

	if (r < 0)
		return r;
	const struct byte_source source = byte_source_fd(&fd);

	return unpack(list->store, &source, fetch, staged, err);
}

/* ---- downloading ---- */

static int take_bytes(void *context, const void *bytes, size_t size_bytes, struct err *err)
{
	struct transfer *transfer = context;
	int r = blob_writer_add(transfer->writer, bytes, size_bytes, err);

	if (r < 0)
		return r;
	transfer->received_bytes += size_bytes;
	progress_move(transfer->list->progress, transfer->item, "downloading",
		      transfer->received_bytes, 0);
	return 0;
}

static int receive(struct transfer *transfer, size_t server, struct err *err)
{
	const struct descriptor *descriptor = &transfer->fetch->descriptor;
	struct registry *registry;
	const char *name;
	int r;

	r = repository_server(transfer->list->repository, server, &registry, &name, err);
	if (r < 0)
		return r;
	r = registry_get_blob(registry, name,
			      &(struct registry_download){ .descriptor = descriptor,
							   .start_bytes = transfer->received_bytes,
							   .sink = take_bytes,
							   .context = transfer },
			      err);
	if (r < 0)
		return r;
	atomic_store(&transfer->received, true);
	r = blob_writer_commit(transfer->writer, NULL, NULL, err);
	if (r < 0)
		return err_wrap(err, "registry '%s': blob of '%s'", registry_host(registry), name);
	return 0;
}

/* A layer that must be unpacked; each diff id is, once. */
static bool needs_unpacking(const struct fetch_list *list, const struct fetch *fetch)
{
	return !digest_is_none(&fetch->diff_id) && !layer_present(list->store, &fetch->diff_id);
}

/* The whole blob from one server. Its digest is judged before what the unpacking says: what is
 * damaged on the way may fail in many ways, all of them for that reason. */
static int fetch_from(struct transfer *transfer, size_t server, struct err *err)
{
	const struct fetch *fetch = transfer->fetch;
	int r = blob_writer_resume(transfer->list->store, &fetch->descriptor, &transfer->writer,
				   &transfer->received_bytes, err);

	if (r < 0)
		return r;
	transfer->resumed = transfer->received_bytes > 0;
	/* Of a layer that is there it is looked whether this blob is of it. */
	if (!digest_is_none(&fetch->diff_id))
		r = start_unpacking(transfer, err);
	if (r >= 0)
		r = receive(transfer, server, err);
	blob_writer_end(transfer->writer);
	if (transfer->unpacks)
		pthread_join(transfer->thread, NULL);
	if (r >= 0 && transfer->unpacked < 0) {
		*err = transfer->unpack_err;
		r = transfer->unpacked;
	}
	if (r < 0)
		layer_staged_done(transfer->staged);
	cleanup_fd(&transfer->reader_fd);
	blob_writer_free(transfer->writer);
	return r;
}

/* A part left by an earlier process may be damaged: then once more, from nothing. */
static int fetch_from_server(const struct transfer *start, size_t server, struct err *err)
{
	struct transfer transfer = *start;
	int r = fetch_from(&transfer, server, err);

	if (r != -EUCLEAN || !transfer.resumed ||
	    blob_present(start->list->store, &start->fetch->descriptor))
		return r;
	log_verbose("%s: fetching the whole again", err->text);
	err_clear(err);
	transfer = *start;
	return fetch_from(&transfer, server, err);
}

static int fetch_from_any(const struct fetch_list *list, const struct fetch *fetch, unsigned item,
			  struct layer_staged *staged, struct err *err)
{
	const struct repository *repository = list->repository;
	const struct transfer start = {
		.list = list, .fetch = fetch, .item = item, .reader_fd = -1, .staged = staged
	};
	int r = -ENOENT;

	for (size_t server = repository->first; server < repository->count; server++) {
		r = fetch_from_server(&start, server, err);
		if (r >= 0 || !repository_may_ask_next(r) || server + 1 == repository->count)
			break;
		log_verbose("%s: asking the next server", err->text);
		err_clear(err);
	}
	return r;
}

/* ---- one item ---- */

static int fetch_item(const struct fetch_list *list, size_t index, unsigned item,
		      const char **ret_outcome, struct err *err)
{
	const struct fetch *fetch = &list->item[index];
	struct layer_staged *staged = &list->staged[index];

	if (!blob_present(list->store, &fetch->descriptor)) {
		*ret_outcome = "done";
		return fetch_from_any(list, fetch, item, staged, err);
	}
	if (!needs_unpacking(list, fetch)) {
		*ret_outcome = "present";
		return 0;
	}
	*ret_outcome = "unpacked";
	progress_move(list->progress, item, "unpacking", 0, 0);
	return unpack_from_store(list, fetch, staged, err);
}

static int fetch_job(void *context, size_t index, struct err *err)
{
	const struct fetch_list *list = context;
	const struct fetch *fetch = &list->item[index];
	const char *outcome = NULL;
	char label[64];
	char hex[13];
	unsigned item;
	int r;

	snprintf(label, sizeof(label), "%s %s", fetch->label,
		 digest_short(&fetch->descriptor.digest, hex));
	item = progress_begin(list->progress, label, NULL, fetch->descriptor.size_bytes);
	r = fetch_item(list, index, item, &outcome, err);
	progress_end(list->progress, item, r < 0 ? "failed" : outcome);
	return r;
}

static int larger_first(const void *a, const void *b)
{
	const struct fetch *left = a;
	const struct fetch *right = b;

	if (left->descriptor.size_bytes != right->descriptor.size_bytes)
		return left->descriptor.size_bytes < right->descriptor.size_bytes ? 1 : -1;
	return 0;
}

/* All at once: one syncfs(2) for the image, not one per layer. */
static int commit_layers(void *context, struct err *err)
{
	struct fetch_list *list = context;
	auto_free struct layer_staged **staged = memory_zeroed(list->count + 1, sizeof(*staged));
	size_t count = 0;
	unsigned item;
	int r;

	for (size_t i = 0; i < list->count; i++)
		if (list->staged[i].work_name[0])
			staged[count++] = &list->staged[i];
	if (count == 0)
		return 0;
	item = progress_begin(list->progress, "layers", "saving", 0);
	r = layer_commit(list->store, staged, count, err);
	progress_end(list->progress, item, r < 0 ? "failed" : "saved");
	return r;
}

/* ---- among other processes ---- */

static bool is_done(void *context, size_t index)
{
	const struct fetch_list *list = context;
	const struct fetch *fetch = &list->item[index];

	return blob_present(list->store, &fetch->descriptor) && !needs_unpacking(list, fetch);
}

static void lease_key(void *context, size_t index, char key[FLIGHT_KEY_MAX])
{
	const struct fetch_list *list = context;

	flight_blob_key(&list->item[index].descriptor.digest, key);
}

static void show_waiting(void *context, size_t index)
{
	const struct fetch_list *list = context;
	const struct fetch *fetch = &list->item[index];
	char label[64];
	char hex[13];
	unsigned item;

	snprintf(label, sizeof(label), "%s %s", fetch->label,
		 digest_short(&fetch->descriptor.digest, hex));
	item = progress_begin(list->progress, label, NULL, 0);
	progress_end(list->progress, item, "another process is at it");
}

int fetch_all(struct fetch_list *list, struct err *err)
{
	const struct flight flight = {
		.store = list->store,
		.count = list->count,
		.threads = list->threads ? list->threads : FETCH_THREADS_DEFAULT,
		.cancel = list->cancel,
		.key = lease_key,
		.is_done = is_done,
		.work = fetch_job,
		.commit = commit_layers,
		.waiting = show_waiting,
		.context = list,
	};
	int r;

	if (list->count > 1)
		qsort(list->item, list->count, sizeof(*list->item), larger_first);
	list->staged = memory_zeroed(list->count + 1, sizeof(*list->staged));
	r = flight_run(&flight, err);
	for (size_t i = 0; i < list->count; i++)
		layer_staged_done(&list->staged[i]);
	free(take_ptr(list->staged));
	return r;
}
