// SPDX-License-Identifier: Apache-2.0
/* Upper directories made by hand, with the marks that overlayfs leaves, over layers of a store.
 * Every layer made here is unpacked again from its blob into a second store: the tree on disk and
 * the record must be the same, whichever way a layer came to be there. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "base/io.h"
#include "base/strings.h"
#include "codec/stream.h"
#include "rootfs/layer.h"
#include "rootfs/snapshot.h"
#include "rootfs/tree.h"
#include "scratch.h"
#include "store/blob.h"
#include "sys/remove.h"

static char folder[SCRATCH_BYTES];
static struct store store = STORE_NONE;
static struct store second = STORE_NONE;
static char upper_name[STORE_WORK_NAME_MAX];
static char upper[400]; /* its path */
static struct view lower;
static struct snapshot snapshot;
static struct buf list; /* of the layer's archive, an entry a line */

static int set_up(void **state)
{
	struct err err = { 0 };
	char path[128];

	(void)state;
	if (scratch_make(folder) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/one", folder);
	if (store_open(path, &store, &err) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/two", folder);
	view_init(&lower);
	return store_open(path, &second, &err);
}

static int tear_down(void **state)
{
	(void)state;
	view_done(&lower);
	buf_done(&list);
	store_done(&store);
	store_done(&second);
	return remove_tree(AT_FDCWD, folder, NULL);
}

/* --- making upper directories --- */

static const char *in_upper(const char *path)
{
	static char full[2][1200];
	static int turn;

	turn = !turn;
	snprintf(full[turn], sizeof(full[turn]), "%s/%s", upper, path);
	return full[turn];
}

static void new_upper(void)
{
	struct err err = { 0 };

	assert_int_equal(store_work_name(&store, upper_name, &err), 0);
	snprintf(upper, sizeof(upper), "%s/%s", store.path, upper_name);
	assert_int_equal(mkdir(upper, 0755), 0);
}

static void set_time(const char *path, time_t seconds)
{
	struct timespec times[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };

	assert_int_equal(utimensat(AT_FDCWD, in_upper(path), times, AT_SYMLINK_NOFOLLOW), 0);
}

static void file(const char *path, const char *content, mode_t mode)
{
	FILE *out = fopen(in_upper(path), "w");

	assert_non_null(out);
	fputs(content, out);
	fclose(out);
	set_time(path, 1000);
	assert_int_equal(chmod(in_upper(path), mode), 0);
}

static void directory(const char *path, mode_t mode)
{
	assert_int_equal(mkdir(in_upper(path), 0755), 0);
	assert_int_equal(chmod(in_upper(path), mode), 0);
}

static void copied_up(const char *path)
{
	struct stat st;

	assert_int_equal(stat(in_upper(path), &st), 0);
	assert_int_equal(chmod(in_upper(path), st.st_mode | 0200), 0);
	assert_int_equal(lsetxattr(in_upper(path), "user.overlay.origin", "", 0, 0), 0);
	assert_int_equal(chmod(in_upper(path), st.st_mode), 0);
}

static void whiteout(const char *path)
{
	assert_int_equal(mknod(in_upper(path), S_IFCHR, makedev(0, 0)), 0);
}

static void opaque(const char *path)
{
	assert_int_equal(lsetxattr(in_upper(path), "user.overlay.opaque", "y", 1, 0), 0);
}

/* --- taking them --- */

static int read_stream(void *context, const void **ret_bytes, size_t *ret_size, struct err *err)
{
	return stream_next(context, ret_bytes, ret_size, err);
}

static void add_line(const struct tar_entry *entry)
{
	static const char letters[] = "fhlcbdp";

	buf_printf(&list, "%c %s %04o %u:%u", letters[entry->type], entry->path, entry->mode,
		   entry->uid, entry->gid);
	if (entry->link)
		buf_printf(&list, " -> %s", entry->link);
	for (size_t i = 0; i < entry->xattr_count; i++)
		buf_printf(&list, " %s", entry->xattrs[i].name);
	buf_add_char(&list, '\n');
}

static void list_archive(void)
{
	auto_fd fd = -1;
	struct byte_source source = byte_source_fd(&fd);
	auto_stream *stream = NULL;
	auto_tar_reader *reader = NULL;
	struct tar_input input = { .next = read_stream };
	struct tar_entry entry;
	struct err err = { 0 };

	buf_truncate(&list, 0);
	assert_int_equal(blob_open(&store, &snapshot.layer.digest, &fd, NULL, &err), 0);
	assert_int_equal(stream_new(&source, &stream, &err), 0);
	input.context = stream;
	reader = tar_reader_new(&input);
	while (tar_reader_next(reader, &entry, &err) > 0)
		add_line(&entry);
	assert_true(tar_reader_saw_end(reader));
}

static void record_of(const struct store *of, struct buf *text)
{
	char name[STORE_NAME_MAX];

	assert_int_equal(io_read_file_at(of->dirfd, store_owners_name(&snapshot.diff_id, name),
					 100000, text, NULL),
			 0);
}

static void tar_of(const struct store *of, struct buf *tar);

/* The same layer, unpacked from its blob. */
static void compare_with_unpacked(void)
{
	auto_fd fd = -1;
	struct byte_source source = byte_source_fd(&fd);
	struct layer_request request = { .source = &source, .diff_id = &snapshot.diff_id };
	auto_buf ours = { 0 };
	auto_buf theirs = { 0 };
	auto_buf our_tar = { 0 };
	auto_buf their_tar = { 0 };
	struct err err = { 0 };

	assert_int_equal(blob_open(&store, &snapshot.layer.digest, &fd, NULL, &err), 0);
	if (layer_unpack(&second, &request, NULL, &err) < 0)
		fail_msg("%s", err.text);
	record_of(&store, &ours);
	record_of(&second, &theirs);
	assert_string_equal(ours.bytes, theirs.bytes);
	tar_of(&store, &our_tar);
	tar_of(&second, &their_tar);
	assert_int_equal(our_tar.size_bytes, their_tar.size_bytes);
	assert_memory_equal(our_tar.bytes, their_tar.bytes, our_tar.size_bytes);
}

static int to_buf(void *context, const void *bytes, size_t size, struct err *err)
{
	(void)err;
	buf_add(context, bytes, size);
	return 0;
}

/* What the layer alone shows, but for the root's own entry. */
static void tar_of(const struct store *of, struct buf *tar)
{
	struct tree_tar_options options = { .clamp = true, .clamp_s = 2000 };
	struct tar_writer writer = { .write = to_buf, .context = tar };
	auto_tree tree = { 0 };
	auto_view view;
	struct err err = { 0 };

	view_init(&view);
	assert_int_equal(view_push_layers(&view, of, &snapshot.diff_id, 1, &err), 0);
	assert_int_equal(tree_of_view(&view, &tree, &err), 0);
	tree.item[0].mode = S_IFDIR | 0755;
	tree.item[0].mtime.tv_sec = 0;
	assert_int_equal(tree_write_tar(&tree, &options, &writer, &err), 0);
}

static struct snapshot_request request_of_upper(void)
{
	return (struct snapshot_request){ .store = &store,
					  .upper_name = upper_name,
					  .lower = lower.count ? &lower : NULL };
}

static void take_as(const struct snapshot_request *request)
{
	struct err err = { 0 };

	if (snapshot_take(request, &snapshot, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(access(upper, F_OK), -1);
	if (snapshot.empty)
		return;
	list_archive();
	compare_with_unpacked();
}

static void take(void)
{
	struct snapshot_request request = request_of_upper();

	take_as(&request);
}

static int fixed_lookup(void *context, const char *path, const struct statx *stx,
			struct snapshot_meta *ret_meta, struct err *err)
{
	static struct xattr capability = { "security.capability", "cap", 3 };

	(void)context;
	(void)err;
	if (strcmp(path, "etc/shadow") == 0)
		*ret_meta = (struct snapshot_meta){ .gid = 42, .mode = stx->stx_mode };
	else if (strcmp(path, "dev/null") == 0)
		*ret_meta = (struct snapshot_meta){ .mode = S_IFCHR | 0666,
						    .rdev_major = 1,
						    .rdev_minor = 3 };
	else if (strcmp(path, "bin/ping") == 0)
		*ret_meta = (struct snapshot_meta){ .mode = stx->stx_mode,
						    .xattrs = &capability,
						    .xattr_count = 1 };
	else
		return 0;
	return 1;
}

/* The layer that the others are put on. */
static void make_base(void)
{
	struct snapshot_request request;
	struct err err = { 0 };

	new_upper();
	directory("etc", 0755);
	file("etc/shadow", "secret", 0640);
	file("etc/hosts", "localhost", 0644);
	file("etc/none", "nothing", 0);
	directory("bin", 0755);
	file("bin/ping", "ping", 0755);
	directory("dev", 0755);
	file("dev/null", "", 0666);
	directory("closed", 0);
	directory("full", 0750);
	directory("full/sub", 0755);
	file("full/sub/file", "x", 0644);
	request = request_of_upper();
	request.lookup = fixed_lookup;
	take_as(&request);
	assert_int_equal(view_push_layer(&lower, &store, &snapshot.diff_id, &err), 0);
}

/* --- claims --- */

test(a_first_layer_holds_everything_with_its_true_owners)
{
	make_base();
	assert_string_equal(list.bytes, "d bin/ 0755 0:0\n"
					"f bin/ping 0755 0:0 security.capability\n"
					"d closed/ 0000 0:0\n"
					"d dev/ 0755 0:0\n"
					"c dev/null 0666 0:0\n"
					"d etc/ 0755 0:0\n"
					"f etc/hosts 0644 0:0\n"
					"f etc/none 0000 0:0\n"
					"f etc/shadow 0640 0:42\n"
					"d full/ 0750 0:0\n"
					"d full/sub/ 0755 0:0\n"
					"f full/sub/file 0644 0:0\n");
	assert_true(snapshot.entry_count == 12);
}

test(what_was_copied_up_and_not_changed_is_no_change)
{
	make_base();
	new_upper();
	directory("etc", 0755);
	copied_up("etc");
	file("etc/shadow", "secret", 0640);
	copied_up("etc/shadow");
	file("etc/none", "nothing", 0400); /* as it is on disk below */
	copied_up("etc/none");
	directory("closed", 0700);
	copied_up("closed");
	take();
	assert_true(snapshot.empty);
}

test(content_times_modes_and_attributes_are_changes)
{
	make_base();
	new_upper();
	directory("etc", 0755);
	file("etc/shadow", "Secret", 0640);
	copied_up("etc/shadow");
	directory("bin", 0755);
	file("bin/ping", "ping", 0755);
	copied_up("bin/ping");
	set_time("bin/ping", 1001);
	directory("full", 0755);
	directory("full/sub", 0755);
	file("full/sub/file", "x", 0644);
	copied_up("full/sub/file");
	assert_int_equal(setxattr(in_upper("full/sub/file"), "user.note", "n", 1, 0), 0);
	take();
	assert_string_equal(list.bytes, "d bin/ 0755 0:0\n"
					"f bin/ping 0755 0:0 security.capability\n"
					"d etc/ 0755 0:0\n"
					"f etc/shadow 0640 0:42\n"
					"d full/ 0755 0:0\n"
					"d full/sub/ 0755 0:0\n"
					"f full/sub/file 0644 0:0 user.note\n");
}

test(a_replaced_file_has_the_owner_of_new_files)
{
	struct snapshot_request request;

	make_base();
	new_upper();
	directory("etc", 0755);
	file("etc/shadow", "secret", 0640); /* not copied up: written anew and renamed */
	request = request_of_upper();
	request.new_uid = 1000;
	request.new_gid = 1001;
	take_as(&request);
	assert_string_equal(list.bytes, "d etc/ 0755 0:0\n"
					"f etc/shadow 0640 1000:1001\n");
}

test(deletions_count_where_there_was_something)
{
	make_base();
	new_upper();
	directory("etc", 0755);
	whiteout("etc/hosts");
	whiteout("etc/never-was");
	whiteout("full");
	whiteout("nothing");
	directory("bin", 0755);
	whiteout("bin/neither");
	take();
	assert_string_equal(list.bytes, "d etc/ 0755 0:0\n"
					"f etc/.wh.hosts 0000 0:0\n"
					"f .wh.full 0000 0:0\n");
}

test(opaque_counts_where_there_was_a_directory)
{
	make_base();
	new_upper();
	directory("full", 0750);
	opaque("full");
	file("full/new", "n", 0644);
	directory("fresh", 0755);
	opaque("fresh");
	directory("bin", 0755);
	directory("bin/ping", 0755); /* in place of a file */
	opaque("bin/ping");
	take();
	assert_string_equal(list.bytes, "d bin/ 0755 0:0\n"
					"d bin/ping/ 0755 0:0\n"
					"d fresh/ 0755 0:0\n"
					"d full/ 0750 0:0\n"
					"f full/.wh..wh..opq 0000 0:0\n"
					"f full/new 0644 0:0\n");
}

test(links_fifos_and_closed_files_are_kept_and_sockets_are_not)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	new_upper();
	directory("a", 0711);
	file("a/one", "1", 0400);
	assert_int_equal(link(in_upper("a/one"), in_upper("two")), 0);
	assert_int_equal(chmod(in_upper("two"), 0), 0);
	assert_int_equal(symlink("a/one", in_upper("link")), 0);
	assert_int_equal(mkfifo(in_upper("pipe"), 0622), 0);
	assert_int_equal(chmod(in_upper("pipe"), 0622), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", in_upper("s"));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	take();
	assert_string_equal(list.bytes, "d a/ 0711 0:0\n"
					"f a/one 0000 0:0\n"
					"l link 0777 0:0 -> a/one\n"
					"p pipe 0622 0:0\n"
					"h two 0000 0:0 -> a/one\n");
}

test(times_can_be_clamped)
{
	struct snapshot_request request;
	struct stat st;
	char path[600];

	new_upper();
	file("old", "x", 0644);
	file("new", "x", 0644);
	set_time("new", 5000);
	request = request_of_upper();
	request.clamp = true;
	request.clamp_s = 2000;
	take_as(&request);
	snprintf(path, sizeof(path), "%s/layers/%s", store.path, digest_hex(&snapshot.diff_id));
	assert_int_equal(chdir(path), 0);
	assert_int_equal(stat("new", &st), 0);
	assert_int_equal(st.st_mtime, 2000);
	assert_int_equal(stat("old", &st), 0);
	assert_int_equal(st.st_mtime, 1000);
	assert_int_equal(chdir("/"), 0);
}

test(of_a_complete_tree_what_is_missing_was_deleted)
{
	struct snapshot_request request;

	make_base();
	new_upper();
	directory("etc", 0755);
	file("etc/shadow", "secret", 0640);
	file("etc/none", "nothing", 0400);
	directory("bin", 0755);
	file("bin/ping", "changed", 0755);
	directory("dev", 0755);
	file("dev/null", "", 0666);
	directory("closed", 0700);
	request = request_of_upper();
	request.complete = true;
	take_as(&request);
	assert_string_equal(list.bytes, "d bin/ 0755 0:0\n"
					"f bin/ping 0755 0:0 security.capability\n"
					"d etc/ 0755 0:0\n"
					"f etc/.wh.hosts 0000 0:0\n"
					"f .wh.full 0000 0:0\n");
}

test(changes_of_the_root_itself_are_kept)
{
	new_upper();
	assert_int_equal(chmod(upper, 0711), 0);
	file("f", "x", 0644);
	take();
	assert_string_equal(list.bytes, "d ./ 0711 0:0\n"
					"f f 0644 0:0\n");
}

test(a_rename_by_redirect_is_refused)
{
	struct snapshot_request request;
	struct err err = { 0 };

	make_base();
	new_upper();
	directory("moved", 0755);
	assert_int_equal(setxattr(in_upper("moved"), "user.overlay.redirect", "full", 4, 0), 0);
	request = request_of_upper();
	assert_int_equal(snapshot_take(&request, &snapshot, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "'/moved'"));
	assert_int_equal(access(upper, F_OK), -1);
}

#define RUN_IN_STORES(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_IN_STORES(a_first_layer_holds_everything_with_its_true_owners),
		RUN_IN_STORES(what_was_copied_up_and_not_changed_is_no_change),
		RUN_IN_STORES(content_times_modes_and_attributes_are_changes),
		RUN_IN_STORES(a_replaced_file_has_the_owner_of_new_files),
		RUN_IN_STORES(deletions_count_where_there_was_something),
		RUN_IN_STORES(opaque_counts_where_there_was_a_directory),
		RUN_IN_STORES(links_fifos_and_closed_files_are_kept_and_sockets_are_not),
		RUN_IN_STORES(times_can_be_clamped),
		RUN_IN_STORES(of_a_complete_tree_what_is_missing_was_deleted),
		RUN_IN_STORES(changes_of_the_root_itself_are_kept),
		RUN_IN_STORES(a_rename_by_redirect_is_refused),
	};

	return RUN_ALL(tests);
}
