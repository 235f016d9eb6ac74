// SPDX-License-Identifier: Apache-2.0
#include "store/refs.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/strings.h"
#include "image/manifest.h"
#include "sys/settled.h"

#define ENTRY_SIZE_MAX 65536
#define PATH_ROOM      1024
#define DEPTH_MAX      130 /* components of a name of 255 bytes, and the host */
#define TAGS	       "_tags"
#define DIGESTS	       "_digests"
#define UNTAGGED       "_untagged"

/* Where the reference's file is, below the store. */
static void path_of(const struct ref *ref, char path[PATH_ROOM])
{
	bool by_tag = ref->tag[0];

	snprintf(path, PATH_ROOM, "refs/%s/%s/%s/%s", ref->host, ref->name, by_tag ? TAGS : DIGESTS,
		 by_tag ? ref->tag : digest_hex(&ref->digest));
}

static void path_of_untagged(const struct digest *digest, char path[PATH_ROOM])
{
	snprintf(path, PATH_ROOM, "refs/" UNTAGGED "/%s", digest_hex(digest));
}

/* --- reading one --- */

static int read_entry(int dirfd, const char *path, struct arena *arena,
		      struct descriptor *ret_descriptor, struct err *err)
{
	auto_buf bytes = { 0 };
	auto_json *json = NULL;
	int r = settled_read_file_at(dirfd, path, ENTRY_SIZE_MAX, &bytes, err);

	if (r < 0)
		return r;
	r = json_parse(bytes.bytes ? bytes.bytes : "", bytes.size_bytes, &json, err);
	if (r == 0)
		r = descriptor_parse(json, arena, ret_descriptor, err);
	if (r < 0)
		return err_wrap(err, "'%s' in the store is damaged", path);
	return 0;
}

static int not_here(const struct ref *ref, struct err *err)
{
	char text[REF_TEXT_MAX];

	fail_plain(err, ENOENT, "no image '%s' in the store", ref_familiar(ref, text));
	err_hint(err, "'rootlet images' lists what there is, 'rootlet pull' fetches more");
	return -ENOENT;
}

static int get(const struct store *store, const struct ref *ref, struct arena *arena,
	       struct descriptor *ret_descriptor, struct err *err)
{
	char path[PATH_ROOM];
	int r;

	path_of(ref, path);
	r = read_entry(store->dirfd, path, arena, ret_descriptor, err);
	if (r == -ENOENT || r == -ENOTDIR)
		return not_here(ref, err);
	return r;
}

/* name:tag@digest: the digest decides (distribution/reference); any name in the repository that
 * has it will do. */
static int get_by_digest(const struct store *store, const struct ref *ref, struct arena *arena,
			 struct descriptor *ret_descriptor, struct err *err)
{
	struct ref_entry *entries;
	size_t count;
	int r = refs_list(store, arena, &entries, &count, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		if (!digest_equal(&entries[i].descriptor.digest, &ref->digest) ||
		    strcmp(entries[i].ref.host, ref->host) != 0 ||
		    strcmp(entries[i].ref.name, ref->name) != 0)
			continue;
		*ret_descriptor = entries[i].descriptor;
		return 0;
	}
	return not_here(ref, err);
}

static int get_here(const struct store *store, const struct ref *ref, struct arena *arena,
		    struct descriptor *ret_descriptor, struct err *err)
{
	struct descriptor descriptor;
	int r = get(store, ref, arena, &descriptor, err);

	if (r < 0 && r != -ENOENT)
		return r;
	if (!digest_is_none(&ref->digest) &&
	    (r == -ENOENT || !digest_equal(&descriptor.digest, &ref->digest)))
		return get_by_digest(store, ref, arena, ret_descriptor, err);
	if (r == 0)
		*ret_descriptor = descriptor;
	return r;
}

int refs_find(const struct store *store, const struct ref *ref, struct arena *arena,
	      struct ref_entry *ret_entry, struct err *err)
{
	const struct store *each;
	int r = -ENOENT;

	for (size_t i = 0; r == -ENOENT && (each = store_at(store, i)); i++) {
		struct err *first = i == 0 ? err : NULL;

		r = get_here(each, ref, arena, &ret_entry->descriptor, first);
		if (r < 0)
			continue;
		if (i > 0 && err)
			err_clear(err);
		ret_entry->store_path = i > 0 ? each->path : NULL;
		ret_entry->ref = *ref;
	}
	return r;
}

int refs_get(const struct store *store, const struct ref *ref, struct arena *arena,
	     struct descriptor *ret_descriptor, struct err *err)
{
	struct ref_entry entry = { 0 };
	int r = refs_find(store, ref, arena, &entry, err);

