// SPDX-License-Identifier: Apache-2.0
/* cache/roots/LAST.N holds the tree of a chain whose topmost layer is LAST: `chain` lists the diff
 * ids, `root` is the tree. N counts chains that end alike. */
#include "rootfs/merge.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/strings.h"
#include "rootfs/tree.h"
#include "store/layers.h"
#include "sys/remove.h"

#define ALIKE_MAX 1000

static int make(const struct store *store, const struct digest *diff_ids, size_t count,
		enum tree_copy how, const char *name, struct err *err)
{
	auto_view view;
	auto_tree tree = { 0 };
	auto_fd to = -1;
	int r;

	view_init(&view);
	r = view_push_layers(&view, store, diff_ids, count, err);
	if (r == 0)
		r = tree_of_view(&view, &tree, err);
	if (r < 0)
		return r;
	if (mkdirat(store->dirfd, name, 0755) < 0)
		return fail(err, errno, "make '%s' in '%s'", name, store->path);
	to = openat(store->dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return fail(err, errno, "open '%s' in '%s'", name, store->path);
	return tree_copy(&tree, how, to, err);
}

int merge_private(const struct store *store, const struct digest *diff_ids, size_t count,
		  char ret_work_name[STORE_WORK_NAME_MAX], struct err *err)
{
	char name[STORE_WORK_NAME_MAX];
	int r = store_work_name(store, name, err);

	if (r == 0)
		r = make(store, diff_ids, count, TREE_COPY_REFLINK, name, err);
	if (r < 0) {
		(void)!remove_tree(store->dirfd, name, NULL);
		return err_wrap(err, "copy the layers");
	}
	memcpy(ret_work_name, name, sizeof(name));
	return 0;
}

void merge_print_chain(const struct digest *diff_ids, size_t count, struct buf *chain)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(chain, "%s\n", diff_ids[i].text);
}

/* 1: `name` is the chain's; 0: it is another chain's; -ENOENT: it is free. */
static int has_chain(const struct store *store, const char *name, const struct buf *chain)
{
	char file[128];
	auto_buf found = { 0 };
	int r;

	snprintf(file, sizeof(file), "%s/chain", name);
	r = io_read_file_at(store->dirfd, file, MERGE_CHAIN_BYTES_MAX, &found, NULL);
	return r < 0 ? r : strcmp(buf_text(&found), buf_text(chain)) == 0;
}

static int find_name(const struct store *store, const char *hex, const struct buf *chain,
		     char name[96], struct err *err)
{
	for (int alike = 0; alike < ALIKE_MAX; alike++) {
		int r;

		snprintf(name, 96, "cache/roots/%s.%d", hex, alike);
		r = has_chain(store, name, chain);
		if (r > 0 || r == -ENOENT)
			return r;
		if (r < 0)
			return fail(err, -r, "read '%s/chain'", name);
	}
	return fail(err, EMLINK, "more than %d roots end in layer %s", ALIKE_MAX, hex);
}

static int publish(const struct store *store, const char *work, const char *name,
		   const struct buf *chain, struct err *err)
{
	char file[STORE_WORK_NAME_MAX + 16];
	int r;

	snprintf(file, sizeof(file), "%s/chain", work);
	r = io_replace_file_at(store->dirfd, file, buf_text(chain), chain->size_bytes, 0600, err);
	if (r < 0)
		return r;
	if (syncfs(store->dirfd) < 0)
		return fail(err, errno, "sync '%s'", store->path);
	if (mkdirat(store->dirfd, "cache/roots", 0700) < 0 && errno != EEXIST)
		return fail(err, errno, "make 'cache/roots' in '%s'", store->path);
	if (renameat(store->dirfd, work, store->dirfd, name) == 0)
		return 1;
	if (errno != EEXIST && errno != ENOTEMPTY)
		return fail(err, errno, "publish '%s'", name);
	return 0; /* somebody else was faster, perhaps with another chain */
}

/* One more link to a file is a change of it. */
static enum tree_copy may_share(const struct store *store, const struct digest *diff_ids,
				size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!layer_is_own(store, &diff_ids[i]))
			return TREE_COPY_REFLINK;
	return TREE_COPY_HARD_LINK;
}

