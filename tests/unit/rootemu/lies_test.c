// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/attributes.h"
#include "table.h"

static const struct file_id file = { 1ul << 32 | 2, 33, 1000 };

test(a_file_nothing_was_said_about_is_not_found)
{
	struct lies lies;

	table_new(&lies);
	assert_true(lies_empty(&lies));
	assert_null(lies_find(&lies, &file));
	assert_non_null(lies_make(&lies, &file));
	for (uint64_t inode = 34; inode < 5000; inode++)
		assert_null(lies_find(&lies, &(struct file_id){ file.device, inode, 1000 }));
	assert_null(lies_find(&lies, &(struct file_id){ 7, 33, 1000 }));
	table_done(&lies);
}

test(a_row_says_what_was_set_last)
{
	struct lie_row *row;
	struct lies lies;
	struct lie lie;

	table_new(&lies);
	row = lies_make(&lies, &file);
	lies_read(row, &lie);
	assert_int_equal(lie.uid, LIES_KEEP);
	assert_int_equal(lie.gid, LIES_KEEP);
	lies_set_owner(row, 5, LIES_KEEP);
	lies_set_owner(row, LIES_KEEP, 6);
	lies_set_mode(row, S_IFMT | S_ISUID, S_IFCHR | S_ISUID | 0777);
	lies_set_device(row, 1, 3);
	assert_ptr_equal(lies_find(&lies, &file), row);
	lies_read(row, &lie);
	assert_int_equal(lie.uid, 5);
	assert_int_equal(lie.gid, 6);
	assert_int_equal(lie.mode_bits,
			 S_IFCHR | S_ISUID); /* bits outside of the mask are dropped */
	assert_int_equal(lie.rdev_minor, 3);
	table_done(&lies);
}

test(the_next_file_with_the_inode_inherits_nothing)
{
	struct file_id next = { file.device, file.inode, 2000 };
	struct lie_row *row;
	struct lies lies;
	struct lie lie;

	table_new(&lies);
	row = lies_make(&lies, &file);
	lies_set_owner(row, 5, 6);
	lies_set_changed(row, 7000);
	assert_int_equal(lies_xattr_set(&lies, row, "user.a", "b", 1), 0);
	assert_null(lies_find(&lies, &next));
	row = lies_make(&lies, &next);
	lies_read(row, &lie);
	assert_int_equal(lie.uid, LIES_KEEP);
	assert_int_equal(lie.changed_ns, 0);
	assert_int_equal(
		lies_xattr_get(&lies, row, "user.a", &(const void *){ NULL }, &(uint32_t){ 0 }),
		LIES_XATTR_UNKNOWN);
	assert_null(lies_find(&lies, &file));
	table_done(&lies);
}

test(a_row_follows_its_file_through_a_copy_up)
{
	struct file_id later = { file.device, file.inode, 2000 };
	struct file_id elsewhere = { file.device, 99, 3000 };
	struct lie_row *row;
	struct lies lies;
	struct lie lie;

	table_new(&lies);
	row = lies_make(&lies, &file);
	lies_set_owner(row, 5, 6);
	lies_set_changed(row, 7000);
	lies_move_begin(row);
	assert_non_null(lies_find(&lies, &later)); /* nobody may see the lie gone meanwhile */
	assert_int_equal(lies_move_end(&lies, row, &later), 0);
	assert_non_null(lies_find(&lies, &later));
	assert_null(lies_find(&lies, &file));
	lies_move_begin(row);
	assert_int_equal(lies_move_end(&lies, row, &elsewhere), 0);
	lies_read(lies_find(&lies, &elsewhere), &lie);
	assert_int_equal(lie.uid, 5);
	assert_int_equal(lie.changed_ns, 7000);
	assert_non_null(lies_find(&lies, &later)); /* other hard links of the lower file */
	table_done(&lies);
}

test(only_files_older_than_the_session_may_be_copied_up)
{
	struct statx x = { .stx_mask = STATX_BTIME,
			   .stx_mode = S_IFREG,
			   .stx_btime = { .tv_sec = 5 } };
	struct lies lies;

	table_new(&lies);
	assert_true(lies_may_move(&lies, &x)); /* nobody has said yet */
	lies_settle(&lies, 5000000000u);
	assert_false(lies_may_move(&lies, &x));
	x.stx_btime.tv_sec = 4;
	assert_true(lies_may_move(&lies, &x));
	x.stx_mode = S_IFDIR;
	assert_false(lies_may_move(&lies, &x));
	x.stx_mode = S_IFREG;
	x.stx_mask = 0; /* no birth time: who knows */
	assert_true(lies_may_move(&lies, &x));
	lies_settle(&lies, 0);
	assert_false(lies_any_may_move(&lies));
	assert_false(lies_may_move(&lies, &x));
	table_done(&lies);
}

