// SPDX-License-Identifier: Apache-2.0
#include "flow/unpack_image.h"

#include "base/banned.h"
#include "base/memory.h"
#include "flow/flight.h"
#include "rootfs/layer.h"
#include "store/blob.h"

#define THREADS 4 /* each with two more of its own */

struct unpacking {
	const struct store *store;
	const struct image *image;
	struct layer_staged *staged;
};

static int unpack_one(void *context, size_t index, struct err *err)
{
	struct unpacking *unpacking = context;
	const struct digest *blob = &unpacking->image->manifest.layers[index].digest;
	const struct digest *diff_id = &unpacking->image->config.diff_ids[index];
	auto_fd fd = -1;
	struct byte_source source = byte_source_fd(&fd);
	struct layer_request request = { .source = &source, .diff_id = diff_id };
	int r;

	for (size_t i = 0; i < index; i++) /* a layer may be there twice */
		if (digest_equal(&unpacking->image->config.diff_ids[i], diff_id))
			return 0;
	if (layer_present(unpacking->store, diff_id))
		return 0;
	r = blob_open(unpacking->store, blob, &fd, NULL, err);
	if (r < 0)
		return err_wrap(err, "layer %s", diff_id->text);
	r = layer_stage(unpacking->store, &request, &unpacking->staged[index], err);
	return r < 0 ? err_wrap(err, "blob %s", blob->text) : 0;
}

static int publish(void *context, struct err *err)
{
	struct unpacking *unpacking = context;
	size_t count = unpacking->image->manifest.layer_count;
	auto_free struct layer_staged **list = memory_zeroed(count + 1, sizeof(*list));
	size_t staged = 0;

	for (size_t i = 0; i < count; i++)
		if (unpacking->staged[i].work_name[0])
			list[staged++] = &unpacking->staged[i];
	return layer_commit(unpacking->store, list, staged, err);
}

static bool is_done(void *context, size_t index)
{
	const struct unpacking *unpacking = context;

	return layer_present(unpacking->store, &unpacking->image->config.diff_ids[index]);
}

static void lease_key(void *context, size_t index, char key[FLIGHT_KEY_MAX])
{
	const struct unpacking *unpacking = context;

	flight_blob_key(&unpacking->image->manifest.layers[index].digest, key);
}

int unpack_image(const struct store *store, const struct image *image, struct err *err)
{
	size_t count = image->manifest.layer_count;
	struct unpacking unpacking = { .store = store, .image = image };
	atomic_bool cancel = false;
	const struct flight flight = {
		.store = store,
		.count = count,
		.threads = THREADS,
		.cancel = &cancel,
		.key = lease_key,
		.is_done = is_done,
		.work = unpack_one,
		.commit = publish,
		.context = &unpacking,
	};
	int r;

	if (count != image->config.diff_id_count)
		return fail_plain(err, EUCLEAN, "the config lists %zu layers and the manifest %zu",
				  image->config.diff_id_count, count);
	unpacking.staged = memory_zeroed(count + 1, sizeof(*unpacking.staged));
	r = flight_run(&flight, err);
	for (size_t i = 0; i < count; i++)
		layer_staged_done(&unpacking.staged[i]);
	free(unpacking.staged);
	return r;
}
