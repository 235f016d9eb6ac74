// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "base/buf.h"
#include "host.h"
#include "policy/dpkg.h"

static struct host host;
static struct dpkg dpkg;

#define STANZA(name, rest) \
	"Package: " name "\nStatus: install ok installed\nVersion: 1.0-1\n" rest "\n"

static const char status[] = STANZA(
	"dpkg", "Architecture: amd64\nEssential: yes\nPre-Depends: "
		"libc6 (>= 0.9)\n") STANZA("libc6", "Architecture: amd64\nMulti-Arch: "
						    "same\nDepends: libgcc (= 1.0-1)\n")
	STANZA("libc6", "Architecture: i386\nMulti-Arch: same\n") STANZA(
		"libgcc", "Architecture: amd64\n") STANZA("make",
							  "Architecture: amd64\nMulti-Arch: "
							  "allowed\nDepends: libc6\n")
		STANZA("mawk", "Architecture: amd64\nProvides: awk\n") STANZA(
			"gawk", "Architecture: amd64\nProvides: awk (= 5)\n")
			STANZA("script", "Architecture: all\nDepends: make:any, awk\n") STANZA(
				"picky",
				"Architecture: all\nDepends: mawk (>> 1.0-1) | gawk (<< 2), awk "
				"(>= 4)\n") STANZA("chooses",
						   "Architecture: all\nDepends: awk, gawk\n")
				STANZA("broken", "Architecture: all\nDepends: make, nothing (>= 3) "
						 "| nowhere\n")
					STANZA("folded",
					       "Architecture: all\nDepends: make,\n "
					       "libgcc\nDescription: "
					       "x\n Package: y\n") "Package: gone\nStatus: "
								   "deinstall ok "
								   "config-files\nVersion: "
								   "1\nArchitecture: all\n";

static int set_up(void **state)
{
	struct err err = { 0 };

	(void)state;
	if (host_init(&host) < 0)
		return -1;
	host_file(&host, "/var/lib/dpkg/status", status);
	return dpkg_open(&dpkg, host.root_fd, &err);
}

static int tear_down(void **state)
{
	(void)state;
	dpkg_done(&dpkg);
	return host_done(&host);
}