test(attributes_nothing_was_said_of_are_not_looked_for)
{
	struct lies lies;

	table_new(&lies);
	assert_false(lies_any_xattr(&lies));
	assert_int_equal(
		lies_xattr_set(&lies, lies_make(&lies, &file), "security.capability", "c", 1), 0);
	assert_true(lies_may_have_xattr(&lies, "security.capability"));
	assert_false(lies_may_have_xattr(&lies, "security.selinux"));
	assert_false(lies_may_have_xattr(&lies, "system.posix_acl_access"));
	table_done(&lies);
}

test(what_readdir_says_of_types_is_doubted_for_devices_and_inodes_with_a_lie)
{
	struct file_id moved = { file.device + 50, file.inode + 1, 5 };
	struct lie_row *row;
	struct lies lies;

	table_new(&lies);
	assert_false(lies_any_type(&lies));
	row = lies_make(&lies, &file);
	lies_set_mode(row, 0170000, 0020000);
	lies_note_type(&lies, file.device);
	lies_note_type(&lies, file.device);
	assert_true(lies_any_type(&lies));
	assert_true(lies_may_lie_of_type(&lies, file.inode));
	assert_false(lies_may_lie_of_type(&lies, moved.inode));
	lies_move_begin(row);
	assert_int_equal(lies_move_end(&lies, row, &moved), 0);
	assert_true(lies_may_lie_of_type(&lies, moved.inode));
	assert_false(lies_may_lie_of_type(&lies, 12345));
	for (uint64_t device = 1; device < 20; device++)
		lies_note_type(&lies, device);
	assert_true(lies_may_lie_of_type(&lies, 12345)); /* too many devices to know */
	table_done(&lies);
}

test(attributes_are_set_replaced_removed_and_listed_once)
{
	const char *name;
	const void *value;
	uint32_t size_bytes;
	uint32_t cursor = 0;
	struct lie_row *row;
	struct lies lies;
	bool removed;

	table_new(&lies);
	row = lies_make(&lies, &file);
	assert_int_equal(lies_xattr_set(&lies, row, "security.a", "one", 3), 0);
	assert_int_equal(lies_xattr_set(&lies, row, "security.b", "", 0), 0);
	assert_int_equal(lies_xattr_set(&lies, row, "security.a", "three", 5), 0);
	assert_int_equal(lies_xattr_get(&lies, row, "security.a", &value, &size_bytes),
			 LIES_XATTR_SET);
	assert_int_equal(size_bytes, 5);
	assert_memory_equal(value, "three", 5);
	assert_int_equal(lies_xattr_set(&lies, row, "security.b", NULL, 0), 0);
	assert_int_equal(lies_xattr_get(&lies, row, "security.b", &value, &size_bytes),
			 LIES_XATTR_REMOVED);
	assert_true(lies_xattr_next(&lies, row, &cursor, &name, &removed));
	assert_string_equal(name, "security.b");
	assert_true(removed);
	assert_true(lies_xattr_next(&lies, row, &cursor, &name, &removed));
	assert_string_equal(name, "security.a");
	assert_false(lies_xattr_next(&lies, row, &cursor, &name, &removed));
	lies_xattr_forget(&lies, row, "security.b");
	assert_int_equal(lies_xattr_get(&lies, row, "security.b", &value, &size_bytes),
			 LIES_XATTR_UNKNOWN);
	table_done(&lies);
}

test(all_rows_that_say_something_are_iterated)
{
	struct lies_cursor cursor = { 0 };
	struct file_id id;
	struct lies lies;
	size_t count = 0;
	uint64_t sum = 0;

	table_new(&lies);
	for (uint64_t inode = 1; inode <= 300000; inode++)
		lies_set_owner(lies_make(&lies, &(struct file_id){ 1, inode, 7 }), 1, 1);
	lies_make(&lies, &file); /* says nothing */
	lies_forget(&lies, &(struct file_id){ 1, 300000, 7 });
	while (lies_next(&lies, &cursor, &id)) {
		count++;
		sum += id.inode;
	}
	assert_int_equal(count, 299999);
	assert_true(sum == 299999ul * 300000 / 2);
	table_done(&lies);
}

