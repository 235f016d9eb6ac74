// SPDX-License-Identifier: Apache-2.0
/* A ring of jobs: the adding thread fills the next free one, workers take them in order, and the
 * adding thread hands results on in order, waiting for the oldest when the ring is full. */
#include "codec/gzip_writer.h"

#include <libdeflate.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/banned.h"
#include "base/memory.h"

#define LEVEL_FAST  1
#define LEVEL_SMALL 6
#define WORKERS_MAX 16
#define JOBS_MAX    (2 * WORKERS_MAX)

struct job {
	unsigned char *input; /* GZIP_MEMBER_BYTES */
	size_t input_bytes;
	unsigned char *output;
	size_t output_bytes;
	bool done;
};

struct gzip_writer {
	struct gzip_sink sink;
	int level;
	struct job jobs[JOBS_MAX];
	size_t job_count; /* in use, of JOBS_MAX */
	size_t output_room;
	pthread_t workers[WORKERS_MAX];
	size_t worker_count;
	uint64_t written; /* jobs handed to the sink */

	pthread_mutex_t mutex; /* over what follows and job.done */
	pthread_cond_t changed;
	uint64_t filled; /* jobs given to the workers */
	uint64_t taken;	 /* jobs a worker has begun */
	bool stop;
};

static struct job *take_job(struct gzip_writer *writer)
{
	struct job *job = NULL;

	pthread_mutex_lock(&writer->mutex);
	while (!writer->stop && writer->taken == writer->filled)
		pthread_cond_wait(&writer->changed, &writer->mutex);
	if (!writer->stop)
		job = &writer->jobs[writer->taken++ % writer->job_count];
	pthread_mutex_unlock(&writer->mutex);
	return job;
}

static void *work(void *argument)
{
	struct gzip_writer *writer = argument;
	struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(writer->level);
	struct job *job;

	if (!compressor)
		memory_exhausted(0);
	while ((job = take_job(writer))) {
		job->output_bytes = libdeflate_gzip_compress(
			compressor, job->input, job->input_bytes, job->output, writer->output_room);
		pthread_mutex_lock(&writer->mutex);
		job->done = true;
		pthread_cond_broadcast(&writer->changed);
		pthread_mutex_unlock(&writer->mutex);
	}
	libdeflate_free_compressor(compressor);
	return NULL;
}

static size_t processors(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return count < 1 ? 1 : count > WORKERS_MAX ? WORKERS_MAX : (size_t)count;
}

static void start_workers(struct gzip_writer *writer)
{
	sigset_t all;
	sigset_t before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (writer->worker_count < writer->job_count / 2 &&
	       pthread_create(&writer->workers[writer->worker_count], NULL, work, writer) == 0)
		writer->worker_count++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int gzip_writer_new(const struct gzip_sink *sink, enum gzip_effort effort,
		    struct gzip_writer **ret_writer, struct err *err)
{
	auto_gzip_writer *writer = memory_zeroed(1, sizeof(*writer));

	writer->sink = *sink;
	writer->level = effort == GZIP_FAST ? LEVEL_FAST : LEVEL_SMALL;
	writer->job_count = 2 * processors();
	writer->output_room = libdeflate_gzip_compress_bound(NULL, GZIP_MEMBER_BYTES);
	for (size_t i = 0; i < writer->job_count; i++) {
		writer->jobs[i].input = memory_resize(NULL, GZIP_MEMBER_BYTES, 1);
		writer->jobs[i].output = memory_resize(NULL, writer->output_room, 1);
	}
	pthread_mutex_init(&writer->mutex, NULL);
	pthread_cond_init(&writer->changed, NULL);
	start_workers(writer);
	if (writer->worker_count == 0)
		return fail(err, EAGAIN, "start a thread");
	*ret_writer = take_ptr(writer);
	return 0;
}

/* Hand the oldest result to the sink. */
static int write_oldest(struct gzip_writer *writer, struct err *err)
{
	struct job *job = &writer->jobs[writer->written % writer->job_count];

	pthread_mutex_lock(&writer->mutex);
	while (!job->done)
		pthread_cond_wait(&writer->changed, &writer->mutex);
	job->done = false;
	pthread_mutex_unlock(&writer->mutex);
	writer->written++;
	job->input_bytes = 0;
	return writer->sink.write(writer->sink.context, job->output, job->output_bytes, err);
}

static int submit(struct gzip_writer *writer, struct err *err)
{
	pthread_mutex_lock(&writer->mutex);
	writer->filled++;
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->mutex);
	if (writer->filled - writer->written < writer->job_count)
		return 0;
	return write_oldest(writer, err);
}

int gzip_writer_add(struct gzip_writer *writer, const void *bytes, size_t size_bytes,
		    struct err *err)
{
	const unsigned char *at = bytes;

	while (size_bytes > 0) {
		struct job *job = &writer->jobs[writer->filled % writer->job_count];
		size_t size = GZIP_MEMBER_BYTES - job->input_bytes;

		if (size > size_bytes)
			size = size_bytes;
		memcpy(job->input + job->input_bytes, at, size);
		job->input_bytes += size;
		at += size;
		size_bytes -= size;
		if (job->input_bytes == GZIP_MEMBER_BYTES) {
			int r = submit(writer, err);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

int gzip_writer_finish(struct gzip_writer *writer, struct err *err)
{
	int r = 0;

	if (writer->jobs[writer->filled % writer->job_count].input_bytes || !writer->filled)
		r = submit(writer, err);
	while (r == 0 && writer->written < writer->filled)
		r = write_oldest(writer, err);
	return r;
}

void gzip_writer_free(struct gzip_writer *writer)
{
	if (!writer)
		return;
	pthread_mutex_lock(&writer->mutex);
	writer->stop = true;
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->mutex);
	for (size_t i = 0; i < writer->worker_count; i++)
		pthread_join(writer->workers[i], NULL);
	for (size_t i = 0; i < writer->job_count; i++) {
		free(writer->jobs[i].input);
		free(writer->jobs[i].output);
	}
	pthread_cond_destroy(&writer->changed);
	pthread_mutex_destroy(&writer->mutex);
	free(writer);
}
