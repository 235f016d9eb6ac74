// SPDX-License-Identifier: Apache-2.0
#include "store/layers.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "store/aside.h"
#include "store/publish.h"
#include "sys/remove.h"
#include "sys/shared_file.h"

#define RECORD_SIZE_MAX ((size_t)1 << 30)

static bool is_in(const struct store *store, const struct digest *diff_id)
{
	char name[STORE_NAME_MAX];

	/* the mark is on the record: the layer's own time is the image's */
	if (!store_mark(store, store_owners_name(diff_id, name), NULL))
		return false;
	if (faccessat(store->dirfd, store_layer_name(diff_id, name), F_OK, 0) == 0)
		return true;
	aside_put_back(store, name);
	return faccessat(store->dirfd, name, F_OK, 0) == 0;
}

static bool is_there(const struct store *store, const struct digest *diff_id)
{
	char name[STORE_NAME_MAX];

	return faccessat(store->dirfd, store_owners_name(diff_id, name), F_OK, 0) == 0 &&
	       faccessat(store->dirfd, store_layer_name(diff_id, name), F_OK, 0) == 0;
}

/* The store that has it; this one when none has. Nothing is marked that is there: who only
 * looks does not rely on it. */
static const struct store *home_of(const struct store *store, const struct digest *diff_id)
{
	const struct store *each;

	if (store->additional_count == 0)
		return store;
	for (size_t i = 0; (each = store_at(store, i)); i++)
		if (is_there(each, diff_id))
			return each;
	for (size_t i = 0; (each = store_at(store, i)); i++)
		if (is_in(each, diff_id))
			return each;
	return store;
}

bool layer_present(const struct store *store, const struct digest *diff_id)
{
	return is_in(home_of(store, diff_id), diff_id);
}

bool layer_is_own(const struct store *store, const struct digest *diff_id)
{
	return home_of(store, diff_id) == store;
}

/* Root may change them all the same. */
static bool is_foreign(const struct store *store, const struct digest *diff_id)
{
	const struct store *home = home_of(store, diff_id);
	char name[STORE_NAME_MAX];
	struct stat st;

	return home != store &&
	       fstatat(home->dirfd, store_layer_name(diff_id, name), &st, 0) == 0 &&
	       st.st_uid != geteuid() && faccessat(home->dirfd, name, W_OK, AT_EACCESS) < 0;
}

bool layers_are_foreign(const struct store *store, const struct digest *diff_ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_foreign(store, &diff_ids[i]))
			return true;
	return false;
}

/* Looks again when it is not there (store/aside.h). */
static int open_name(const struct store *home, const char *name, int flags)
{
	int fd = openat(home->dirfd, name, flags | O_CLOEXEC);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	aside_put_back(home, name);
	return openat(home->dirfd, name, flags | O_CLOEXEC);
}

static int say_missing(const struct digest *diff_id, struct err *err)
{
	return fail_plain(err, ENOENT, "layer %s is not unpacked in the store", diff_id->text);
}

static int open_tree(const struct store *store, const struct digest *diff_id, int flags,
		     int *ret_fd, struct err *err)
{
	char name[STORE_NAME_MAX];
	int fd = open_name(home_of(store, diff_id), store_layer_name(diff_id, name),
			   flags | O_DIRECTORY | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT)
		return say_missing(diff_id, err);
	if (fd < 0)
		return fail(err, errno, "open layer %s", diff_id->text);
	*ret_fd = fd;
	return 0;
}

int layer_open(const struct store *store, const struct digest *diff_id, int *ret_fd,
	       struct err *err)
{
	return open_tree(store, diff_id, O_PATH, ret_fd, err);
}

void layer_path(const struct store *store, const struct digest *diff_id, struct buf *path)
{
	char name[STORE_NAME_MAX];

	buf_printf(path, "%s/%s", home_of(store, diff_id)->path, store_layer_name(diff_id, name));
}

int layer_owners(const struct store *store, const struct digest *diff_id, struct arena *arena,
		 struct owners *ret_owners, struct err *err)
{
	char name[STORE_NAME_MAX];
	auto_buf text = { 0 };
	const struct store *home = home_of(store, diff_id);
	int r;

	store_owners_name(diff_id, name);
	r = io_read_file_at(home->dirfd, name, RECORD_SIZE_MAX, &text, err);
	if (r == -ENOENT) {
		aside_put_back(home, name);
		err_clear(err);
		r = io_read_file_at(home->dirfd, name, RECORD_SIZE_MAX, &text, err);
	}
	if (r == 0)
		r = owners_parse(buf_text(&text), text.size_bytes, arena, ret_owners, err);
	return r < 0 ? err_wrap(err, "layer %s", diff_id->text) : 0;
}

