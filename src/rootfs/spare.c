// SPDX-License-Identifier: Apache-2.0
#include "rootfs/spare.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/arena.h"
#include "base/banned.h"
#include "base/io.h"
#include "base/log.h"
#include "base/map.h"
#include "rootfs/change_time.h"
#include "rootfs/directory_walk.h"
#include "rootfs/merge.h"
#include "rootfs/tree.h"
#include "sys/remove.h"

#define SPARES	       2 /* of one chain; who runs more of them at once copies */
#define SEEN_BYTES_MAX ((size_t)1 << 30)
#define BOOT_BYTES     64
#define PATH_BYTES     (STORE_WORK_NAME_MAX + 16)

/* What was there when nobody had used it. */
struct seen {
	mode_t mode;
	gid_t gid;
	ino_t ino;
	uint64_t size_bytes;
	struct timespec changed, modified;
	bool is_found; /* it still is */
};

struct spare {
	const struct store *store;
	const struct digest *diff_ids;
	size_t count;
	const char *name; /* of the folder in tmp/ */
	struct map seen;  /* path -> struct seen */
	struct arena arena;
	int root_fd;
	struct timespec last; /* the latest change */
	bool is_changed;
	struct err *err;
};

static void spare_done(struct spare *spare)
{
	map_done(&spare->seen);
	arena_done(&spare->arena);
	cleanup_fd(&spare->root_fd);
}
#define auto_spare cleanup(spare_done) struct spare

static const char *path_in(const struct spare *spare, const char *file, char path[PATH_BYTES])
{
	snprintf(path, PATH_BYTES, "%s/%s", spare->name, file);
	return path;
}

