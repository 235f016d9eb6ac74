// SPDX-License-Identifier: Apache-2.0
/* When reads follow each other as files do in the image, threads decompress what comes next and put
 * it into the kernel's memory of files (FUSE_NOTIFY_STORE), where the reader finds it without
 * asking. Who is not asked does not see how far the reader is: so one place in the middle of what
 * is put there is left out, and when that is asked for, as much again is read ahead, up to twice
 * as much as before. Programs that start read here and there, and cause none of this.
 *
 * A thread that stores waits where somebody else reads that page, which one of the threads of
 * squash_fuse.c answers: those never store. */
#include "rootfs/squash_ahead.h"

#include <linux/fuse.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/memory.h"

#define STREAK	    8			  /* reads in a row before anything is done */
#define MISSES_MAX  32			  /* others', before the row is given up */
#define NEAR_REF    ((uint64_t)64 << 10)  /* in the table of inodes, compressed */
#define NEAR_BYTES  ((uint64_t)256 << 10) /* in a file: requests overtake each other */
#define INODES_MAX  4096		  /* of no files, looked at in search of one */
#define FIRST_BYTES ((uint64_t)1 << 20)
#define MOST_BYTES  ((uint64_t)16 << 20)
#define CHUNK_BYTES ((uint64_t)256 << 10) /* of a large file at once */
#define BATCH_BYTES ((uint64_t)256 << 10)
#define BATCH_PARTS 32
#define THREADS_MAX 4
#define STACK_BYTES ((size_t)128 * 1024)

/* In the order of the image: a file, and where in it. */
struct place {
	uint64_t ref;
	uint64_t offset;
};

struct part {
	struct place at;
	uint64_t size_bytes;
};

struct squash_ahead {
	struct squash_image *image;
	int fd;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t changed;
	bool is_ending;
	pthread_t thread[THREADS_MAX];
	size_t thread_count;
	struct squash_reader *reader; /* looks at inodes for all */

	struct place asked;	 /* behind the last read in the row */
	atomic_ullong asked_ref; /* the same for who has no lock */
	atomic_ullong asked_offset;
	unsigned streak; /* reads in the row */
	unsigned misses; /* reads elsewhere since */

	uint64_t window_bytes; /* 0: there is no row */
	uint64_t left_bytes;   /* of the window: to be stored */
	struct place next;     /* what is stored next */
	uint64_t size_bytes;   /* of that file; 0: it is done */
	struct place mark;     /* left out */
};

static bool is_before(const struct place *a, const struct place *b)
{
	return a->ref < b->ref || (a->ref == b->ref && a->offset < b->offset);
}

static bool is_same(const struct place *a, const struct place *b)
{
	return a->ref == b->ref && a->offset == b->offset;
}

/* --- what comes next --- */

/* The next regular file that has content. False: there is none, or the image is damaged, which who
 * reads that will be told. */
static bool find_file(struct squash_ahead *ahead)
{
	struct squash_attr attr;
	unsigned count = 0;

	do {
		if (++count > INODES_MAX ||
		    squash_next(ahead->reader, ahead->next.ref, &ahead->next.ref, &attr) < 0)
			return false;
	} while (!S_ISREG(attr.mode) || attr.size_bytes == 0);
	ahead->next.offset = 0;
	ahead->size_bytes = attr.size_bytes;
	return true;
}

/* False: nothing may be read ahead now. */
static bool take_part(struct squash_ahead *ahead, struct part *ret)
{
	uint64_t half = ahead->window_bytes / 2;
	uint64_t left;
	bool is_mark;

	if (!ahead->left_bytes)
		return false;
	if (ahead->next.offset >= ahead->size_bytes && !find_file(ahead)) {
		ahead->left_bytes = 0;
		return false;
	}
	left = ahead->size_bytes - ahead->next.offset;
	*ret = (struct part){ ahead->next, left < CHUNK_BYTES ? left : CHUNK_BYTES };
	ahead->next.offset += ret->size_bytes;
	left = ahead->left_bytes > ret->size_bytes ? ahead->left_bytes - ret->size_bytes : 0;
	is_mark = ahead->left_bytes > half && left <= half;
	ahead->left_bytes = left;
	if (is_mark) {
		ahead->mark = ret->at;
		ret->size_bytes = 0;
	}
	return true;
}

