// SPDX-License-Identifier: Apache-2.0
#include "policy/ldcache.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#include "base/banned.h"
#include "base/io.h"
#include "sys/openat2.h"

#define CACHE_MAX_BYTES ((size_t)64 << 20)
#define OLD_MAGIC	"ld.so-1.7.0"
#define NEW_MAGIC	"glibc-ld.so.cache1.1"
#define NEW_MAGIC_BYTES 20
#define OLD_ENTRY_BYTES 12

/* As on disk, of the machine's own byte order. */
struct header {
	char magic[NEW_MAGIC_BYTES];
	uint32_t count;
	uint32_t strings_bytes;
	uint8_t order; /* 2: little-endian, 3: big-endian, 0: not said */
	uint8_t padding[3];
	uint32_t extension;
	uint32_t unused[3];
};

struct entry {
	int32_t flags;
	uint32_t name, path; /* offsets from the header */
	uint32_t os_version;
	uint64_t hardware;
};

_Static_assert(sizeof(struct header) == 48 && sizeof(struct entry) == 24, "as on disk");

static int damaged(struct err *err)
{
	return fail_plain(err, EUCLEAN, "'/etc/ld.so.cache' is damaged");
}

/* Where the newer format begins: behind the older one, whose number of entries stands after its
 * magic, aligned for 64-bit numbers; or at once. */
static size_t find_header(const char *bytes, size_t size_bytes)
{
	uint32_t count;
	size_t at;

	if (size_bytes < 16 || memcmp(bytes, OLD_MAGIC, strlen(OLD_MAGIC)) != 0)
		return 0;
	memcpy(&count, bytes + 12, sizeof(count));
	at = 16 + (size_t)count * OLD_ENTRY_BYTES;
	return (at + 7) & ~(size_t)7;
}

static const char *text_at(struct arena *arena, const char *bytes, size_t size_bytes,
			   uint32_t offset)
{
	if (offset >= size_bytes || !memchr(bytes + offset, '\0', size_bytes - offset))
		return NULL;
	return arena_copy(arena, bytes + offset);
}

int ldcache_parse(const void *bytes, size_t size_bytes, struct ldcache *ret_cache, struct err *err)
{
	struct ldcache cache = { 0 };
	size_t skip = find_header(bytes, size_bytes);
	const char *from = (const char *)bytes + skip;
	struct header header;

	if (skip > size_bytes || size_bytes - skip < sizeof(header))
		return damaged(err);
	size_bytes -= skip;
	memcpy(&header, from, sizeof(header));
	if (memcmp(header.magic, NEW_MAGIC, NEW_MAGIC_BYTES) != 0 ||
	    header.count > (size_bytes - sizeof(header)) / sizeof(struct entry))
		return damaged(err);
	cache.entry = arena_array(&cache.arena, struct ldcache_entry, header.count + 1);
	for (uint32_t i = 0; i < header.count; i++) {
		struct ldcache_entry *to = &cache.entry[cache.count++];
		struct entry entry;

		memcpy(&entry, from + sizeof(header) + i * sizeof(entry), sizeof(entry));
		*to = (struct ldcache_entry){
			.name = text_at(&cache.arena, from, size_bytes, entry.name),
			.path = text_at(&cache.arena, from, size_bytes, entry.path),
			.flags = (uint32_t)entry.flags,
			.hardware = entry.hardware,
		};
		if (!to->name || !to->path) {
			ldcache_done(&cache);
			return damaged(err);
		}
	}
	*ret_cache = cache;
	return 0;
}

int ldcache_read(int root_fd, struct ldcache *ret_cache, struct err *err)
{
	auto_fd fd = openat2_in_root(root_fd, "/etc/ld.so.cache", O_RDONLY | O_NONBLOCK, 0);
	auto_buf bytes = { 0 };
	int r;

	*ret_cache = (struct ldcache){ 0 };
	if (fd < 0)
		return fd == -ENOENT ? 0 : fail(err, -fd, "'/etc/ld.so.cache'");
	r = io_read_to_end(fd, CACHE_MAX_BYTES, &bytes, err);
	return r < 0 ? r : ldcache_parse(buf_text(&bytes), bytes.size_bytes, ret_cache, err);
}

void ldcache_print(const struct ldcache *cache, struct buf *ret_bytes)
{
	struct header header = { .order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 2 : 3 };
	auto_buf texts = { 0 };
	size_t texts_at;

	memcpy(header.magic, NEW_MAGIC, NEW_MAGIC_BYTES);
	for (size_t i = 0; i < cache->count; i++)
		header.count += cache->entry[i].hardware == 0;
	texts_at = sizeof(header) + header.count * sizeof(struct entry);
	for (size_t i = 0; i < cache->count; i++)
		if (cache->entry[i].hardware == 0) {
			buf_add(&texts, cache->entry[i].name, strlen(cache->entry[i].name) + 1);
			buf_add(&texts, cache->entry[i].path, strlen(cache->entry[i].path) + 1);
		}
	header.strings_bytes = (uint32_t)texts.size_bytes;
	buf_add(ret_bytes, &header, sizeof(header));
	for (size_t i = 0; i < cache->count; i++) {
		const struct ldcache_entry *from = &cache->entry[i];
		struct entry entry = { .flags = (int32_t)from->flags };

		if (from->hardware)
			continue;
		entry.name = (uint32_t)texts_at;
		entry.path = entry.name + (uint32_t)strlen(from->name) + 1;
		texts_at = entry.path + strlen(from->path) + 1;
		buf_add(ret_bytes, &entry, sizeof(entry));
	}
	buf_add(ret_bytes, buf_text(&texts), texts.size_bytes);
}

void ldcache_done(struct ldcache *cache)
{
	arena_done(&cache->arena);
	*cache = (struct ldcache){ 0 };
}

int ldcache_show(struct visible *visible, struct err *err)
{
	auto_ldcache cache = { 0 };
	auto_buf bytes = { 0 };
	size_t kept = 0;
	int r = ldcache_read(visible->root_fd, &cache, err);

	if (r < 0 || cache.count == 0)
		return r;
	for (size_t i = 0; i < cache.count; i++) {
		const char *real;

		if (visible_resolve(visible, cache.entry[i].path, &real, NULL) == 0 &&
		    visible_has(visible, real))
			cache.entry[kept++] = cache.entry[i];
	}
	cache.count = kept;
	ldcache_print(&cache, &bytes);
	return visible_add_file(visible, "/etc/ld.so.cache", bytes.bytes, bytes.size_bytes, 0644,
				err);
}
