// SPDX-License-Identifier: Apache-2.0
#include "flow/parallel.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/banned.h"
#include "base/memory.h"

struct work {
	size_t count;
	size_t next;
	int (*job)(void *context, size_t index, struct err *err);
	void *context;
	atomic_bool *cancel;
	pthread_mutex_t lock; /* for next, result and err */
	int result;
	struct err *err;
};

static bool take_job(struct work *work, size_t *ret_index)
{
	bool more;

	pthread_mutex_lock(&work->lock);
	more = work->next < work->count && !atomic_load(work->cancel);
	if (more)
		*ret_index = work->next++;
	pthread_mutex_unlock(&work->lock);
	return more;
}

static void failed(struct work *work, int r, const struct err *err)
{
	pthread_mutex_lock(&work->lock);
	if (work->result == 0) {
		work->result = r;
		if (work->err)
			*work->err = *err;
	}
	atomic_store(work->cancel, true);
	pthread_mutex_unlock(&work->lock);
}

static void *run_jobs(void *context)
{
	struct work *work = context;
	size_t index;

	while (take_job(work, &index)) {
		struct err err = { 0 };
		int r = work->job(work->context, index, &err);

		if (r < 0)
			failed(work, r, &err);
	}
	return NULL;
}

int parallel_run(size_t count, unsigned threads,
		 int (*job)(void *context, size_t index, struct err *err), void *context,
		 atomic_bool *cancel, struct err *err)
{
	struct work work = {
		.count = count, .job = job, .context = context, .cancel = cancel, .err = err
	};
	auto_free pthread_t *thread = NULL;
	unsigned started = 0;

	if (threads > count)
		threads = (unsigned)count;
	thread = memory_zeroed(threads + 1, sizeof(*thread));
	pthread_mutex_init(&work.lock, NULL);
	/* this thread is one of them: work is done even where no thread can be started */
	while (started + 1 < threads &&
	       pthread_create(&thread[started], NULL, run_jobs, &work) == 0)
		started++;
	run_jobs(&work);
	for (unsigned i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
	pthread_mutex_destroy(&work.lock);
	if (work.result == 0 && count > 0 && atomic_load(cancel))
		return fail_plain(err, ECANCELED, "cancelled");
	return work.result;
}
