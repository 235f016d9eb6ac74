// SPDX-License-Identifier: Apache-2.0
/* The kernel's side of FUSE spoken directly (linux/fuse.h, Documentation/filesystems/fuse.rst): a
 * read-only file system needs a dozen of its messages, and the program inside of packs no library.
 *
 * Threads take turns in reading requests from one descriptor. Who has the turn answers what is
 * quickly answered, and hands it on before he decompresses; when nobody waits for it, one more is
 * started, so that an image nobody reads much from has one. */
#include "rootfs/squash_fuse.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/memory.h"
#include "rootfs/squash_ahead.h"
#include "sys/mount.h"

#define FOREVER_S     86400
#define THREADS_MAX   16
#define STACK_BYTES   ((size_t)256 * 1024)
#define REQUEST_BYTES ((size_t)64 * 1024)
#define PAGES_MAX     256
#define REPLY_BYTES   ((size_t)PAGES_MAX * 4096)
#define BACKGROUND    64 /* requests of reading ahead at once */
#define LOOK_OUT_NS   50000
#define PARTS_MAX     2 /* blocks of an answer that are not copied */

struct squash_fuse {
	struct squash_image *image;
	struct squash_ahead *ahead;
	int fd; /* of /dev/fuse; -1 */
	uid_t uid;
	gid_t gid;
	pthread_mutex_t lock; /* over threads and their count */
	pthread_t thread[THREADS_MAX];
	size_t thread_count;
	pthread_mutex_t turn; /* to read requests */
	atomic_int waiting;   /* threads, for that */
	bool is_listed; /* a directory was: more requests come at once; whose turn it is says so */
	atomic_bool opens_directories; /* the kernel is older than 5.1, and insists */
};

/* One thread's, and the request it is at. */
struct worker {
	struct squash_fuse *fuse;
	struct squash_reader *reader;
	char *request; /* REQUEST_BYTES */
	char *reply;   /* REPLY_BYTES */
	const struct fuse_in_header *header;
	const void *argument;
};

/* FUSE wants 1 for the root, and 0 for nothing. */
static uint64_t ref_of(const struct worker *worker)
{
	uint64_t node = worker->header->nodeid;

	return node == FUSE_ROOT_ID ? squash_image_root(worker->fuse->image) : node - 2;
}

/* --- answers; one that does not arrive is that of an interrupted request --- */

static void answer(const struct worker *worker, const void *bytes, size_t size_bytes)
{
	struct fuse_out_header header = { .len = (uint32_t)(sizeof(header) + size_bytes),
					  .unique = worker->header->unique };
	struct iovec parts[] = { { &header, sizeof(header) },
				 { (void *)(uintptr_t)bytes, size_bytes } };

	(void)!writev(worker->fuse->fd, parts, size_bytes ? 2 : 1);
}

/* 0 or -errno. */
static void answer_code(const struct worker *worker, int code)
{
	struct fuse_out_header header = { .len = sizeof(header),
					  .error = code,
					  .unique = worker->header->unique };

	(void)!write(worker->fuse->fd, &header, sizeof(header));
}

/* --- attributes --- */

static int fill_attr(const struct worker *worker, uint64_t ref, struct fuse_attr *ret)
{
	struct squash_attr attr;
	int r = squash_attr(worker->reader, ref, &attr);

	if (r < 0)
		return r;
	*ret = (struct fuse_attr){ .ino = attr.number,
				   .size = attr.size_bytes,
				   .blocks = (attr.size_bytes + 511) / 512,
				   .atime = (uint64_t)attr.mtime_s,
				   .mtime = (uint64_t)attr.mtime_s,
				   .ctime = (uint64_t)attr.mtime_s,
				   .mode = attr.mode,
				   .nlink = attr.links,
				   .uid = worker->fuse->uid,
				   .gid = worker->fuse->gid,
				   .rdev = (attr.rdev_minor & 0xff) | attr.rdev_major << 8 |
					   (attr.rdev_minor & ~0xffu) << 12,
				   .blksize = 4096 };
	return 0;
}

static int fill_entry(const struct worker *worker, uint64_t ref, struct fuse_entry_out *ret)
{
	*ret = (struct fuse_entry_out){ .nodeid = ref + 2,
					.entry_valid = FOREVER_S,
					.attr_valid = FOREVER_S };
	return fill_attr(worker, ref, &ret->attr);
}

