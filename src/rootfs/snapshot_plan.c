// SPDX-License-Identifier: Apache-2.0
#include "rootfs/snapshot_plan.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/map.h"
#include "base/memory.h"
#include "rootfs/level.h"
#include "rootfs/snapshot_links.h"

#define COMPARE_BYTES ((size_t)128 * 1024)
#define ROOT_MODE     0755 /* of an image's root that no layer says anything about */

struct plan {
	const struct snapshot_request *request;
	struct tree *tree;
	int upper_fd;
	uid_t caller;
	struct map opened_up; /* "dev:ino" of files with several names -> mode_t they had */
	struct map renamed;   /* of those that have a name which is not below: not NULL */
	struct err *err;
};

/* An entry of the upper directory and what the layers below have of its name. */
struct subject {
	int dirfd; /* of the directory in the upper */
	const char *name;
	const char *path;
	struct stat st; /* as it was found */
	bool is_below;
	struct level_entry below;
	bool is_copied_up; /* overlayfs brought it: it is the same file as below */
};

/* --- overlayfs's marks --- */

/* Both name spaces: "user." under userxattr, "trusted." when root mounted. */
static bool has_mark(int dirfd, const char *name, const char *mark, char *ret_value)
{
	static const char *const prefixes[] = { "user.overlay.", "trusted.overlay." };
	auto_buf path = { 0 };

	buf_printf(&path, "/proc/self/fd/%d/%s", dirfd, name);
	for (size_t i = 0; i < array_count(prefixes); i++) {
		auto_buf attribute = { 0 };

		buf_printf(&attribute, "%s%s", prefixes[i], mark);
		if (lgetxattr(path.bytes, attribute.bytes, ret_value, ret_value ? 1 : 0) >= 0)
			return true;
	}
	return false;
}

static void remove_marks(int dirfd, const char *name)
{
	static const char *const marks[] = {
		"user.overlay.origin",	 "user.overlay.impure",	   "user.overlay.nlink",
		"user.overlay.uuid",	 "trusted.overlay.origin", "trusted.overlay.impure",
		"trusted.overlay.nlink", "trusted.overlay.uuid",
	};
	auto_buf path = { 0 };

	buf_printf(&path, "/proc/self/fd/%d/%s", dirfd, name);
	for (size_t i = 0; i < array_count(marks); i++)
		lremovexattr(path.bytes, marks[i]);
}

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static bool is_opaque(int dirfd, const char *name)
{
	char value = 0;

	return has_mark(dirfd, name, "opaque", &value) && value == 'y';
}

static void remove_opaque(int dirfd, const char *name)
{
	auto_buf path = { 0 };

	buf_printf(&path, "/proc/self/fd/%d/%s", dirfd, name);
	lremovexattr(path.bytes, "user.overlay.opaque");
	lremovexattr(path.bytes, "trusted.overlay.opaque");
}

/* --- what an entry truly is --- */

/* The entry below, with its record, as a tree entry. */
static int describe_below(struct plan *plan, const struct subject *subject,
			  struct tree_entry *below)
{
	int r;

	memset(below, 0, sizeof(*below));
	below->path = subject->path;
	r = tree_entry_from_disk(plan->tree, below, subject->below.dirfd, subject->name,
				 &subject->below.st, plan->err);
	if (r == 0)
		tree_entry_apply_owner(below, subject->below.owner, &plan->tree->arena);
	return r;
}

/* Copied up and not looked up elsewhere: what the record below said still holds, but for what was
 * visibly changed on disk since. */
static void inherit(struct tree_entry *entry, const struct subject *subject,
		    const struct tree_entry *below, struct arena *arena)
{
	const struct stat *now = &subject->st;
	const struct stat *then = &subject->below.st;
	struct owner record = { 0 };

	if (subject->below.owner)
		record = *subject->below.owner;
	if (now->st_uid != then->st_uid)
		record.uid = now->st_uid;
	if (now->st_gid != then->st_gid)
		record.gid = now->st_gid;
	record.has_mode = now->st_mode == then->st_mode;
	record.mode = below->mode & 07777;
	tree_entry_apply_owner(entry, &record, arena);
}

