// SPDX-License-Identifier: Apache-2.0
#include "cmd/images.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"
#include "base/log.h"
#include "base/number.h"
#include "base/table.h"
#include "flow/images.h"

struct images_command {
	struct common common;
	bool all;
	bool digests;
	bool no_trunc;
	const char *format;
	const char *pattern; /* operand */
	bool has_additional; /* some are in stores that are only read */
};

#define IMAGES(field) offsetof(struct images_command, field)

static const struct opt images_opts[] = {
	{ OPT_FLAG, 'a', "all", IMAGES(all), NULL, "accepted for docker's sake; all are shown",
	  NULL },
	{ OPT_FLAG, 0, "digests", IMAGES(digests), NULL, "show digests", NULL },
	{ OPT_FLAG, 0, "no-trunc", IMAGES(no_trunc), NULL, "show complete ids", NULL },
	{ OPT_CHOICE, 0, "format", IMAGES(format), "table|json",
	  "a table (default) or one JSON object per line", NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

/* What a row says, as text. */
struct row_text {
	char repository[REF_TEXT_MAX];
	char tag[REF_TAG_MAX + 1];
	char id[DIGEST_TEXT_LENGTH + 1];
	char age[32];
	char size[16];
};

static void fill_row(const struct images_command *command, const struct image_item *item,
		     struct row_text *row)
{
	struct ref ref = item->entry.ref;
	char text[REF_TEXT_MAX];

	snprintf(row->tag, sizeof(row->tag), "%s", ref.tag[0] ? ref.tag : "<none>");
	ref.tag[0] = '\0';
	ref.digest.text[0] = '\0';
	snprintf(row->repository, sizeof(row->repository), "%s",
		 item->entry.untagged ? "<none>" : ref_familiar(&ref, text));
	snprintf(row->id, sizeof(row->id), "%s", item->id.text);
	if (!command->no_trunc)
		digest_short(&item->id, row->id);
	snprintf(row->age, sizeof(row->age), "N/A");
	if (item->created_s)
		table_age((int64_t)time(NULL) - item->created_s, row->age);
	number_format_size(item->size_bytes, row->size);
}

/* "debian", "debian:1*", "*" + "/app": the shell's patterns over name or name:tag. */
static bool matches(const struct image_item *item, const char *pattern)
{
	struct ref ref = item->entry.ref;
	char text[REF_TEXT_MAX];

	if (!pattern)
		return true;
	if (item->entry.untagged)
		return false;
	if (fnmatch(pattern, ref_familiar(&ref, text), FNM_PATHNAME) == 0 ||
	    fnmatch(pattern, ref_format(&ref, text), FNM_PATHNAME) == 0)
		return true;
	ref.tag[0] = '\0';
	return fnmatch(pattern, ref_familiar(&ref, text), FNM_PATHNAME) == 0 ||
	       fnmatch(pattern, ref_format(&ref, text), FNM_PATHNAME) == 0;
}

static void add_json(const struct images_command *command, const struct image_item *item,
		     struct buf *out)
{
	auto_json *json = json_new_object();
	struct row_text row;

	fill_row(command, item, &row);
	json_set_text(json, "Repository", row.repository);
	json_set_text(json, "Tag", row.tag);
	json_set_text(json, "ID", item->id.text);
	json_set_text(json, "Digest", item->entry.descriptor.digest.text);
	json_set_text(json, "Platform", item->platform);
	json_set_text(json, "CreatedAt", item->created);
	json_set_text(json, "CreatedSince", row.age);
	json_set_text(json, "Size", row.size);
	json_set_integer(json, "SizeBytes", (int64_t)item->size_bytes);
	json_set_text(json, "ReadOnlyStore", item->entry.store_path);
	json_set_text(json, "Problem", item->problem);
	json_print(json, JSON_ONE_LINE, out);
	buf_add_char(out, '\n');
}

static void add_row(const struct images_command *command, const struct image_item *item,
		    struct table *table)
{
	struct row_text row;

	fill_row(command, item, &row);
	table_cell(table, row.repository);
	table_cell(table, row.tag);
	if (command->digests)
		table_cell(table, item->entry.descriptor.digest.text);
	table_cell(table, row.id);
	table_cell(table, row.age);
	table_cell(table, row.size);
	if (command->has_additional)
		table_cell(table, item->entry.store_path ? "true" : "");
}

static void add_heading(const struct images_command *command, struct table *table)
{
	table_cell(table, "REPOSITORY");
	table_cell(table, "TAG");
	if (command->digests)
		table_cell(table, "DIGEST");
	table_cell(table, "IMAGE ID");
	table_cell(table, "CREATED");
	table_cell(table, "SIZE");
	if (command->has_additional)
		table_cell(table, "R/O"); /* as podman has it */
}

static void print_items(const struct images_command *command, const struct image_item *items,
			size_t count, struct buf *out)
{
	auto_table table = { .columns = 5u + command->digests + command->has_additional };
	auto_strings ids = { 0 };
	bool as_json = text_equal(command->format, "json");

	add_heading(command, &table);
	for (size_t i = 0; i < count; i++) {
		struct row_text row;

		if (items[i].problem)
			log_warning("image %s: %s", items[i].entry.descriptor.digest.text,
				    items[i].problem);
		if (!matches(&items[i], command->pattern))
			continue;
		fill_row(command, &items[i], &row);
		if (strings_contains(&ids, row.id))
			continue;
		if (command->common.quiet)
			strings_add(&ids, row.id);
		else if (as_json)
			add_json(command, &items[i], out);
		else
			add_row(command, &items[i], &table);
	}
	strings_each(&ids, id)
		buf_printf(out, "%s\n", id);
	if (!command->common.quiet && !as_json)
		table_print(&table, out);
}

static int images_main(const struct command *command, const struct common *common, int argc,
		       char **argv)
{
	struct images_command images = { .common = *common };
	auto_store store = STORE_NONE;
	auto_arena arena = { 0 };
	auto_buf out = { 0 };
	struct image_item *items;
	struct err err = { 0 };
	size_t count;
	int operand;
	int r = opt_parse(command, argc, argv, &images, &operand, &err);

	if (r > 0)
		return 0;
	if (r == 0 && argc - operand > 1)
		r = fail_plain(&err, EINVAL, "more than one name or pattern");
	if (r == 0)
		r = store_open(images.common.store, &store, &err);
	if (r == 0)
		r = images_list(&store, &arena, &items, &count, &err);
	if (r < 0)
		return command_fail(command, &err);
	images.pattern = argv[operand];
	for (size_t i = 0; i < count; i++)
		images.has_additional |= items[i].entry.store_path != NULL;
	print_items(&images, items, count, &out);
	if (command_write(&out, &err) < 0)
		return command_fail(command, &err);
	return 0;
}

const struct command command_images = {
	.name = "images",
	.summary = "list the images in the store",
	.synopsis = "[OPTIONS] [NAME[:TAG]]",
	.opts = images_opts,
	.run = images_main,
	.group = "Images",
};