static void do_lookup(struct worker *worker)
{
	struct fuse_entry_out entry;
	uint64_t ref;
	int r = squash_lookup(worker->reader, ref_of(worker), worker->argument, &ref);

	if (r == -ENOENT) /* which the kernel may remember as well */
		entry = (struct fuse_entry_out){ .entry_valid = FOREVER_S };
	else if (r == 0)
		r = fill_entry(worker, ref, &entry);
	if (r < 0 && r != -ENOENT)
		answer_code(worker, r);
	else
		answer(worker, &entry, sizeof(entry));
}

static void do_getattr(struct worker *worker)
{
	struct fuse_attr_out out = { .attr_valid = FOREVER_S };
	int r = fill_attr(worker, ref_of(worker), &out.attr);

	if (r < 0)
		answer_code(worker, r);
	else
		answer(worker, &out, sizeof(out));
}

static void do_readlink(struct worker *worker)
{
	auto_arena arena = { 0 };
	const char *target;
	int r = squash_link(worker->reader, ref_of(worker), &arena, &target);

	if (r < 0)
		answer_code(worker, r);
	else
		answer(worker, target, strlen(target));
}

/* --- content --- */

static void answer_parts(const struct worker *worker, const struct squash_part *part, size_t count)
{
	struct fuse_out_header header = { .len = sizeof(header), .unique = worker->header->unique };
	struct iovec parts[1 + PARTS_MAX] = { { &header, sizeof(header) } };

	for (size_t i = 0; i < count; i++) {
		parts[1 + i] = (struct iovec){ (void *)(uintptr_t)part[i].bytes,
					       part[i].size_bytes };
		header.len += (uint32_t)part[i].size_bytes;
	}
	(void)!writev(worker->fuse->fd, parts, (int)(1 + count));
}

static void answer_copy(struct worker *worker, uint64_t offset, size_t size)
{
	ssize_t n = squash_read(worker->reader, ref_of(worker), offset, worker->reply, size);

	if (n < 0)
		answer_code(worker, (int)n);
	else
		answer(worker, worker->reply, (size_t)n);
}

/* From the blocks as they are, when these are few. */
static void do_read(struct worker *worker)
{
	const struct fuse_read_in *in = worker->argument;
	size_t size = in->size < REPLY_BYTES ? in->size : REPLY_BYTES;
	struct squash_part part[PARTS_MAX];
	bool is_all = false;
	size_t count = 0;
	size_t done = 0;
	int r = 0;

	squash_ahead_note(worker->fuse->ahead, ref_of(worker), in->offset, size);
	while (r == 0 && !is_all && count < PARTS_MAX) {
		r = squash_hold(worker->reader, ref_of(worker), in->offset + done, size - done,
				&part[count]);
		if (r < 0)
			break;
		done += part[count].size_bytes;
		is_all = !part[count].size_bytes || done == size;
		count += part[count].size_bytes > 0;
	}
	if (r < 0)
		answer_code(worker, r);
	else if (is_all)
		answer_parts(worker, part, count);
	for (size_t i = 0; i < count; i++)
		squash_release(worker->reader, &part[i]);
	if (r == 0 && !is_all)
		answer_copy(worker, in->offset, size);
}

/* --- directories: a name's place in the sorted list is its offset --- */

/* The first two are "." and "..", whose inode numbers nobody relies on. Returns the bytes taken, 0
 * when there is no room, or -errno. */
static ssize_t add_name(const struct worker *worker, const struct squash_list *list, size_t place,
			bool plus, char *bytes, size_t room)
{
	const char *name = place == 0 ? "." : place == 1 ? ".." : list->item[place - 2].name;
	size_t length = strlen(name);
	size_t start = plus ? sizeof(struct fuse_entry_out) : 0;
	size_t size = FUSE_DIRENT_ALIGN(start + FUSE_NAME_OFFSET + length);
	struct fuse_entry_out entry = { .attr = { .mode = S_IFDIR, .ino = 1 } };
	struct fuse_dirent dirent = { .off = place + 1, .namelen = (uint32_t)length };
	int r = 0;

	if (size > room)
		return 0;
	if (place >= 2)
		r = fill_entry(worker, list->item[place - 2].ref, &entry);
	if (r < 0)
		return r;
	dirent.ino = entry.attr.ino;
	dirent.type = (entry.attr.mode & S_IFMT) >> 12;
	memset(bytes, 0, size);
	if (plus)
		memcpy(bytes, &entry, sizeof(entry));
	memcpy(bytes + start, &dirent, FUSE_NAME_OFFSET);
	memcpy(bytes + start + FUSE_NAME_OFFSET, name, length);
	return (ssize_t)size;
}

