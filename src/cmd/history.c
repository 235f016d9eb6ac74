// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"
#include "base/number.h"
#include "base/table.h"
#include "cmd/images.h"
#include "flow/images.h"
#include "store/layers.h"

#define CREATED_BY_WIDTH 45

struct history_command {
	struct common common;
	bool no_trunc;
	const char *format;
	const char *platform;
};

#define HISTORY(field) offsetof(struct history_command, field)

static const struct opt history_opts[] = {
	{ OPT_FLAG, 0, "no-trunc", HISTORY(no_trunc), NULL, "show everything in full", NULL },
	{ OPT_CHOICE, 0, "format", HISTORY(format), "table|json",
	  "a table (default) or one JSON object per line", NULL },
	{ OPT_STR, 0, "platform", HISTORY(platform), "OS/ARCH[/VARIANT]",
	  "which image of an index (default: this machine's)", NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

/* One line: an entry of the history and the layer it made, if any. */
struct line {
	const struct history *history;
	struct history none; /* for layers that no entry accounts for */
	uint64_t size_bytes;
	const char *diff_id; /* "" when no layer was made */
};

static uint64_t size_of(const struct store *store, const struct image *image, size_t layer)
{
	uint64_t size = layer_tar_bytes(store, &image->config.diff_ids[layer]);

	if (!size && layer < image->manifest.layer_count)
		size = image->manifest.layers[layer].size_bytes;
	return size;
}

/* Oldest first. More layers than entries happen in real images; the rest is shown without words. */
static size_t make_lines(const struct store *store, const struct image *image, struct line *lines)
{
	const struct config *config = &image->config;
	size_t layer = 0;
	size_t count = 0;

	for (size_t i = 0; i < config->history_count; i++) {
		struct line *line = &lines[count++];

		line->history = &config->history[i];
		line->diff_id = "";
		if (config->history[i].empty_layer || layer == config->diff_id_count)
			continue;
		line->diff_id = config->diff_ids[layer].text;
		line->size_bytes = size_of(store, image, layer++);
	}
	for (; layer < config->diff_id_count; layer++) {
		struct line *line = &lines[count++];

		line->history = &line->none;
		line->diff_id = config->diff_ids[layer].text;
		line->size_bytes = size_of(store, image, layer);
	}
	return count;
}

static void add_json(const struct line *line, struct buf *out)
{
	const struct history *history = line->history;
	auto_json *json = json_new_object();

	json_set_text(json, "CreatedAt", history->created ? history->created : "");
	json_set_text(json, "CreatedBy", history->created_by ? history->created_by : "");
	json_set_text(json, "Comment", history->comment ? history->comment : "");
	json_set_text(json, "DiffID", line->diff_id);
	json_set_integer(json, "SizeBytes", (int64_t)line->size_bytes);
	json_print(json, JSON_ONE_LINE, out);
	buf_add_char(out, '\n');
}

/* Cut at a character, not in the middle of one; newlines would break the table. */
static void add_created_by(const struct history_command *command, const char *text,
			   struct table *table)
{
	auto_buf cell = { 0 };
	size_t width = 0;

	for (; *text; text++) {
		width += (*text & 0xc0) != 0x80;
		if (!command->no_trunc && width > CREATED_BY_WIDTH) {
			buf_add_text(&cell, "\xe2\x80\xa6");
			break;
		}
		buf_add_char(&cell, *text == '\n' || *text == '\t' ? ' ' : *text);
	}
	table_cell(table, buf_text(&cell));
}

static void add_row(const struct history_command *command, const struct image *image,
		    const struct line *line, bool newest, struct table *table)
{
	const struct history *history = line->history;
	char id[DIGEST_TEXT_LENGTH + 1] =
		"<missing>"; /* docker's word for "has no image of its own" */
	char age[32] = "N/A";
	char size[16];
	int64_t created;

	if (newest && command->no_trunc)
		snprintf(id, sizeof(id), "%s", image_id(image)->text);
	else if (newest)
		digest_short(image_id(image), id);
	if (time_parse(history->created, &created) && created > 0) /* 1970: nobody set it */
		table_age((int64_t)time(NULL) - created, age);
	table_cell(table, id);
	table_cell(table, age);
	add_created_by(command, history->created_by ? history->created_by : "", table);
	table_cell(table, number_format_size(line->size_bytes, size));
	table_cell(table, history->comment ? history->comment : "");
}

static void print_history(const struct history_command *command, const struct store *store,
			  const struct image *image, struct buf *out)
{
	static const char *const heading[] = { "IMAGE", "CREATED", "CREATED BY", "SIZE",
					       "COMMENT" };
	const struct config *config = &image->config;
	auto_table table = { .columns = array_count(heading) };
	auto_arena arena = { 0 };
	struct line *lines = arena_array(&arena, struct line,
					 config->history_count + config->diff_id_count);
	size_t count = make_lines(store, image, lines);

	for (size_t i = 0; i < array_count(heading); i++)
		table_cell(&table, heading[i]);
	for (size_t i = count; i-- > 0;) {
		if (text_equal(command->format, "json"))
			add_json(&lines[i], out);
		else
			add_row(command, image, &lines[i], i == count - 1, &table);
	}
	if (!text_equal(command->format, "json"))
		table_print(&table, out);
}

static int history(const struct history_command *command, const struct store *store,
		   const char *text, struct buf *out, struct err *err)
{
	auto_arena arena = { 0 };
	auto_image image = { 0 };
	struct platform platform;
	int r = 0;

	if (command->platform)
		r = platform_parse(command->platform, &arena, &platform, err);
	if (r == 0)
		r = image_load(store, text, command->platform ? &platform : NULL, &image, err);
	if (r == 0)
		print_history(command, store, &image, out);
	return r;
}

static int history_main(const struct command *command, const struct common *common, int argc,
			char **argv)
{
	struct history_command request = { .common = *common };
	auto_store store = STORE_NONE;
	auto_buf out = { 0 };
	struct err err = { 0 };
	const char *image;
	int r = opt_parse_one(command, argc, argv, &request, "image", &image, &err);

	if (r > 0)
		return 0;
	if (r == 0)
		r = store_open(request.common.store, &store, &err);
	if (r == 0)
		r = history(&request, &store, image, &out, &err);
	if (r == 0)
		r = command_write(&out, &err);
	return r < 0 ? command_fail(command, &err) : 0;
}

const struct command command_history = {
	.name = "history",
	.summary = "show how an image was made, step by step",
	.synopsis = "[OPTIONS] IMAGE",
	.opts = history_opts,
	.run = history_main,
	.group = "Images",
};
