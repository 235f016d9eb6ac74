// SPDX-License-Identifier: Apache-2.0
/* A collection is one file of fixed-size records behind a head, in this machine's byte order: it is
 * read as a whole and found by a hash table of device and inode. An inode has one record at most;
 * those that no build used for a month go when the file is written next. */
#include "flow/build_files.h"

#include <string.h>
#include <time.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"

#define FOLDER	       "cache/files"
#define FILE_BYTES_MAX ((size_t)1 << 30)
#define KEPT_DAYS      30
#define DAY_S	       86400
#define NS_PER_S       1000000000
/* The coarsest timestamps there are: two seconds, on FAT. */
#define SETTLED_S 2

struct file_digest {
	uint64_t dev;
	uint64_t ino;
	uint64_t size_bytes;
	int64_t mtime_ns;
	int64_t ctime_ns;
	uint32_t used_day; /* since 1970 */
	uint32_t reserved;
	unsigned char digest[FILE_DIGEST_BYTES];
};

struct head {
	char magic[16];
	uint32_t byte_order; /* as written; another machine's file is no use */
	uint32_t record_bytes;
	uint64_t checksum; /* XXH3 of the records: they are not synced to disk */
};

static struct head head_of(const void *records, size_t size_bytes)
{
	return (struct head){ .magic = "rootlet files 1",
			      .byte_order = 0x01020304,
			      .record_bytes = sizeof(struct file_digest),
			      .checksum = XXH3_64bits(records, size_bytes) };
}

static uint32_t today(void)
{
	return (uint32_t)(time(NULL) / DAY_S);
}

static int64_t ns_of(struct timespec time)
{
	return (int64_t)time.tv_sec * NS_PER_S + time.tv_nsec;
}

/* ---- the table ---- */

/* Multiplication spreads neighbouring inodes; the high bits are the good ones. */
static size_t slot_of(const struct build_files *files, uint64_t dev, uint64_t ino)
{
	uint64_t hash = (ino ^ dev * 0x9e3779b97f4a7c15) * 0x9e3779b97f4a7c15;

	return (size_t)(hash >> 32) & (files->slot_count - 1);
}

/* Its slot, or the free one where it would be. */
static uint32_t *find(const struct build_files *files, uint64_t dev, uint64_t ino)
{
	size_t at = slot_of(files, dev, ino);

	for (;; at = (at + 1) & (files->slot_count - 1)) {
		const struct file_digest *item;

		if (!files->slot[at])
			return &files->slot[at];
		item = &files->item[files->slot[at] - 1];
		if (item->ino == ino && item->dev == dev)
			return &files->slot[at];
	}
}

static void make_table(struct build_files *files, size_t slot_count)
{
	free(files->slot);
	files->slot = memory_zeroed(slot_count, sizeof(*files->slot));
	files->slot_count = slot_count;
	for (size_t i = 0; i < files->count; i++)
		*find(files, files->item[i].dev, files->item[i].ino) = (uint32_t)i + 1;
}

static struct file_digest *add(struct build_files *files, uint64_t dev, uint64_t ino)
{
	uint32_t *slot = find(files, dev, ino);

	if (*slot)
		return &files->item[*slot - 1];
	if (files->count == files->room) {
		files->room = files->room ? files->room * 2 : 1024;
		files->item = memory_resize(files->item, files->room, sizeof(*files->item));
	}
	files->item[files->count++] = (struct file_digest){ .dev = dev, .ino = ino };
	*slot = (uint32_t)files->count;
	if (files->count * 2 > files->slot_count)
		make_table(files, files->slot_count * 2);
	return &files->item[files->count - 1];
}

/* ---- the file ---- */

/* The records behind the head, when they are whole. */
static void take_records(struct build_files *files, const struct buf *bytes)
{
	const char *records = bytes->bytes + sizeof(struct head);
	size_t size = bytes->size_bytes - sizeof(struct head);
	struct head head = head_of(records, size);

	if (memcmp(bytes->bytes, &head, sizeof(head)) != 0)
		return;
	files->room = files->count = size / sizeof(*files->item);
	files->item = memory_resize(NULL, files->room + 1, sizeof(*files->item));
	memcpy(files->item, records, files->count * sizeof(*files->item));
}