static void do_opendir(struct worker *worker)
{
	const struct fuse_open_out out = { .open_flags = FOPEN_KEEP_CACHE | FOPEN_CACHE_DIR };

	if (worker->fuse->opens_directories)
		answer(worker, &out, sizeof(out));
	else
		answer_code(worker, -ENOSYS);
}

static void list_some(struct worker *worker, bool plus)
{
	const struct fuse_read_in *in = worker->argument;
	size_t room = in->size < REPLY_BYTES ? in->size : REPLY_BYTES;
	const struct squash_list *list;
	ssize_t n = 1;
	size_t used = 0;
	int r = squash_list(worker->reader, ref_of(worker), &list);

	if (r < 0) {
		answer_code(worker, r);
		return;
	}
	for (size_t place = (size_t)in->offset; n > 0 && place < list->count + 2; place++) {
		n = add_name(worker, list, place, plus, worker->reply + used, room - used);
		used += n > 0 ? (size_t)n : 0;
	}
	squash_list_done(worker->reader, list);
	if (n < 0 && used == 0)
		answer_code(worker, (int)n);
	else
		answer(worker, worker->reply, used);
}

static void do_readdir(struct worker *worker)
{
	list_some(worker, false);
}

static void do_readdirplus(struct worker *worker)
{
	list_some(worker, true);
}

/* --- extended attributes --- */

static void answer_xattr(const struct worker *worker, const void *bytes, size_t size, size_t room)
{
	const struct fuse_getxattr_out out = { .size = (uint32_t)size };

	if (room == 0)
		answer(worker, &out, sizeof(out));
	else if (size > room)
		answer_code(worker, -ERANGE);
	else
		answer(worker, bytes, size);
}

/* Where there are none in the whole image the kernel need not ask again, for every file. */
static bool has_none(const struct worker *worker)
{
	if (squash_image_has_xattrs(worker->fuse->image))
		return false;
	answer_code(worker, -ENOSYS);
	return true;
}

static void do_getxattr(struct worker *worker)
{
	const struct fuse_getxattr_in *in = worker->argument;
	const char *name = (const char *)(in + 1);
	auto_arena arena = { 0 };
	struct tar_xattr *item;
	size_t count;
	int r;

	if (has_none(worker))
		return;
	r = squash_xattrs(worker->reader, ref_of(worker), &arena, &item, &count);
	for (size_t i = 0; r == 0 && i < count; i++)
		if (strcmp(item[i].name, name) == 0) {
			answer_xattr(worker, item[i].value, item[i].size_bytes, in->size);
			return;
		}
	answer_code(worker, r < 0 ? r : -ENODATA);
}

static void do_listxattr(struct worker *worker)
{
	const struct fuse_getxattr_in *in = worker->argument;
	auto_arena arena = { 0 };
	auto_buf names = { 0 };
	struct tar_xattr *item;
	size_t count;
	int r;

	if (has_none(worker))
		return;
	r = squash_xattrs(worker->reader, ref_of(worker), &arena, &item, &count);
	if (r < 0) {
		answer_code(worker, r);
		return;
	}
	for (size_t i = 0; i < count; i++)
		buf_add(&names, item[i].name, strlen(item[i].name) + 1);
	answer_xattr(worker, buf_text(&names), names.size_bytes, in->size);
}

/* --- the file system --- */

static void do_statfs(struct worker *worker)
{
	const struct squash_image *image = worker->fuse->image;
	const struct fuse_statfs_out out = { .st = { .bsize = 4096,
						     .frsize = 4096,
						     .blocks = squash_image_bytes(image) / 4096,
						     .files = squash_image_inodes(image),
						     .namelen = 256 } };

	answer(worker, &out, sizeof(out));
}