/* The closure of one name, without the essential ones, as "a b c [missing]". */
static void assert_closure(const char *name, const char *expected)
{
	auto_strings names = { 0 };
	auto_dpkg_set set = { 0 };
	struct err err = { 0 };
	auto_buf text = { 0 };

	strings_add(&names, name);
	if (dpkg_closure(&dpkg, &names, true, &set, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < set.count; i++)
		buf_printf(&text, "%s%s%s%s", i ? " " : "", set.package[i]->name,
			   strcmp(set.package[i]->architecture, "i386") == 0 ? ":" : "",
			   strcmp(set.package[i]->architecture, "i386") == 0 ? "i386" : "");
	strings_each(&set.missing, missing)
		buf_printf(&text, " [%s]", missing);
	assert_string_equal(buf_text(&text), expected);
}

test(dependencies_are_followed)
{
	assert_closure("make", "libc6 libgcc make");
	assert_closure("libc6:i386", "libc6:i386");
	assert_closure("folded", "folded libc6 libgcc make");
}

test(a_virtual_name_is_whoever_provides_it)
{
	assert_closure("script", "gawk libc6 libgcc make script");
	assert_closure("awk", "gawk");
}

test(versions_decide_among_alternatives)
{
	assert_closure("picky", "gawk picky");
}

test(what_is_needed_anyway_is_chosen)
{
	assert_closure("chooses", "chooses gawk");
}

test(what_is_missing_is_told_and_the_rest_goes_on)
{
	assert_closure("broken", "broken libc6 libgcc make "
				 "[broken needs nothing (>= 3) | nowhere]");
}

test(essential_packages_come_along)
{
	auto_strings names = { 0 };
	auto_dpkg_set set = { 0 };
	struct err err = { 0 };

	strings_add(&names, "mawk");
	assert_int_equal(dpkg_closure(&dpkg, &names, false, &set, &err), 0);
	assert_int_equal(set.count, 4);
	assert_string_equal(set.package[0]->name, "dpkg");
}

test(a_package_that_was_removed_is_not_installed)
{
	auto_strings names = { 0 };
	auto_dpkg_set set = { 0 };
	struct err err = { 0 };

	strings_add(&names, "gone");
	assert_int_equal(dpkg_closure(&dpkg, &names, true, &set, &err), -ENOENT);
	assert_non_null(strstr(err.text, "'gone' is not installed"));
}

test(a_host_without_a_database_says_so)
{
	struct host empty;
	struct dpkg none;
	struct err err = { 0 };

	assert_int_equal(host_init(&empty), 0);
	assert_int_equal(dpkg_open(&none, empty.root_fd, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/var/lib/dpkg/status"));
	host_done(&empty);
}

test(versions_are_compared_as_dpkg_does)
{
	static const char *const ascending[] = { "0~~",	 "0~~a",  "0~",	   "0",	    "0a",
						 "0+",	 "1.0",	  "1.0-1", "1.0-2", "1.0-10",
						 "1.0a", "1.0.1", "2:0",   "2:0.1" };

	for (size_t i = 0; i + 1 < array_count(ascending); i++)
		if (dpkg_compare_versions(ascending[i], ascending[i + 1]) >= 0 ||
		    dpkg_compare_versions(ascending[i + 1], ascending[i]) <= 0)
			fail_msg("%s is not before %s", ascending[i], ascending[i + 1]);
	assert_int_equal(dpkg_compare_versions("1.0", "0:1.0-0"), 0);
	assert_int_equal(dpkg_compare_versions("1.010", "1.10"), 0);
}

static void show(const char *name, struct visible *visible)
{
	auto_strings names = { 0 };
	auto_dpkg_set set = { 0 };
	struct err err = { 0 };

	visible_init(visible, host.root_fd);
	strings_add(&names, name);
	assert_int_equal(dpkg_closure(&dpkg, &names, true, &set, &err), 0);
	if (dpkg_show(&dpkg, &set, visible, &err) < 0)
		fail_msg("%s", err.text);
}

/* dpkg's own database, with the package's list. */
#define STATUS_OF(name, list)                                         \
	"+/var/\n+/var/lib/\n+/var/lib/dpkg/\n+/var/lib/dpkg/info/\n" \
	"/var/lib/dpkg/info/" name ".list=" list                      \
	"\n/var/lib/dpkg/status=" STANZA(name, "Architecture: amd64\nProvides: awk\n") "\n"

test(listed_files_are_shown_where_the_host_has_them)
{
	auto_visible visible;

	host_link(&host, "/bin", "usr/bin");
	host_file(&host, "/usr/bin/mawk", "");
	host_file(&host, "/usr/share/doc/mawk.real", "");
	host_file(&host, "/var/lib/dpkg/info/mawk.list",
		  "/.\n/bin\n/bin/mawk\n/usr/share/doc/mawk\n/usr/share/man/gone\n");
	host_file(&host, "/var/lib/dpkg/diversions",
		  "/usr/share/doc/mawk\n/usr/share/doc/mawk.real\nother\n");
	show("mawk", &visible);
	assert_visible(
		&visible,
		"+/bin\n+/usr/\n+/usr/bin/\n+/usr/bin/mawk\n+/usr/share/\n+/usr/share/doc/\n"
		"+/usr/share/doc/mawk.real\n" STATUS_OF(
			"mawk", "/.\n/bin\n/bin/mawk\n/usr/share/doc/mawk\n/usr/share/man/gone\n"));
}

test(alternatives_lead_to_what_is_shown)
{
	auto_visible visible;

	host_file(&host, "/usr/bin/mawk", "");
	host_file(&host, "/usr/bin/gawk", "");
	host_link(&host, "/etc/alternatives/awk", "/usr/bin/gawk");
	host_link(&host, "/usr/bin/awk", "/etc/alternatives/awk");
	host_file(&host, "/var/lib/dpkg/info/mawk.list", "/usr/bin/mawk\n");
	host_file(&host, "/var/lib/dpkg/alternatives/awk",
		  "auto\n/usr/bin/awk\nawk.1\n/usr/man/awk.1\n\n/usr/bin/gawk\n10\n"
		  "/usr/man/gawk.1\n/usr/bin/mawk\n5\n\n\n");
	host_file(&host, "/var/lib/dpkg/alternatives/torn", "auto\n/usr/bin/x\nname");
	show("mawk", &visible);
	assert_visible(
		&visible,
		"+/etc/\n+/etc/alternatives/\n/etc/alternatives/awk>/usr/bin/mawk\n+/usr/\n"
		"+/usr/bin/\n+/usr/bin/awk\n+/usr/bin/mawk\n" STATUS_OF("mawk", "/usr/bin/mawk\n"));
}

test(compiled_python_comes_with_its_source)
{
	auto_visible visible;

	host_file(&host, "/usr/lib/p/a.py", "");
	host_file(&host, "/usr/lib/p/__pycache__/a.cpython-311.pyc", "");
	host_file(&host, "/usr/lib/p/__pycache__/b.cpython-311.pyc", "");
	host_file(&host, "/var/lib/dpkg/info/mawk:amd64.list", "/usr/lib/p/a.py\n");
	show("mawk", &visible);
	assert_visible(&visible,
		       "+/usr/\n+/usr/lib/\n+/usr/lib/p/\n+/usr/lib/p/__pycache__/\n"
		       "+/usr/lib/p/__pycache__/a.cpython-311.pyc\n+/usr/lib/p/a.py\n" STATUS_OF(
			       "mawk", "/usr/lib/p/a.py\n"));
}

test(a_package_without_a_list_is_refused)
{
	auto_strings names = { 0 };
	auto_dpkg_set set = { 0 };
	auto_visible visible;
	struct err err = { 0 };

	visible_init(&visible, host.root_fd);
	strings_add(&names, "mawk");
	assert_int_equal(dpkg_closure(&dpkg, &names, true, &set, &err), 0);
	assert_int_equal(dpkg_show(&dpkg, &set, &visible, &err), -ENOENT);
	assert_non_null(strstr(err.text, "mawk.list"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(dependencies_are_followed),
		CASE(a_virtual_name_is_whoever_provides_it),
		CASE(versions_decide_among_alternatives),
		CASE(what_is_needed_anyway_is_chosen),
		CASE(what_is_missing_is_told_and_the_rest_goes_on),
		CASE(essential_packages_come_along),
		CASE(a_package_that_was_removed_is_not_installed),
		CASE(a_host_without_a_database_says_so),
		RUN(versions_are_compared_as_dpkg_does),
		CASE(listed_files_are_shown_where_the_host_has_them),
		CASE(alternatives_lead_to_what_is_shown),
		CASE(compiled_python_comes_with_its_source),
		CASE(a_package_without_a_list_is_refused),
	};

	return RUN_ALL(tests);
}
