// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <elf.h>
#include <fcntl.h>

#include "codec/elf_needs.h"
#include "host.h"
#include "policy/elf_closure.h"

#define INTERPRETER "/lib64/ld-linux-x86-64.so.2"

static struct host host;
static struct visible visible;
static struct elf_closure closure;

static int set_up(void **state)
{
	struct err err = { 0 };

	(void)state;
	if (host_init(&host) < 0)
		return -1;
	visible_init(&visible, host.root_fd);
	host_elf(&host, INTERPRETER, &(struct elf_words){ 0 });
	host_elf(&host, "/lib/x86_64-linux-gnu/libz.so.1.2",
		 &(struct elf_words){ .soname = "libz.so.1" });
	host_link(&host, "/lib/x86_64-linux-gnu/libz.so.1", "libz.so.1.2");
	return elf_closure_open(&closure, &visible, &err);
}

static int tear_down(void **state)
{
	(void)state;
	elf_closure_done(&closure);
	visible_done(&visible);
	return host_done(&host);
}

static void add(const char *path)
{
	struct err err = { 0 };

	if (elf_closure_add(&closure, path, &err) < 0)
		fail_msg("%s", err.text);
}

#define AROUND "+/lib64/\n+/lib64/ld-linux-x86-64.so.2\n"

test(libraries_come_by_their_links)
{
	host_elf(&host, "/bin/a",
		 &(struct elf_words){ .interpreter = INTERPRETER, .needed = { "libz.so.1" } });
	add("/bin/a");
	assert_visible(&visible, "+/bin/\n+/bin/a\n+/lib/\n+/lib/x86_64-linux-gnu/\n"
				 "+/lib/x86_64-linux-gnu/libz.so.1\n"
				 "+/lib/x86_64-linux-gnu/libz.so.1.2\n" AROUND);
}

test(runpath_is_the_objects_own_and_rpath_is_inherited)
{
	host_elf(&host, "/p/lib/libmid.so", &(struct elf_words){ .needed = { "libdeep.so" } });
	host_elf(&host, "/p/lib/libdeep.so", &(struct elf_words){ 0 });
	host_elf(&host, "/p/bin/a",
		 &(struct elf_words){ .needed = { "libmid.so" }, .rpath = "$ORIGIN/../lib" });
	add("/p/bin/a");
	assert_int_equal(closure.missing.count, 0);
	host_elf(&host, "/p/bin/b",
		 &(struct elf_words){ .needed = { "libmid.so" }, .runpath = "${ORIGIN}/../lib" });
	add("/p/bin/b");
	assert_int_equal(closure.missing.count, 1);
	assert_string_equal(closure.missing.item[0], "/p/lib/libmid.so needs libdeep.so");
}

test(a_library_of_another_machine_type_is_passed_over)
{
	host_file(&host, "/first/libz.so.1",
		  "\177ELF\1\1\1 not for us, and long enough to be read: "
		  "sixty-four bytes");
	host_elf(&host, "/bin/a",
		 &(struct elf_words){ .needed = { "libz.so.1" },
				      .runpath = "/first:/lib/x86_64-linux-gnu" });
	add("/bin/a");
	assert_visible(&visible, "+/bin/\n+/bin/a\n+/lib/\n+/lib/x86_64-linux-gnu/\n"
				 "+/lib/x86_64-linux-gnu/libz.so.1\n"
				 "+/lib/x86_64-linux-gnu/libz.so.1.2\n");
}

test(scripts_bring_their_interpreter_and_what_env_starts)
{
	host_elf(&host, "/usr/bin/env", &(struct elf_words){ 0 });
	host_elf(&host, "/usr/bin/python3", &(struct elf_words){ 0 });
	host_file(&host, "/bin/s", "#! /usr/bin/env -S A=1 python3 -u\n");
	add("/bin/s");
	assert_visible(&visible, "+/bin/\n+/bin/s\n+/usr/\n+/usr/bin/\n+/usr/bin/env\n"
				 "+/usr/bin/python3\n");
}

test(what_is_not_found_is_named)
{
	struct err err = { 0 };

	host_file(&host, "/bin/s", "#!/usr/bin/nowhere\n");
	host_elf(&host, "/bin/a",
		 &(struct elf_words){ .needed = { "libno.so" }, .interpreter = "/lib/ld-none.so" });
	add("/bin/s");
	add("/bin/a");
	assert_int_equal(closure.missing.count, 3);
	assert_string_equal(closure.missing.item[0], "/bin/s needs /usr/bin/nowhere");
	assert_string_equal(closure.missing.item[1], "/bin/a needs libno.so");
	assert_string_equal(closure.missing.item[2], "/bin/a needs /lib/ld-none.so");
	assert_int_equal(elf_closure_add(&closure, "/bin/none", &err), -ENOENT);
}

test(a_tree_brings_what_its_programs_need)
{
	struct err err = { 0 };

	host_elf(&host, "/p/bin/a", &(struct elf_words){ .needed = { "libz.so.1" } });
	host_file(&host, "/p/share/text", "");
	assert_int_equal(elf_closure_add_tree(&closure, "/p", &err), 0);
	assert_visible(&visible, "+/lib/\n+/lib/x86_64-linux-gnu/\n"
				 "+/lib/x86_64-linux-gnu/libz.so.1\n"
				 "+/lib/x86_64-linux-gnu/libz.so.1.2\n*/p/\n");
}

