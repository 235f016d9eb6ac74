// SPDX-License-Identifier: Apache-2.0
#include "flow/bundle.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/strings.h"
#include "flow/bundle_parts.h"
#include "store/blob.h"

#define CHUNK_BYTES                                                                  \
	((size_t)16 * 1024) /* headers are far apart: what is read with them is lost \
			     */
#define LINKS_MAX 16

/* --- reading the list of an archive --- */

struct archive_input {
	int fd;
	char chunk[CHUNK_BYTES];
};

static int next_chunk(void *context, const void **ret_bytes, size_t *ret_size_bytes,
		      struct err *err)
{
	struct archive_input *input = context;
	ssize_t n = io_read_full(input->fd, input->chunk, sizeof(input->chunk));

	if (n < 0)
		return fail(err, (int)-n, "read");
	*ret_bytes = input->chunk;
	*ret_size_bytes = (size_t)n;
	return 0;
}

/* Past the end is found by the next read, which gives nothing. */
static int skip_chunk(void *context, uint64_t size_bytes, struct err *err)
{
	struct archive_input *input = context;
	struct stat st;
	off_t at = lseek(input->fd, 0, SEEK_CUR);

	if (at < 0 || fstat(input->fd, &st) < 0)
		return fail(err, errno, "seek");
	if (size_bytes > (uint64_t)(st.st_size - at))
		return fail_plain(err, EUCLEAN, "tar: the archive is cut short");
	if (lseek(input->fd, (off_t)size_bytes, SEEK_CUR) < 0)
		return fail(err, errno, "seek");
	return 0;
}

/* "./a//b" and "a/b" are the same file; names that lead out are never asked for. */
static const char *tidy(struct arena *arena, const char *name)
{
	auto_buf tidied = { 0 };

	for (const char *at = name; *at;) {
		size_t length = strcspn(at, "/");

		if (length && !(length == 1 && *at == '.')) {
			if (tidied.size_bytes)
				buf_add_char(&tidied, '/');
			buf_add(&tidied, at, length);
		}
		at += length + (at[length] == '/');
	}
	return arena_copy(arena, buf_text(&tidied));
}

/* A symlink's target, taken from the directory it is in; ".." as far as there is something. */
static const char *resolve(struct arena *arena, const char *from, const char *link)
{
	auto_strings parts = { 0 };
	auto_buf path = { 0 };

	if (*link != '/' && strrchr(from, '/'))
		buf_printf(&path, "%.*s/", (int)(strrchr(from, '/') - from), from);
	buf_add_text(&path, link);
	for (char *at = path.bytes, *part; (part = strsep(&at, "/"));) {
		if (strcmp(part, "..") == 0 && parts.count)
			strings_remove(&parts, parts.count - 1);
		else if (*part && strcmp(part, ".") != 0 && strcmp(part, "..") != 0)
			strings_add(&parts, part);
	}
	buf_truncate(&path, 0);
	strings_each(&parts, part)
		buf_printf(&path, "%s%s", path.size_bytes ? "/" : "", part);
	return arena_copy(arena, buf_text(&path));
}

struct bundle_part *bundle_add(struct bundle *bundle, const struct tar_entry *entry,
			       const char **ret_name)
{
	const char *name = tidy(&bundle->arena, entry->path);
	struct bundle_part *part;

	if (entry->type != TAR_SYMLINK && entry->type != TAR_HARD_LINK &&
	    (entry->type != TAR_FILE || entry->sparse))
		return NULL;
	part = arena_new(&bundle->arena, struct bundle_part);
	part->size_bytes = entry->size_bytes;
	if (entry->type == TAR_SYMLINK)
		part->link = resolve(&bundle->arena, name, entry->link);
	else if (entry->type == TAR_HARD_LINK)
		part->link = tidy(&bundle->arena, entry->link);
	map_set(&bundle->parts, name, part);
	if (ret_name)
		*ret_name = name;
	return part;
}

static int read_list(struct bundle *bundle, struct err *err)
{
	auto_free struct archive_input *state = memory_zeroed(1, sizeof(*state));
	struct tar_input input = { .next = next_chunk, .skip = skip_chunk, .context = state };
	auto_tar_reader *reader = tar_reader_new(&input);
	struct tar_entry entry;
	int r;

	state->fd = bundle->fd;
	while ((r = tar_reader_next(reader, &entry, err)) > 0) {
		struct bundle_part *part = bundle_add(bundle, &entry, NULL);

		if (part)
			part->offset = tar_reader_offset(reader);
	}
	return r;
}