	if (r == 0)
		*ret_descriptor = entry.descriptor;
	return r;
}

/* --- listing --- */

struct walk {
	struct arena *arena;
	struct ref_entry *entries;
	size_t count;
	size_t room;
	struct strings *damaged; /* NULL: the first one ends it */
	struct err *err;
};

static struct ref_entry *add_entry(struct walk *walk)
{
	if (walk->count == walk->room) {
		walk->room = walk->room ? 2 * walk->room : 64;
		walk->entries = memory_resize(walk->entries, walk->room, sizeof(struct ref_entry));
	}
	memset(&walk->entries[walk->count], 0, sizeof(struct ref_entry));
	return &walk->entries[walk->count++];
}

/* `path` is "HOST/NAME.../_tags/TAG", "HOST/NAME.../_digests/HEX" or "_untagged/HEX", already
 * seen to be of that shape. */
static int name_entry(struct ref_entry *entry, const char *path, struct err *err)
{
	auto_free char *copy = memory_copy_text(path);
	char *last = strrchr(copy, '/');
	char *kind;
	auto_buf text = { 0 };

	*last++ = '\0';
	if (strcmp(copy, UNTAGGED) == 0) {
		entry->untagged = true;
		return 0;
	}
	kind = strrchr(copy, '/');
	*kind++ = '\0';
	if (strcmp(kind, TAGS) == 0)
		buf_printf(&text, "%s:%s", copy, last);
	else
		buf_printf(&text, "%s@sha256:%s", copy, last);
	return ref_parse(text.bytes, &entry->ref, err);
}

/* A name removed since the directory was read is simply not listed. */
static int visit_file(struct walk *walk, int dirfd, const char *name, const char *path)
{
	struct ref_entry *entry = add_entry(walk);
	struct stat st;
	int r = read_entry(dirfd, name, walk->arena, &entry->descriptor, walk->err);

	if (r == -ENOENT) {
		err_clear(walk->err);
		walk->count--;
		return 0;
	}
	if (r == 0)
		r = name_entry(entry, path, walk->err);
	if ((r == -EINVAL || r == -EUCLEAN) && walk->damaged) {
		strings_printf(walk->damaged, "refs/%s", path);
		err_clear(walk->err);
		walk->count--;
		return 0;
	}
	if (r < 0)
		return err_wrap(walk->err, "'refs/%s'", path);
	if (fstatat(dirfd, name, &st, 0) == 0)
		entry->set_at_s = st.st_mtime;
	return 0;
}

static void cleanup_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int visit_directory(struct walk *walk, int parent_fd, const char *name, const char *path,
			   int depth);

static int visit(struct walk *walk, DIR *dir, const char *name, bool leaves, const char *path,
		 int depth)
{
	auto_buf below = { 0 };

	if (name[0] == '.') /* no name begins so, but what NFS keeps of a replaced file does */
		return 0;
	buf_printf(&below, "%s%s%s", path, *path ? "/" : "", name);
	if (leaves)
		return visit_file(walk, dirfd(dir), name, below.bytes);
	return visit_directory(walk, dirfd(dir), name, below.bytes, depth + 1);
}

