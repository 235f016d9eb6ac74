// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/banned.h"
#include "base/number.h"
#include "base/table.h"
#include "cmd/housekeeping.h"
#include "codec/json.h"
#include "flow/usage.h"

struct df_command {
	struct common common;
	const char *format;
};

static const struct opt df_opts[] = {
	{ OPT_CHOICE, 0, "format", offsetof(struct df_command, format), "table|json",
	  "tables (default) or one JSON object", NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

static const struct {
	const char *key;  /* in JSON */
	const char *name; /* for people */
	const char *back; /* how it is given back */
} kinds[USAGE_KINDS] = {
	[USAGE_IMAGES] = { "Images", "images", "rmi" },
	[USAGE_STEPS] = { "BuildCache", "build cache", "cache prune, gc" },
	[USAGE_MOUNTS] = { "CacheMounts", "cache mounts", "cache prune, gc" },
	[USAGE_DERIVED] = { "Derived", "derived", "with its image, gc" },
	[USAGE_UNNEEDED] = { "Unneeded", "not needed", "gc" },
	[USAGE_TEMPORARY] = { "Temporary", "temporary", "by itself" },
};

static const char *name_of(const struct usage_image *image, char text[REF_TEXT_MAX])
{
	if (image->entry.untagged)
		snprintf(text, REF_TEXT_MAX, "%s", image->entry.descriptor.digest.text);
	else
		ref_familiar(&image->entry.ref, text);
	return text;
}

/* ---- as tables ---- */

static void add_size(struct table *table, uint64_t bytes)
{
	char text[16];

	table_cell(table, number_format_size(bytes, text));
}

static void add_number(struct table *table, size_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", number);
	table_cell(table, text);
}

static void add_headings(struct table *table, const char *const *names)
{
	for (size_t i = 0; i < table->columns; i++)
		table_cell(table, names[i]);
}

static void print_images(const struct usage *usage, struct buf *out)
{
	static const char *const names[] = { "IMAGE",	 "LAYERS", "STORED",
					     "UNPACKED", "SHARED", "UNIQUE" };
	auto_table table = { .columns = array_count(names) };

	add_headings(&table, names);
	for (size_t i = 0; i < usage->image_count; i++) {
		const struct usage_image *image = &usage->image[i];
		char text[REF_TEXT_MAX];

		table_cell(&table, name_of(image, text));
		add_number(&table, image->layers);
		add_size(&table, image->blob_bytes);
		add_size(&table, image->layer_bytes);
		add_size(&table, image->shared_bytes);
		add_size(&table, image->unique_bytes);
	}
	table_print(&table, out);
}

static void print_parts(const struct usage *usage, struct buf *out)
{
	static const char *const names[] = { "TYPE", "COUNT", "SIZE", "GIVEN BACK BY" };
	auto_table table = { .columns = array_count(names) };

	add_headings(&table, names);
	for (size_t i = 0; i < USAGE_KINDS; i++) {
		table_cell(&table, kinds[i].name);
		add_number(&table, usage->part[i].count);
		add_size(&table, usage->part[i].bytes);
		table_cell(&table, kinds[i].back);
	}
	table_cell(&table, "total");
	table_cell(&table, "");
	add_size(&table, usage->total_bytes);
	table_cell(&table, "");
	table_print(&table, out);
}

/* ---- as JSON ---- */

static struct json *image_json(const struct usage_image *image)
{
	struct json *json = json_new_object();
	char text[REF_TEXT_MAX];

	json_set_text(json, "Image", name_of(image, text));
	json_set_text(json, "Digest", image->entry.descriptor.digest.text);
	json_set_integer(json, "Layers", (int64_t)image->layers);
	json_set_integer(json, "StoredBytes", (int64_t)image->blob_bytes);
	json_set_integer(json, "UnpackedBytes", (int64_t)image->layer_bytes);
	json_set_integer(json, "SharedBytes", (int64_t)image->shared_bytes);
	json_set_integer(json, "UniqueBytes", (int64_t)image->unique_bytes);
	return json;
}

static void print_json(const struct store *store, const struct usage *usage, struct buf *out)
{
	auto_json *json = json_new_object();
	struct json *images = json_new_array();
	struct json *parts = json_new_object();

	for (size_t i = 0; i < usage->image_count; i++)
		json_add(images, image_json(&usage->image[i]));
	for (size_t i = 0; i < USAGE_KINDS; i++) {
		struct json *part = json_new_object();

		json_set_integer(part, "Count", (int64_t)usage->part[i].count);
		json_set_integer(part, "Bytes", (int64_t)usage->part[i].bytes);
		json_set(parts, kinds[i].key, part);
	}
	json_set_text(json, "Store", store->path);
	json_set(json, "Images", images);
	json_set(json, "Parts", parts);
	json_set_integer(json, "TotalBytes", (int64_t)usage->total_bytes);
	json_print(json, JSON_ONE_LINE, out);
	buf_add_char(out, '\n');
}

static int df_main(const struct command *command, const struct common *common, int argc,
		   char **argv)
{
	struct df_command df = { .common = *common };
	auto_store store = STORE_NONE;
	auto_usage usage = { 0 };
	auto_buf out = { 0 };
	struct err err = { 0 };
	int operand;
	int r = opt_parse(command, argc, argv, &df, &operand, &err);

	if (r > 0)
		return 0;
	if (r == 0 && operand < argc)
		r = fail_plain(&err, EINVAL, "'%s': no operand is taken", argv[operand]);
	if (r == 0)
		r = store_open(df.common.store, &store, &err);
	if (r == 0)
		r = usage_read(&store, &usage, &err);
	if (r < 0)
		return command_fail(command, &err);
	if (text_equal(df.format, "json")) {
		print_json(&store, &usage, &out);
	} else {
		print_images(&usage, &out);
		buf_add_char(&out, '\n');
		print_parts(&usage, &out);
	}
	return command_write(&out, &err) < 0 ? command_fail(command, &err) : 0;
}

const struct command command_df = {
	.name = "df",
	.summary = "tell what the store takes, by image and by what it is for",
	.synopsis = "[OPTIONS]",
	.opts = df_opts,
	.run = df_main,
	.group = "Images",
};
