// SPDX-License-Identifier: Apache-2.0
#include "flow/build_files.h"

#include <string.h>
#include <time.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/log.h"

#define RECORD_BYTES   ((size_t)256 << 20)
#define IDENTITY_BYTES 128
#define CHUNK_BYTES    ((size_t)256 * 1024)
/* A file changed so recently may change again within its timestamps' grain and look the same. */
#define SETTLED_S 2

static void identity_of(const struct stat *st, char identity[IDENTITY_BYTES])
{
	snprintf(identity, IDENTITY_BYTES, "%llx:%llx:%llx:%llx.%lx:%llx.%lx",
		 (unsigned long long)st->st_dev, (unsigned long long)st->st_ino,
		 (unsigned long long)st->st_size, (unsigned long long)st->st_mtim.tv_sec,
		 (unsigned long)st->st_mtim.tv_nsec, (unsigned long long)st->st_ctim.tv_sec,
		 (unsigned long)st->st_ctim.tv_nsec);
}

static void load(struct build_files *files)
{
	auto_buf text = { 0 };
	char *line;
	char *next;

	if (io_read_file_at(files->store->dirfd, files->name, RECORD_BYTES, &text, NULL) < 0)
		return;
	for (line = text.bytes; line && *line; line = next) {
		char *blank = strchr(line, ' ');

		next = strchrnul(line, '\n');
		if (*next)
			*next++ = '\0';
		if (!blank || strlen(blank + 1) != SHA256_HEX_LENGTH)
			continue;
		*blank = '\0';
		map_set(&files->digests, line, arena_copy(&files->arena, blank + 1));
	}
}

void build_files_open(struct build_files *files, const struct store *store, const char *topic)
{
	auto_sha256 sha;
	char hex[SHA256_HEX_LENGTH + 1];

	*files = (struct build_files){ .store = store };
	pthread_mutex_init(&files->lock, NULL);
	sha256_init(&sha);
	sha256_add(&sha, topic, strlen(topic));
	sha256_finish(&sha, hex);
	snprintf(files->name, sizeof(files->name), "cache/files/%s", hex);
	load(files);
}

static int save(struct build_files *files, struct err *err)
{
	auto_buf text = { 0 };

	map_each(&files->digests, entry)
		buf_printf(&text, "%s %s\n", entry->key, (const char *)entry->value);
	if (mkdirat(files->store->dirfd, "cache/files", 0700) < 0 && errno != EEXIST)
		return fail(err, errno, "make 'cache/files' in the store");
	return io_replace_file_at(files->store->dirfd, files->name, text.bytes, text.size_bytes,
				  0600, err);
}

void build_files_close(struct build_files *files)
{
	struct err err = { 0 };

	if (files->changed && save(files, &err) < 0)
		log_verbose("digests of files are not remembered: %s", err.text);
	pthread_mutex_destroy(&files->lock);
	map_done(&files->digests);
	arena_done(&files->arena);
	*files = (struct build_files){ 0 };
}

const char *build_files_known(struct build_files *files, const struct stat *st)
{
	char identity[IDENTITY_BYTES];
	const char *hex;

	identity_of(st, identity);
	pthread_mutex_lock(&files->lock);
	hex = map_get(&files->digests, identity);
	pthread_mutex_unlock(&files->lock);
	return hex;
}

static void remember(struct build_files *files, const struct stat *st, const char *hex)
{
	char identity[IDENTITY_BYTES];

	identity_of(st, identity);
	pthread_mutex_lock(&files->lock);
	map_set(&files->digests, identity, arena_copy(&files->arena, hex));
	files->changed = true;
	pthread_mutex_unlock(&files->lock);
}

int build_files_read(int fd, char ret_hex[SHA256_HEX_LENGTH + 1], struct err *err)
{
	auto_free char *chunk = malloc(CHUNK_BYTES);
	auto_sha256 sha;
	ssize_t n;

	sha256_init(&sha);
	if (!chunk)
		return fail(err, ENOMEM, "hash");
	while ((n = io_read_full(fd, chunk, CHUNK_BYTES)) > 0)
		sha256_add(&sha, chunk, (size_t)n);
	if (n < 0)
		return fail(err, (int)-n, "read");
	sha256_finish(&sha, ret_hex);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return fail(err, errno, "rewind");
	return 0;
}

static bool is_settled(const struct stat *st)
{
	time_t now = time(NULL);

	return st->st_mtim.tv_sec < now - SETTLED_S && st->st_ctim.tv_sec < now - SETTLED_S;
}

int build_files_digest(struct build_files *files, int fd, const struct stat *st,
		       char ret_hex[SHA256_HEX_LENGTH + 1], struct err *err)
{
	const char *known = build_files_known(files, st);
	int r;

	if (known) {
		memcpy(ret_hex, known, SHA256_HEX_LENGTH + 1);
		return 0;
	}
	r = build_files_read(fd, ret_hex, err);
	if (r == 0 && is_settled(st))
		remember(files, st, ret_hex);
	return r;
}
