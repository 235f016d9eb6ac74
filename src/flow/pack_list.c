// SPDX-License-Identifier: Apache-2.0
#include "flow/pack_list.h"

#include <endian.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/strings.h"
#include "codec/decoder.h"
#include "codec/sha256.h"
#include "codec/squash.h"
#include "flow/pack_trailer.h"
#include "rootfs/tree.h"

#define CHUNK_BYTES ((size_t)256 * 1024)

void pack_list_done(struct pack_list *list)
{
	free(list->item);
	arena_done(&list->arena);
}

/* --- entries as they come --- */

struct listing {
	struct pack_list *list;
	const char *prefix; /* "layer-1/" */
	bool is_open;	    /* the last item is a file whose data comes */
	struct sha256 sha;
	unsigned layers, documents;
};

static void close_file(struct listing *listing)
{
	if (!listing->is_open)
		return;
	sha256_finish(&listing->sha, listing->list->item[listing->list->count - 1].content);
	sha256_done(&listing->sha);
	listing->is_open = false;
}

static void hash_xattrs(const struct tar_entry *entry, char ret_hex[SHA256_HEX_LENGTH + 1])
{
	auto_sha256 sha = { 0 };

	ret_hex[0] = '\0';
	if (!entry->xattr_count)
		return;
	sha256_init(&sha);
	for (size_t i = 0; i < entry->xattr_count; i++) {
		sha256_add(&sha, entry->xattrs[i].name, strlen(entry->xattrs[i].name) + 1);
		sha256_add(&sha, entry->xattrs[i].value, entry->xattrs[i].size_bytes);
	}
	sha256_finish(&sha, ret_hex);
}

static const char *plain_path(struct listing *listing, const char *path)
{
	size_t length;
	char *plain;

	while (text_starts(path, "./") || path[0] == '/')
		path += path[0] == '/' ? 1 : 2;
	plain = arena_printf(&listing->list->arena, "%s%s", listing->prefix, path);
	length = strlen(plain);
	while (length > 0 && plain[length - 1] == '/')
		plain[--length] = '\0';
	return plain;
}

static int on_entry(void *context, const struct tar_entry *entry, struct err *err)
{
	struct listing *listing = context;
	struct pack_list *list = listing->list;
	struct pack_item *item;

	(void)err;
	close_file(listing);
	if (list->count == list->room) {
		list->room = list->room ? 2 * list->room : 1024;
		list->item = memory_resize(list->item, list->room, sizeof(*list->item));
	}
	item = &list->item[list->count];
	*item = (struct pack_item){ .path = plain_path(listing, entry->path),
				    .type = entry->type,
				    .mode = entry->mode,
				    .uid = entry->uid,
				    .gid = entry->gid,
				    .mtime_s = entry->mtime_s,
				    .size_bytes = entry->type == TAR_FILE ? entry->size_bytes : 0,
				    .link = entry->link ? arena_copy(&list->arena, entry->link)
							: NULL,
				    .rdev_major = entry->rdev_major,
				    .rdev_minor = entry->rdev_minor,
				    .place = list->count };
	hash_xattrs(entry, item->xattrs);
	list->count++;
	if (entry->type == TAR_FILE) {
		sha256_init(&listing->sha);
		listing->is_open = true;
	}
	return 0;
}

static int on_data(void *context, const void *bytes, size_t size_bytes, struct err *err)
{
	struct listing *listing = context;

	(void)err;
	if (listing->is_open)
		sha256_add(&listing->sha, bytes, size_bytes);
	return 0;
}

/* --- tars, and those inside of them --- */

struct decoded {
	struct decoder *decoder;
	char *chunk;
};

static int next_decoded(void *context, const void **ret_bytes, size_t *ret_size, struct err *err)
{
	struct decoded *decoded = context;
	ssize_t n = decoder_read(decoded->decoder, decoded->chunk, CHUNK_BYTES, err);

	if (n < 0)
		return (int)n;
	*ret_bytes = decoded->chunk;
	*ret_size = (size_t)n;
	return 0;
}

