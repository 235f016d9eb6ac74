// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <stdlib.h>

#include "sys/ids.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/bash\n"
			     "short:x:7\n"
			     "\n"
			     "# comment\n"
			     "words:x:one:two::/:/bin/sh\n"
			     "www-data:x:33:34:web, with a comma:/var/www:/bin/false:more\n"
			     "0:x:500:501::/home/zero:/bin/sh\n"
			     "huge:x:4294967296:0::/:/bin/sh\n"
			     "max:x:4294967295:0::/:/bin/sh\n"
			     "last:x:1000:1001:no newline:/home/last:/bin/sh";

static const char group[] = "root:x:0:\n"
			    "www:x:34:www-data,other\n"
			    "1001:x:77:\n"
			    "nothing\n"
			    "users:x:100:";

static struct arena arena;

test(a_user_is_found_by_name_and_by_number)
{
	struct user user;

	assert_true(ids_user_by_name(passwd, "root", &arena, &user));
	assert_int_equal(user.uid, 0);
	assert_string_equal(user.home, "/root");
	assert_string_equal(user.shell, "/bin/bash");
	assert_true(ids_user_by_id(passwd, 1000, &arena, &user));
	assert_string_equal(user.name, "last");
	assert_int_equal(user.gid, 1001);
	assert_string_equal(user.shell, "/bin/sh");
}

test(lines_that_are_no_users_are_passed_over)
{
	struct user user;

	assert_false(ids_user_by_name(passwd, "short", &arena, &user));
	assert_false(ids_user_by_name(passwd, "words", &arena, &user));
	assert_false(ids_user_by_name(passwd, "huge", &arena, &user));
	assert_false(ids_user_by_name(passwd, "# comment", &arena, &user));
	assert_false(ids_user_by_name(passwd, "", &arena, &user));
	assert_false(ids_user_by_name(passwd, "roo", &arena, &user));
	assert_false(ids_user_by_name(passwd, "rootx", &arena, &user));
	assert_false(ids_user_by_name("", "root", &arena, &user));
	assert_false(ids_user_by_id(passwd, 7, &arena, &user));
}

test(groups_are_found_both_ways)
{
	const char *name;
	gid_t gid;

	assert_true(ids_group_by_name(group, "www", &gid));
	assert_int_equal(gid, 34);
	assert_true(ids_group_by_id(group, 100, &arena, &name));
	assert_string_equal(name, "users");
	assert_false(ids_group_by_name(group, "nothing", &gid));
	assert_false(ids_group_by_id(group, 5, &arena, &name));
}

static void assert_resolves(const char *spec, const char *name, uid_t uid, gid_t gid,
			    const char *home)
{
	struct err err = { 0 };
	struct user user;

	if (ids_resolve(spec, passwd, group, &arena, &user, &err) < 0)
		fail_msg("'%s': %s", spec, err.text);
	assert_string_equal(user.name, name);
	assert_int_equal(user.uid, uid);
	assert_int_equal(user.gid, gid);
	assert_string_equal(user.home, home);
}

test(a_spec_is_resolved_as_docker_does)
{
	assert_resolves("root", "root", 0, 0, "/root");
	assert_resolves("1000", "last", 1000, 1001, "/home/last");
	assert_resolves("1000:100", "last", 1000, 100, "/home/last");
	assert_resolves("www-data:users", "www-data", 33, 100, "/var/www");
	assert_resolves("12345", "12345", 12345, 0, "/");
	assert_resolves("12345:34", "12345", 12345, 34, "/");
	assert_resolves("root:", "root", 0, 0, "/root");
}

test(a_name_made_of_digits_wins_over_the_number)
{
	assert_resolves("0", "0", 500, 501, "/home/zero");
	assert_resolves("root:1001", "root", 0, 77, "/root");
}

test(a_user_is_in_the_groups_that_list_him_unless_one_is_named)
{
	static const char groups[] = "adm:x:4:www-data,root\nmail:x:8:root2,\nempty:x:9:\n"
				     "www-data:x:33:www-data\nmore:x:10:a,www-data\nshort:x:11\n";
	struct err err = { 0 };
	struct user user;

	assert_int_equal(ids_resolve("www-data", passwd, groups, &arena, &user, &err), 0);
	assert_int_equal(user.group_count, 2 + (user.gid != 33));
	assert_int_equal(user.groups[0], 4);
	assert_int_equal(user.groups[user.group_count - 1], 10);
	assert_int_equal(ids_resolve("root", passwd, groups, &arena, &user, &err), 0);
	assert_int_equal(user.group_count, 1);
	assert_int_equal(ids_resolve("www-data:8", passwd, groups, &arena, &user, &err), 0);
	assert_int_equal(user.group_count, 0);
}

static void assert_refused(const char *spec, int error, const char *text)
{
	struct err err = { 0 };
	struct user user;

	assert_int_equal(ids_resolve(spec, passwd, group, &arena, &user, &err), -error);
	assert_non_null(strstr(err.text, text));
}

test(unknown_names_are_refused_by_name)
{
	assert_refused("nobody", ENOENT, "user 'nobody'");
	assert_refused("", ENOENT, "user ''");
	assert_refused("-1", ENOENT, "user '-1'");
	assert_refused("4294967296", ENOENT, "user '4294967296'");
	assert_refused("root:nogroup", ENOENT, "group 'nogroup'");
	assert_refused(":root", ENOENT, "user ''");
}

test(the_id_that_means_none_is_refused)
{
	assert_refused("4294967295", EINVAL, "4294967295");
	assert_refused("max", EINVAL, "4294967295");
	assert_refused("0:4294967295", EINVAL, "4294967295");
}

test(the_caller_always_has_a_name)
{
	struct user user;

	setenv("PATH", "/nonexistent", 1); /* no getent either */
	ids_caller(&arena, &user);
	assert_int_equal(user.uid, getuid());
	assert_int_equal(user.gid, getgid());
	assert_true(user.name[0] && user.home[0] == '/');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_user_is_found_by_name_and_by_number),
		RUN(lines_that_are_no_users_are_passed_over),
		RUN(groups_are_found_both_ways),
		RUN(a_spec_is_resolved_as_docker_does),
		RUN(a_name_made_of_digits_wins_over_the_number),
		RUN(a_user_is_in_the_groups_that_list_him_unless_one_is_named),
		RUN(unknown_names_are_refused_by_name),
		RUN(the_id_that_means_none_is_refused),
		RUN(the_caller_always_has_a_name),
	};
	int failed = RUN_ALL(tests);

	arena_done(&arena);
	return failed;
}