/* Born within one tick of the clock, it differs only in that it has a name. */
test(a_file_as_old_as_a_removed_one_inherits_nothing)
{
	struct file_id open = file;
	struct lies_cursor cursor = { 0 };
	struct lie_row *row;
	struct file_id id;
	struct lies lies;
	struct lie lie;

	open.is_nameless = true;
	table_new(&lies);
	row = lies_make(&lies, &file);
	lies_set_owner(row, 5, 6);
	assert_ptr_equal(lies_find(&lies, &open), row);
	lies_note_unlinked(row);
	assert_null(lies_find(&lies, &file));
	assert_null(lies_next(&lies, &cursor, &id));
	assert_ptr_equal(lies_find(&lies, &open), row);
	lies_read(lies_make(&lies, &file), &lie);
	assert_int_equal(lie.uid, LIES_KEEP);
	assert_ptr_equal(lies_find(&lies, &file), row);
	table_done(&lies);
}

test(a_file_without_a_name_is_known_until_it_is_closed_and_when_it_is_linked)
{
	struct file_id open = file;
	struct lies_cursor cursor = { 0 };
	struct lie_row *row;
	struct file_id id;
	struct lies lies;

	open.is_nameless = true;
	table_new(&lies);
	row = lies_make(&lies, &open);
	lies_set_owner(row, 5, 6);
	assert_ptr_equal(lies_find(&lies, &open), row);
	assert_null(lies_find(&lies, &file));
	/* some file systems count no links */
	assert_ptr_equal(lies_next(&lies, &cursor, &id), row);
	lies_note_linked(row);
	assert_ptr_equal(lies_find(&lies, &file), row);
	table_done(&lies);
}

/* Writers that are killed at arbitrary instructions: every row that is found is right. */
test(a_writer_killed_anywhere_leaves_a_table_that_is_right)
{
	struct lies lies;
	struct lie lie;

	table_new(&lies);
	for (int round = 0; round < 40; round++) {
		pid_t child[2];

		for (size_t c = 0; c < array_count(child); c++) {
			child[c] = fork();
			if (child[c] == 0)
				for (uint64_t i = (uint64_t)round * 100;; i++) {
					struct file_id id = { 1, i % 4000 + 1, 1 + i / 4000 % 3 };
					struct lie_row *row = lies_make(&lies, &id);

					lies_set_owner(row, (uint32_t)id.inode, (uint32_t)id.inode);
					lies_xattr_set(&lies, row, "security.x", &id.inode,
						       sizeof(id.inode));
				}
		}
		while (!lies_find(&lies,
				  &(struct file_id){ 1, (uint64_t)round * 50 % 4000 + 1, 0 }))
			;
		for (size_t c = 0; c < array_count(child); c++) {
			kill(child[c], SIGKILL);
			waitpid(child[c], NULL, 0);
		}
	}
	for (uint64_t inode = 1; inode <= 4000; inode++)
		for (uint64_t birth = 1; birth <= 3; birth++) {
			struct lie_row *row = lies_find(&lies,
							&(struct file_id){ 1, inode, birth });

			if (!row)
				continue;
			lies_read(row, &lie);
			assert_true(lie.uid == inode || lie.uid == LIES_KEEP);
			assert_int_equal(lie.uid, lie.gid);
		}
	/* And it still takes what comes. */
	assert_non_null(lies_make(&lies, &(struct file_id){ 9, 9, 9 }));
	assert_non_null(lies_find(&lies, &(struct file_id){ 9, 9, 9 }));
	table_done(&lies);
}

test(a_file_that_is_no_table_is_refused)
{
	struct lies lies = { 0 };
	int fd = memfd_create("junk", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, (off_t)LIES_FILE_BYTES), 0);
	assert_int_equal(pwrite(fd, "junkjunk", 8, 0), 8);
	assert_int_equal(lies_map(&lies, fd, NULL, true), -EUCLEAN);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_file_nothing_was_said_about_is_not_found),
		RUN(a_row_says_what_was_set_last),
		RUN(the_next_file_with_the_inode_inherits_nothing),
		RUN(a_row_follows_its_file_through_a_copy_up),
		RUN(only_files_older_than_the_session_may_be_copied_up),
		RUN(attributes_nothing_was_said_of_are_not_looked_for),
		RUN(what_readdir_says_of_types_is_doubted_for_devices_and_inodes_with_a_lie),
		RUN(attributes_are_set_replaced_removed_and_listed_once),
		RUN(all_rows_that_say_something_are_iterated),
		RUN(a_file_as_old_as_a_removed_one_inherits_nothing),
		RUN(a_file_without_a_name_is_known_until_it_is_closed_and_when_it_is_linked),
		RUN(a_writer_killed_anywhere_leaves_a_table_that_is_right),
		RUN(a_file_that_is_no_table_is_refused),
	};

	return RUN_ALL(tests);
}