test(needed_versions_are_read)
{
	auto_elf_needs needs = { 0 };
	struct err err = { 0 };
	auto_fd fd = -1;

	host_elf(&host, "/a",
		 &(struct elf_words){
			 .needed = { "libc.so.6" }, .version = "GLIBC_2.34", .soname = "a" });
	fd = openat(host.root_fd, "a", O_RDONLY | O_CLOEXEC);
	assert_int_equal(elf_read_needs(fd, &needs, &err), 0);
	assert_int_equal(needs.versions.count, 1);
	assert_string_equal(needs.versions.item[0], "libc.so.6 GLIBC_2.34");
	assert_string_equal(needs.soname, "a");
}

/* Every byte of the headers and tables, one at a time: an error or a result, never a crash. */
test(a_damaged_file_is_refused_or_read)
{
	host_elf(&host, "/a",
		 &(struct elf_words){ .needed = { "libc.so.6", "libm.so" },
				      .interpreter = INTERPRETER,
				      .version = "GLIBC_2.34" });
	for (off_t at = 4; at < 2200; at++) {
		static const char values[] = { '\0', '\1', '\x7f', '\xff' };

		for (size_t i = 0; i < sizeof(values); i++) {
			auto_elf_needs needs = { 0 };
			struct err err = { 0 };
			auto_fd fd = openat(host.root_fd, "a", O_RDWR | O_CLOEXEC);
			char old;
			int r;

			assert_int_equal(pread(fd, &old, 1, at), 1);
			assert_int_equal(pwrite(fd, &values[i], 1, at), 1);
			r = elf_read_needs(fd, &needs, &err);
			assert_true(r == 0 || r == -ENOEXEC || r == -EUCLEAN);
			assert_int_equal(pwrite(fd, &old, 1, at), 1);
		}
	}
}

test(the_cache_is_printed_as_it_is_parsed)
{
	struct ldcache_entry entries[] = { { "libz.so.1", "/usr/lib/libz.so.1", 0x303, 0 },
					   { "libz.so.1", "/usr/lib/fast/libz.so.1", 0x303, 4 },
					   { "libm.so.6", "/usr/lib/libm.so.6", 3, 0 } };
	const struct ldcache cache = { .entry = entries, .count = 3 };
	auto_ldcache again = { 0 };
	struct err err = { 0 };
	auto_buf bytes = { 0 };

	ldcache_print(&cache, &bytes);
	assert_int_equal(ldcache_parse(bytes.bytes, bytes.size_bytes, &again, &err), 0);
	assert_int_equal(again.count, 2);
	assert_string_equal(again.entry[0].path, "/usr/lib/libz.so.1");
	assert_string_equal(again.entry[1].name, "libm.so.6");
	assert_int_equal(again.entry[1].flags, 3);
	for (size_t size = 0; size < bytes.size_bytes; size++)
		assert_int_equal(ldcache_parse(bytes.bytes, size, &again, &err), -EUCLEAN);
}

test(the_cache_shown_has_what_is_shown)
{
	struct ldcache_entry entries[] = {
		{ "libz.so.1", "/lib/x86_64-linux-gnu/libz.so.1", 0x303, 0 },
		{ "libq.so.1", "/lib/x86_64-linux-gnu/libq.so.1", 0x303, 0 }
	};
	const struct ldcache cache = { .entry = entries, .count = 2 };
	auto_ldcache again = { 0 };
	struct err err = { 0 };
	auto_buf bytes = { 0 };
	const struct visible_item *item;

	ldcache_print(&cache, &bytes);
	host_bytes(&host, "/etc/ld.so.cache", bytes.bytes, bytes.size_bytes);
	assert_int_equal(visible_add(&visible, "/lib/x86_64-linux-gnu/libz.so.1", &err), 0);
	assert_int_equal(ldcache_show(&visible, &err), 0);
	assert_int_equal(visible_finish(&visible, &err), 0);
	item = map_get(&visible.by_path, "/etc/ld.so.cache");
	assert_non_null(item);
	assert_int_equal(ldcache_parse(item->content, item->content_bytes, &again, &err), 0);
	assert_int_equal(again.count, 1);
	assert_string_equal(again.entry[0].name, "libz.so.1");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(libraries_come_by_their_links),
		CASE(runpath_is_the_objects_own_and_rpath_is_inherited),
		CASE(a_library_of_another_machine_type_is_passed_over),
		CASE(scripts_bring_their_interpreter_and_what_env_starts),
		CASE(what_is_not_found_is_named),
		CASE(a_tree_brings_what_its_programs_need),
		CASE(needed_versions_are_read),
		CASE(a_damaged_file_is_refused_or_read),
		RUN(the_cache_is_printed_as_it_is_parsed),
		CASE(the_cache_shown_has_what_is_shown),
	};

	return RUN_ALL(tests);
}
