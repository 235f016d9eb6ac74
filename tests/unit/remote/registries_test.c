// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <stdio.h>
#include <sys/stat.h>

#include "remote/registries.h"

static void add(struct registries *registries, const char *text)
{
	struct err err = { 0 };

	if (registries_add(registries, text, strlen(text), &err) < 0)
		fail_msg("%s", err.text);
}

static void refused(const char *text, const char *why)
{
	auto_registries registries = { 0 };
	struct err err = { 0 };

	assert_int_equal(registries_add(&registries, text, strlen(text), &err), -EINVAL);
	if (!strstr(err.text, why))
		fail_msg("expected '%s' in '%s'", why, err.text);
}

static struct ref ref_of(const char *text)
{
	struct err err = { 0 };
	struct ref ref;

	if (ref_parse(text, &ref, &err) < 0)
		fail_msg("%s", err.text);
	return ref;
}

/* "a b(i)": the endpoints in order, (i) for insecure ones; "!..." the error. */
static const char *pulled_from(const struct registries *registries, const char *text)
{
	static char shown[4096];
	struct endpoint list[ENDPOINTS_MAX];
	struct ref ref = ref_of(text);
	char name[REF_TEXT_MAX];
	struct err err = { 0 };
	size_t count = 0;

	shown[0] = '\0';
	if (registries_pull(registries, &ref, list, &count, &err) < 0) {
		snprintf(shown, sizeof(shown), "!%s", err.text);
		return shown;
	}
	for (size_t i = 0; i < count; i++)
		snprintf(shown + strlen(shown), sizeof(shown) - strlen(shown), "%s%s%s",
			 i ? " " : "", ref_format(&list[i].ref, name),
			 list[i].insecure ? "(i)" : "");
	return shown;
}

static const char *expanded(const struct registries *registries, const char *text)
{
	static char shown[4096];
	auto_strings names = { 0 };
	struct err err = { 0 };

	shown[0] = '\0';
	if (registries_expand(registries, text, &names, &err) < 0) {
		snprintf(shown, sizeof(shown), "!%s", err.text);
		return shown;
	}
	strings_each(&names, name) {
		strcat(shown, *shown ? " " : "");
		strcat(shown, name);
	}
	return shown;
}

static const char example[] = "[[registry]]\n"
			      "prefix = 'example.com/foo'\n"
			      "location = 'internal.example.net/bar'\n"
			      "[[registry.mirror]]\n"
			      "location = 'mirror-0.local/mirror-for-foo'\n"
			      "[[registry.mirror]]\n"
			      "location = 'mirror-1.local:5000'\n"
			      "insecure = true\n"
			      "[[registry]]\n"
			      "location = 'example.com'\n";

test(mirrors_come_first_and_names_are_rewritten)
{
	auto_registries registries = { 0 };

	add(&registries, example);
	assert_string_equal(pulled_from(&registries, "example.com/foo/image:1"),
			    "mirror-0.local/mirror-for-foo/image:1 mirror-1.local:5000/image:1(i) "
			    "internal.example.net/bar/image:1");
	assert_string_equal(pulled_from(&registries, "example.com/other:1"), "example.com/other:1");
	assert_string_equal(pulled_from(&registries, "elsewhere.org/a/b:1"), "elsewhere.org/a/b:1");
}

test(a_prefix_ends_at_a_separator)
{
	auto_registries registries = { 0 };

	add(&registries, example);
	assert_string_equal(pulled_from(&registries, "example.com/foobar:1"),
			    "example.com/foobar:1");
	add(&registries, "[[registry]]\nlocation = 'host.org'\nblocked = true\n");
	assert_string_equal(pulled_from(&registries, "host.org:5000/a:1"), "host.org:5000/a:1");
	assert_string_equal(pulled_from(&registries, "host.org/a:1"),
			    "!'host.org/a:1' is blocked by registries.conf (prefix 'host.org')");
}

