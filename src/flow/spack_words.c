// SPDX-License-Identifier: Apache-2.0
/* The options are those of all releases from 0.16 to 1.x together: no letter has changed between
 * one that takes a value and one that does not. */
#include "flow/spack_words.h"

#include <string.h>

#include "base/banned.h"

/* ---- tables ---- */

/* Before the command: options whose value is the next word, unless it is joined by '='. */
static const char *const values_before[] = {
	"-C",	   "--config-scope",
	"-c",	   "--config",
	"-e",	   "--env",
	"-D",	   "--env-dir",
	"--color", "--sorted-profile",
	"--lines", "--print-shell-vars",
	"--kill",  NULL,
};

static const char *const values_of_install[] = {
	"-j",
	"--jobs",
	"-p",
	"--concurrent-packages",
	"-u",
	"--until",
	"--only",
	"--test",
	"--use-buildcache",
	"--log-file",
	"--log-format",
	"--cdash-upload-url",
	"--cdash-build",
	"--cdash-site",
	"--cdash-track",
	"--cdash-buildstamp",
	NULL,
};

/* Those of install that change what there is to fetch. */
static const char *const kept_for_fetch[] = {
	"-n",	   "--no-checksum", "--deprecated", "-U", "--fresh",
	"--reuse", "--fresh-roots", "--reuse-deps", NULL,
};

/* `second` NULL: whatever comes after the command. The first that fits counts. */
static const struct row {
	const char *command;
	const char *second;
	enum spack_place place;
	bool configures, publishes;
} rows[] = {
	{ "install", NULL, SPACK_FETCH_FIRST, false, false },

	{ "bootstrap", NULL, SPACK_WITH_NETWORK, true, false },
	{ "buildcache", NULL, SPACK_WITH_NETWORK, false, true },
	{ "checksum", NULL, SPACK_WITH_NETWORK, false, false },
	{ "ci", NULL, SPACK_WITH_NETWORK, false, true },
	{ "clone", NULL, SPACK_WITH_NETWORK, false, false },
	{ "concretize", NULL, SPACK_WITH_NETWORK, false, false },
	{ "develop", NULL, SPACK_WITH_NETWORK, false, false },
	{ "fetch", NULL, SPACK_WITH_NETWORK, false, false },
	{ "graph", NULL, SPACK_WITH_NETWORK, false, false },
	{ "mirror", "create", SPACK_WITH_NETWORK, false, true },
	{ "patch", NULL, SPACK_WITH_NETWORK, false, false },
	{ "solve", NULL, SPACK_WITH_NETWORK, false, false },
	{ "spec", NULL, SPACK_WITH_NETWORK, false, false },
	{ "stage", NULL, SPACK_WITH_NETWORK, false, false },
	{ "versions", NULL, SPACK_WITH_NETWORK, false, false },

	/* what is found inside goes to the environment's settings */
	{ "compiler", NULL, SPACK_INSIDE, true, false },
	{ "external", NULL, SPACK_INSIDE, true, false },
	{ "config", "blame", SPACK_INSIDE, false, false },
	{ "config", "get", SPACK_INSIDE, false, false },
	{ "config", "list", SPACK_INSIDE, false, false },
	{ "config", "scopes", SPACK_INSIDE, false, false },

	{ "config", NULL, SPACK_ON_HOST, false, false },
	{ "mirror", NULL, SPACK_ON_HOST, false, false },
	{ "repo", NULL, SPACK_ON_HOST, false, false },
	{ "create", NULL, SPACK_ON_HOST, false, false },
	{ "edit", NULL, SPACK_ON_HOST, false, false },
	{ "help", NULL, SPACK_ON_HOST, false, false },
	{ "docs", NULL, SPACK_ON_HOST, false, false },
	{ "isolate", NULL, SPACK_ON_HOST, false, false },
	{ "rootlet", NULL, SPACK_ON_HOST, false, false },
	/* these print lines for the calling shell, made from its variables */
	{ "cd", NULL, SPACK_ON_HOST, false, false },
	{ "env", NULL, SPACK_ON_HOST, false, false },
	{ "load", NULL, SPACK_ON_HOST, false, false },
	{ "location", NULL, SPACK_ON_HOST, false, false },
	{ "unload", NULL, SPACK_ON_HOST, false, false },
};

static bool is_one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

/* ---- the command ---- */

static size_t find_command(const struct strings *words)
{
	size_t i = 0;

	while (i < words->count && words->item[i][0] == '-')
		i += is_one_of(words->item[i], values_before) ? 2 : 1;
	return i < words->count ? i : words->count;
}

/* The word after the command that is no option; NULL when there is none. */
static const char *second_word(const struct strings *words, size_t command)
{
	for (size_t i = command + 1; i < words->count; i++)
		if (words->item[i][0] != '-')
			return words->item[i];
	return NULL;
}

static const struct row *find_row(const char *command, const char *second)
{
	for (size_t i = 0; i < array_count(rows); i++)
		if (strcmp(rows[i].command, command) == 0 &&
		    (!rows[i].second || (second && strcmp(rows[i].second, second) == 0)))
			return &rows[i];
	return NULL;
}

static bool asks(const struct strings *words, size_t command, const char *option)
{
	for (size_t i = command + 1; i < words->count; i++)
		if (strcmp(words->item[i], option) == 0)
			return true;
	return false;
}

/* What a cache of binaries holds is not built, and what is told is not done. */
static enum spack_place place_of_install(const struct strings *words, size_t command)
{
	if (asks(words, command, "-h") || asks(words, command, "--help"))
		return SPACK_ON_HOST;
	if (asks(words, command, "--cache-only"))
		return SPACK_WITH_NETWORK;
	return asks(words, command, "--fake") ? SPACK_INSIDE : SPACK_FETCH_FIRST;
}

void spack_words_parse(const struct strings *words, struct spack_words *ret_words)
{
	size_t command = find_command(words);
	auto_strings fetch = { 0 };
	const struct row *row;

	*ret_words = (struct spack_words){ .command = command, .place = SPACK_ON_HOST };
	if (command == words->count)
		return; /* help, the version */
	row = find_row(words->item[command], second_word(words, command));
	ret_words->place = row ? row->place : SPACK_INSIDE;
	ret_words->configures = row && row->configures;
	ret_words->publishes = row && row->publishes;
	if (ret_words->place != SPACK_FETCH_FIRST)
		return;
	ret_words->place = place_of_install(words, command);
	spack_words_fetch(words, ret_words, &fetch);
	for (size_t i = command + 1; i < fetch.count; i++)
		ret_words->has_specs |= fetch.item[i][0] != '-';
}

void spack_words_options(const struct strings *words, const struct spack_words *parsed,
			 struct strings *ret_options)
{
	for (size_t i = 0; i < parsed->command; i++)
		strings_add(ret_options, words->item[i]);
}

void spack_words_fetch(const struct strings *words, const struct spack_words *parsed,
		       struct strings *ret_fetch)
{
	spack_words_options(words, parsed, ret_fetch);
	strings_add(ret_fetch, "fetch");
	strings_add(ret_fetch, "--missing");
	strings_add(ret_fetch, "--dependencies");
	for (size_t i = parsed->command + 1; i < words->count; i++) {
		const char *word = words->item[i];

		if (strcmp(word, "-f") == 0 || strcmp(word, "--file") == 0)
			continue; /* its value is a file with a spec, which is a spec to fetch */
		if (is_one_of(word, values_of_install))
			i++;
		else if (word[0] != '-' || is_one_of(word, kept_for_fetch))
			strings_add(ret_fetch, word);
	}
}
