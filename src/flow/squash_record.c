// SPDX-License-Identifier: Apache-2.0
/* Serving a squashfs file of anybody's making: who owns what in it is told to the runs. */
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "codec/squash.h"
#include "flow/squash_serve.h"
#include "store/owners.h"

struct collection {
	struct arena *arena;
	struct owners owners;
	size_t room;
};

static int collect(void *context, const struct tar_entry *entry, struct err *err)
{
	struct collection *collection = context;
	struct owners *owners = &collection->owners;

	(void)err;
	if (entry->type == TAR_HARD_LINK || (entry->uid == 0 && entry->gid == 0))
		return 0;
	if (owners->count == collection->room) {
		collection->room = collection->room ? 2 * collection->room : 64;
		owners->item = memory_resize(owners->item, collection->room, sizeof(*owners->item));
	}
	owners->item[owners->count++] = (struct owner){
		.path = arena_copy(collection->arena,
				   strcmp(entry->path, "./") == 0 ? "" : entry->path),
		.uid = entry->uid,
		.gid = entry->gid,
	};
	return 0;
}

static int write_record(int image_fd, int record_fd, struct err *err)
{
	auto_arena arena = { 0 };
	struct collection collection = { .arena = &arena };
	const struct squash_sink sink = { .entry = collect, .context = &collection };
	auto_buf text = { 0 };
	int r = squash_read_all(image_fd, 0, &sink, err);

	if (r == 0) {
		owners_sort(&collection.owners);
		owners_print(&collection.owners, &text);
		r = io_write_all(record_fd, text.bytes, text.size_bytes);
		if (r < 0)
			fail(err, -r, "write the record of owners");
	}
	free(collection.owners.item);
	return r;
}

int squash_serve_file(const char *path, struct err *err)
{
	static struct arena arena; /* of the process, as the server is */
	struct squash_share share;
	const struct squash_service service = { .path = path,
						.share = &share,
						.record = write_record };
	struct stat st;
	int r = stat(path, &st) < 0 ? fail(err, errno, "open '%s'", path)
				    : squash_share_names(&st, &arena, &share, err);

	return r < 0 ? r : squash_serve(&service, err);
}
