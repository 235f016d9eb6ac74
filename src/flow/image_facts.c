// SPDX-License-Identifier: Apache-2.0
/* A line for each image, words separated by blanks:
 *
 *     MANIFEST-DIGEST CONFIG-DIGEST CONFIG-SIZE PLATFORM CREATED [DIFF-ID=STORED-SIZE]...
 *
 * CREATED is "-" when it is not known. An image of which a text has a blank in it is left out. */
#include "flow/image_facts.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/number.h"
#include "store/blob.h"
#include "store/layers.h"

#define FILE_NAME      "cache/images"
#define FIRST_LINE     "# rootlet images 1\n"
#define FILE_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* ---- reading ---- */

static bool parse_layer(char *word, struct image_fact_layer *layer)
{
	char *size = strchr(word, '=');

	if (!size)
		return false;
	*size++ = '\0';
	return digest_parse(word, &layer->diff_id, NULL) == 0 &&
	       number_parse_u64(size, &layer->stored_bytes) == 0;
}

static bool parse_layers(struct image_memory *memory, char *words, struct image_facts *facts)
{
	size_t count = 0;

	for (const char *at = words; at && *at; at++)
		count += *at == '=';
	facts->layer = arena_array(&memory->arena, struct image_fact_layer, count);
	while (words && *words && facts->layer_count < count)
		if (!parse_layer(strsep(&words, " "), &facts->layer[facts->layer_count++]))
			return false;
	return !words || !*words;
}

/* The line is the arena's. */
static void parse_line(struct image_memory *memory, char *line)
{
	struct image_facts *facts = arena_new(&memory->arena, struct image_facts);
	const char *root = strsep(&line, " ");
	const char *config = line ? strsep(&line, " ") : "";
	const char *size = line ? strsep(&line, " ") : "";

	facts->platform = line ? strsep(&line, " ") : NULL;
	facts->created = line ? strsep(&line, " ") : NULL;
	if (!facts->created || digest_parse(config, &facts->config.digest, NULL) < 0 ||
	    number_parse_u64(size, &facts->config.size_bytes) < 0 ||
	    !parse_layers(memory, line, facts))
		return;
	if (strcmp(facts->created, "-") == 0)
		facts->created = "";
	map_set(&memory->known, root, facts);
}

void image_memory_init(struct image_memory *memory, const struct store *store)
{
	auto_buf text = { 0 };
	char *at;
	char *line;

	*memory = (struct image_memory){ .store = store, .lock = PTHREAD_MUTEX_INITIALIZER };
	if (io_read_file_at(store->dirfd, FILE_NAME, FILE_BYTES_MAX, &text, NULL) < 0 ||
	    !text_starts(buf_text(&text), FIRST_LINE))
		return;
	at = arena_copy(&memory->arena, buf_text(&text) + strlen(FIRST_LINE));
	while ((line = strsep(&at, "\n")))
		if (*line)
			parse_line(memory, line);
}

void image_memory_done(struct image_memory *memory)
{
	map_done(&memory->known);
	map_done(&memory->tar_bytes);
	arena_done(&memory->arena);
	pthread_mutex_destroy(&memory->lock);
}

/* ---- asking ---- */

const struct image_facts *image_memory_find(struct image_memory *memory,
					    const struct descriptor *root)
{
	struct image_facts *facts;

	pthread_mutex_lock(&memory->lock);
	facts = map_get(&memory->known, root->digest.text);
	memory->used += facts != NULL;
	pthread_mutex_unlock(&memory->lock);
	return facts && blob_present(memory->store, root) &&
			       blob_present(memory->store, &facts->config)
		       ? facts
		       : NULL;
}

static struct image_facts *make_facts(struct image_memory *memory, const struct image *image)
{
	struct image_facts *facts = arena_new(&memory->arena, struct image_facts);
	struct platform platform = config_platform(&image->config);
	size_t count = image->manifest.layer_count;
	char text[64];

