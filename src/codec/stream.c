// SPDX-License-Identifier: Apache-2.0
/* A ring of chunks with one writer and two readers (hash, caller). A chunk is free again when both
 * readers have gone past it. Counters only grow; everything is under one mutex, which is taken a
 * few times per chunk of half a megabyte. */
#include "codec/stream.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "base/banned.h"
#include "base/memory.h"

struct chunk {
	unsigned char *bytes;
	size_t size_bytes;
};

struct stream {
	struct decoder *decoder;
	struct chunk chunks[STREAM_CHUNKS];
	pthread_t decode_thread;
	pthread_t hash_thread;
	bool threads_run;

	pthread_mutex_t mutex; /* over what follows */
	pthread_cond_t changed;
	uint64_t produced; /* chunks so far */
	uint64_t hashed;
	uint64_t consumed; /* by the caller; the one it holds is not counted */
	bool ended;	   /* no more will be produced */
	bool stop;
	int result; /* of the decoder */
	struct err err;

	struct sha256 sha; /* hash thread, then the caller after it has ended */
	uint64_t size_bytes;
	bool holds_chunk; /* caller */
};

/* Fill whole chunks: readers may then rely on their size. */
static ssize_t fill(struct stream *stream, struct chunk *chunk, struct err *err)
{
	size_t done = 0;

	while (done < STREAM_CHUNK_BYTES) {
		ssize_t n = decoder_read(stream->decoder, chunk->bytes + done,
					 STREAM_CHUNK_BYTES - done, err);

		if (n < 0)
			return n;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	chunk->size_bytes = done;
	return (ssize_t)done;
}

static uint64_t slowest(const struct stream *stream)
{
	return stream->hashed < stream->consumed ? stream->hashed : stream->consumed;
}

/* The next free chunk, or NULL when the stream is to stop. */
static struct chunk *wait_for_room(struct stream *stream)
{
	struct chunk *chunk = NULL;

	pthread_mutex_lock(&stream->mutex);
	while (!stream->stop && stream->produced - slowest(stream) == STREAM_CHUNKS)
		pthread_cond_wait(&stream->changed, &stream->mutex);
	if (!stream->stop)
		chunk = &stream->chunks[stream->produced % STREAM_CHUNKS];
	pthread_mutex_unlock(&stream->mutex);
	return chunk;
}

static void *decode(void *argument)
{
	struct stream *stream = argument;
	struct err err = { 0 };
	ssize_t n = 0;

	for (;;) {
		struct chunk *chunk = wait_for_room(stream);

		n = chunk ? fill(stream, chunk, &err) : 0;
		if (n <= 0)
			break;
		pthread_mutex_lock(&stream->mutex);
		stream->produced++;
		pthread_cond_broadcast(&stream->changed);
		pthread_mutex_unlock(&stream->mutex);
	}
	pthread_mutex_lock(&stream->mutex);
	stream->ended = true;
	stream->result = (int)n;
	stream->err = err;
	pthread_cond_broadcast(&stream->changed);
	pthread_mutex_unlock(&stream->mutex);
	return NULL;
}

/* The chunk after `count`, or NULL at the end. */
static struct chunk *wait_for_chunk(struct stream *stream, const uint64_t *count)
{
	struct chunk *chunk = NULL;

	pthread_mutex_lock(&stream->mutex);
	while (!stream->stop && stream->produced == *count && !stream->ended)
		pthread_cond_wait(&stream->changed, &stream->mutex);
	if (!stream->stop && stream->produced > *count)
		chunk = &stream->chunks[*count % STREAM_CHUNKS];
	pthread_mutex_unlock(&stream->mutex);
	return chunk;
}

static void go_past(struct stream *stream, uint64_t *count)
{
	pthread_mutex_lock(&stream->mutex);
	++*count;
	pthread_cond_broadcast(&stream->changed);
	pthread_mutex_unlock(&stream->mutex);
}

static void *hash(void *argument)
{
	struct stream *stream = argument;
	const struct chunk *chunk;

	while ((chunk = wait_for_chunk(stream, &stream->hashed))) {
		sha256_add(&stream->sha, chunk->bytes, chunk->size_bytes);
		stream->size_bytes += chunk->size_bytes;
		go_past(stream, &stream->hashed);
	}
	return NULL;
}

static void ask_to_stop(struct stream *stream)
{
	pthread_mutex_lock(&stream->mutex);
	stream->stop = true;
	pthread_cond_broadcast(&stream->changed);
	pthread_mutex_unlock(&stream->mutex);
}

/* Signals are the caller's business, not that of a thread that happens to run. */
static int start_threads(struct stream *stream, struct err *err)
{
	sigset_t all;
	sigset_t before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&stream->decode_thread, NULL, decode, stream);
	if (r == 0) {
		r = pthread_create(&stream->hash_thread, NULL, hash, stream);
		if (r != 0) {
			ask_to_stop(stream);
			pthread_join(stream->decode_thread, NULL);
		}
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	stream->threads_run = r == 0;
	return r == 0 ? 0 : fail(err, r, "start a thread");
}

int stream_new(const struct byte_source *source, struct stream **ret_stream, struct err *err)
{
	auto_stream *stream = memory_zeroed(1, sizeof(*stream));
	int r;

	pthread_mutex_init(&stream->mutex, NULL);
	pthread_cond_init(&stream->changed, NULL);
	sha256_init(&stream->sha);
	for (size_t i = 0; i < STREAM_CHUNKS; i++)
		stream->chunks[i].bytes = memory_resize(NULL, STREAM_CHUNK_BYTES, 1);
	r = decoder_new(source, &stream->decoder, err);
	if (r == 0)
		r = start_threads(stream, err);
	if (r < 0)
		return r;
	*ret_stream = take_ptr(stream);
	return 0;
}

static void stop_threads(struct stream *stream)
{
	if (!stream->threads_run)
		return;
	ask_to_stop(stream);
	pthread_join(stream->decode_thread, NULL);
	pthread_join(stream->hash_thread, NULL);
	stream->threads_run = false;
}

void stream_free(struct stream *stream)
{
	if (!stream)
		return;
	stop_threads(stream);
	for (size_t i = 0; i < STREAM_CHUNKS; i++)
		free(stream->chunks[i].bytes);
	decoder_free(stream->decoder);
	sha256_done(&stream->sha);
	pthread_cond_destroy(&stream->changed);
	pthread_mutex_destroy(&stream->mutex);
	free(stream);
}

enum encoding stream_encoding(const struct stream *stream)
{
	return decoder_encoding(stream->decoder);
}

int stream_next(struct stream *stream, const void **ret_bytes, size_t *ret_size_bytes,
		struct err *err)
{
	const struct chunk *chunk;

	if (stream->holds_chunk)
		go_past(stream, &stream->consumed);
	chunk = wait_for_chunk(stream, &stream->consumed);
	stream->holds_chunk = chunk != NULL;
	if (!chunk && stream->result < 0) {
		if (err)
			*err = stream->err;
		return stream->result;
	}
	*ret_bytes = chunk ? chunk->bytes : NULL;
	*ret_size_bytes = chunk ? chunk->size_bytes : 0;
	return 0;
}

int stream_finish(struct stream *stream, char ret_hex[SHA256_HEX_LENGTH + 1],
		  uint64_t *ret_size_bytes, struct err *err)
{
	const void *bytes;
	size_t size_bytes;
	int r;

	do
		r = stream_next(stream, &bytes, &size_bytes, err);
	while (r == 0 && size_bytes > 0);
	if (r < 0)
		return r;
	pthread_join(stream->decode_thread, NULL); /* both have come to their end */
	pthread_join(stream->hash_thread, NULL);
	stream->threads_run = false;
	sha256_finish(&stream->sha, ret_hex);
	*ret_size_bytes = stream->size_bytes;
	return 0;
}
