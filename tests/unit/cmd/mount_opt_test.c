// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <limits.h>
#include <stdlib.h>

#include "cmd/mount_opt.h"

typedef int parse_function(const char *text, struct arena *arena, struct box_mounts *mounts,
			   struct err *err);

static struct arena arena;
static struct box_mounts mounts;

static int tear_down(void **state)
{
	(void)state;
	arena_done(&arena);
	box_mounts_done(&mounts);
	return 0;
}

static const struct box_mount *accept(parse_function *parse, const char *text)
{
	struct err err = { 0 };

	if (parse(text, &arena, &mounts, &err) < 0)
		fail_msg("'%s': %s", text, err.text);
	return &mounts.item[mounts.count - 1];
}

static void refuse(parse_function *parse, const char *text, const char *reason)
{
	struct err err = { 0 };
	size_t before = mounts.count;

	if (parse(text, &arena, &mounts, &err) >= 0)
		fail_msg("'%s' was accepted", text);
	if (!strstr(err.text, reason))
		fail_msg("'%s': '%s' lacks '%s'", text, err.text, reason);
	if (!strstr(err.text, text))
		fail_msg("'%s' is not named in '%s'", text, err.text);
	assert_int_equal(mounts.count, before);
}

test(a_volume_has_source_target_and_options)
{
	const struct box_mount *mount = accept(mount_opt_volume, "/usr:/mnt:ro,z");

	assert_int_equal(mount->kind, BOX_MOUNT_BIND);
	assert_string_equal(mount->source, "/usr");
	assert_string_equal(mount->target, "/mnt");
	assert_true(mount->read_only);
	mount = accept(mount_opt_volume, "/usr:/mnt:ro,rw");
	assert_false(mount->read_only);
	mount = accept(mount_opt_volume, "/usr");
	assert_string_equal(mount->target, "/usr");
	assert_false(mount->read_only);
}

test(a_relative_source_starts_here_and_loses_its_links)
{
	char here[PATH_MAX];
	char folder[] = "/tmp/rootlet-mount-test-XXXXXX";
	const struct box_mount *mount;

	assert_non_null(mkdtemp(folder));
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(symlink("/usr", "link"), 0);
	mount = accept(mount_opt_volume, "./link:/mnt");
	assert_string_equal(mount->source, "/usr");
	mount = accept(mount_opt_volume, ".");
	assert_string_equal(mount->source, folder);
	assert_string_equal(mount->target, folder);
	assert_int_equal(unlink("link"), 0);
	assert_int_equal(chdir(here), 0);
	assert_int_equal(rmdir(folder), 0);
}

test(a_volume_that_makes_no_sense_is_refused_by_name)
{
	refuse(mount_opt_volume, "name:/mnt", "no named volumes");
	refuse(mount_opt_volume, "/usr:mnt", "absolute path, not 'mnt'");
	refuse(mount_opt_volume, "/usr:", "absolute path, not ''");
	refuse(mount_opt_volume, "/usr:/mnt:rx", "unknown option 'rx'");
	refuse(mount_opt_volume, "/usr:/mnt:ro:rw", "too many");
	refuse(mount_opt_volume, "/no/such/thing:/mnt", "No such file");
	refuse(mount_opt_volume, "", "not a path");
}

test(a_tmpfs_has_size_and_mode)
{
	const struct box_mount *mount = accept(mount_opt_tmpfs, "/scratch:size=64m,mode=0700,ro");

	assert_int_equal(mount->kind, BOX_MOUNT_TMPFS);
	assert_string_equal(mount->target, "/scratch");
	assert_true(mount->size_bytes == 64u << 20);
	assert_int_equal(mount->mode, 0700);
	assert_true(mount->read_only);
	mount = accept(mount_opt_tmpfs, "/scratch");
	assert_true(mount->size_bytes == 0);
	refuse(mount_opt_tmpfs, "scratch", "absolute");
	refuse(mount_opt_tmpfs, "/s:size=x", "'x' is not a size");
	refuse(mount_opt_tmpfs, "/s:mode=888", "'888' is not an octal mode");
	refuse(mount_opt_tmpfs, "/s:mode=10000", "not an octal mode");
	refuse(mount_opt_tmpfs, "/s:noexec", "unknown option 'noexec'");
}

test(dockers_mount_words_are_understood)
{
	const struct box_mount *mount = accept(mount_opt_mount,
					       "type=bind,src=/usr,dst=/mnt,readonly");

	assert_int_equal(mount->kind, BOX_MOUNT_BIND);
	assert_string_equal(mount->source, "/usr");
	assert_string_equal(mount->target, "/mnt");
	assert_true(mount->read_only);
	mount = accept(mount_opt_mount, "type=cache,dst=/c");
	assert_string_equal(mount->cache_id, "/c");
	assert_int_equal(mount->sharing, BOX_SHARED);
	assert_int_equal(mount->mode, 0755);
	mount = accept(mount_opt_mount, "type=cache,dst=/c,id=i,sharing=private,mode=700,ro");
	assert_string_equal(mount->cache_id, "i");
	assert_int_equal(mount->sharing, BOX_PRIVATE);
	assert_int_equal(mount->mode, 0700);
	assert_true(mount->read_only);
	mount = accept(mount_opt_mount, "type=bind,source=/usr,destination=/mnt,ro=false");
	assert_false(mount->read_only);
	mount = accept(mount_opt_mount, "target=/t,type=tmpfs,tmpfs-size=1k,tmpfs-mode=1777");
	assert_int_equal(mount->kind, BOX_MOUNT_TMPFS);
	assert_true(mount->size_bytes == 1024);
	assert_int_equal(mount->mode, 01777);
	mount = accept(mount_opt_mount, "type=bind,\"target=/a,\"\"b\"\"\",source=/usr");
	assert_string_equal(mount->target, "/a,\"b\"");
	assert_string_equal(mount->source, "/usr");
}

test(a_mount_that_makes_no_sense_is_refused_by_name)
{
	refuse(mount_opt_mount, "type=cache,dst=/c,sharing=never", "sharing=never");
	refuse(mount_opt_mount, "type=cache,dst=/c,source=/usr", "type=cache takes");
	refuse(mount_opt_mount, "type=bind,dst=/c,source=/usr,id=x", "are for type=cache");
	refuse(mount_opt_mount, "type=bind,target=/mnt", "source= is missing");
	refuse(mount_opt_mount, "source=/usr,target=/mnt", "type ''");
	refuse(mount_opt_mount, "type=nfs,source=/usr,target=/mnt", "type 'nfs'");
	refuse(mount_opt_mount, "type=bind,source=/usr", "absolute path, not ''");
	refuse(mount_opt_mount, "type=bind,source=/usr,target=/mnt,size=3", "unknown word 'size'");
	refuse(mount_opt_mount, "type=tmpfs,target=/t,source=/usr", "source=");
	refuse(mount_opt_mount, "type=bind,source=/usr,target=/mnt,readonly=maybe", "'maybe'");
	refuse(mount_opt_mount, "type=bind,source=/usr,target=/mnt,tmpfs-size=1m", "tmpfs-size");
}

#define CLEAN(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLEAN(a_volume_has_source_target_and_options),
		CLEAN(a_relative_source_starts_here_and_loses_its_links),
		CLEAN(a_volume_that_makes_no_sense_is_refused_by_name),
		CLEAN(a_tmpfs_has_size_and_mode),
		CLEAN(dockers_mount_words_are_understood),
		CLEAN(a_mount_that_makes_no_sense_is_refused_by_name),
	};

	return RUN_ALL(tests);
}