/* Of files side by side, whose tails lie in one block. */
static size_t take_batch(struct squash_ahead *ahead, struct part part[BATCH_PARTS])
{
	uint64_t bytes = 0;
	size_t count = 0;

	while (count < BATCH_PARTS && bytes < BATCH_BYTES && take_part(ahead, &part[count])) {
		bytes += part[count].size_bytes;
		count += part[count].size_bytes > 0;
	}
	return count;
}

/* --- storing --- */

/* The kernel knows files that were looked up or listed, and answers ENOENT for others: nobody reads
 * those. */
static ssize_t store(const struct squash_ahead *ahead, const struct place *at,
		     const struct squash_part *content)
{
	const struct fuse_notify_store_out out = { .nodeid = at->ref + 2,
						   .offset = at->offset,
						   .size = (uint32_t)content->size_bytes };
	const struct fuse_out_header header = {
		.len = (uint32_t)(sizeof(header) + sizeof(out) + content->size_bytes),
		.error = FUSE_NOTIFY_STORE,
	};
	const struct iovec parts[] = { { (void *)(uintptr_t)&header, sizeof(header) },
				       { (void *)(uintptr_t)&out, sizeof(out) },
				       { (void *)(uintptr_t)content->bytes, content->size_bytes } };

	return writev(ahead->fd, parts, 3);
}

static void store_part(const struct squash_ahead *ahead, struct squash_reader *reader,
		       const struct part *part)
{
	struct place at = part->at;
	uint64_t end = part->at.offset + part->size_bytes;

	while (at.offset < end) {
		struct squash_part content;

		if (squash_hold(reader, at.ref, at.offset, end - at.offset, &content) < 0 ||
		    !content.size_bytes)
			return;
		if (store(ahead, &at, &content) < 0)
			end = at.offset;
		squash_release(reader, &content);
		at.offset += content.size_bytes;
	}
}

/* The reader is there already, and waits for somebody else. A guess that is wrong costs a copy. */
static bool is_late(struct squash_ahead *ahead, const struct part *part)
{
	const struct place asked = {
		atomic_load_explicit(&ahead->asked_ref, memory_order_relaxed),
		atomic_load_explicit(&ahead->asked_offset, memory_order_relaxed),
	};

	return is_before(&part->at, &asked);
}

static void *work(void *argument)
{
	struct squash_ahead *ahead = argument;
	struct squash_reader *reader = squash_reader_new(ahead->image);
	struct part part[BATCH_PARTS];
	bool is_ending = !reader;

	while (!is_ending) {
		size_t count = 0;

		pthread_mutex_lock(&ahead->lock);
		while (!ahead->is_ending && !(count = take_batch(ahead, part)))
			pthread_cond_wait(&ahead->changed, &ahead->lock);
		is_ending = ahead->is_ending;
		pthread_mutex_unlock(&ahead->lock);
		for (size_t i = 0; i < count && !is_ending; i++)
			if (!is_late(ahead, &part[i]))
				store_part(ahead, reader, &part[i]);
	}
	squash_reader_free(reader);
	return NULL;
}

/* --- what is asked for --- */

static void start_threads(struct squash_ahead *ahead)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_attr_t attributes;

	if (!ahead->reader)
		ahead->reader = squash_reader_new(ahead->image);
	if (!ahead->reader || pthread_attr_init(&attributes) != 0)
		return;
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	while (ahead->thread_count < THREADS_MAX &&
	       ahead->thread_count < (size_t)(processors < 1 ? 1 : processors) &&
	       pthread_create(&ahead->thread[ahead->thread_count], &attributes, work, ahead) == 0)
		ahead->thread_count++;
	pthread_attr_destroy(&attributes);
}