/* Older kernels take the beginning of the answer that they know. */
static void do_init(struct worker *worker)
{
	const struct fuse_init_in *in = worker->argument;
	const uint32_t wanted = FUSE_ASYNC_READ | FUSE_PARALLEL_DIROPS | FUSE_DO_READDIRPLUS |
				FUSE_CACHE_SYMLINKS | FUSE_MAX_PAGES | FUSE_NO_OPEN_SUPPORT |
				FUSE_NO_OPENDIR_SUPPORT;
	const struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = in->minor < FUSE_KERNEL_MINOR_VERSION ? in->minor
							       : FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = in->max_readahead,
		.flags = in->flags & wanted,
		.max_background = BACKGROUND,
		.congestion_threshold = BACKGROUND * 3 / 4,
		.max_write = 4096,
		.time_gran = 1,
		.max_pages = PAGES_MAX,
	};

	worker->fuse->opens_directories = !(out.flags & FUSE_NO_OPENDIR_SUPPORT);
	answer(worker, &out, in->minor < 23 ? FUSE_COMPAT_22_INIT_OUT_SIZE : sizeof(out));
}

static void do_nothing(struct worker *worker)
{
	answer_code(worker, 0);
}

static void stay_silent(struct worker *worker)
{
	(void)worker;
}

/* Neither open nor opendir nor flush is there: the kernel asks for them once and then goes on by
 * itself, and keeps what it has read. */
static void (*const operations[])(struct worker *) = {
	[FUSE_LOOKUP] = do_lookup,
	[FUSE_FORGET] = stay_silent,
	[FUSE_GETATTR] = do_getattr,
	[FUSE_READLINK] = do_readlink,
	[FUSE_READ] = do_read,
	[FUSE_STATFS] = do_statfs,
	[FUSE_RELEASE] = do_nothing,
	[FUSE_GETXATTR] = do_getxattr,
	[FUSE_LISTXATTR] = do_listxattr,
	[FUSE_INIT] = do_init,
	[FUSE_OPENDIR] = do_opendir,
	[FUSE_READDIR] = do_readdir,
	[FUSE_RELEASEDIR] = do_nothing,
	[FUSE_INTERRUPT] = stay_silent,
	[FUSE_DESTROY] = do_nothing,
	[FUSE_BATCH_FORGET] = stay_silent,
	[FUSE_READDIRPLUS] = do_readdirplus,
};

/* --- threads --- */

static void *work_in_thread(void *argument);

/* The thread that leads to more threads is busy with a request, so nobody is left to read. */
static void start_another(struct squash_fuse *fuse)
{
	pthread_attr_t attributes;

	pthread_mutex_lock(&fuse->lock);
	if (fuse->thread_count < THREADS_MAX && pthread_attr_init(&attributes) == 0) {
		pthread_attr_setstacksize(&attributes, STACK_BYTES);
		if (pthread_create(&fuse->thread[fuse->thread_count], &attributes, work_in_thread,
				   fuse) == 0)
			fuse->thread_count++;
		pthread_attr_destroy(&attributes);
	}
	pthread_mutex_unlock(&fuse->lock);
}

/* The kernel ends a name with a NUL; nothing else is believed that is not there. */
static void handle(struct worker *worker, size_t size_bytes)
{
	uint32_t opcode;

	worker->header = (const struct fuse_in_header *)worker->request;
	worker->argument = worker->request + sizeof(*worker->header);
	if (size_bytes < sizeof(*worker->header))
		return;
	worker->request[size_bytes] = '\0';
	opcode = worker->header->opcode;
	if (opcode < array_count(operations) && operations[opcode])
		operations[opcode](worker);
	else
		answer_code(worker, -ENOSYS);
}

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Who lists directories asks again at once: looking out for that is quicker than to be woken. */
static void look_out(struct squash_fuse *fuse)
{
	struct pollfd request = { .fd = fuse->fd, .events = POLLIN };
	uint64_t end_ns = clock_ns() + LOOK_OUT_NS;

	while (poll(&request, 1, 0) == 0) {
		if (clock_ns() > end_ns) {
			fuse->is_listed = false;
			return;
		}
		sched_yield();
	}
}

static uint32_t opcode_of(const struct worker *worker)
{
	return ((const struct fuse_in_header *)worker->request)->opcode;
}

/* To be called by who has the turn. True: the request takes a while, and somebody else has it. */
static bool hand_on(struct worker *worker)
{
	struct squash_fuse *fuse = worker->fuse;
	uint32_t opcode = opcode_of(worker);

	fuse->is_listed = opcode == FUSE_READDIRPLUS;
	if (opcode != FUSE_READ)
		return false;
	if (atomic_load(&fuse->waiting) == 0)
		start_another(fuse);
	pthread_mutex_unlock(&fuse->turn);
	return true;
}

static void take_turn(struct squash_fuse *fuse)
{
	atomic_fetch_add(&fuse->waiting, 1);
	pthread_mutex_lock(&fuse->turn);
	atomic_fetch_sub(&fuse->waiting, 1);
}