	facts->config.digest = image->manifest.config.digest;
	facts->config.size_bytes = image->manifest.config.size_bytes;
	facts->platform = arena_copy(&memory->arena, platform_format(&platform, text));
	facts->created = arena_copy(&memory->arena, image->config.created ?: "");
	facts->layer = arena_array(&memory->arena, struct image_fact_layer, count);
	facts->layer_count = count;
	for (size_t i = 0; i < count; i++) {
		facts->layer[i].stored_bytes = image->manifest.layers[i].size_bytes;
		if (i < image->config.diff_id_count)
			facts->layer[i].diff_id = image->config.diff_ids[i];
	}
	return facts;
}

/* A file's line must come out as it went in. */
static bool is_memorable(const struct image *image, const struct image_facts *facts)
{
	return digest_equal(&image->root.digest, &image->descriptor.digest) &&
	       image->manifest.layer_count == image->config.diff_id_count && *facts->platform &&
	       !strpbrk(facts->platform, " \n") && !strpbrk(facts->created, " \n") &&
	       strcmp(facts->created, "-") != 0;
}

const struct image_facts *image_memory_add(struct image_memory *memory, const struct image *image)
{
	struct image_facts *facts;

	pthread_mutex_lock(&memory->lock);
	facts = make_facts(memory, image);
	if (is_memorable(image, facts)) {
		map_set(&memory->known, image->root.digest.text, facts);
		memory->added++;
		memory->used++;
	}
	pthread_mutex_unlock(&memory->lock);
	return facts;
}

/* Layers are shared: each record is looked at once. */
static uint64_t tar_bytes(struct image_memory *memory, const struct digest *diff_id)
{
	uint64_t known;

	if (digest_is_none(diff_id))
		return 0;
	pthread_mutex_lock(&memory->lock);
	known = (uintptr_t)map_get(&memory->tar_bytes, diff_id->text);
	pthread_mutex_unlock(&memory->lock);
	if (known)
		return known - 1;
	known = layer_tar_bytes(memory->store, diff_id);
	pthread_mutex_lock(&memory->lock);
	map_set(&memory->tar_bytes, diff_id->text, (void *)(uintptr_t)(known + 1));
	pthread_mutex_unlock(&memory->lock);
	return known;
}

uint64_t image_memory_size(struct image_memory *memory, const struct image_facts *facts)
{
	uint64_t total = 0;

	for (size_t i = 0; i < facts->layer_count; i++) {
		uint64_t bytes = tar_bytes(memory, &facts->layer[i].diff_id);

		total += bytes ? bytes : facts->layer[i].stored_bytes;
	}
	return total;
}

/* ---- writing ---- */

static void print_line(const char *root, const struct image_facts *facts, struct buf *out)
{
	buf_printf(out, "%s %s %llu %s %s", root, facts->config.digest.text,
		   (unsigned long long)facts->config.size_bytes, facts->platform,
		   *facts->created ? facts->created : "-");
	for (size_t i = 0; i < facts->layer_count; i++)
		buf_printf(out, " %s=%llu", facts->layer[i].diff_id.text,
			   (unsigned long long)facts->layer[i].stored_bytes);
	buf_add_char(out, '\n');
}

/* Images that went are forgotten when they are as many as those that are there. */
void image_memory_save(struct image_memory *memory)
{
	bool is_stale = memory->known.count > 2 * memory->used + 64;
	auto_buf out = { 0 };

	if (memory->added == 0 && !is_stale)
		return;
	buf_add_text(&out, FIRST_LINE);
	map_each(&memory->known, entry) {
		const struct digest digest = digest_of_hex(entry->key + strlen("sha256:"));
		char name[STORE_NAME_MAX];

		if (!is_stale || store_mark(memory->store, store_blob_name(&digest, name), NULL))
			print_line(entry->key, entry->value, &out);
	}
	(void)!io_replace_file_unsynced_at(memory->store->dirfd, FILE_NAME, buf_text(&out),
					   out.size_bytes, 0600, NULL);
}