static int visit_directory(struct walk *walk, int parent_fd, const char *name, const char *path,
			   int depth)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup(cleanup_dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	bool leaves = strcmp(name, TAGS) == 0 || strcmp(name, DIGESTS) == 0 ||
		      strcmp(name, UNTAGGED) == 0;
	struct dirent *entry;

	if (!dir && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (!dir || depth > DEPTH_MAX) {
		if (fd >= 0 && !dir)
			close(fd);
		return fail(walk->err, dir ? ELOOP : errno, "read 'refs/%s' in the store", path);
	}
	while ((errno = 0, entry = readdir(dir))) {
		int r = visit(walk, dir, entry->d_name, leaves, path, depth);

		if (r < 0)
			return r;
	}
	if (errno)
		return fail(walk->err, errno, "read 'refs/%s' in the store", path);
	return 0;
}

static int compare_entries(const void *left, const void *right)
{
	const struct ref_entry *a = left;
	const struct ref_entry *b = right;
	int order;

	if (a->untagged != b->untagged)
		return a->untagged ? 1 : -1;
	if (a->untagged)
		return strcmp(a->descriptor.digest.text, b->descriptor.digest.text);
	order = strcmp(a->ref.host, b->ref.host);
	if (order == 0)
		order = strcmp(a->ref.name, b->ref.name);
	if (order == 0)
		order = strcmp(a->ref.tag, b->ref.tag);
	return order ? order : strcmp(a->ref.digest.text, b->ref.digest.text);
}

int refs_list_sound(const struct store *store, struct arena *arena, struct ref_entry **ret_entries,
		    size_t *ret_count, struct strings *damaged, struct err *err)
{
	struct walk walk = { .arena = arena, .damaged = damaged, .err = err };
	int r = visit_directory(&walk, store->dirfd, "refs", "", 0);

	if (r == 0) {
		if (walk.count)
			qsort(walk.entries, walk.count, sizeof(*walk.entries), compare_entries);
		*ret_entries = arena_array(arena, struct ref_entry, walk.count);
		if (walk.count)
			memcpy(*ret_entries, walk.entries, walk.count * sizeof(*walk.entries));
		*ret_count = walk.count;
	}
	free(walk.entries);
	return r;
}

int refs_list(const struct store *store, struct arena *arena, struct ref_entry **ret_entries,
	      size_t *ret_count, struct err *err)
{
	return refs_list_sound(store, arena, ret_entries, ret_count, NULL, err);
}

int refs_list_everywhere(const struct store *store, struct arena *arena,
			 struct ref_entry **ret_entries, size_t *ret_count, struct err *err)
{
	const struct store *each;
	struct ref_entry *all = NULL;
	size_t count = 0;

	for (size_t i = 0; (each = store_at(store, i)); i++) {
		struct ref_entry *entries;
		struct ref_entry *joined;
		size_t more;
		int r = refs_list(each, arena, &entries, &more, err);

		if (r < 0)
			return err_wrap(err, "store '%s'", each->path);
		for (size_t j = 0; j < more; j++)
			entries[j].store_path = i > 0 ? each->path : NULL;
		joined = arena_array(arena, struct ref_entry, count + more);
		if (count)
			memcpy(joined, all, count * sizeof(*all));
		if (more)
			memcpy(joined + count, entries, more * sizeof(*entries));
		all = joined;
		count += more;
	}
	*ret_entries = all;
	*ret_count = count;
	return 0;
}

/* --- the derived index.json --- */

static int print_index(const struct store *store, struct buf *buf, struct err *err)
{
	auto_arena arena = { 0 };
	struct index index = { 0 };
	struct ref_entry *entries;
	size_t count;
	int r = refs_list(store, &arena, &entries, &count, err);

	if (r < 0)
		return r;
	index.manifests = arena_array(&arena, struct descriptor, count);
	index.manifest_count = count;
	for (size_t i = 0; i < count; i++) {
		struct descriptor *descriptor = &index.manifests[i];
		char text[REF_TEXT_MAX];

		*descriptor = entries[i].descriptor;
		descriptor->annotations = (struct annotations){ 0 };
		if (entries[i].untagged)
			continue;
		descriptor->annotations.item = arena_new(&arena, struct annotation);
		descriptor->annotations.count = 1;
		descriptor->annotations.item->key = ANNOTATION_REF_NAME;
		descriptor->annotations.item->value = arena_copy(&arena,
								 ref_format(&entries[i].ref, text));
	}
	index_print(&index, buf);
	return 0;
}

/* Whoever writes looks again afterwards: the last of several writers at once sees the names of
 * all, and an older list that was renamed over a newer one is noticed by who did it. */
int refs_write_index(const struct store *store, struct err *err)
{
	auto_buf written = { 0 };
	int r = print_index(store, &written, err);

	while (r == 0) {
		auto_buf now = { 0 };

		r = io_replace_file_at(store->dirfd, "index.json", written.bytes,
				       written.size_bytes, 0600, err);
		if (r == 0)
			r = print_index(store, &now, err);
		if (r < 0 || strcmp(buf_text(&now), buf_text(&written)) == 0)
			break;
		buf_truncate(&written, 0);
		buf_add(&written, now.bytes, now.size_bytes);
	}
	return r < 0 ? err_wrap(err, "index.json of '%s'", store->path) : 0;
}

int refs_index_is_true(const struct store *store, bool *ret_true, struct err *err)
{
	auto_buf wanted = { 0 };
	auto_buf present = { 0 };
	int r = print_index(store, &wanted, err);

	if (r < 0)
		return r;
	*ret_true = settled_read_file_at(store->dirfd, "index.json", wanted.size_bytes, &present,
					 NULL) == 0 &&
		    strcmp(buf_text(&present), buf_text(&wanted)) == 0;
	return 0;
}

/* --- changing --- */

static int make_parents(int dirfd, const char *path, struct err *err)
{
	auto_free char *copy = memory_copy_text(path);

	for (char *slash = strchr(copy, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(dirfd, copy, 0700) < 0 && errno != EEXIST)
			return fail(err, errno, "make '%s' in the store", copy);
		*slash = '/';
	}
	return 0;
}

static int write_file(int dirfd, const char *name, const struct buf *text, struct err *err)
{
	auto_fd fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return fail(err, errno, "create '%s' in the store", name);
	r = io_write_all(fd, text->bytes, text->size_bytes);
	if (r < 0)
		return fail(err, -r, "write '%s' in the store", name);
	if (fsync(fd) < 0)
		return fail(err, errno, "fsync '%s' in the store", name);
	return 0;
}

/* A parent may be removed by refs_remove between making it and the rename: make it again. */
static int rename_into_place(int dirfd, const char *work, const char *path, struct err *err)
{
	for (int attempt = 0;; attempt++) {
		int r = make_parents(dirfd, path, err);

		if (r < 0 && r != -ENOENT)
			return r;
		if (r == 0 && renameat(dirfd, work, dirfd, path) == 0)
			return 0;
		if ((r == 0 && errno != ENOENT) || attempt == 100)
			return fail(err, errno, "publish '%s' in the store", path);
	}
}

static int sync_folder_of(int dirfd, const char *path, struct err *err)
{
	auto_free char *folder = memory_copy_text(path);
	auto_fd fd = -1;

	*strrchr(folder, '/') = '\0';
	fd = openat(dirfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) /* removed again already */
		return 0;
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
		return fail(err, errno, "fsync '%s' in the store", folder);
	return 0;
}

/* Naming an image again what it is named costs no fsync: a build found in the cache does so. */
static bool holds_already(const struct store *store, const char *path, const struct buf *text)
{
	auto_buf present = { 0 };

	return io_read_file_at(store->dirfd, path, text->size_bytes, &present, NULL) == 0 &&
	       present.size_bytes == text->size_bytes &&
	       memcmp(present.bytes, text->bytes, text->size_bytes) == 0;
}

/* The image that a name is taken from: gc spares it for those who have found it by that name. */
static void mark_left(const struct store *store, const char *path)
{
	auto_arena arena = { 0 };
	struct descriptor left;
	char name[STORE_NAME_MAX];

	if (read_entry(store->dirfd, path, &arena, &left, NULL) == 0)
		store_mark_left(store, store_blob_name(&left.digest, name));
}

static int set(const struct store *store, const char *path, const struct descriptor *descriptor,
	       struct err *err)
{
	auto_json *json = descriptor_to_json(descriptor);
	auto_buf text = { 0 };
	char work[STORE_WORK_NAME_MAX];
	int r;

	json_print(json, JSON_ONE_LINE, &text);
	buf_add_char(&text, '\n');
	if (holds_already(store, path, &text))
		return 0;
	r = store_work_name(store, work, err);
	if (r < 0)
		return r;
	r = write_file(store->dirfd, work, &text, err);
	if (r == 0)
		mark_left(store, path);
	if (r == 0)
		r = rename_into_place(store->dirfd, work, path, err);
	if (r == 0)
		r = sync_folder_of(store->dirfd, path, err);
	if (r == 0)
		r = refs_write_index(store, err);
	return r;
}

int refs_set(const struct store *store, const struct ref *ref, const struct descriptor *descriptor,
	     struct err *err)
{
	char path[PATH_ROOM];
	char text[REF_TEXT_MAX];
	int r;

	path_of(ref, path);
	r = set(store, path, descriptor, err);
	return r < 0 ? err_wrap(err, "name '%s'", ref_familiar(ref, text)) : 0;
}

int refs_set_untagged(const struct store *store, const struct descriptor *descriptor,
		      struct err *err)
{
	char path[PATH_ROOM];
	int r;

	path_of_untagged(&descriptor->digest, path);
	r = set(store, path, descriptor, err);
	return r < 0 ? err_wrap(err, "keep image %s", descriptor->digest.text) : 0;
}

/* Folders that became empty go too, up to refs/; ENOTEMPTY ends that. */
static void remove_empty_parents(int dirfd, const char *path)
{
	auto_free char *copy = memory_copy_text(path);

	for (char *slash; (slash = strrchr(copy, '/'));) {
		*slash = '\0';
		if (!strchr(copy, '/') || unlinkat(dirfd, copy, AT_REMOVEDIR) < 0)
			return;
	}
}

int refs_remove(const struct store *store, const struct ref_entry *entry, struct err *err)
{
	char path[PATH_ROOM];

	if (entry->untagged)
		path_of_untagged(&entry->descriptor.digest, path);
	else
		path_of(&entry->ref, path);
	mark_left(store, path);
	if (unlinkat(store->dirfd, path, 0) < 0) {
		if (errno == ENOENT && !entry->untagged)
			return not_here(&entry->ref, err);
		return fail(err, errno, "remove '%s' from the store", path);
	}
	remove_empty_parents(store->dirfd, path);
	return refs_write_index(store, err);
}
