// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/host.h"

static char directory[] = "/tmp/rootlet-host-XXXXXX";

static int make_directory(void **state __attribute__((unused)))
{
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state __attribute__((unused)))
{
	return rmdir(directory);
}

static size_t entries(void)
{
	DIR *stream = opendir(directory);
	size_t count = 0;

	while (readdir(stream))
		count++;
	closedir(stream);
	return count - 2;
}

test(every_fact_has_words)
{
	for (enum host_fact which = 0; which < HOST_FACT_COUNT; which++) {
		assert_non_null(host_fact_name(which));
		assert_non_null(host_fact_title(which));
		assert_non_null(host_fact_group(which));
	}
}

test(probing_everything_leaves_nothing_behind)
{
	auto_host host = { 0 };

	host_init(&host, directory);
	for (enum host_fact which = 0; which < HOST_FACT_COUNT; which++) {
		const struct fact *fact = host_fact(&host, which);

		if (fact->usable)
			assert_int_equal(fact->error, 0);
		else
			assert_string_not_equal(fact->detail, "");
	}
	assert_int_equal(entries(), 0);
}

test(a_fact_is_probed_once)
{
	auto_host host = { 0 };
	const struct fact *fact;

	host_init(&host, directory);
	fact = host_fact(&host, HOST_STORE_WRITE);
	assert_true(fact->usable);
	free(host.store_directory); /* a second probe would fail */
	host.store_directory = NULL;
	assert_ptr_equal(host_fact(&host, HOST_STORE_WRITE), fact);
	assert_true(fact->usable);
}

test(a_store_that_is_not_there_yet_is_judged_by_the_folder_above)
{
	auto_host host = { 0 };
	char path[200];

	snprintf(path, sizeof(path), "%s/not/yet", directory);
	host_init(&host, path);
	assert_string_equal(host.store_directory, directory);
	assert_true(host_fact(&host, HOST_STORE_HARD_LINK)->usable);
}

test(a_refusal_names_the_attempt_and_the_errno)
{
	auto_host host = { 0 };
	struct err err = { 0 };

	host_init(&host, "/proc/store");
	int r = host_refuse(&host, HOST_STORE_WRITE, &err);

	assert_true(r < 0);
	assert_int_equal(r, -err.code);
	assert_int_equal(err.code, host_fact(&host, HOST_STORE_WRITE)->error);
	assert_non_null(strstr(err.text, "'/proc'"));
	assert_non_null(strstr(err.hint, "ROOTLET_STORE"));
}

test(without_a_store_the_facts_about_it_are_refused)
{
	auto_host host = { 0 };

	host_init(&host, NULL);
	for (enum host_fact which = HOST_STORE_WRITE; which <= HOST_STORE_TMPFILE; which++)
		assert_false(host_fact(&host, which)->usable);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(every_fact_has_words),
		RUN(probing_everything_leaves_nothing_behind),
		RUN(a_fact_is_probed_once),
		RUN(a_store_that_is_not_there_yet_is_judged_by_the_folder_above),
		RUN(a_refusal_names_the_attempt_and_the_errno),
		RUN(without_a_store_the_facts_about_it_are_refused),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