int bundle_open_archive(int fd, struct bundle *ret_bundle, struct err *err)
{
	auto_bundle bundle = { .fd = fd };
	int r;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return fail(err, errno, "seek");
	r = read_list(&bundle, err);
	if (r < 0)
		return r;
	*ret_bundle = bundle;
	bundle = (struct bundle)BUNDLE_NONE;
	return 0;
}

int bundle_open_directory(int fd, struct bundle *ret_bundle, struct err *err)
{
	(void)err;
	*ret_bundle = (struct bundle){ .fd = fd, .is_directory = true };
	return 0;
}

void bundle_done(struct bundle *bundle)
{
	cleanup_fd(&bundle->fd);
	map_done(&bundle->parts);
	reach_done(&bundle->brought);
	arena_done(&bundle->arena);
	*bundle = (struct bundle)BUNDLE_NONE;
}

/* --- using it --- */

static const struct bundle_part *find(const struct bundle *bundle, const char *name)
{
	const struct bundle_part *part = NULL;

	for (int links = 0; links < LINKS_MAX; links++) {
		part = map_get(&bundle->parts, name);
		if (!part || !part->link)
			return part;
		name = part->link;
	}
	return NULL;
}

bool bundle_has(const struct bundle *bundle, const char *name)
{
	if (bundle->is_directory)
		return faccessat(bundle->fd, name, F_OK, 0) == 0;
	return find(bundle, name) != NULL;
}

const struct import_layer *bundle_layer(const struct bundle *bundle, const char *name)
{
	const struct bundle_part *part = find(bundle, name);

	return part ? part->layer : NULL;
}

/* A manifest says which files of its directory are meant. */
static bool leads_out(const char *name)
{
	if (*name == '/')
		return true;
	for (const char *at = name; *at; at += strcspn(at, "/"), at += *at == '/')
		if (strcspn(at, "/") == 2 && at[0] == '.' && at[1] == '.')
			return true;
	return false;
}

static int open_in_directory(const struct bundle *bundle, const char *name,
			     struct bundle_file *file, struct err *err)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	auto_fd fd = leads_out(name) ? -1 : openat(bundle->fd, name, flags);
	struct stat st;

	if (leads_out(name))
		return fail_plain(err, EINVAL, "'%s' leads out of the directory", name);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(err, errno, "open '%s'", name);
	if (!S_ISREG(st.st_mode))
		return fail_plain(err, EINVAL, "'%s' is not a regular file", name);
	file->part = (struct byte_source_part){ .fd = fd, .left_bytes = (uint64_t)st.st_size };
	file->owned_fd = take_fd(&fd);
	return 0;
}

static int open_part(const struct bundle *bundle, const char *name, struct bundle_file *file,
		     struct err *err)
{
	const struct bundle_part *part = find(bundle, name);
	int r = 0;

	if (!part)
		return fail_plain(err, ENOENT, "there is no '%s' in it", name);
	if (part->layer)
		return fail_plain(err, EINVAL, "'%s' is a layer", name);
	if (part->blob)
		r = blob_open(bundle->store, part->blob, &file->owned_fd, NULL, err);
	file->part = (struct byte_source_part){ part->blob ? file->owned_fd : bundle->fd,
						part->offset, part->size_bytes };
	return r;
}

int bundle_open(const struct bundle *bundle, const char *name, struct bundle_file *ret_file,
		struct err *err)
{
	int r;

	ret_file->owned_fd = -1;
	r = bundle->is_directory ? open_in_directory(bundle, name, ret_file, err)
				 : open_part(bundle, name, ret_file, err);
	if (r < 0)
		return r;
	ret_file->source = byte_source_part(&ret_file->part);
	return 0;
}

void bundle_file_done(struct bundle_file *file)
{
	cleanup_fd(&file->owned_fd);
	file->owned_fd = -1;
}

int bundle_read(const struct bundle *bundle, const char *name, size_t limit_bytes, struct buf *buf,
		struct err *err)
{
	auto_bundle_file file = BUNDLE_FILE_NONE;
	uint64_t size;
	ssize_t n;
	int r = bundle_open(bundle, name, &file, err);

	if (r < 0)
		return r;
	size = file.part.left_bytes;
	if (size > limit_bytes)
		return fail_plain(err, EFBIG, "'%s' is larger than %zu bytes", name, limit_bytes);
	n = byte_source_read_full(&file.source, buf_reserve(buf, (size_t)size), (size_t)size, err);
	if (n < 0)
		return err_wrap(err, "'%s'", name);
	buf_grow_by(buf, (size_t)n);
	return 0;
}