static int list_tar(struct listing *listing, const struct byte_source *source, struct err *err);

/* The data of an entry as a source. */
struct inner {
	struct tar_reader *reader;
	const char *bytes;
	size_t left;
};

static ssize_t read_inner(void *context, void *bytes, size_t size_bytes, struct err *err)
{
	struct inner *inner = context;

	while (!inner->left) {
		const void *next;
		uint64_t offset;
		int r = tar_reader_data(inner->reader, &next, &inner->left, &offset, err);

		if (r <= 0)
			return r;
		inner->bytes = next;
	}
	if (size_bytes > inner->left)
		size_bytes = inner->left;
	memcpy(bytes, inner->bytes, size_bytes);
	inner->bytes += size_bytes;
	inner->left -= size_bytes;
	return (ssize_t)size_bytes;
}

/* Named after its digest, which two images that differ have in common nowhere. */
static bool is_part_of_image(const char *path)
{
	static const char hex[] = "0123456789abcdef";
	const char *name = text_starts(path, "blobs/sha256/") ? path + 13 : path;
	size_t length = strspn(name, hex);

	return length == SHA256_HEX_LENGTH &&
	       (!name[length] || strcmp(name + length, ".tar") == 0 ||
		strcmp(name + length, ".json") == 0);
}

static int list_part(struct listing *listing, struct tar_reader *reader,
		     const struct tar_entry *entry, struct err *err)
{
	struct inner inner = { .reader = reader };
	const struct byte_source source = { read_inner, &inner };
	struct tar_entry document = *entry;
	const char *before = listing->prefix;
	char first;
	ssize_t n = read_inner(&inner, &first, 1, err);
	int r;

	if (n <= 0)
		return (int)n;
	inner.bytes--;
	inner.left++;
	if (first != '{') {
		listing->prefix = arena_printf(&listing->list->arena, "layer-%u/",
					       ++listing->layers);
		r = list_tar(listing, &source, err);
		listing->prefix = before;
		return r;
	}
	document.path = arena_printf(&listing->list->arena, "document-%u", ++listing->documents);
	r = on_entry(listing, &document, err);
	while (r == 0 && inner.left) {
		r = on_data(listing, inner.bytes, inner.left, err);
		inner.left = 0;
		n = read_inner(&inner, &first, 1, err);
		if (n <= 0)
			return (int)n;
		inner.bytes--;
		inner.left++;
	}
	return r;
}

static int list_entries(struct listing *listing, struct tar_reader *reader, struct err *err)
{
	struct tar_entry entry;
	const void *bytes;
	uint64_t offset;
	size_t size;
	int r;

	while ((r = tar_reader_next(reader, &entry, err)) > 0) {
		if (!*listing->prefix && entry.type == TAR_FILE && is_part_of_image(entry.path)) {
			r = list_part(listing, reader, &entry, err);
			if (r < 0)
				return r;
			continue;
		}
		r = on_entry(listing, &entry, err);
		while (r >= 0 && (r = tar_reader_data(reader, &bytes, &size, &offset, err)) > 0)
			r = on_data(listing, bytes, size, err);
		if (r < 0)
			return r;
	}
	return r;
}

static int list_tar(struct listing *listing, const struct byte_source *source, struct err *err)
{
	struct decoded decoded = { 0 };
	const struct tar_input input = { .next = next_decoded, .context = &decoded };
	auto_tar_reader *reader = NULL;
	int r = decoder_new(source, &decoded.decoder, err);

	if (r < 0)
		return r;
	decoded.chunk = memory_resize(NULL, CHUNK_BYTES, 1);
	reader = tar_reader_new(&input);
	r = list_entries(listing, reader, err);
	close_file(listing);
	decoder_free(decoded.decoder);
	free(decoded.chunk);
	return r;
}

/* --- files and directories --- */

