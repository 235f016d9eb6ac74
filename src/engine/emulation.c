// SPDX-License-Identifier: Apache-2.0
#include "engine/emulation.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "rootemu/owned.h"

#define DEPTH_MAX	 512
#define REPORT_BYTES_MAX ((size_t)512 << 20)

int emulation_open(struct emulation *emulation, struct err *err)
{
	const char *mode = getenv("ROOTLET_TAP");
	struct tap_options options = { .trap_only = mode && strcmp(mode, "trap") == 0,
				       .copies_up = true };
	int r;

	emulation->report_fd = -1;
	r = tap_session_open(&emulation->session, &options, err);
	if (r < 0 || !emulation->collects)
		return r;
	emulation->report_fd = memfd_create("owners", MFD_CLOEXEC);
	if (emulation->report_fd >= 0)
		return 0;
	fail(err, errno, "memory for owners");
	tap_session_done(&emulation->session);
	return -err->code;
}

void emulation_done(struct emulation *emulation)
{
	tap_session_done(&emulation->session);
	if (emulation->report_fd >= 0)
		close(emulation->report_fd);
}

int emulation_seed(struct emulation *emulation, struct err *err)
{
	auto_fd root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct view *view = emulation->layers;
	int r = 0;

	if (root_fd < 0)
		return fail(err, errno, "open the root");
	if (emulation->merged)
		return owned_seed(&emulation->session.lies, root_fd, -1, emulation->merged, err);
	for (size_t i = view ? view->count : 0; r == 0 && i-- > 0;)
		r = owned_seed(&emulation->session.lies, root_fd, view->layer[i].dirfd,
			       &view->layer[i].owners, err);
	return r;
}

/* ---- after ---- */

/* The report: for each file a header, its path, then for each attribute its sizes, name, value.
 * The last header has one of these for path_bytes; after REPORT_FAILED comes a struct err. */
#define REPORT_COMPLETE UINT32_MAX
#define REPORT_FAILED	(UINT32_MAX - 1)

struct report_file {
	uint32_t path_bytes;
	uint32_t xattr_count;
	struct lie lie;
};

struct report_xattr {
	uint32_t name_bytes;
	uint32_t value_bytes;
};

struct collector {
	struct emulation *emulation;
	struct err *err;
	unsigned depth;
	char path[PATH_MAX]; /* absolute */
};

static int put(struct collector *collector, const void *bytes, size_t size_bytes)
{
	int r = io_write_all(collector->emulation->report_fd, bytes, size_bytes);

	return r < 0 ? fail(collector->err, -r, "note the owner of '%s'", collector->path) : 0;
}

static uint32_t count_xattrs(struct lies *lies, const struct lie_row *row)
{
	uint32_t cursor = 0;
	uint32_t count = 0;
	const char *name;
	bool removed;

	while (lies_xattr_next(lies, row, &cursor, &name, &removed))
		count += !removed;
	return count;
}

static int put_xattrs(struct collector *collector, struct lies *lies, const struct lie_row *row)
{
	uint32_t cursor = 0;
	const char *name;
	bool removed;
	int r = 0;

	while (r == 0 && lies_xattr_next(lies, row, &cursor, &name, &removed)) {
		const void *value;
		struct report_xattr header = { .name_bytes = (uint32_t)strlen(name) };

		if (removed ||
		    lies_xattr_get(lies, row, name, &value, &header.value_bytes) != LIES_XATTR_SET)
			continue;
		r = put(collector, &header, sizeof(header));
		if (r == 0)
			r = put(collector, name, header.name_bytes);
		if (r == 0)
			r = put(collector, value, header.value_bytes);
	}
	return r;
}

static int look(const char *path, struct statx *x)
{
	return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, x);
}

static int collect_one(struct collector *collector)
{
	struct lies *lies = &collector->emulation->session.lies;
	struct report_file header = { 0 };
	const struct lie_row *row;
	struct file_id id;
	struct statx x;
	int r;

	if (look(collector->path, &x) < 0)
		return errno == ENOENT
			       ? 0
			       : fail(collector->err, errno, "look at '%s'", collector->path);
	id = lies_id_of(&x);
	row = lies_find(lies, &id);
	if (!row)
		return 0;
	lies_read(row, &header.lie);
	header.path_bytes = (uint32_t)strlen(collector->path + 1);
	header.xattr_count = count_xattrs(lies, row);
	r = put(collector, &header, sizeof(header));
	if (r == 0)
		r = put(collector, collector->path + 1, header.path_bytes);
	return r < 0 ? r : put_xattrs(collector, lies, row);
}

static int collect_directory(struct collector *collector, int fd);

static int collect_entry(struct collector *collector, int directory_fd, const char *name)
{
	size_t length = strlen(collector->path);
	size_t more = strlen(name);
	int fd;
	int r;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	if (length + more + 2 > sizeof(collector->path) || collector->depth > DEPTH_MAX)
		return fail(collector->err, ENAMETOOLONG, "owners below '%s'", collector->path);
	if (length > 1)
		collector->path[length] = '/';
	memcpy(collector->path + length + (length > 1), name, more + 1);
	r = collect_one(collector);
	fd = r < 0 ? -1
		   : openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0) {
		collector->depth++;
		r = collect_directory(collector, fd);
		collector->depth--;
		close(fd);
	} else if (r == 0 && errno != ENOTDIR && errno != ELOOP && errno != ENXIO) {
		r = fail(collector->err, errno, "open '%s'", collector->path);
	}
	collector->path[length] = '\0';
	return r;
}