/* Until the file system is unmounted: 0, or -errno. */
static int work(struct worker *worker)
{
	struct squash_fuse *fuse = worker->fuse;
	int r = 1;

	take_turn(fuse);
	while (r > 0) {
		ssize_t n;

		if (fuse->is_listed)
			look_out(fuse);
		n = read(fuse->fd, worker->request, REQUEST_BYTES);
		if (n > 0) {
			bool is_others = hand_on(worker);

			handle(worker, (size_t)n);
			if (is_others)
				take_turn(fuse);
		} else if (n == 0 || errno == ENODEV || errno == ECONNABORTED)
			r = 0;
		else if (errno != EINTR && errno != EAGAIN && errno != ENOENT)
			r = -errno;
	}
	pthread_mutex_unlock(&fuse->turn);
	return r;
}

static int work_with_memory(struct squash_fuse *fuse)
{
	struct worker worker = { .fuse = fuse, .reader = squash_reader_new(fuse->image) };
	int r;

	if (!worker.reader)
		memory_exhausted(sizeof(worker));
	worker.request = memory_resize(NULL, REQUEST_BYTES + 1, 1);
	worker.reply = memory_resize(NULL, REPLY_BYTES, 1);
	r = work(&worker);
	free(worker.request);
	free(worker.reply);
	squash_reader_free(worker.reader);
	return r;
}

static void *work_in_thread(void *argument)
{
	(void)work_with_memory(argument); /* the first thread's tells */
	return NULL;
}

/* One that is still at work may have started another. */
static void join_all(struct squash_fuse *fuse)
{
	size_t joined = 0;
	bool is_last;

	do {
		pthread_mutex_lock(&fuse->lock);
		is_last = joined == fuse->thread_count;
		pthread_mutex_unlock(&fuse->lock);
		if (!is_last)
			pthread_join(fuse->thread[joined++], NULL);
	} while (!is_last);
}

int squash_fuse_serve(struct squash_fuse *fuse, struct err *err)
{
	int r = work_with_memory(fuse);

	if (r < 0)
		return fail(err, -r, "FUSE");
	join_all(fuse);
	squash_ahead_free(fuse->ahead);
	fuse->ahead = NULL;
	return 0;
}

/* --- the mount --- */

static int mount_it(int fuse_fd, int point_fd, struct err *err)
{
	char fd[16];
	char uid[16];
	char gid[16];
	const struct mount_option options[] = { { "fd", fd, false },
						{ "rootmode", "40000", false },
						{ "user_id", uid, false },
						{ "group_id", gid, false },
						{ "allow_other", NULL, false },
						{ "default_permissions", NULL, false },
						{ NULL, NULL, false } };
	int r;

	snprintf(fd, sizeof(fd), "%d", fuse_fd);
	snprintf(uid, sizeof(uid), "%u", (unsigned)getuid());
	snprintf(gid, sizeof(gid), "%u", (unsigned)getgid());
	r = mount_new("fuse", "rootlet", options, MOUNT_READ_ONLY | MOUNT_NODEV | MOUNT_NOSUID,
		      point_fd, NULL, err);
	if (r == 0 && chdir("/") < 0)
		r = fail(err, errno, "leave the mount point");
	return r;
}

int squash_fuse_mount(struct squash_image *image, int point_fd, struct squash_fuse **ret_fuse,
		      struct err *err)
{
	auto_fd fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	struct squash_fuse *fuse;
	int r;

	if (fd < 0)
		return fail(err, errno, "open '/dev/fuse'");
	r = mount_it(fd, point_fd, err);
	if (r < 0)
		return r;
	fuse = memory_zeroed(1, sizeof(*fuse));
	fuse->image = image;
	fuse->fd = take_fd(&fd);
	fuse->ahead = squash_ahead_new(image, fuse->fd);
	fuse->uid = getuid();
	fuse->gid = getgid();
	pthread_mutex_init(&fuse->lock, NULL);
	pthread_mutex_init(&fuse->turn, NULL);
	*ret_fuse = fuse;
	return 0;
}

void squash_fuse_free(struct squash_fuse *fuse)
{
	if (!fuse)
		return;
	squash_ahead_free(fuse->ahead);
	cleanup_fd(&fuse->fd);
	pthread_mutex_destroy(&fuse->turn);
	pthread_mutex_destroy(&fuse->lock);
	free(fuse);
}
