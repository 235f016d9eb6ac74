// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <errno.h>
#include <stdio.h>

#include "pathmap/pathmap.h"

static struct pathmap map;

static int set_up(void **state)
{
	(void)state;
	pathmap_init(&map);
	assert_int_equal(pathmap_add(&map, "/", "/srv/root", 0), 0);
	assert_int_equal(pathmap_add(&map, "/proc", "/proc", PATHMAP_PROC), 0);
	assert_int_equal(pathmap_add(&map, "/data", "/srv/data", 0), 0);
	assert_int_equal(pathmap_add(&map, "/data/in/deep", "/home", PATHMAP_READ_ONLY), 0);
	assert_int_equal(pathmap_add(&map, "/etc/hosts", "/tmp/hosts", PATHMAP_FILE), 0);
	assert_int_equal(pathmap_add(&map, "/opt/secret", NULL, PATHMAP_HIDDEN), 0);
	return 0;
}

static const char *host_of(const char *guest)
{
	return pathmap_host(&map, pathmap_find(&map, guest, strlen(guest)));
}

test(the_longest_entry_has_the_path)
{
	assert_string_equal(host_of("/data/x"), "/srv/data");
	assert_string_equal(host_of("/data/in/deep"), "/home");
	assert_string_equal(host_of("/data/in/deeper"), "/srv/data");
	assert_string_equal(host_of("/database"), "/srv/root");
	assert_string_equal(host_of(""), "/srv/root");
}

test(a_later_entry_replaces_the_one_at_its_place)
{
	uint32_t count = map.count;

	assert_int_equal(pathmap_add(&map, "/data/", "/other", 0), 0);
	assert_int_equal(map.count, count);
	assert_string_equal(host_of("/data/x"), "/other");
}

test(points_and_what_is_above_them_are_known)
{
	assert_true(pathmap_is_point(&map, "/data", 5));
	assert_false(pathmap_is_point(&map, "/data/in", 8));
	assert_true(pathmap_is_above_point(&map, "/data/in", 8));
	assert_true(pathmap_is_above_point(&map, "", 0));
	assert_true(pathmap_is_above_point(&map, "/opt", 4));
	assert_false(pathmap_is_above_point(&map, "/data/in/deep", 13));
	assert_false(pathmap_is_above_point(&map, "/dat", 4));
}

static void assert_guest(const char *host, const char *guest)
{
	char text[64];
	long r = pathmap_guest_of(&map, "", host, strlen(host), text, sizeof(text));

	assert_int_equal(r, guest ? (long)strlen(guest) : -ENOENT);
	if (guest)
		assert_string_equal(text, guest);
}

test(host_paths_have_their_guest_names)
{
	assert_guest("/srv/root", "/");
	assert_guest("/srv/root/usr/bin", "/usr/bin");
	assert_guest("/srv/rootless", NULL);
	assert_guest("/home/user", "/data/in/deep/user");
	assert_guest("/tmp/hosts", "/etc/hosts");
	assert_guest("/tmp/hosts/x", NULL);
	assert_guest("/proc/1", "/proc/1");
	assert_guest("/", NULL);
}

test(of_several_names_one_below_the_root_is_taken)
{
	char text[64];

	assert_int_equal(pathmap_add(&map, "/jail/proc", "/proc", 0), 0);
	assert_int_equal(pathmap_guest_of(&map, "", "/proc/1", 7, text, sizeof(text)), 7);
	assert_string_equal(text, "/proc/1");
	assert_int_equal(pathmap_guest_of(&map, "/jail", "/proc/1", 7, text, sizeof(text)), 12);
	assert_string_equal(text, "/jail/proc/1");
	assert_int_equal(pathmap_guest_of(&map, "/jail/proc/1", "/proc/1", 7, text, sizeof(text)),
			 12);
	assert_int_equal(pathmap_guest_of(&map, "/jail/proc/11", "/proc/1", 7, text, sizeof(text)),
			 7);
}

test(a_host_path_may_be_translated_in_place)
{
	char text[64] = "/home/user";

	assert_int_equal(pathmap_guest_of(&map, NULL, text, 10, text, sizeof(text)), 18);
	assert_string_equal(text, "/data/in/deep/user");
	assert_int_equal(pathmap_guest_of(&map, "", "/home/user", 10, text, 12), -ENAMETOOLONG);
}

test(the_hosts_own_root_can_be_the_root)
{
	pathmap_init(&map);
	assert_int_equal(pathmap_add(&map, "/", "/", 0), 0);
	assert_guest("/", "/");
	assert_guest("/usr", "/usr");
}

test(relative_paths_and_too_many_are_refused)
{
	char guest[16];

	assert_int_equal(pathmap_add(&map, "data", "/x", 0), -EINVAL);
	assert_int_equal(pathmap_add(&map, "/x", "y", 0), -EINVAL);
	for (int i = 0; map.count < PATHMAP_ENTRIES; i++) {
		snprintf(guest, sizeof(guest), "/n%d", i);
		assert_int_equal(pathmap_add(&map, guest, "/x", 0), 0);
	}
	assert_int_equal(pathmap_add(&map, "/one-more", "/x", 0), -E2BIG);
	assert_int_equal(pathmap_add(&map, "/n3", "/y", 0), 0);
}

test(directories_above_entries_are_not_clear)
{
	assert_true(pathmap_is_clear(&map, 1, 2));
	assert_int_equal(pathmap_add_above(&map, 1, 2), 0);
	assert_int_equal(pathmap_add_above(&map, 1, 2), 0);
	assert_int_equal(map.above_count, 1);
	assert_false(pathmap_is_clear(&map, 1, 2));
	assert_true(pathmap_is_clear(&map, 2, 2));
}

test(a_parent_is_found_behind_any_name)
{
	static const char ended[] = "12 (a) Z 3) Z 456 12 1 ";
	static const char lives[] = "13 (x) S 7 12 1 ";

	assert_int_equal(pathmap_parent_of(ended, strlen(ended)), 456);
	assert_int_equal(pathmap_parent_of(lives, strlen(lives)), 7);
	assert_int_equal(pathmap_parent_of("", 0), -1);
	assert_int_equal(pathmap_parent_of("1 (x)", 5), -1);
}

#define SET(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SET(the_longest_entry_has_the_path),
		SET(a_later_entry_replaces_the_one_at_its_place),
		SET(points_and_what_is_above_them_are_known),
		SET(host_paths_have_their_guest_names),
		SET(of_several_names_one_below_the_root_is_taken),
		SET(a_host_path_may_be_translated_in_place),
		SET(the_hosts_own_root_can_be_the_root),
		SET(relative_paths_and_too_many_are_refused),
		SET(directories_above_entries_are_not_clear),
		SET(a_parent_is_found_behind_any_name),
	};

	return RUN_ALL(tests);
}