test(pushes_never_go_to_mirrors_and_obey_blocks)
{
	auto_registries registries = { 0 };
	struct ref ref = ref_of("example.com/foo/image:1");
	struct endpoint endpoint;
	char name[REF_TEXT_MAX];
	struct err err = { 0 };

	add(&registries, example);
	assert_int_equal(registries_push(&registries, &ref, &endpoint, &err), 0);
	assert_string_equal(ref_format(&endpoint.ref, name), "internal.example.net/bar/image:1");
	add(&registries, "[[registry]]\nprefix = 'example.com/foo'\nlocation = 'example.com/foo'\n"
			 "blocked = true\n");
	assert_int_equal(registries_push(&registries, &ref, &endpoint, &err), -EACCES);
}

test(the_longest_prefix_wins_and_may_name_a_tag)
{
	auto_registries registries = { 0 };

	add(&registries, "[[registry]]\nprefix = 'h.org'\nlocation = 'a.org'\n"
			 "[[registry]]\nprefix = 'h.org/n'\nlocation = 'b.org/n'\n"
			 "[[registry]]\nprefix = 'h.org/n/i:special'\nlocation = 'c.org/x:y'\n");
	assert_string_equal(pulled_from(&registries, "h.org/z:1"), "a.org/z:1");
	assert_string_equal(pulled_from(&registries, "h.org/n/i:1"), "b.org/n/i:1");
	assert_string_equal(pulled_from(&registries, "h.org/n/i:special"), "c.org/x:y");
}

test(wildcards_match_subdomains_only)
{
	auto_registries registries = { 0 };

	add(&registries, "[[registry]]\nprefix = '*.example.com'\ninsecure = true\n");
	assert_string_equal(pulled_from(&registries, "a.b.example.com:5000/i:1"),
			    "a.b.example.com:5000/i:1(i)");
	assert_string_equal(pulled_from(&registries, "example.com/i:1"), "example.com/i:1");
	assert_string_equal(pulled_from(&registries, "badexample.com/i:1"), "badexample.com/i:1");
	add(&registries, "[[registry]]\nprefix = '*.example.org'\nlocation = 'one.net/all'\n");
	assert_string_equal(pulled_from(&registries, "x.example.org/a/i:1"), "one.net/all/a/i:1");
}

test(mirrors_may_serve_digests_or_tags_only)
{
#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	auto_registries registries = { 0 };

	add(&registries,
	    "[[registry]]\nlocation = 'h.org'\n"
	    "[[registry.mirror]]\nlocation = 'd.org'\npull-from-mirror = 'digest-only'\n"
	    "[[registry.mirror]]\nlocation = 't.org'\npull-from-mirror = 'tag-only'\n"
	    "[[registry]]\nlocation = 'g.org'\nmirror-by-digest-only = true\n"
	    "[[registry.mirror]]\nlocation = 'm.org'\n");
	assert_string_equal(pulled_from(&registries, "h.org/i:1"), "t.org/i:1 h.org/i:1");
	assert_string_equal(pulled_from(&registries, "h.org/i@" DIGEST),
			    "d.org/i@" DIGEST " h.org/i@" DIGEST);
	assert_string_equal(pulled_from(&registries, "g.org/i:1"), "g.org/i:1");
	refused("[[registry]]\nlocation='g.org'\nmirror-by-digest-only=true\n"
		"[[registry.mirror]]\nlocation='m.org'\npull-from-mirror='all'\n",
		"contradicts");
}

test(short_names_follow_aliases_then_search_then_docker)
{
	auto_registries registries = { 0 };

	assert_string_equal(expanded(&registries, "debian:12"), "debian:12");
	add(&registries, "[aliases]\n'fedora' = 'registry.example.org/fedora'\n"
			 "'org/tool' = 'quay.example/org/tool'\n");
	assert_string_equal(expanded(&registries, "fedora:40"), "registry.example.org/fedora:40");
	assert_string_equal(expanded(&registries, "org/tool@" DIGEST),
			    "quay.example/org/tool@" DIGEST);
	assert_string_equal(expanded(&registries, "localhost/fedora"), "localhost/fedora");
	add(&registries, "unqualified-search-registries = ['a.org', 'b.org']\n");
	assert_string_equal(expanded(&registries, "debian:12"), "a.org/debian:12 b.org/debian:12");
	assert_string_equal(expanded(&registries, "c.org/debian:12"), "c.org/debian:12");
	add(&registries, "short-name-mode = 'enforcing'\n[aliases]\nfedora = ''\n");
	assert_string_equal(expanded(&registries, "fedora"),
			    "!short name 'fedora' is ambiguous: short-name-mode is enforcing");
	add(&registries, "unqualified-search-registries = ['a.org']\n");
	assert_string_equal(expanded(&registries, "fedora"), "a.org/fedora");
}