static bool is_near(const struct place *before, const struct place *at)
{
	if (at->ref == before->ref)
		return at->offset + NEAR_BYTES >= before->offset &&
		       at->offset <= before->offset + NEAR_BYTES;
	return at->ref > before->ref && at->offset == 0 &&
	       (at->ref >> 16) - (before->ref >> 16) < NEAR_REF;
}

/* From behind what was asked for last. */
static void begin_window(struct squash_ahead *ahead)
{
	struct squash_attr attr;

	ahead->next = ahead->asked;
	ahead->size_bytes = squash_attr(ahead->reader, ahead->asked.ref, &attr) < 0
				    ? 0
				    : attr.size_bytes;
	ahead->left_bytes = ahead->window_bytes;
	pthread_cond_broadcast(&ahead->changed);
}

static void set_asked(struct squash_ahead *ahead, const struct place *end)
{
	ahead->asked = *end;
	atomic_store_explicit(&ahead->asked_ref, end->ref, memory_order_relaxed);
	atomic_store_explicit(&ahead->asked_offset, end->offset, memory_order_relaxed);
}

static void look_for_row(struct squash_ahead *ahead, const struct place *at,
			 const struct place *end)
{
	ahead->streak = is_near(&ahead->asked, at) ? ahead->streak + 1 : 0;
	set_asked(ahead, end);
	if (ahead->streak < STREAK)
		return;
	ahead->streak = 0;
	if (!ahead->thread_count)
		start_threads(ahead);
	if (!ahead->thread_count)
		return;
	ahead->misses = 0;
	ahead->window_bytes = FIRST_BYTES;
	begin_window(ahead);
}

static void follow_row(struct squash_ahead *ahead, const struct place *at, const struct place *end)
{
	bool is_mark = is_same(&ahead->mark, at);

	if (!is_mark && !is_near(&ahead->asked, at) && !is_near(&ahead->next, at)) {
		if (++ahead->misses > MISSES_MAX)
			ahead->window_bytes = ahead->left_bytes = 0;
		return;
	}
	ahead->misses = 0;
	if (is_before(&ahead->asked, end))
		set_asked(ahead, end);
	if (is_mark) {
		if (ahead->window_bytes < MOST_BYTES)
			ahead->window_bytes *= 2;
		ahead->left_bytes = ahead->window_bytes;
		pthread_cond_broadcast(&ahead->changed);
	} else if (is_before(&ahead->next, &ahead->asked)) {
		begin_window(ahead); /* the reader was faster */
	}
}

void squash_ahead_note(struct squash_ahead *ahead, uint64_t ref, uint64_t offset, size_t size_bytes)
{
	const struct place at = { ref, offset };
	const struct place end = { ref, offset + size_bytes };

	pthread_mutex_lock(&ahead->lock);
	if (ahead->window_bytes)
		follow_row(ahead, &at, &end);
	else
		look_for_row(ahead, &at, &end);
	pthread_mutex_unlock(&ahead->lock);
}

struct squash_ahead *squash_ahead_new(struct squash_image *image, int fuse_fd)
{
	struct squash_ahead *ahead = memory_zeroed(1, sizeof(*ahead));

	ahead->image = image;
	ahead->fd = fuse_fd;
	pthread_mutex_init(&ahead->lock, NULL);
	pthread_cond_init(&ahead->changed, NULL);
	return ahead;
}

void squash_ahead_free(struct squash_ahead *ahead)
{
	if (!ahead)
		return;
	pthread_mutex_lock(&ahead->lock);
	ahead->is_ending = true;
	pthread_cond_broadcast(&ahead->changed);
	pthread_mutex_unlock(&ahead->lock);
	for (size_t i = 0; i < ahead->thread_count; i++)
		pthread_join(ahead->thread[i], NULL);
	squash_reader_free(ahead->reader);
	pthread_cond_destroy(&ahead->changed);
	pthread_mutex_destroy(&ahead->lock);
	free(ahead);
}