static int ask_lookup(struct plan *plan, const struct subject *subject, struct tree_entry *entry)
{
	const struct snapshot_request *request = plan->request;
	struct snapshot_meta meta = { 0 };
	struct statx stx = { 0 };
	int r;

	if (!request->lookup)
		return 0;
	if (!request->placed && statx(subject->dirfd, subject->name, AT_SYMLINK_NOFOLLOW,
				      STATX_BASIC_STATS | STATX_BTIME, &stx) < 0)
		return fail(plan->err, errno, "stat '/%s'", subject->path);
	stx.stx_mode = (uint16_t)subject->st.st_mode; /* before it was opened up */
	r = request->lookup(request->lookup_context, subject->path, &stx, &meta, plan->err);
	if (r <= 0)
		return r;
	if (meta.content_bytes == entry->size_bytes)
		entry->content = meta.content;
	struct owner owner = {
		.uid = meta.uid,
		.gid = meta.gid,
		.has_mode = true,
		.mode = meta.mode & 07777,
		.type = (meta.mode & S_IFMT) == (entry->mode & S_IFMT) ? 0 : meta.mode & S_IFMT,
		.rdev_major = meta.rdev_major,
		.rdev_minor = meta.rdev_minor,
		.xattrs = meta.xattrs,
		.xattr_count = meta.xattr_count,
	};

	tree_entry_apply_owner(entry, &owner, &plan->tree->arena);
	return 1;
}

static int describe(struct plan *plan, const struct subject *subject,
		    const struct tree_entry *below, struct tree_entry *entry)
{
	const struct snapshot_request *request = plan->request;
	int r;

	entry->path = arena_copy(&plan->tree->arena, subject->path);
	entry->root_fd = plan->upper_fd;
	r = tree_entry_from_stat(plan->tree, entry, subject->dirfd, subject->name, &subject->st,
				 plan->err);
	if (r == 0 && !request->placed)
		r = tree_entry_read_xattrs(plan->tree, entry, subject->dirfd, subject->name,
					   plan->err);
	if (r < 0)
		return r;
	/* only root makes files that are not his */
	entry->uid = subject->st.st_uid == plan->caller ? request->new_uid : subject->st.st_uid;
	entry->gid = plan->caller || subject->st.st_gid == getegid() ? request->new_gid
								     : subject->st.st_gid;
	r = ask_lookup(plan, subject, entry);
	if (r == 0 && request->placed && subject->is_below) { /* the root, which nobody placed */
		entry->xattrs = below->xattrs;
		entry->xattr_count = below->xattr_count;
	}
	if (r == 0 && subject->is_copied_up)
		inherit(entry, subject, below, &plan->tree->arena);
	return r < 0 ? r : 0;
}

/* --- is it changed? --- */

static bool same_xattrs(const struct tree_entry *a, const struct tree_entry *b)
{
	if (a->xattr_count != b->xattr_count)
		return false;
	for (size_t i = 0; i < a->xattr_count; i++) {
		const struct xattr *x = &a->xattrs[i];
		const struct xattr *y = &b->xattrs[i];

		if (strcmp(x->name, y->name) != 0 || x->size_bytes != y->size_bytes ||
		    memcmp(x->value, y->value, x->size_bytes) != 0)
			return false;
	}
	return true;
}

static bool same_metadata(const struct tree_entry *a, const struct tree_entry *b)
{
	return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
	       a->rdev_major == b->rdev_major && a->rdev_minor == b->rdev_minor &&
	       same_xattrs(a, b);
}

static int compare_bytes(int a, int b, bool *ret_same)
{
	auto_free char *buffer = memory_resize(NULL, 2 * COMPARE_BYTES, 1);

	for (;;) {
		ssize_t n = io_read_full(a, buffer, COMPARE_BYTES);
		ssize_t m = io_read_full(b, buffer + COMPARE_BYTES, COMPARE_BYTES);

		if (n < 0 || m < 0)
			return n < 0 ? (int)n : (int)m;
		*ret_same = n == m && memcmp(buffer, buffer + COMPARE_BYTES, (size_t)n) == 0;
		if (!*ret_same || n == 0)
			return 0;
	}
}