static int write_entry(void *context, const void *bytes, size_t size_bytes, struct err *err)
{
	int *fd = context;
	int r = io_write_all(*fd, bytes, size_bytes);

	return r < 0 ? fail(err, -r, "write") : 0;
}

/* In $TMPDIR, else /tmp; not every file system has files without a name. */
static int open_spool(int *ret_fd, struct err *err)
{
	const char *folder = getenv("TMPDIR");
	auto_buf name = { 0 };
	int fd;

	if (!folder || !*folder)
		folder = "/tmp";
	fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		buf_printf(&name, "%s/rootlet-diff-XXXXXX", folder);
		fd = mkostemp(name.bytes, O_CLOEXEC);
		if (fd >= 0)
			unlink(name.bytes);
	}
	if (fd < 0)
		return fail(err, errno, "make a temporary file in '%s'", folder);
	*ret_fd = fd;
	return 0;
}

/* By way of a tar in memory's place: what a directory is as one is what is compared. */
static int list_directory(struct listing *listing, const char *path, struct err *err)
{
	auto_fd spool = -1;
	auto_fd fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct tree_tar_options options = { 0 };
	struct tar_writer writer = { .write = write_entry, .context = &spool };
	const struct byte_source source = byte_source_fd(&spool);
	auto_tree tree = { 0 };
	int r;

	if (fd < 0)
		return fail(err, errno, "open '%s'", path);
	r = open_spool(&spool, err);
	if (r < 0)
		return r;
	r = tree_of_directory(fd, &tree, err);
	if (r < 0)
		err_wrap(err, "'%s'", path);
	if (r == 0)
		r = tree_write_tar(&tree, &options, &writer, err);
	if (r == 0 && lseek(spool, 0, SEEK_SET) < 0)
		r = fail(err, errno, "seek");
	return r < 0 ? r : list_tar(listing, &source, err);
}

static bool find_image(int fd, const struct stat *st, uint64_t *ret_base)
{
	struct pack_trailer trailer;
	char magic[4];

	*ret_base = 0;
	if (st->st_size > (off_t)sizeof(trailer) &&
	    pread(fd, &trailer, sizeof(trailer), st->st_size - (off_t)sizeof(trailer)) ==
		    sizeof(trailer) &&
	    memcmp(trailer.magic, PACK_TRAILER_MAGIC, sizeof(trailer.magic)) == 0)
		*ret_base = le64toh(trailer.base);
	return pread(fd, magic, sizeof(magic), (off_t)*ret_base) == sizeof(magic) &&
	       memcmp(magic, "hsqs", sizeof(magic)) == 0;
}

static int list_file(struct listing *listing, int fd, const struct stat *st, struct err *err)
{
	const struct squash_sink sink = { on_entry, on_data, listing };
	const struct byte_source source = byte_source_fd(&fd);
	uint64_t base;
	int r = sha256_file(fd, listing->list->digest, err);

	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = fail(err, errno, "seek");
	if (r < 0)
		return r;
	if (!find_image(fd, st, &base))
		return list_tar(listing, &source, err);
	r = squash_read_all(fd, base, &sink, err);
	close_file(listing);
	return r;
}

static int by_path(const void *a, const void *b)
{
	const struct pack_item *left = a;
	const struct pack_item *right = b;

	return tree_compare_paths(left->path, right->path);
}

int pack_list_read(const char *path, struct pack_list *ret_list, struct err *err)
{
	struct listing listing = { .list = ret_list, .prefix = "" };
	auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(err, errno, "open '%s'", path);
	r = S_ISDIR(st.st_mode) ? list_directory(&listing, path, err)
				: list_file(&listing, fd, &st, err);
	close_file(&listing);
	if (r < 0)
		return err_wrap(err, "'%s'", path);
	if (ret_list->count)
		qsort(ret_list->item, ret_list->count, sizeof(*ret_list->item), by_path);
	return 0;
}
