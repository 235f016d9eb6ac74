// SPDX-License-Identifier: Apache-2.0
/* rootlet cache VERB: one option table for all verbs; each verb says which options are its own. */
#include "cmd/cache.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"
#include "base/log.h"
#include "base/number.h"
#include "base/table.h"
#include "base/text.h"
#include "cmd/age.h"
#include "flow/cache_entries.h"
#include "flow/cache_prune.h"
#include "flow/cache_transfer.h"

#define ID_SHOWN   12
#define TEXT_SHOWN 60

struct cache_command {
	struct common common;
	struct strings names; /* operands after the verb */
	const char *type;
	uint64_t larger_bytes;
	int64_t unused_s;
	const char *format;
	bool no_trunc;
	const char *output;
	bool replace;
	uint64_t keep_bytes;
	bool all;
	bool dry_run;
	bool force;
};

#define CACHE(field) offsetof(struct cache_command, field)

static int on_until(void *request, const char *name, const char *value, struct err *err)
{
	struct cache_command *cache = request;

	return age_parse(name, value, &cache->unused_s, err);
}

static const struct opt cache_opts[] = {
	{ OPT_HEADING, 0, NULL, 0, NULL, "Which entries (ls, prune, export)", NULL },
	{ OPT_CHOICE, 0, "type", CACHE(type), "step|mount",
	  "results of steps only, or cache mounts only", NULL },
	{ OPT_CALL, 0, "until", 0, "AGE", "only what no build used for AGE: 90m, 24h, 7d",
	  on_until },
	{ OPT_SIZE, 0, "larger", CACHE(larger_bytes), "SIZE", "only what takes SIZE or more",
	  NULL },
	{ OPT_HEADING, 0, NULL, 0, NULL, "ls, export, import", NULL },
	{ OPT_CHOICE, 0, "format", CACHE(format), "table|json|oci|oci-archive",
	  "ls: a table (default) or one JSON object per line; export: an archive (default) or the "
	  "directory of an OCI layout",
	  NULL },
	{ OPT_FLAG, 0, "no-trunc", CACHE(no_trunc), NULL, "show complete ids and instructions",
	  NULL },
	{ OPT_STR, 'o', "output", CACHE(output), "DEST",
	  "export: write to DEST (default: standard output)", NULL },
	{ OPT_FLAG, 0, "replace", CACHE(replace), NULL,
	  "import: replace cache mounts that are there (default: they stay)", NULL },
	{ OPT_HEADING, 0, NULL, 0, NULL, "prune", NULL },
	{ OPT_FLAG, 'a', "all", CACHE(all), NULL, "prune everything, no other choice being made",
	  NULL },
	{ OPT_SIZE, 0, "keep-storage", CACHE(keep_bytes), "SIZE",
	  "stop when the cache takes no more than SIZE; what was used longest ago goes first",
	  NULL },
	{ OPT_FLAG, 'n', "dry-run", CACHE(dry_run), NULL, "only say what would go", NULL },
	{ OPT_FLAG, 'f', "force", CACHE(force), NULL,
	  "nothing is asked anyway (accepted for docker's sake)", NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

static struct cache_filter filter_of(const struct cache_command *cache)
{
	return (struct cache_filter){ .names = &cache->names,
				      .only_steps = text_equal(cache->type, "step"),
				      .only_mounts = text_equal(cache->type, "mount"),
				      .unused_s = cache->unused_s,
				      .larger_bytes = cache->larger_bytes };
}

static bool is_chosen_at_all(const struct cache_command *cache)
{
	return cache->names.count || cache->type || cache->unused_s || cache->larger_bytes;
}

/* ---- ls ---- */

static const char *kind_name(const struct cache_entry *entry)
{
	return entry->kind == CACHE_STEP ? "step" : "mount";
}

/* Whole characters only. */
static const char *shorten(const char *text, size_t limit, struct arena *arena)
{
	size_t length = 0;

	for (size_t shown = 0; text[length]; length++)
		if ((text[length] & 0xc0) != 0x80 && ++shown > limit)
			return arena_printf(arena, "%.*s...", (int)length, text);
	return text;
}

static void add_json(const struct cache_entry *entry, struct buf *out)
{
	auto_json *json = json_new_object();
	char text[32];

	json_set_text(json, "ID", entry->id);
	json_set_text(json, "Type", kind_name(entry));
	json_set_integer(json, "SizeBytes", (int64_t)entry->size_bytes);
	json_set_bool(json, "Reclaimable", !entry->in_image);
	json_set_text(json, "CreatedAt", text_time(entry->created_s, text));
	json_set_text(json, "LastUsedAt", text_time(entry->used_s, text));
	json_set_text(json, "Description", entry->text);
	if (entry->kind == CACHE_STEP && !digest_is_none(&entry->step.diff_id))
		json_set_text(json, "DiffID", entry->step.diff_id.text);
	json_print(json, JSON_ONE_LINE, out);
	buf_add_char(out, '\n');
}

/* A private mount's number is part of its id. */
static const char *id_text(const struct cache_command *cache, const struct cache_entry *entry,
			   struct arena *arena)
{
	const char *number = strchrnul(entry->id, '-');

	if (cache->no_trunc || strlen(entry->id) <= ID_SHOWN)
		return entry->id;
	return arena_printf(arena, "%.*s%s", ID_SHOWN, entry->id, number);
}

static void add_row(const struct cache_command *cache, const struct cache_entry *entry,
		    struct arena *arena, struct table *table)
{
	char size[16];
	char age[32];

	table_cell(table, id_text(cache, entry, arena));
	table_cell(table, kind_name(entry));
	table_cell(table, number_format_size(entry->size_bytes, size));
	table_cell(table, entry->in_image ? "no" : "yes");
	table_cell(table, table_age((int64_t)time(NULL) - entry->used_s, age));
	table_cell(table, cache->no_trunc ? entry->text : shorten(entry->text, TEXT_SHOWN, arena));
}

static void add_heading(struct table *table)
{
	static const char *const names[] = { "ID",	    "TYPE",	 "SIZE",
					     "RECLAIMABLE", "LAST USED", "DESCRIPTION" };

	for (size_t i = 0; i < array_count(names); i++)
		table_cell(table, names[i]);
}

static void tell_total(const struct cache_entries *entries)
{
	uint64_t reclaimable;
	uint64_t bytes;
	char size[16];
	char of_it[16];

	cache_entries_size(entries, &bytes, &reclaimable);
	log_info("%s in all, %s of it reclaimable", number_format_size(bytes, size),
		 number_format_size(reclaimable, of_it));
}

static int list(struct cache_command *cache, const struct store *store, struct err *err)
{
	const struct cache_filter filter = filter_of(cache);
	bool as_json = text_equal(cache->format, "json");
	auto_cache_entries entries = { 0 };
	auto_table table = { .columns = 6 };
	auto_buf out = { 0 };
	int r = cache_entries_read(store, &filter, &entries, err);

	if (r < 0)
		return r;
	add_heading(&table);
	for (size_t i = 0; i < entries.count; i++) {
		const struct cache_entry *entry = &entries.item[i];

		if (!entry->is_chosen)
			continue;
		if (cache->common.quiet)
			buf_printf(&out, "%s\n", entry->id);
		else if (as_json)
			add_json(entry, &out);
		else
			add_row(cache, entry, &entries.arena, &table);
	}
	if (!cache->common.quiet && !as_json)
		table_print(&table, &out);
	r = command_write(&out, err);
	if (r == 0 && !as_json)
		tell_total(&entries);
	return r;
}

/* ---- prune ---- */

static void print_removed(void *context, const struct cache_entry *entry)
{
	const struct cache_command *cache = context;

	printf("%s %s\t%s\n", cache->dry_run ? "would remove" : "removed", entry->id, entry->text);
}

static int prune(struct cache_command *cache, const struct store *store, struct err *err)
{
	struct cache_prune_request request = { .store = store,
					       .filter = filter_of(cache),
					       .keep_bytes = cache->keep_bytes,
					       .dry_run = cache->dry_run,
					       .removed = print_removed,
					       .context = cache };
	struct cache_prune_result result;
	char size[16];
	int r;

	if (!cache->all && !cache->keep_bytes && !is_chosen_at_all(cache)) {
		fail_plain(err, EINVAL, "what is to go?");
		err_hint(err, "name it (rootlet cache ls), give --until, --larger, --type or "
			      "--keep-storage, or --all");
		return -EINVAL;
	}
	r = cache_prune(&request, &result, err);
	if (r < 0)
		return r;
	if (result.busy_count)
		log_info("%zu entries are in use and stay", result.busy_count);
	log_info("%s %s", cache->dry_run ? "this would free" : "freed",
		 number_format_size(result.freed_bytes, size));
	return fflush(stdout) < 0 ? fail(err, errno, "write to stdout") : 0;
}

/* ---- export, import ---- */

static int export(struct cache_command *cache, const struct store *store, struct err *err)
{
	struct cache_export_request request = { .store = store,
						.filter = filter_of(cache),
						.dest = cache->output ?: "-",
						.layout = text_equal(cache->format, "oci") };
	size_t count;
	int r;

	if (request.layout && !cache->output)
		return fail_plain(err, EINVAL, "--format oci needs -o DIR");
	if (!cache->output && isatty(STDOUT_FILENO))
		return fail_plain(err, EINVAL, "standard output is a terminal; use -o FILE");
	r = cache_export(&request, &count, err);
	if (r == 0)
		log_info("%zu entries", count);
	return r;
}

static int import(struct cache_command *cache, const struct store *store, struct err *err)
{
	struct cache_import_request request = { .store = store, .replace = cache->replace };
	struct cache_import_result result;
	int r;

	if (cache->names.count != 1)
		return fail_plain(err, EINVAL, "one source: a file, a directory or -");
	request.source = cache->names.item[0];
	r = cache_import(&request, &result, err);
	if (r < 0)
		return r;
	log_info("%zu entries", result.count);
	if (result.kept_count)
		log_info("%zu cache mounts were there and stay as they are; --replace replaces "
			 "them",
			 result.kept_count);
	return 0;
}

/* ---- the command ---- */

struct verb {
	const char *name;
	int (*run)(struct cache_command *cache, const struct store *store, struct err *err);
};

static const struct verb verbs[] = {
	{ "ls", list },
	{ "prune", prune },
	{ "export", export },
	{ "import", import },
};
#define VERBS "ls, prune, export, import"

/* An option that would do nothing is a mistake. */
static int check_options(const struct cache_command *cache, const char *verb, struct err *err)
{
	const struct {
		const char *verb;
		const char *option;
		bool given;
	} owned[] = {
		{ "ls", "format=table", text_equal(cache->format, "table") },
		{ "ls", "format=json", text_equal(cache->format, "json") },
		{ "export", "format=oci", text_equal(cache->format, "oci") },
		{ "export", "format=oci-archive", text_equal(cache->format, "oci-archive") },
		{ "export", "output", cache->output },
		{ "import", "replace", cache->replace },
		{ "ls", "no-trunc", cache->no_trunc },
		{ "prune", "all", cache->all },
		{ "prune", "keep-storage", cache->keep_bytes },
		{ "prune", "dry-run", cache->dry_run },
		{ "prune", "force", cache->force },
	};

	if (strcmp(verb, "import") == 0 && (cache->type || cache->unused_s || cache->larger_bytes))
		return fail_plain(err, EINVAL, "import takes all that is in its source");
	for (size_t i = 0; i < array_count(owned); i++)
		if (owned[i].given && strcmp(owned[i].verb, verb) != 0)
			return fail_plain(err, EINVAL,
					  "--%s belongs to 'cache %s', not to 'cache %s'",
					  owned[i].option, owned[i].verb, verb);
	return 0;
}

static int run_verb(struct cache_command *cache, int argc, char **argv, struct err *err)
{
	auto_store store = STORE_NONE;

	if (argc == 0) {
		fail_plain(err, EINVAL, "what is to be done with it?");
		err_hint(err, "one of " VERBS);
		return -EINVAL;
	}
	strings_add_all(&cache->names, argv + 1);
	for (size_t i = 0; i < array_count(verbs); i++) {
		int r;

		if (strcmp(argv[0], verbs[i].name) != 0)
			continue;
		r = check_options(cache, argv[0], err);
		if (r == 0)
			r = store_open(cache->common.store, &store, err);
		return r < 0 ? r : verbs[i].run(cache, &store, err);
	}
	return fail_plain(err, EINVAL, "'%s' is not one of " VERBS, argv[0]);
}

static int cache_main(const struct command *command, const struct common *common, int argc,
		      char **argv)
{
	struct cache_command cache = { .common = *common };
	struct err err = { 0 };
	int operand;
	int r = opt_parse(command, argc, argv, &cache, &operand, &err);

	if (r > 0)
		return 0;
	if (r == 0)
		r = run_verb(&cache, argc - operand, argv + operand, &err);
	strings_done(&cache.names);
	return r < 0 ? command_fail(command, &err) : 0;
}

const struct command command_cache = {
	.name = "cache",
	.summary = "list, prune, export and import what builds keep",
	.synopsis = "ls|prune|export|import [OPTIONS] [ID...|SRC]",
	.opts = cache_opts,
	.run = cache_main,
	.group = "Build",
};