static int same_content(struct plan *plan, const struct subject *subject, bool *ret_same)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	auto_fd above = openat(subject->dirfd, subject->name, flags);
	auto_fd below = openat(subject->below.dirfd, subject->name, flags);
	int r;

	if (above < 0 || below < 0)
		return fail(plan->err, errno, "open '/%s'", subject->path);
	r = compare_bytes(above, below, ret_same);
	return r < 0 ? fail(plan->err, -r, "compare '/%s'", subject->path) : 0;
}

/* A copy made by overlayfs has one name, whatever the file below has; more were given to it, and
 * they are names of one file only if this one comes along. A complete copy has those it had. */
static bool has_new_name(const struct plan *plan, const struct subject *subject)
{
	nlink_t before = subject->is_copied_up ? 1 : subject->below.st.st_nlink;
	struct file_key key;

	if (S_ISDIR(subject->st.st_mode) || subject->st.st_nlink < 2)
		return false;
	return plan->request->complete
		       ? map_get(&plan->renamed, file_key(&subject->st, &key)) != NULL
		       : subject->st.st_nlink > before;
}

static bool is_untouched(const struct snapshot_request *request, const struct subject *subject)
{
	const struct snapshot_seen *seen =
		request->seen ? request->seen(request->seen_context, subject->path) : NULL;
	const struct timespec *now = &subject->st.st_ctim;

	return seen && seen->ino == subject->st.st_ino && seen->changed.tv_sec &&
	       seen->changed.tv_sec == now->tv_sec && seen->changed.tv_nsec == now->tv_nsec;
}

static int is_unchanged(struct plan *plan, const struct subject *subject,
			const struct tree_entry *entry, const struct tree_entry *below,
			bool *ret_unchanged)
{
	*ret_unchanged = false;
	if (!subject->is_below || has_new_name(plan, subject) || !same_metadata(entry, below) ||
	    entry->mtime.tv_sec != below->mtime.tv_sec ||
	    entry->mtime.tv_nsec != below->mtime.tv_nsec)
		return 0;
	if (S_ISLNK(entry->mode)) {
		*ret_unchanged = strcmp(entry->link, below->link) == 0;
		return 0;
	}
	if (entry->size_bytes != below->size_bytes)
		return 0;
	if (S_ISREG(entry->mode) && entry->size_bytes && !is_untouched(plan->request, subject))
		return same_content(plan, subject, ret_unchanged);
	*ret_unchanged = true;
	return 0;
}

/* --- the walk --- */

