// SPDX-License-Identifier: Apache-2.0
#include "flow/writeback.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>

#include "base/banned.h"
#include "base/memory.h"

#define STEP_BYTES ((uint64_t)16 << 20) /* less is not worth waking a thread for */

struct writeback {
	int fd;
	pthread_t thread;
	bool has_thread, is_over;
	pthread_mutex_t lock; /* for all but fd and thread */
	pthread_cond_t changed;
	uint64_t reached_bytes;
	uint64_t begun_bytes; /* have been handed to the disk */
};

struct writeback *writeback_new(int fd)
{
	struct writeback *writeback = memory_zeroed(1, sizeof(*writeback));

	writeback->fd = fd;
	pthread_mutex_init(&writeback->lock, NULL);
	pthread_cond_init(&writeback->changed, NULL);
	return writeback;
}

/* With the lock held; false at the end. */
static bool wait_for_more(struct writeback *writeback, uint64_t *ret_begin, uint64_t *ret_end)
{
	while (!writeback->is_over &&
	       writeback->reached_bytes - writeback->begun_bytes < STEP_BYTES)
		pthread_cond_wait(&writeback->changed, &writeback->lock);
	*ret_begin = writeback->begun_bytes;
	*ret_end = writeback->begun_bytes = writeback->reached_bytes;
	return !writeback->is_over;
}

static void *hand_over(void *context)
{
	struct writeback *writeback = context;
	uint64_t begin;
	uint64_t end;

	pthread_mutex_lock(&writeback->lock);
	while (wait_for_more(writeback, &begin, &end)) {
		pthread_mutex_unlock(&writeback->lock);
		/* what fails here fails again, and is told, where the file gets its name */
		(void)!sync_file_range(writeback->fd, (off_t)begin, (off_t)(end - begin),
				       SYNC_FILE_RANGE_WRITE);
		pthread_mutex_lock(&writeback->lock);
	}
	pthread_mutex_unlock(&writeback->lock);
	return NULL;
}

void writeback_reached(struct writeback *writeback, uint64_t size_bytes)
{
	pthread_mutex_lock(&writeback->lock);
	writeback->reached_bytes = size_bytes;
	if (size_bytes - writeback->begun_bytes >= STEP_BYTES) {
		if (!writeback->has_thread)
			writeback->has_thread = pthread_create(&writeback->thread, NULL, hand_over,
							       writeback) == 0;
		pthread_cond_signal(&writeback->changed);
	}
	pthread_mutex_unlock(&writeback->lock);
}

void writeback_free(struct writeback *writeback)
{
	if (!writeback)
		return;
	pthread_mutex_lock(&writeback->lock);
	writeback->is_over = true;
	pthread_cond_signal(&writeback->changed);
	pthread_mutex_unlock(&writeback->lock);
	if (writeback->has_thread)
		pthread_join(writeback->thread, NULL);
	pthread_mutex_destroy(&writeback->lock);
	pthread_cond_destroy(&writeback->changed);
	free(writeback);
}
