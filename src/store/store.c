// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/strings.h"
#include "store/aside.h"
#include "store/refs.h"
#include "store/session.h"
#include "sys/remove.h"
#include "sys/settled.h"
#include "sys/shared_file.h"

#define TICK_TRIES 100

#define LAYOUT_NAME "oci-layout"
#define LAYOUT_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"

/* The file only: NSS would need dlopen, which the static program does not have. */
static char *home_from_passwd(void)
{
	FILE *file = fopen("/etc/passwd", "re");
	struct passwd *entry;
	char *home = NULL;

	while (file && !home && (entry = fgetpwent(file)))
		if (entry->pw_uid == getuid() && entry->pw_dir[0] == '/')
			home = memory_copy_text(entry->pw_dir);
	if (file)
		fclose(file);
	return home;
}

int store_default_path(struct buf *path, struct err *err)
{
	const char *store = getenv("ROOTLET_STORE");
	const char *data = getenv("XDG_DATA_HOME");
	const char *home = getenv("HOME");
	auto_free char *listed_home = NULL;

	if (store && *store) {
		buf_add_text(path, store);
		return 0;
	}
	if (data && *data == '/') { /* the specification tells to ignore relative ones */
		buf_printf(path, "%s/rootlet", data);
		return 0;
	}
	if (!home || *home != '/')
		home = listed_home = home_from_passwd();
	if (!home) {
		fail_plain(err, ENOENT, "no home directory is known for uid %u", getuid());
		err_hint(err, "give --store DIR or set ROOTLET_STORE");
		return -ENOENT;
	}
	buf_printf(path, "%s/.local/share/rootlet", home);
	return 0;
}

static int make_directories(const char *path, struct err *err)
{
	auto_free char *copy = memory_copy_text(path);

	for (char *slash = copy + 1;; slash++) {
		slash = strchrnul(slash, '/');
		char saved = *slash;
		int error;

		*slash = '\0';
		error = mkdir(copy, 0700) < 0 ? errno : 0;
		/* where an automounter answers otherwise than EEXIST it may be there all the same
		 */
		if (error && error != EEXIST && access(copy, F_OK) < 0) {
			fail(err, error, "make directory '%s'", copy);
			err_hint(err, "--store DIR or $ROOTLET_STORE names another place");
			return -error;
		}
		*slash = saved;
		if (!saved)
			return 0;
	}
}