static int make_and_publish(const struct store *store, const struct digest *diff_ids, size_t count,
			    const char *name, const struct buf *chain, struct err *err)
{
	char work[STORE_WORK_NAME_MAX];
	char root[STORE_WORK_NAME_MAX + 8];
	int r = store_work_name(store, work, err);

	if (r < 0)
		return r;
	if (mkdirat(store->dirfd, work, 0700) < 0)
		return fail(err, errno, "make '%s' in '%s'", work, store->path);
	snprintf(root, sizeof(root), "%s/root", work);
	r = make(store, diff_ids, count, may_share(store, diff_ids, count), root, err);
	if (r == 0)
		r = publish(store, work, name, chain, err);
	if (r <= 0)
		(void)!remove_tree(store->dirfd, work, NULL);
	return r;
}

int merge_read_only(const struct store *store, const struct digest *diff_ids, size_t count,
		    struct buf *path, struct err *err)
{
	const char *hex = count ? digest_hex(&diff_ids[count - 1]) : "empty";
	auto_buf chain = { 0 };
	char name[96];
	int r;

	merge_print_chain(diff_ids, count, &chain);
	do {
		r = find_name(store, hex, &chain, name, err);
		if (r == -ENOENT)
			r = make_and_publish(store, diff_ids, count, name, &chain, err);
	} while (r == 0);
	if (r < 0)
		return err_wrap(err, "merge the layers");
	buf_printf(path, "%s/%s/root", store->path, name);
	return 0;
}

/* Those come along when the file is copied, and may be changed there. */
static bool is_copied(const struct tree_entry *entry, const struct xattr *xattr)
{
	if (!text_starts(xattr->name, "user."))
		return false;
	for (size_t i = 0; i < entry->disk_xattr_count; i++)
		if (strcmp(entry->disk_xattrs[i].name, xattr->name) == 0)
			return true;
	return false;
}

static struct owner owner_of(const struct tree_entry *entry, struct arena *arena)
{
	struct owner owner = {
		.path = arena_copy(arena, entry->path),
		.uid = entry->uid,
		.gid = entry->gid,
		.has_mode = !S_ISLNK(entry->mode),
		.mode = entry->mode & 07777,
		.rdev_major = entry->rdev_major,
		.rdev_minor = entry->rdev_minor,
		.xattrs = arena_array(arena, struct xattr, entry->xattr_count),
	};

	if (!S_ISREG(entry->mode) && !S_ISDIR(entry->mode) && !S_ISLNK(entry->mode))
		owner.type = entry->mode & S_IFMT;
	for (size_t i = 0; i < entry->xattr_count; i++) {
		const struct xattr *xattr = &entry->xattrs[i];

		if (is_copied(entry, xattr))
			continue;
		owner.xattrs[owner.xattr_count++] = (struct xattr){
			.name = arena_copy(arena, xattr->name),
			.value = arena_copy_bytes(arena, xattr->value, xattr->size_bytes),
			.size_bytes = xattr->size_bytes,
		};
	}
	return owner;
}

/* The disk shows the rest: a user's own file with these permissions. */
static bool is_plain(const struct tree_entry *entry)
{
	return !entry->uid && !entry->gid && !entry->xattr_count &&
	       (S_ISREG(entry->mode) || S_ISDIR(entry->mode) || S_ISLNK(entry->mode)) &&
	       (S_ISLNK(entry->mode) || (entry->mode & 07777) == (entry->disk_mode & 07777));
}

int merge_owners(const struct view *view, struct arena *arena, struct owners *ret_owners,
		 struct err *err)
{
	auto_tree tree = { 0 };
	struct owners owners = { 0 };
	int r = tree_of_view(view, &tree, err);

	if (r < 0)
		return r;
	owners.item = arena_array(arena, struct owner, tree.count);
	for (size_t i = 0; i < tree.count; i++)
		if (tree.item[i].kind == TREE_ENTRY && !is_plain(&tree.item[i]))
			owners.item[owners.count++] = owner_of(&tree.item[i], arena);
	*ret_owners = owners;
	return 0;
}