static int open_root(struct spare *spare)
{
	char path[PATH_BYTES];

	spare->root_fd = openat(spare->store->dirfd, path_in(spare, "root", path),
				O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return spare->root_fd < 0 ? fail(spare->err, errno, "open '%s'", path) : 0;
}

static int read_boot(struct buf *boot, struct err *err)
{
	return io_read_file_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", BOOT_BYTES, boot, err);
}

/* ---- noting ---- */

struct noting {
	struct spare *spare;
	struct buf text;
};

/* MODE GID INODE SIZE CHANGED MODIFIED PATH, and a NUL, for a path may hold everything else. */
static void note(struct noting *noting, const char *path, const struct stat *st)
{
	buf_printf(&noting->text,
		   "%o %u %" PRIu64 " %" PRIu64 " %" PRId64 " %ld %" PRId64 " %ld %s", st->st_mode,
		   st->st_gid, (uint64_t)st->st_ino, (uint64_t)st->st_size,
		   (int64_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec, (int64_t)st->st_mtim.tv_sec,
		   st->st_mtim.tv_nsec, path);
	buf_add_char(&noting->text, '\0');
	if (change_time_is_before(&noting->spare->last, &st->st_ctim))
		noting->spare->last = st->st_ctim;
}

static int note_entry(void *context, const struct directory_walk_entry *entry, struct err *err)
{
	(void)err;
	note(context, entry->path, &entry->st);
	return 0;
}

/* Without fsync: after a crash of the machine the boot's id is another one. */
static int note_all(struct spare *spare)
{
	struct noting noting = { .spare = spare };
	char path[PATH_BYTES];
	struct stat st;
	int r = read_boot(&noting.text, spare->err);

	if (r == 0 && fstat(spare->root_fd, &st) < 0)
		r = fail(spare->err, errno, "stat the root");
	if (r == 0) {
		note(&noting, "", &st);
		r = directory_walk(spare->root_fd, note_entry, &noting, spare->err);
	}
	if (r == 0)
		r = io_replace_file_unsynced_at(spare->store->dirfd, path_in(spare, "seen", path),
						noting.text.bytes, noting.text.size_bytes, 0600,
						spare->err);
	buf_done(&noting.text);
	if (r == 0 && !change_time_pass(&spare->last))
		r = fail_plain(spare->err, ETIME, "the clock is behind a file's");
	return r;
}

/* ---- recalling ---- */

static uint64_t take_number(const char **at, int base)
{
	char *end;
	uint64_t number = strtoull(*at, &end, base);

	*at = *end == ' ' ? end + 1 : end;
	return number;
}

static struct timespec take_time(const char **at)
{
	struct timespec time;

	time.tv_sec = (time_t)take_number(at, 10);
	time.tv_nsec = (long)take_number(at, 10);
	return time;
}

static void recall_line(struct spare *spare, const char *at)
{
	struct seen *seen = arena_new(&spare->arena, struct seen);

	seen->mode = (mode_t)take_number(&at, 8);
	seen->gid = (gid_t)take_number(&at, 10);
	seen->ino = (ino_t)take_number(&at, 10);
	seen->size_bytes = take_number(&at, 10);
	seen->changed = take_time(&at);
	seen->modified = take_time(&at);
	map_set(&spare->seen, at, seen);
}

/* Of this boot, or -ESTALE. */
static int recall(struct spare *spare)
{
	auto_buf boot = { 0 };
	auto_buf text = { 0 };
	char path[PATH_BYTES];
	int r = read_boot(&boot, spare->err);

	if (r == 0)
		r = io_read_file_at(spare->store->dirfd, path_in(spare, "seen", path),
				    SEEN_BYTES_MAX, &text, spare->err);
	if (r < 0)
		return r;
	if (text.size_bytes <= boot.size_bytes ||
	    memcmp(text.bytes, boot.bytes, boot.size_bytes) != 0)
		return fail_plain(spare->err, ESTALE, "'%s' is of another boot", path);
	for (const char *at = text.bytes + boot.size_bytes; at < text.bytes + text.size_bytes;
	     at += strlen(at) + 1)
		recall_line(spare, at);
	return 0;
}

/* ---- putting back ---- */

static bool is_same(const struct seen *seen, const struct stat *st)
{
	return seen->ino == st->st_ino && seen->mode == st->st_mode &&
	       seen->size_bytes == (uint64_t)st->st_size &&
	       seen->changed.tv_sec == st->st_ctim.tv_sec &&
	       seen->changed.tv_nsec == st->st_ctim.tv_nsec;
}

/* But the one that the kernel gives to all. */
static bool has_attributes(const char *path)
{
	char names[1024];
	ssize_t length = llistxattr(path, names, sizeof(names));

	for (ssize_t at = 0; at < length; at += (ssize_t)strlen(names + at) + 1)
		if (strcmp(names + at, "security.selinux") != 0)
			return true;
	return length < 0 && errno == ERANGE;
}

/* Of a directory what is in it is looked at by itself. What no copying put there, such as an
 * attribute, is nothing that we could take back one by one. */
static int restore_directory(const struct seen *seen, int dirfd, const char *name,
			     const struct stat *st, struct err *err)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, seen->modified };
	char path[64 + 256];

	if (st->st_uid != geteuid() || st->st_gid != seen->gid)
		return fail_plain(err, EPERM, "'%s' has another owner now", name);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	if (has_attributes(path))
		return fail_plain(err, ENOTSUP, "'%s' has attributes", name);
	if (fchmodat(dirfd, name, seen->mode & 07777, 0) < 0 ||
	    utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(err, errno, "restore '%s'", name);
	return 0;
}

/* Directories' times change once more while this goes on: restore_times. */
static int compare(void *context, const struct directory_walk_entry *entry, struct err *err)
{
	struct spare *spare = context;
	struct seen *seen = map_get(&spare->seen, entry->path);
	bool is_directory = S_ISDIR(entry->st.st_mode);
	int r;

	if (seen && (is_same(seen, &entry->st) || (is_directory && S_ISDIR(seen->mode)))) {
		seen->is_found = true;
		if (!is_same(seen, &entry->st))
			spare->is_changed = true;
		if (is_directory && (entry->st.st_mode & 0700) != 0700 &&
		    fchmodat(entry->dirfd, entry->name, 0700, 0) < 0)
			return fail(err, errno, "open '/%s'", entry->path);
		return 0;
	}
	spare->is_changed = true;
	r = remove_tree(entry->dirfd, entry->name, err);
	return r < 0 ? r : 1;
}

static int restore_times(void *context, const struct directory_walk_entry *entry, struct err *err)
{
	struct spare *spare = context;
	const struct seen *seen = map_get(&spare->seen, entry->path);

	if (!S_ISDIR(entry->st.st_mode) || is_same(seen, &entry->st))
		return 0;
	return restore_directory(seen, entry->dirfd, entry->name, &entry->st, err);
}

static bool is_complete(const struct spare *spare)
{
	map_each(&spare->seen, entry) {
		const struct seen *seen = entry->value;

		if (*entry->key && !seen->is_found)
			return false;
	}
	return true;
}

static int copy_missing(struct spare *spare)
{
	auto_view view = { 0 };
	auto_tree all = { 0 };
	auto_tree wanted = { 0 };
	int r;

	view_init(&view);
	r = view_push_layers(&view, spare->store, spare->diff_ids, spare->count, spare->err);
	if (r == 0)
		r = tree_of_view(&view, &all, spare->err);
	for (size_t i = 0; r == 0 && i < all.count; i++) {
		const struct seen *seen = map_get(&spare->seen, all.item[i].path);

		if (S_ISDIR(all.item[i].mode) || !seen || !seen->is_found)
			*tree_add(&wanted) = all.item[i];
	}
	return r < 0 ? r : tree_copy(&wanted, TREE_COPY_ONTO, spare->root_fd, spare->err);
}

static int restore_root(struct spare *spare)
{
	const struct seen *seen = map_get(&spare->seen, "");
	struct stat st;

	if (!seen || fstat(spare->root_fd, &st) < 0)
		return fail(spare->err, errno, "stat the root");
	return is_same(seen, &st) ? 0
				  : restore_directory(seen, spare->root_fd, ".", &st, spare->err);
}

static bool is_root_changed(const struct spare *spare)
{
	const struct seen *seen = map_get(&spare->seen, "");
	struct stat st;

	return !seen || fstat(spare->root_fd, &st) < 0 || !is_same(seen, &st);
}

/* Nothing comes or goes in a directory without a change of it. */
static int put_back(struct spare *spare)
{
	int r = recall(spare);

	if (r == 0)
		r = open_root(spare);
	if (r == 0)
		r = directory_walk(spare->root_fd, compare, spare, spare->err);
	if (r < 0 || (!spare->is_changed && !is_root_changed(spare)))
		return r;
	r = directory_walk(spare->root_fd, restore_times, spare, spare->err);
	if (r == 0 && !is_complete(spare))
		r = copy_missing(spare);
	if (r == 0)
		r = restore_root(spare);
	return r == 0 ? note_all(spare) : r;
}

/* ---- to and from the cache ---- */

#define MARK ".own."

bool spare_is_name(const char *name)
{
	return strstr(name, MARK) != NULL;
}

static void print_slot(const struct digest *diff_ids, size_t count, int index, char name[96])
{
	snprintf(name, 96, "cache/roots/%s" MARK "%d", digest_hex(&diff_ids[count - 1]), index);
}

/* Is it a tree of these layers, of this boot? */
static bool is_good(const struct spare *spare)
{
	auto_buf wanted = { 0 };
	auto_buf found = { 0 };
	auto_buf boot = { 0 };
	char path[PATH_BYTES];
	char start[BOOT_BYTES] = { 0 };
	auto_fd fd = -1;

	merge_print_chain(spare->diff_ids, spare->count, &wanted);
	if (io_read_file_at(spare->store->dirfd, path_in(spare, "chain", path),
			    MERGE_CHAIN_BYTES_MAX, &found, NULL) < 0 ||
	    strcmp(buf_text(&wanted), buf_text(&found)) != 0 || read_boot(&boot, NULL) < 0)
		return false;
	fd = openat(spare->store->dirfd, path_in(spare, "seen", path), O_RDONLY | O_CLOEXEC);
	return fd >= 0 && io_read_full(fd, start, boot.size_bytes) == (ssize_t)boot.size_bytes &&
	       memcmp(start, boot.bytes, boot.size_bytes) == 0;
}

/* 1: `spare->name` is one now. */
static int take_kept(struct spare *spare)
{
	for (int i = 0; i < SPARES; i++) {
		char slot[96];

		print_slot(spare->diff_ids, spare->count, i, slot);
		if (renameat(spare->store->dirfd, slot, spare->store->dirfd, spare->name) < 0)
			continue;
		if (is_good(spare))
			return 1;
		if (remove_tree(spare->store->dirfd, spare->name, spare->err) < 0)
			return -spare->err->code;
	}
	return 0;
}

static int write_chain(struct spare *spare)
{
	auto_buf chain = { 0 };
	char path[PATH_BYTES];

	merge_print_chain(spare->diff_ids, spare->count, &chain);
	return io_replace_file_unsynced_at(spare->store->dirfd, path_in(spare, "chain", path),
					   chain.bytes, chain.size_bytes, 0600, spare->err);
}

/* Where it cannot be given back, it is not noted. */
static int make_new(struct spare *spare)
{
	char copy[STORE_WORK_NAME_MAX];
	char path[PATH_BYTES];
	int r = merge_private(spare->store, spare->diff_ids, spare->count, copy, spare->err);

	if (r < 0)
		return r;
	if (mkdirat(spare->store->dirfd, spare->name, 0700) < 0 ||
	    renameat(spare->store->dirfd, copy, spare->store->dirfd, path_in(spare, "root", path)) <
		    0)
		return fail(spare->err, errno, "make '%s' in '%s'", spare->name,
			    spare->store->path);
	r = open_root(spare);
	if (r < 0 || !change_time_tells(spare->root_fd))
		return r;
	if (write_chain(spare) == 0 && note_all(spare) == 0)
		return 0;
	log_verbose("the copy of the layers will not be kept: %s", spare->err->text);
	err_clear(spare->err);
	return 0;
}

int spare_take(const struct store *store, const struct digest *diff_ids, size_t count,
	       char ret_work_name[STORE_WORK_NAME_MAX], struct err *err)
{
	char name[STORE_WORK_NAME_MAX];
	auto_spare spare = { .store = store,
			     .diff_ids = diff_ids,
			     .count = count,
			     .name = name,
			     .root_fd = -1,
			     .err = err };
	int r = store_work_name(store, name, err);

	if (r == 0)
		r = count ? take_kept(&spare) : 0;
	if (r == 0)
		r = make_new(&spare);
	if (r < 0)
		return r;
	snprintf(ret_work_name, STORE_WORK_NAME_MAX, "%.*s/root", STORE_WORK_NAME_MAX - 8, name);
	return 0;
}

static bool put_into_cache(const struct spare *spare)
{
	for (int i = 0; i < SPARES; i++) {
		char slot[96];

		print_slot(spare->diff_ids, spare->count, i, slot);
		if (renameat(spare->store->dirfd, spare->name, spare->store->dirfd, slot) == 0)
			return true;
	}
	return false;
}

void spare_give_back(const struct store *store, const struct digest *diff_ids, size_t count,
		     const char *work_name)
{
	char name[STORE_WORK_NAME_MAX];
	struct err err = { 0 };
	auto_spare spare = { .store = store,
			     .diff_ids = diff_ids,
			     .count = count,
			     .name = name,
			     .root_fd = -1,
			     .err = &err };

	snprintf(name, sizeof(name), "%.*s", (int)(strlen(work_name) - strlen("/root")), work_name);
	if (count == 0 || put_back(&spare) < 0 || store_make_folder(store, "cache/roots", &err) < 0)
		log_verbose("the copy of the layers is not kept%s%s", err.text[0] ? ": " : "",
			    err.text);
	else
		put_into_cache(&spare);
}