static int open_record(const struct store *store, const struct digest *diff_id)
{
	char name[STORE_NAME_MAX];

	return open_name(home_of(store, diff_id), store_owners_name(diff_id, name), O_RDONLY);
}

bool layer_overlay_ready(const struct store *store, const struct digest *diff_id)
{
	char head[OWNERS_HEAD_BYTES];
	auto_fd fd = open_record(store, diff_id);
	ssize_t n = fd < 0 ? -1 : io_read_full(fd, head, sizeof(head));

	return n > 0 && owners_head_overlay_ready(head, (size_t)n);
}

uint64_t layer_tar_bytes(const struct store *store, const struct digest *diff_id)
{
	char text[257] = "";
	auto_fd fd = open_record(store, diff_id);

	if (fd < 0 || io_read_full(fd, text, sizeof(text) - 1) < 0)
		return 0;
	return owners_peek_tar_bytes(text);
}

static int sync_folder(const struct store *store, const char *name, struct err *err)
{
	auto_fd folder = openat(store->dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0 || (fsync(folder) < 0 && errno != EINVAL))
		return fail(err, errno, "fsync '%s/%s'", store->path, name);
	return 0;
}

int layer_draft_record(const struct store *store, const struct owners *owners,
		       char ret_name[STORE_WORK_NAME_MAX], struct err *err)
{
	auto_buf text = { 0 };
	int r = store_work_name(store, ret_name, err);

	owners_print(owners, &text);
	return r < 0 ? r
		     : io_replace_file_unsynced_at(store->dirfd, ret_name, buf_text(&text),
						   text.size_bytes, 0600, err);
}

/* The record comes first: a layer that is there always has one. Both writers of one diff id write
 * the same record, but for overlay_ready, which the store's file system decides. */
static int publish(const struct store *store, const struct digest *diff_id, const char *work_name,
		   const char *record_name, struct err *err)
{
	char name[STORE_NAME_MAX];

	if (!layer_present(store, diff_id)) {
		int r = publish_file(store, record_name, store_owners_name(diff_id, name));

		if (r < 0)
			return fail(err, -r, "rename '%s' to '%s'", record_name, name);
		if (renameat(store->dirfd, work_name, store->dirfd,
			     store_layer_name(diff_id, name)) == 0)
			return 0;
		if (errno != EEXIST && errno != ENOTEMPTY)
			return fail(err, errno, "rename '%s' to '%s'", work_name, name);
	}
	unlinkat(store->dirfd, record_name, 0);
	return remove_tree(store->dirfd, work_name, err);
}

int layer_publish_draft(const struct store *store, const struct digest *diff_id,
			const char *work_name, const char *record_name, struct err *err)
{
	int r = publish(store, diff_id, work_name, record_name, err);

	return r < 0 ? err_wrap(err, "publish layer %s in '%s'", diff_id->text, store->path) : 0;
}