static int open_directory(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

#define ADDITIONAL "ROOTLET_ADDITIONAL_STORES"

static const char *const folders[] = { "blobs",	 "blobs/sha256", "refs", "layers",
				       "owners", "cache",	 "tmp" };

/* Whether the store is whole: its last file is there, and a folder that other layouts lack. */
static bool is_store(int fd)
{
	return faccessat(fd, LAYOUT_NAME, F_OK, 0) == 0 && faccessat(fd, "refs", F_OK, 0) == 0;
}

/* oci-layout comes last: where it is, and refs/ too, the rest is there as well. Others may be at
 * the same, or done with it and at work already: nothing here takes back or replaces what they
 * wrote, but for index.json. */
static int create(int dirfd, const char *path, struct err *err)
{
	auto_free char *named = memory_copy_text(path);
	const struct store made = { .dirfd = dirfd, .path = named };
	int r;

	for (size_t i = 0; i < array_count(folders); i++)
		if (mkdirat(dirfd, folders[i], 0700) < 0 && errno != EEXIST)
			return fail(err, errno, "make '%s'", folders[i]);
	r = refs_write_index(&made, err);
	return r < 0 || is_store(dirfd) ? r
					: io_replace_file_at(dirfd, LAYOUT_NAME, LAYOUT_TEXT,
							     strlen(LAYOUT_TEXT), 0600, err);
}

/* Ours is also what a creation left that did not come to its end; what is deleted is nobody's. */
static bool is_ours(const char *name)
{
	if (settled_is_hidden(name) || text_starts(name, LAYOUT_NAME ".tmp-") ||
	    text_starts(name, "index.json") || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return true;
	for (size_t i = 0; i < array_count(folders); i++)
		if (strcmp(name, folders[i]) == 0)
			return true;
	return false;
}

/* The layout's name may turn up while we look: another process has just made this store. */
static int check_empty(int fd, struct err *err)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	int r = 0;

	if (!dir) {
		r = fail(err, errno, "read directory");
		if (copy >= 0)
			close(copy);
		return r;
	}
	while (r == 0 && (entry = readdir(dir)))
		if (!is_ours(entry->d_name) &&
		    (strcmp(entry->d_name, LAYOUT_NAME) != 0 || !is_store(fd)))
			r = fail_plain(err, EINVAL, "not a rootlet store: it holds '%s'",
				       entry->d_name);
	closedir(dir);
	if (r < 0)
		err_hint(err, "give an empty directory, or one that does not exist yet");
	return r;
}

static int open_or_create(const char *path, int *ret_fd, struct err *err)
{
	auto_fd fd = open_directory(path);
	int r;

	if (fd < 0 && errno == ENOENT) {
		r = make_directories(path, err);
		if (r < 0)
			return r;
		fd = open_directory(path);
	}
	if (fd < 0)
		return fail(err, errno, "open");
	if (!is_store(fd)) {
		r = check_empty(fd, err);
		if (r == 0)
			r = create(fd, path, err);
		if (r < 0)
			return r;
	}
	*ret_fd = take_fd(&fd);
	return 0;
}

/* What is absent may be so on this machine only; what is no store was misspelt. */
static int open_additional(const char *path, struct store *store, struct err *err)
{
	auto_fd fd = open_directory(path);
	struct store *added;

	if (fd < 0 && errno == ENOENT) {
		log_verbose("additional store '%s' is not there", path);
		return 0;
	}
	if (fd < 0)
		return fail(err, errno, "open");
	if (!is_store(fd))
		return fail_plain(err, EINVAL, "not a rootlet store");
	store->additional = memory_resize(store->additional, store->additional_count + 1,
					  sizeof(*store->additional));
	added = &store->additional[store->additional_count++];
	*added = (struct store){ .dirfd = take_fd(&fd), .path = memory_copy_text(path) };
	return 0;
}

static int open_all_additional(struct store *store, struct err *err)
{
	auto_free char *list = memory_copy_text(getenv(ADDITIONAL) ?: "");
	char *at = list;
	char *path;

	while ((path = strsep(&at, ":"))) {
		int r = *path ? open_additional(path, store, err) : 0;

		if (r < 0)
			return err_wrap(err, "$" ADDITIONAL ": '%s'", path);
	}
	return 0;
}

int store_open(const char *path, struct store *ret_store, struct err *err)
{
	auto_buf chosen = { 0 };
	auto_store store = STORE_NONE;
	int r;

	if (path)
		buf_add_text(&chosen, path);
	else if ((r = store_default_path(&chosen, err)) < 0)
		return err_wrap(err, "store");
	r = open_or_create(buf_text(&chosen), &store.dirfd, err);
	if (r < 0)
		return err_wrap(err, "store '%s'", buf_text(&chosen));
	store.path = realpath(buf_text(&chosen), NULL);
	if (!store.path)
		return fail(err, errno, "store '%s'", buf_text(&chosen));
	r = open_all_additional(&store, err);
	if (r < 0)
		return r;
	store.session = session_new();
	*ret_store = store;
	store = (struct store)STORE_NONE;
	return 0;
}

void store_done(struct store *store)
{
	for (size_t i = 0; i < store->additional_count; i++)
		store_done(&store->additional[i]);
	free(store->additional);
	if (store->session)
		session_end(store->session, store->dirfd);
	cleanup_fd(&store->dirfd);
	free(store->path);
	*store = (struct store)STORE_NONE;
}

const struct store *store_at(const struct store *store, size_t index)
{
	if (index == 0)
		return store;
	return index <= store->additional_count ? &store->additional[index - 1] : NULL;
}

int store_work_name(const struct store *store, char ret_name[STORE_WORK_NAME_MAX], struct err *err)
{
	return session_work_name(store->session, store->dirfd, ret_name, STORE_WORK_NAME_MAX, err);
}

int store_remove_aside(const struct store *store, const char *work_name, struct err *err)
{
	int r = remove_tree(store->dirfd, work_name, err);

	if (r != -ENOTEMPTY)
		return r;
	err_clear(err);
	return 0;
}

int store_open_unnamed(const struct store *store, int *ret_fd, struct err *err)
{
	char name[STORE_WORK_NAME_MAX];
	int r = store_work_name(store, name, err);
	int fd;

	if (r < 0)
		return r;
	fd = openat(store->dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(err, errno, "create a temporary file in '%s'", store->path);
	unlinkat(store->dirfd, name, 0);
	*ret_fd = fd;
	return 0;
}

int store_announce(const struct store *store, struct err *err)
{
	return session_announce(store->session, store->dirfd, err);
}

int store_is_quiet(const struct store *store, bool *ret_quiet, struct err *err)
{
	return session_is_quiet(store->session, store->dirfd, ret_quiet, err);
}

#define NS_PER_S	1000000000
#define CLOCKS_APART_NS ((int64_t)600 * NS_PER_S) /* of machines that share a file system */

int64_t store_mark_time(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * NS_PER_S + st->st_mtim.tv_nsec;
}

/* What is newer than ourselves may be the work of one who has just begun. */
int store_unmarked_since(const struct store *store, int64_t *ret_ns, bool *ret_quiet,
			 struct err *err)
{
	int64_t others_ns = INT64_MAX;
	int64_t own_ns;
	int r = session_others_began(store->session, store->dirfd, &others_ns, err);

	if (r < 0)
		return r;
	own_ns = session_began(store->session);
	*ret_quiet = others_ns == INT64_MAX;
	if (!*ret_quiet)
		others_ns -= CLOCKS_APART_NS;
	*ret_ns = others_ns < own_ns ? others_ns : own_ns;
	return 0;
}

/* What the file system's clock says: the time of something new. */
static int read_clock(const struct store *store, int64_t *ret_ns, struct err *err)
{
	char name[STORE_WORK_NAME_MAX];
	int r = store_work_name(store, name, err);

	if (r < 0)
		return r;
	if (mkdirat(store->dirfd, name, 0700) < 0)
		return fail(err, errno, "make a directory in tmp/ of the store");
	if (!shared_file_mtime(store->dirfd, name, ret_ns))
		r = fail(err, errno, "look at '%s' in the store", name);
	unlinkat(store->dirfd, name, AT_REMOVEDIR);
	return r;
}

int store_now(const struct store *store, int64_t *ret_ns, struct err *err)
{
	int64_t first_ns;
	int64_t now_ns;
	int r = read_clock(store, &first_ns, err);

	now_ns = first_ns;
	for (int i = 0; r == 0 && now_ns == first_ns && i < TICK_TRIES; i++) {
		poll(NULL, 0, 1);
		r = read_clock(store, &now_ns, err);
	}
	if (r == 0)
		*ret_ns = now_ns - 1;
	return r;
}

static bool is_there(const struct store *store, const char *name, struct stat *st)
{
	if (fstatat(store->dirfd, name, st, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	aside_put_back(store, name);
	return fstatat(store->dirfd, name, st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Looks again after marking: gc takes a file away by rename(2), and looks at its mark then
 * (store/aside.h). Who may not mark it may not remove it either. */
bool store_mark(const struct store *store, const char *name, struct stat *ret_st)
{
	struct stat st;

	if (!is_there(store, name, &st))
		return false;
	if (store->session && store_mark_time(&st) < session_began(store->session)) {
		store_mark_left(store, name);
		if (!is_there(store, name, &st))
			return false;
	}
	if (ret_st)
		*ret_st = st;
	return true;
}

void store_mark_left(const struct store *store, const char *name)
{
	(void)!utimensat(store->dirfd, name, NULL, AT_SYMLINK_NOFOLLOW);
}

int store_sync(const struct store *store, struct err *err)
{
	return syncfs(store->dirfd) < 0 ? fail(err, errno, "sync '%s'", store->path) : 0;
}

int store_make_folder(const struct store *store, const char *name, struct err *err)
{
	if (mkdirat(store->dirfd, name, 0700) == 0 || errno == EEXIST)
		return 0;
	if (errno == ENOENT && mkdirat(store->dirfd, "cache", 0700) < 0 && errno != EEXIST)
		return fail(err, errno, "make 'cache' in '%s'", store->path);
	if (mkdirat(store->dirfd, name, 0700) < 0 && errno != EEXIST)
		return fail(err, errno, "make '%s' in '%s'", name, store->path);
	return 0;
}

const char *store_blob_name(const struct digest *digest, char name[STORE_NAME_MAX])
{
	snprintf(name, STORE_NAME_MAX, "blobs/sha256/%s", digest_hex(digest));
	return name;
}

const char *store_layer_name(const struct digest *diff_id, char name[STORE_NAME_MAX])
{
	snprintf(name, STORE_NAME_MAX, "layers/%s", digest_hex(diff_id));
	return name;
}

const char *store_owners_name(const struct digest *diff_id, char name[STORE_NAME_MAX])
{
	snprintf(name, STORE_NAME_MAX, "owners/%s", digest_hex(diff_id));
	return name;
}