/* getdents64(2) itself: opendir(3) allocates. */
static int collect_directory(struct collector *collector, int fd)
{
	_Alignas(struct dirent64) char entries[8192];

	for (;;) {
		long n = syscall(SYS_getdents64, fd, entries, sizeof(entries));

		if (n < 0)
			return fail(collector->err, errno, "list '%s'", collector->path);
		if (n == 0)
			return 0;
		for (long at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(entries + at);
			int r = collect_entry(collector, fd, entry->d_name);

			if (r < 0)
				return r;
			at += entry->d_reclen;
		}
	}
}

static int collect(struct collector *collector, int upper_fd)
{
	auto_fd fd = openat(upper_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return fail(collector->err, errno, "open the upper directory");
	r = collect_one(collector);
	return r < 0 ? r : collect_directory(collector, fd);
}

void emulation_collect(struct emulation *emulation, int upper_fd)
{
	struct err err = { 0 };
	struct collector collector = { .emulation = emulation, .err = &err, .path = "/" };
	struct report_file last = { .path_bytes = REPORT_COMPLETE };

	if (collect(&collector, upper_fd) < 0)
		last.path_bytes = REPORT_FAILED;
	io_write_all(emulation->report_fd, &last, sizeof(last));
	if (last.path_bytes == REPORT_FAILED)
		io_write_all(emulation->report_fd, &err, sizeof(err));
}

/* ---- reading the report ---- */

struct report {
	const char *at;
	const char *end;
};

static const void *take(struct report *report, size_t size_bytes)
{
	const char *taken = report->at;

	if ((size_t)(report->end - report->at) < size_bytes)
		return NULL;
	report->at += size_bytes;
	return taken;
}

static int compare_xattrs(const void *a, const void *b)
{
	return strcmp(((const struct xattr *)a)->name, ((const struct xattr *)b)->name);
}

static bool read_xattrs(struct report *report, struct arena *arena, struct emulated *emulated)
{
	for (size_t i = 0; i < emulated->xattr_count; i++) {
		const void *bytes = take(report, sizeof(struct report_xattr));
		struct report_xattr header;
		const void *name;
		const void *value;

		if (!bytes)
			return false;
		memcpy(&header, bytes, sizeof(header));
		name = take(report, header.name_bytes);
		value = take(report, header.value_bytes);
		if (!name || !value)
			return false;
		emulated->xattrs[i] = (struct xattr){
			.name = arena_copy_bytes(arena, name, header.name_bytes),
			.value = arena_copy_bytes(arena, value, header.value_bytes),
			.size_bytes = header.value_bytes,
		};
	}
	qsort(emulated->xattrs, emulated->xattr_count, sizeof(*emulated->xattrs), compare_xattrs);
	return true;
}

static bool read_file(struct report *report, const struct report_file *from, struct arena *arena,
		      struct map *by_path)
{
	struct emulated *emulated = arena_new(arena, struct emulated);
	const struct report_file header = *from;
	const void *path = take(report, header.path_bytes);

	if (!path)
		return false;
	*emulated = (struct emulated){
		.uid = header.lie.uid == LIES_KEEP ? 0 : header.lie.uid,
		.gid = header.lie.gid == LIES_KEEP ? 0 : header.lie.gid,
		.mode_mask = header.lie.mode_mask,
		.mode_bits = header.lie.mode_bits,
		.rdev_major = header.lie.rdev_major,
		.rdev_minor = header.lie.rdev_minor,
		.xattr_count = header.xattr_count,
		.xattrs = arena_array(arena, struct xattr, header.xattr_count),
	};
	if (!read_xattrs(report, arena, emulated))
		return false;
	map_set(by_path, arena_copy_bytes(arena, path, header.path_bytes), emulated);
	return true;
}

static int read_files(struct report *report, struct arena *arena, struct map *by_path,
		      struct err *err)
{
	const void *bytes;

	while ((bytes = take(report, sizeof(struct report_file)))) {
		struct report_file header;

		memcpy(&header, bytes, sizeof(header));
		if (header.path_bytes == REPORT_COMPLETE)
			return 0;
		if (header.path_bytes == REPORT_FAILED) {
			bytes = take(report, sizeof(*err));
			if (!bytes)
				break;
			memcpy(err, bytes, sizeof(*err));
			return -err->code;
		}
		if (!read_file(report, &header, arena, by_path))
			break;
	}
	return fail_plain(err, EUCLEAN, "the report of owners is cut short");
}

int emulation_read(const struct emulation *emulation, struct arena *arena, struct map *ret_by_path,
		   struct err *err)
{
	auto_buf text = { 0 };
	struct report report;
	int r;

	if (lseek(emulation->report_fd, 0, SEEK_SET) < 0)
		return fail(err, errno, "read back owners");
	r = io_read_to_end(emulation->report_fd, REPORT_BYTES_MAX, &text, err);
	if (r < 0)
		return err_wrap(err, "read back owners");
	report = (struct report){ .at = buf_text(&text), .end = buf_text(&text) + text.size_bytes };
	return read_files(&report, arena, ret_by_path, err);
}