test(later_files_replace_rules_of_the_same_prefix)
{
	auto_registries registries = { 0 };

	add(&registries, example);
	add(&registries, "[[registry]]\nprefix = 'example.com/foo'\nlocation = 'new.org/foo'\n");
	assert_string_equal(pulled_from(&registries, "example.com/foo/i:1"), "new.org/foo/i:1");
	assert_string_equal(pulled_from(&registries, "example.com/o:1"), "example.com/o:1");
}

test(wrong_settings_are_refused_by_line)
{
	refused("[registries.search]\nregistries = ['x']\n", "version 1 of the format");
	refused("[[registry]]\ninsecure = true\n",
		"line 1: a registry needs a prefix or a location");
	refused("[[registry]]\nlocation = 'https://x.org'\n", "has no scheme");
	refused("[[registry]]\nprefix = 'a.*.org'\nlocation = 'x.org'\n", "form *.domain");
	refused("[[registry]]\nlocation = 'x.org'\ninsecure = 'yes'\n", "line 3: 'insecure'");
	refused("[[registry]]\nlocation='x.org'\n[[registry.mirror]]\n",
		"a mirror needs a location");
	refused("short-name-mode = 'maybe'\n", "line 1: short-name-mode");
	refused("aliases = 3\n", "'aliases' is not a table");
}

test(a_location_that_is_no_host_is_refused_when_used)
{
	auto_registries registries = { 0 };

	add(&registries, "[[registry]]\nprefix = 'h.org'\nlocation = 'plain'\n");
	assert_true(strstr(pulled_from(&registries, "h.org/i:1"), "does not begin with a host"));
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

test(the_users_file_replaces_the_sites_and_drop_ins_come_in_order)
{
	char directory[] = "/tmp/registries-test-XXXXXX";
	char path[128];
	struct remote_paths paths = { 0 };
	auto_registries registries = { 0 };
	struct err err = { 0 };

	assert_non_null(mkdtemp(directory));
	strings_printf(&paths.registries, "%s/absent.conf", directory);
	strings_printf(&paths.registries, "%s/user.conf", directory);
	strings_printf(&paths.registries, "%s/site.conf", directory);
	strings_printf(&paths.registries_dirs, "%s", directory);
	snprintf(path, sizeof(path), "%s/user.conf", directory);
	write_file(path, "unqualified-search-registries = ['user.org']\n");
	snprintf(path, sizeof(path), "%s/site.conf", directory);
	write_file(path, "not toml");
	assert_int_equal(registries_load(&paths, &registries, &err), -EINVAL);
	assert_true(strstr(err.text, "site.conf': line 1"));

	remove(path);
	assert_int_equal(registries_load(&paths, &registries, &err), 0);
	assert_string_equal(expanded(&registries, "x"), "user.org/x");
	snprintf(path, sizeof(path), "%s/user.conf", directory);
	remove(path);
	rmdir(directory);
	remote_paths_done(&paths);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(mirrors_come_first_and_names_are_rewritten),
		RUN(a_prefix_ends_at_a_separator),
		RUN(pushes_never_go_to_mirrors_and_obey_blocks),
		RUN(the_longest_prefix_wins_and_may_name_a_tag),
		RUN(wildcards_match_subdomains_only),
		RUN(mirrors_may_serve_digests_or_tags_only),
		RUN(short_names_follow_aliases_then_search_then_docker),
		RUN(later_files_replace_rules_of_the_same_prefix),
		RUN(wrong_settings_are_refused_by_line),
		RUN(a_location_that_is_no_host_is_refused_when_used),
		RUN(the_users_file_replaces_the_sites_and_drop_ins_come_in_order),
	};

	return RUN_ALL(tests);
}
