// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <sys/stat.h>

#include "rootemu/saved.h"
#include "table.h"

#define TEXT                                                       \
	"dev=fe00,ino=12,mode=104755,uid=3,gid=4,nlink=1,rdev=0\n" \
	"dev=fe00,ino=99,mode=20644,uid=0,gid=0,nlink=1,rdev=259\n"

static const struct file_id setuid_file = { 0xfeul << 32, 12, 0 };

test(what_fakeroot_wrote_is_read_and_written_again)
{
	struct file_id reborn = { setuid_file.device, 12, 123456 };
	struct err err = { 0 };
	auto_buf text = { 0 };
	struct lies lies;
	struct lie lie;

	table_new(&lies);
	assert_int_equal(saved_load(&lies, TEXT, &err), 0);
	lies_read(lies_find(&lies, &reborn), &lie); /* whenever the file was born */
	assert_int_equal(lie.uid, 3);
	assert_int_equal(lie.mode_bits & 07777, 04755);
	saved_print(&lies, &text);
	assert_string_equal(text.bytes, TEXT);
	table_done(&lies);
}

test(attributes_follow_where_fakeroot_stops_reading)
{
	static const char xattr[] = "#xattr dev=fe00,ino=12,name=73656375726974792e78,value=00ff\n";
	struct err err = { 0 };
	auto_buf text = { 0 };
	struct lies lies;

	table_new(&lies);
	buf_add_text(&text, TEXT);
	buf_add_text(&text, xattr);
	assert_int_equal(saved_load(&lies, text.bytes, &err), 0);
	buf_truncate(&text, 0);
	saved_print(&lies, &text);
	assert_non_null(strstr(text.bytes, xattr));
	table_done(&lies);
}

test(a_line_of_another_format_is_named)
{
	struct err err = { 0 };
	struct lies lies;

	table_new(&lies);
	assert_int_equal(saved_load(&lies, TEXT "uid=0\n", &err), -EUCLEAN);
	assert_non_null(strstr(err.text, "line 3"));
	assert_int_equal(
		saved_load(&lies, "dev=1,ino=2,mode=1,uid=1,gid=1,nlink=1,rdev=0,x\n", &err),
		-EUCLEAN);
	table_done(&lies);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(what_fakeroot_wrote_is_read_and_written_again),
		RUN(attributes_follow_where_fakeroot_stops_reading),
		RUN(a_line_of_another_format_is_named),
	};

	return RUN_ALL(tests);
}