static int sync_record(const struct store *store, const char *record_name, struct err *err)
{
	auto_fd fd = openat(store->dirfd, record_name, O_RDONLY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? fail(err, errno, "fsync '%s'", record_name) : 0;
}

int layer_publish(const struct store *store, const struct digest *diff_id, const char *work_name,
		  const struct owners *owners, struct err *err)
{
	char record_name[STORE_WORK_NAME_MAX];
	int r = layer_draft_record(store, owners, record_name, err);

	if (r == 0)
		r = sync_record(store, record_name, err);
	if (r == 0)
		r = layer_publish_draft(store, diff_id, work_name, record_name, err);
	if (r == 0)
		r = sync_folder(store, "owners", err);
	return r < 0 ? r : sync_folder(store, "layers", err);
}

static bool has_name(int fd, const struct store *home, const char *name)
{
	struct stat ours;
	struct stat there;

	return fstat(fd, &ours) == 0 &&
	       fstatat(home->dirfd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

/* Who removes it holds an exclusive lock, and looks for marks when it has no name any more; it may
 * have lost its name before we had our lock. */
int layer_hold(const struct store *store, const struct digest *diff_id, int *ret_fd,
	       struct err *err)
{
	const struct store *home = home_of(store, diff_id);
	char name[STORE_NAME_MAX];
	auto_fd fd = -1;
	int r = open_tree(store, diff_id, O_RDONLY, &fd, err);

	if (r < 0)
		return r;
	if (flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK &&
	    store_announce(store, NULL) == 0)
		(void)layer_present(store, diff_id);
	if (!has_name(fd, home, store_layer_name(diff_id, name))) {
		aside_put_back(home, name);
		if (!has_name(fd, home, name))
			return say_missing(diff_id, err);
	}
	*ret_fd = take_fd(&fd);
	return 0;
}

void layer_holds_done(struct layer_holds *holds)
{
	for (size_t i = 0; i < holds->count; i++)
		close(holds->fd[i]);
	free(holds->fd);
	*holds = (struct layer_holds){ 0 };
}

int layer_holds_add(const struct store *store, const struct digest *diff_ids, size_t count,
		    struct layer_holds *holds, struct err *err)
{
	/* other machines do not see our locks: they see that we are at work, and marks */
	if (shared_file_system(store->dirfd) && store_announce(store, NULL) == 0)
		for (size_t i = 0; i < count; i++)
			(void)layer_present(store, &diff_ids[i]);
	holds->fd = memory_resize(holds->fd, holds->count + count, sizeof(*holds->fd));
	for (size_t i = 0; i < count; i++) {
		int r = layer_hold(store, &diff_ids[i], &holds->fd[holds->count], err);

		if (r < 0)
			return r;
		holds->count++;
	}
	return 0;
}

static int say_in_use(const struct digest *diff_id, struct err *err)
{
	return fail_plain(err, EBUSY, "layer %s is in use", diff_id->text);
}

/* 1: nobody uses it, and nobody can begin to while *ret_fd is open; 0: it is not there. */
static int claim(const struct store *store, const struct digest *diff_id, int *ret_fd,
		 struct err *err)
{
	char name[STORE_NAME_MAX];
	int fd = openat(store->dirfd, store_layer_name(diff_id, name),
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : fail(err, errno, "open layer %s", diff_id->text);
	*ret_fd = fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return say_in_use(diff_id, err);
	return 1;
}

/* Out of the way first, like the layer itself. */
static int remove_one_real(const struct store *store, const char *space,
			   const struct digest *diff_id, struct err *err)
{
	char name[STORE_NAME_MAX + 256];
	char work[STORE_WORK_NAME_MAX];
	int r;

	snprintf(name, sizeof(name), STORE_REAL "/%.200s/%s", space, digest_hex(diff_id));
	if (faccessat(store->dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	r = store_work_name(store, work, err);
	if (r < 0)
		return r;
	if (renameat(store->dirfd, name, store->dirfd, work) < 0)
		return errno == ENOENT ? 0 : fail(err, errno, "remove '%s'", name);
	return store_remove_aside(store, work, err);
}

static int remove_real(const struct store *store, const struct digest *diff_id, struct err *err)
{
	int fd = openat(store->dirfd, STORE_REAL, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int r = 0;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (r == 0 && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			r = remove_one_real(store, entry->d_name, diff_id, err);
	closedir(dir);
	return r;
}

static bool is_marked(const struct store *store, const struct digest *diff_id, int64_t unmarked_ns)
{
	char name[STORE_NAME_MAX];
	int64_t marked_ns;

	return shared_file_mtime(store->dirfd, store_owners_name(diff_id, name), &marked_ns) &&
	       marked_ns > unmarked_ns;
}

int layer_remove_record(const struct store *store, const struct digest *diff_id,
			int64_t unmarked_ns, struct err *err)
{
	char name[STORE_NAME_MAX];

	return is_marked(store, diff_id, unmarked_ns)
		       ? -EBUSY
		       : aside_remove(store, store_owners_name(diff_id, name), NULL, unmarked_ns,
				      err);
}

int layer_remove_unmarked(const struct store *store, const struct digest *diff_id,
			  int64_t unmarked_ns, struct err *err)
{
	char layer[STORE_NAME_MAX];
	char record[STORE_NAME_MAX];
	auto_fd claimed = -1;
	int r;

	if (is_marked(store, diff_id, unmarked_ns))
		return say_in_use(diff_id, err);
	r = claim(store, diff_id, &claimed, err);
	if (r >= 0)
		r = remove_real(store, diff_id, err);
	if (r >= 0)
		r = aside_remove(store, store_layer_name(diff_id, layer),
				 store_owners_name(diff_id, record), unmarked_ns, err);
	if (r == -EBUSY)
		return say_in_use(diff_id, err);
	/* last: a record without a layer does no harm, and who is about to give it one marked it */
	if (r >= 0)
		r = layer_remove_record(store, diff_id, unmarked_ns, err);
	return r < 0 && r != -EBUSY ? err_wrap(err, "remove layer %s", diff_id->text) : 0;
}

int layer_remove(const struct store *store, const struct digest *diff_id, struct err *err)
{
	return layer_remove_unmarked(store, diff_id, INT64_MAX, err);
}
