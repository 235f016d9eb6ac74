// SPDX-License-Identifier: Apache-2.0
#include "flow/build_copy_fill.h"

#include <pthread.h>

#include "base/banned.h"
#include "base/memory.h"

#define THREADS_MAX 4
#define BATCH_FILES 16 /* waking a thread costs about as much as copying a file */
#define WAITING_MAX 4  /* batches; their files are open, far below the usual limit of 1024 */
#define ALONE_MAX   32 /* so few files are not worth a thread */

struct batch {
	struct copy_file file[BATCH_FILES];
	size_t count;
};

struct copy_filler {
	struct batch gathering; /* not given to the threads yet */
	size_t added;
	struct batch waiting[WAITING_MAX]; /* a ring */
	size_t first;
	size_t count;
	bool ended; /* no more will come */
	bool changed;
	int result; /* of the first that failed; then the rest is only closed */
	struct err err;
	pthread_t thread[THREADS_MAX];
	size_t thread_count;
	pthread_mutex_t lock;
	pthread_cond_t more; /* something waits, or has ended */
	pthread_cond_t room;
};

struct copy_filler *copy_filler_new(void)
{
	struct copy_filler *filler = memory_zeroed(1, sizeof(*filler));

	pthread_mutex_init(&filler->lock, NULL);
	pthread_cond_init(&filler->more, NULL);
	pthread_cond_init(&filler->room, NULL);
	return filler;
}

static int fill(const struct copy_file *file, bool *ret_same, struct err *err)
{
	const struct copy_entry *entry = file->entry;
	auto_fd fd = -1;
	int r = view_open(file->tree->view, entry->path, &entry->entry, &fd, err);

	if (r == 0)
		r = place_fill(&file->to, fd, err);
	if (r < 0)
		return err_wrap(err, "copy '%s'", entry->path);
	*ret_same = copy_is_same(file->tree, entry, fd);
	return 0;
}

/* All of them are closed; `r` is the result so far. */
static int fill_batch(const struct batch *batch, int r, bool *changed, struct err *err)
{
	for (size_t i = 0; i < batch->count; i++) {
		bool same = true;

		if (r == 0)
			r = fill(&batch->file[i], &same, err);
		*changed |= !same;
		close(batch->file[i].to.fd);
	}
	return r;
}

/* Called with the lock, which is free while the files are copied. */
static void fill_unlocked(struct copy_filler *filler, const struct batch *batch)
{
	struct err err = { 0 };
	bool changed = false;
	int before = filler->result;
	int r;

	pthread_mutex_unlock(&filler->lock);
	r = fill_batch(batch, before, &changed, &err);
	pthread_mutex_lock(&filler->lock);
	if (r < 0 && filler->result == 0) {
		filler->result = r;
		filler->err = err;
	}
	filler->changed |= changed;
}

static void *keep_filling(void *argument)
{
	struct copy_filler *filler = argument;

	pthread_mutex_lock(&filler->lock);
	for (;;) {
		struct batch batch;

		while (filler->count == 0 && !filler->ended)
			pthread_cond_wait(&filler->more, &filler->lock);
		if (filler->count == 0)
			break;
		batch = filler->waiting[filler->first];
		filler->first = (filler->first + 1) % WAITING_MAX;
		filler->count--;
		pthread_cond_signal(&filler->room);
		fill_unlocked(filler, &batch);
	}
	pthread_mutex_unlock(&filler->lock);
	return NULL;
}

/* As many as there are processors; none at all is fine too. */
static void start_threads(struct copy_filler *filler)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	while (filler->thread_count < THREADS_MAX && (long)filler->thread_count < processors &&
	       pthread_create(&filler->thread[filler->thread_count], NULL, keep_filling, filler) ==
		       0)
		filler->thread_count++;
}

/* With the lock. What is gathered goes to a thread, or is done at once where there is none. */
static void hand_over(struct copy_filler *filler)
{
	struct batch batch = filler->gathering;

	filler->gathering.count = 0;
	if (filler->thread_count == 0) {
		fill_unlocked(filler, &batch);
		return;
	}
	while (filler->count == WAITING_MAX)
		pthread_cond_wait(&filler->room, &filler->lock);
	filler->waiting[(filler->first + filler->count++) % WAITING_MAX] = batch;
	pthread_cond_signal(&filler->more);
}

int copy_filler_add(struct copy_filler *filler, const struct copy_file *file, struct err *err)
{
	struct batch *batch = &filler->gathering;
	int r;

	batch->file[batch->count++] = *file;
	if (++filler->added == ALONE_MAX)
		start_threads(filler);
	if (batch->count < BATCH_FILES)
		return 0;
	pthread_mutex_lock(&filler->lock);
	hand_over(filler);
	r = filler->result;
	if (r < 0)
		*err = filler->err;
	pthread_mutex_unlock(&filler->lock);
	return r;
}

int copy_filler_end(struct copy_filler *filler, bool *changed, struct err *err)
{
	int r;

	pthread_mutex_lock(&filler->lock);
	hand_over(filler);
	filler->ended = true;
	pthread_cond_broadcast(&filler->more);
	pthread_mutex_unlock(&filler->lock);
	for (size_t i = 0; i < filler->thread_count; i++)
		pthread_join(filler->thread[i], NULL);
	*changed |= filler->changed;
	r = filler->result;
	if (r < 0 && err)
		*err = filler->err;
	pthread_cond_destroy(&filler->more);
	pthread_cond_destroy(&filler->room);
	pthread_mutex_destroy(&filler->lock);
	free(filler);
	return r;
}