/* With the lock, by the first who asks: a build that copies nothing needs none of it. */
static void load(struct build_files *files)
{
	auto_buf bytes = { 0 };
	size_t slot_count = 1024;

	if (files->slot)
		return;
	if (io_read_file_at(files->store->dirfd, files->name, FILE_BYTES_MAX, &bytes, NULL) == 0 &&
	    bytes.size_bytes >= sizeof(struct head))
		take_records(files, &bytes);
	while (slot_count < files->count * 2)
		slot_count *= 2;
	make_table(files, slot_count);
}

void build_files_open(struct build_files *files, const struct store *store, const char *topic)
{
	char hex[SHA256_HEX_LENGTH + 1];

	*files = (struct build_files){ .store = store };
	pthread_mutex_init(&files->lock, NULL);
	sha256_hex(topic, strlen(topic), hex);
	snprintf(files->name, sizeof(files->name), FOLDER "/%s", hex);
}

static int save(struct build_files *files, struct err *err)
{
	uint32_t oldest = today() - KEPT_DAYS;
	struct head head = { 0 };
	auto_buf bytes = { 0 };
	int r = store_make_folder(files->store, FOLDER, err);

	if (r < 0)
		return r;
	buf_add(&bytes, &head, sizeof(head));
	for (size_t i = 0; i < files->count; i++)
		if (files->item[i].used_day >= oldest)
			buf_add(&bytes, &files->item[i], sizeof(files->item[i]));
	head = head_of(bytes.bytes + sizeof(head), bytes.size_bytes - sizeof(head));
	memcpy(bytes.bytes, &head, sizeof(head));
	return io_replace_file_unsynced_at(files->store->dirfd, files->name, bytes.bytes,
					   bytes.size_bytes, 0600, err);
}

void build_files_close(struct build_files *files)
{
	struct err err = { 0 };

	if (files->changed && save(files, &err) < 0)
		log_verbose("digests of files are not remembered: %s", err.text);
	pthread_mutex_destroy(&files->lock);
	free(files->item);
	free(files->slot);
	*files = (struct build_files){ 0 };
}

/* ---- asking and telling ---- */

static bool is_same(const struct file_digest *item, const struct stat *st)
{
	return item->size_bytes == (uint64_t)st->st_size && item->mtime_ns == ns_of(st->st_mtim) &&
	       item->ctime_ns == ns_of(st->st_ctim);
}

static void to_hex(const unsigned char digest[FILE_DIGEST_BYTES], char hex[SHA256_HEX_LENGTH + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < FILE_DIGEST_BYTES; i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[SHA256_HEX_LENGTH] = '\0';
}

static unsigned char digit_of(char c)
{
	return (unsigned char)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void from_hex(const char *hex, unsigned char digest[FILE_DIGEST_BYTES])
{
	for (size_t i = 0; i < FILE_DIGEST_BYTES; i++)
		digest[i] = (unsigned char)(digit_of(hex[2 * i]) << 4 | digit_of(hex[2 * i + 1]));
}

bool build_files_known(struct build_files *files, const struct stat *st,
		       char ret_hex[SHA256_HEX_LENGTH + 1])
{
	uint32_t slot;
	bool known;

	pthread_mutex_lock(&files->lock);
	load(files);
	slot = *find(files, st->st_dev, st->st_ino);
	known = slot && is_same(&files->item[slot - 1], st);
	if (known) {
		files->item[slot - 1].used_day = today();
		to_hex(files->item[slot - 1].digest, ret_hex);
	}
	pthread_mutex_unlock(&files->lock);
	return known;
}

bool build_files_is_settled(const struct stat *st)
{
	time_t now = time(NULL);

	return st->st_mtim.tv_sec < now - SETTLED_S && st->st_ctim.tv_sec < now - SETTLED_S;
}

void build_files_remember(struct build_files *files, const struct stat *st,
			  const char hex[SHA256_HEX_LENGTH + 1])
{
	struct file_digest *item;

	pthread_mutex_lock(&files->lock);
	load(files);
	item = add(files, st->st_dev, st->st_ino);
	item->size_bytes = (uint64_t)st->st_size;
	item->mtime_ns = ns_of(st->st_mtim);
	item->ctime_ns = ns_of(st->st_ctim);
	item->used_day = today();
	from_hex(hex, item->digest);
	files->changed = true;
	pthread_mutex_unlock(&files->lock);
}
