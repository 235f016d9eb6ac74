// SPDX-License-Identifier: Apache-2.0
#include "flow/build_copy_fill.h"

#include <pthread.h>

#include "base/banned.h"
#include "base/memory.h"

#define THREADS_MAX 4
#define WAITING_MAX 64 /* open files; far below the usual limit of 1024 */
#define ALONE_MAX   32 /* so few files are not worth a thread */

struct file {
	const struct copy_tree *tree;
	const struct copy_entry *entry;
	int to_fd;
	mode_t mode;
	struct timespec mtime;
};

struct copy_filler {
	struct file waiting[WAITING_MAX]; /* a ring */
	size_t first;
	size_t count;
	size_t added;
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

static int fill(const struct file *file, bool *ret_same, struct err *err)
{
	const struct copy_entry *entry = file->entry;
	auto_fd fd = -1;
	int r = view_open(file->tree->view, entry->path, &entry->entry, &fd, err);

	if (r == 0)
		r = place_fill(file->to_fd, fd, file->mode, file->mtime, err);
	if (r < 0)
		return err_wrap(err, "copy '%s'", entry->path);
	*ret_same = copy_is_same(file->tree, entry, fd);
	return 0;
}

/* Called with the lock, which is free while the file is copied. */
static void fill_unlocked(struct copy_filler *filler, struct file file)
{
	struct err err = { 0 };
	bool same = true;
	int r = filler->result;

	if (r == 0) {
		pthread_mutex_unlock(&filler->lock);
		r = fill(&file, &same, &err);
		pthread_mutex_lock(&filler->lock);
		if (r < 0 && filler->result == 0) {
			filler->result = r;
			filler->err = err;
		}
	}
	filler->changed |= !same;
	close(file.to_fd);
}

static void *keep_filling(void *argument)
{
	struct copy_filler *filler = argument;

	pthread_mutex_lock(&filler->lock);
	for (;;) {
		struct file file;

		while (filler->count == 0 && !filler->ended)
			pthread_cond_wait(&filler->more, &filler->lock);
		if (filler->count == 0)
			break;
		file = filler->waiting[filler->first];
		filler->first = (filler->first + 1) % WAITING_MAX;
		filler->count--;
		pthread_cond_signal(&filler->room);
		fill_unlocked(filler, file);
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

int copy_filler_add(struct copy_filler *filler, const struct copy_tree *tree,
		    const struct copy_entry *entry, int to_fd, const struct place_meta *meta,
		    struct err *err)
{
	const struct file file = { tree, entry, to_fd, meta->mode, meta->mtime };
	int r;

	if (++filler->added == ALONE_MAX)
		start_threads(filler);
	pthread_mutex_lock(&filler->lock);
	if (filler->thread_count == 0) {
		fill_unlocked(filler, file);
	} else {
		while (filler->count == WAITING_MAX)
			pthread_cond_wait(&filler->room, &filler->lock);
		filler->waiting[(filler->first + filler->count++) % WAITING_MAX] = file;
		pthread_cond_signal(&filler->more);
	}
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
