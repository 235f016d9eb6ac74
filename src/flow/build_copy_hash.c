// SPDX-License-Identifier: Apache-2.0
/* COPY and ADD: digests of the files that were collected. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/memory.h"
#include "codec/sha256.h"
#include "flow/build_copy.h"
#include "flow/parallel.h"
#include "rootfs/xattrs.h"

#define READERS_MAX 16

struct unknown {
	const struct copy_tree *tree;
	struct copy_entry *entry;
};

struct hashing {
	struct unknown *unknown;
	size_t count;
};

static bool is_same_state(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec && a->st_ino == b->st_ino &&
	       a->st_dev == b->st_dev;
}

/* From layers a file is copied with its extended attributes. They never change there, so the digest
 * that is remembered may be that of both. */
static int add_xattrs(const struct copy_tree *tree, struct copy_entry *entry, struct err *err)
{
	auto_arena arena = { 0 };
	auto_sha256 sha = { 0 };
	struct xattrs xattrs;
	int r = xattrs_of_view(tree->view, entry->path, &entry->entry, &arena, &xattrs, err);

	if (r < 0 || xattrs.count == 0)
		return r;
	sha256_init(&sha);
	sha256_add(&sha, entry->hex, SHA256_HEX_LENGTH);
	for (size_t i = 0; i < xattrs.count; i++) {
		const struct xattr *xattr = &xattrs.item[i];
		const char *head = arena_printf(&arena, " %s %zu ", xattr->name, xattr->size_bytes);

		sha256_add(&sha, head, strlen(head));
		sha256_add(&sha, xattr->value, xattr->size_bytes);
	}
	sha256_finish(&sha, entry->hex);
	return 0;
}

/* What was read belongs to the state before only if that is still the state after. */
static int hash_one(void *context, size_t index, struct err *err)
{
	const struct hashing *hashing = context;
	const struct copy_tree *tree = hashing->unknown[index].tree;
	struct copy_entry *entry = hashing->unknown[index].entry;
	struct stat *st = &entry->entry.st;
	struct stat after;
	auto_fd fd = -1;
	int r = view_open(tree->view, entry->path, &entry->entry, &fd, err);

	if (r < 0)
		return r;
	r = sha256_file(fd, entry->hex, err);
	if (r < 0)
		return err_wrap(err, "'%s'", entry->path);
	if (fstat(fd, &after) < 0)
		return fail(err, errno, "'%s'", entry->path);
	entry->is_settled = is_same_state(st, &after) && build_files_is_settled(st);
	if (tree->is_constant)
		r = add_xattrs(tree, entry, err);
	if (r == 0 && tree->files && (entry->is_settled || tree->is_constant))
		build_files_remember(tree->files, st, entry->hex);
	return r;
}

static void find_known(struct hashing *hashing, struct copy_operand *operand)
{
	struct build_files *files = operand->tree->files;

	for (size_t i = 0; i < operand->count; i++) {
		struct copy_entry *entry = &operand->entry[i];

		if (!S_ISREG(entry->entry.mode))
			continue;
		entry->is_settled = files && build_files_known(files, &entry->entry.st, entry->hex);
		if (!entry->is_settled)
			hashing->unknown[hashing->count++] = (struct unknown){ operand->tree,
									       entry };
	}
}

static unsigned readers(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	return processors < 1 ? 1 : processors > READERS_MAX ? READERS_MAX : (unsigned)processors;
}

int copy_hash(struct copy_list *list, struct err *err)
{
	struct hashing hashing = { 0 };
	atomic_bool cancel = false;
	size_t all = 0;
	int r;

	for (size_t i = 0; i < list->count; i++)
		all += list->operand[i].count;
	hashing.unknown = memory_zeroed(all + 1, sizeof(*hashing.unknown));
	for (size_t i = 0; i < list->count; i++)
		find_known(&hashing, &list->operand[i]);
	r = parallel_run(hashing.count, readers(), hash_one, &hashing, &cancel, err);
	free(hashing.unknown);
	return r;
}

bool copy_is_same(const struct copy_tree *tree, const struct copy_entry *entry, int fd)
{
	char hex[SHA256_HEX_LENGTH + 1];
	struct stat st;

	if (tree->is_constant || !*entry->hex)
		return true;
	if (entry->is_settled && fstat(fd, &st) == 0 && is_same_state(&entry->entry.st, &st))
		return true;
	return lseek(fd, 0, SEEK_SET) == 0 && sha256_file(fd, hex, NULL) == 0 &&
	       strcmp(hex, entry->hex) == 0;
}