/* The directory's time is that of changes which are no change any more. */
static int restore_time(struct plan *plan, const struct subject *subject)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, subject->below.st.st_mtim };

	if (!S_ISDIR(subject->st.st_mode))
		return 0;
	if (utimensat(subject->dirfd, subject->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(plan->err, errno, "set the time of '/%s'", subject->path);
	return 0;
}

static int plan_directory(struct plan *plan, int dirfd, const char *path,
			  const struct level *below);

static int drop(struct plan *plan, const struct subject *subject)
{
	int flags = S_ISDIR(subject->st.st_mode) ? AT_REMOVEDIR : 0;

	if (unlinkat(subject->dirfd, subject->name, flags) < 0)
		return fail(plan->err, errno, "remove '/%s' from the upper directory",
			    subject->path);
	return 0;
}

static int leave_out(struct plan *plan, const struct subject *subject)
{
	return plan->request->keeps ? restore_time(plan, subject) : drop(plan, subject);
}

static int plan_whiteout(struct plan *plan, const struct subject *subject)
{
	struct tree_entry *entry;

	if (!subject->is_below)
		return drop(plan, subject);
	entry = tree_add(plan->tree);
	entry->kind = TREE_WHITEOUT;
	entry->path = arena_copy(&plan->tree->arena, subject->path);
	entry->mtime = subject->st.st_mtim;
	return 0;
}

/* Of a file with several names, only the first shows the mode it had. */
static void remember_mode(struct plan *plan, struct stat *st, bool is_opened_now)
{
	struct file_key key;
	mode_t *mode;

	if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
		return;
	mode = map_get(&plan->opened_up, file_key(st, &key));
	if (mode) {
		st->st_mode = *mode;
	} else if (is_opened_now) {
		mode = arena_new(&plan->tree->arena, mode_t);
		*mode = st->st_mode;
		map_set(&plan->opened_up, key.text, mode);
	}
}

/* The owner may have taken his own permissions away; the true mode stays in subject->st. */
static int open_up(struct plan *plan, struct subject *subject)
{
	mode_t need = S_ISDIR(subject->st.st_mode) ? 0700 : 0400;
	bool is_open = S_ISLNK(subject->st.st_mode) || (subject->st.st_mode & need) == need;

	remember_mode(plan, &subject->st, !is_open);
	if (is_open)
		return 0;
	if (fchmodat(subject->dirfd, subject->name, (subject->st.st_mode & 07777) | need, 0) < 0)
		return fail(plan->err, errno, "open up '/%s'", subject->path);
	return 0;
}

static int plan_file(struct plan *plan, const struct subject *subject)
{
	struct tree_entry below = { 0 };
	struct tree_entry entry = { 0 };
	bool unchanged = false;
	int r = subject->is_below ? describe_below(plan, subject, &below) : 0;

	if (r == 0)
		r = describe(plan, subject, &below, &entry);
	if (r == 0)
		r = is_unchanged(plan, subject, &entry, &below, &unchanged);
	if (r < 0)
		return r;
	if (unchanged)
		return leave_out(plan, subject);
	if (subject->is_copied_up)
		remove_marks(subject->dirfd, subject->name);
	*tree_add(plan->tree) = entry;
	return 0;
}

/* The level of layers below a directory of the upper: none where it hides them. */
static int level_below(struct plan *plan, const struct subject *subject, const struct level *level,
		       bool opaque, struct level *ret_level)
{
	if (opaque || !subject->is_below || !S_ISDIR(subject->below.st.st_mode))
		return 0;
	return level_down(plan->request->lower, level, subject->path, subject->name, ret_level,
			  plan->err);
}

static int check_redirect(struct plan *plan, const struct subject *subject)
{
	if (!has_mark(subject->dirfd, subject->name, "redirect", NULL))
		return 0;
	return fail_plain(plan->err, ENOTSUP,
			  "'/%s' was renamed by an overlay mounted with redirect_dir, which "
			  "cannot be made into a layer",
			  subject->path);
}

/* Goes into the list before its content and is taken out again if there is none and nothing else
 * changed. */
static int plan_subdirectory(struct plan *plan, const struct subject *subject,
			     const struct level *level)
{
	bool below_is_directory = subject->is_below && S_ISDIR(subject->below.st.st_mode);
	bool opaque = is_opaque(subject->dirfd, subject->name);
	size_t index = plan->tree->count;
	struct tree_entry below = { 0 };
	struct tree_entry entry = { 0 };
	auto_level down = { 0 };
	auto_fd fd = -1;
	int r = subject->is_below ? describe_below(plan, subject, &below) : 0;

	if (r == 0)
		r = check_redirect(plan, subject);
	if (r == 0)
		r = describe(plan, subject, &below, &entry);
	if (r == 0)
		r = level_below(plan, subject, level, opaque, &down);
	if (r < 0)
		return r;
	*tree_add(plan->tree) = entry;
	if (opaque && !below_is_directory)
		remove_opaque(subject->dirfd, subject->name);
	if (opaque && below_is_directory) {
		struct tree_entry *mark = tree_add(plan->tree);

		mark->kind = TREE_OPAQUE;
		mark->path = entry.path;
		mark->mtime = entry.mtime;
	}
	fd = openat(subject->dirfd, subject->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(plan->err, errno, "open '/%s'", subject->path);
	r = plan_directory(plan, fd, subject->path, &down);
	if (r < 0)
		return r;
	if (subject->is_copied_up)
		remove_marks(subject->dirfd, subject->name);
	if (plan->tree->count > index + 1 || !below_is_directory || !same_metadata(&entry, &below))
		return 0;
	plan->tree->count = index;
	return leave_out(plan, subject);
}

static int plan_entry(struct plan *plan, int dirfd, const char *name, const char *path,
		      const struct level *level)
{
	struct subject subject = { .dirfd = dirfd, .name = name, .path = path };
	int r;

	subject.is_below = level->count &&
			   level_find(plan->request->lower, level, path, name, &subject.below);
	if (fstatat(dirfd, name, &subject.st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT && plan->request->complete)
			return subject.is_below ? plan_whiteout(plan, &subject) : 0;
		return fail(plan->err, errno, "stat '/%s'", path);
	}
	if (is_whiteout(&subject.st))
		return plan_whiteout(plan, &subject);
	if (S_ISSOCK(subject.st.st_mode))
		return drop(plan, &subject);
	subject.is_copied_up = subject.is_below &&
			       (S_ISDIR(subject.st.st_mode)
					? S_ISDIR(subject.below.st.st_mode)
					: plan->request->complete ||
						  has_mark(dirfd, name, "origin", NULL));
	r = open_up(plan, &subject);
	if (r < 0)
		return r;
	return S_ISDIR(subject.st.st_mode) ? plan_subdirectory(plan, &subject, level)
					   : plan_file(plan, &subject);
}

static int plan_directory(struct plan *plan, int dirfd, const char *path, const struct level *below)
{
	auto_strings names = { 0 };
	const char *last = "";
	int r = directory_names(dirfd, &names, plan->err);

	if (r == 0 && plan->request->complete)
		r = level_names(below, &names, plan->err);
	if (r < 0)
		return err_wrap(plan->err, "'/%s'", path);
	strings_sort(&names);
	strings_each(&names, name) {
		auto_buf entry_path = { 0 };

		if (strcmp(name, last) == 0)
			continue;
		last = name;

		buf_printf(&entry_path, "%s%s%s", path, *path ? "/" : "", name);
		r = plan_entry(plan, dirfd, name, entry_path.bytes, below);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The root comes last into the decision and first into the list: only when it changed itself. */
static int plan_root(struct plan *plan, const struct level *level)
{
	struct subject subject = { .dirfd = plan->upper_fd, .name = ".", .path = "" };
	struct tree_entry below = { .mode = S_IFDIR | ROOT_MODE };
	struct tree_entry *entry = tree_add(plan->tree);
	struct tree_entry root = { 0 };
	int r;

	if (fstat(plan->upper_fd, &subject.st) < 0)
		return fail(plan->err, errno, "stat the upper directory");
	subject.is_below = level->count &&
			   level_find(plan->request->lower, level, "", ".", &subject.below);
	subject.is_copied_up = subject.is_below;
	r = open_up(plan, &subject);
	if (r == 0 && subject.is_below)
		r = describe_below(plan, &subject, &below);
	if (r == 0)
		r = describe(plan, &subject, &below, &root);
	if (r < 0)
		return r;
	if (!subject.is_below && !plan->request->lookup)
		root.uid = root.gid = 0; /* made by us, not by the step */
	*entry = root;
	r = plan_directory(plan, plan->upper_fd, "", level);
	if (r < 0)
		return r;
	remove_marks(plan->upper_fd, ".");
	if (!same_metadata(&root, &below))
		return 0;
	plan->tree->count--;
	memmove(plan->tree->item, plan->tree->item + 1,
		plan->tree->count * sizeof(*plan->tree->item));
	return subject.is_below && plan->request->keeps ? restore_time(plan, &subject) : 0;
}

int snapshot_plan(const struct snapshot_request *request, int upper_fd, struct tree *tree,
		  struct err *err)
{
	struct plan plan = { .request = request,
			     .tree = tree,
			     .upper_fd = upper_fd,
			     .caller = geteuid(),
			     .err = err };
	auto_level root = { 0 };
	int r = 0;

	if (request->lower && request->lower->count)
		r = level_root(request->lower, &root, err);
	if (r == 0 && request->complete && root.count)
		r = snapshot_find_renamed(request->lower, upper_fd, &plan.renamed, err);
	if (r == 0)
		r = plan_root(&plan, &root);
	map_done(&plan.renamed);
	map_done(&plan.opened_up);
	return r;
}
