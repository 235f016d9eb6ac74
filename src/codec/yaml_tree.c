// SPDX-License-Identifier: Apache-2.0
#include "codec/yaml_tree.h"

#include <string.h>
#include <yaml.h>

#include "base/banned.h"
#include "base/strings.h"
#include "sys/library.h"

static struct {
	__typeof__(&yaml_parser_initialize) initialize;
	__typeof__(&yaml_parser_set_input_string) set_input;
	__typeof__(&yaml_parser_parse) parse;
	__typeof__(&yaml_event_delete) event_delete;
	__typeof__(&yaml_parser_delete) parser_delete;
} door;

static int load_library(struct err *err)
{
	static const struct library_symbol symbols[] = {
		{ "yaml_parser_initialize", &door.initialize },
		{ "yaml_parser_set_input_string", &door.set_input },
		{ "yaml_parser_parse", &door.parse },
		{ "yaml_event_delete", &door.event_delete },
		{ "yaml_parser_delete", &door.parser_delete },
	};
	static struct library library = { .name = "libyaml-0.so.2",
					  .symbol = symbols,
					  .symbol_count = sizeof(symbols) / sizeof(*symbols),
					  .lock = PTHREAD_MUTEX_INITIALIZER };

	return library_load(&library, err);
}

struct reader {
	struct arena *arena;
	const char *name;
	struct err *err;
	yaml_parser_t parser;
	yaml_event_t event; /* the last one; owned until the next */
	bool has_event;
	const char *key; /* that the next node is the value of */
	unsigned key_line;
};

static int wrong(const struct reader *reader, size_t line, const char *what)
{
	return fail_plain(reader->err, EINVAL, "%s:%zu: %s", reader->name, line + 1, what);
}

static int wrong_here(const struct reader *reader, const char *what)
{
	return wrong(reader, reader->event.start_mark.line, what);
}

static int next_event(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;

	if (reader->has_event)
		door.event_delete(&reader->event);
	reader->has_event = false;
	if (door.parse(&reader->parser, &reader->event)) {
		reader->has_event = true;
		return 0;
	}
	if (parser->error == YAML_MEMORY_ERROR)
		return fail(reader->err, ENOMEM, "%s", reader->name);
	return wrong(reader, parser->error == YAML_READER_ERROR ? 0 : parser->problem_mark.line,
		     parser->problem ?: "no YAML");
}

static int check_properties(const struct reader *reader, const void *anchor, const void *tag)
{
	if (anchor)
		return wrong_here(reader, "anchors are not taken: write it out");
	return tag ? wrong_here(reader, "tags are not taken") : 0;
}

static struct yaml *new_node(struct reader *reader, enum yaml_kind kind)
{
	struct yaml *node = arena_new(reader->arena, struct yaml);

	node->kind = kind;
	node->line = (unsigned)reader->event.start_mark.line + 1;
	node->key = reader->key;
	node->key_line = reader->key_line;
	reader->key = NULL;
	return node;
}

static void append(struct yaml *parent, struct yaml *child)
{
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
}

static int read_scalar(struct reader *reader, struct yaml **ret_node)
{
	const yaml_event_t *event = &reader->event;
	const char *text = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;
	int r = check_properties(reader, event->data.scalar.anchor, event->data.scalar.tag);

	if (r < 0)
		return r;
	if (memchr(text, '\0', length))
		return wrong_here(reader, "a NUL character");
	*ret_node = new_node(reader, YAML_SCALAR);
	(*ret_node)->text = arena_copy_bytes(reader->arena, text, length);
	(*ret_node)->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return 0;
}

static int read_key(struct reader *reader, const struct yaml *mapping)
{
	struct yaml *key;
	int r;

	if (reader->event.type != YAML_SCALAR_EVENT)
		return wrong_here(reader, "a key has to be a word");
	r = read_scalar(reader, &key);
	if (r < 0)
		return r;
	yaml_each(mapping, other) if (strcmp(other->key, key->text) == 0) return fail_plain(
		reader->err, EINVAL, "%s:%u: '%s' a second time (line %u)", reader->name, key->line,
		key->text, other->key_line);
	reader->key = key->text;
	reader->key_line = key->line;
	return next_event(reader);
}

static int read_node(struct reader *reader, unsigned depth, struct yaml **ret_node);

/* The event is the collection's first; afterwards it is its last. */
static int read_members(struct reader *reader, struct yaml *parent, unsigned depth)
{
	bool is_mapping = parent->kind == YAML_MAPPING;
	yaml_event_type_t end = is_mapping ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
	int r = next_event(reader);

	while (r == 0 && reader->event.type != end) {
		struct yaml *child;

		if (is_mapping)
			r = read_key(reader, parent);
		if (r == 0)
			r = read_node(reader, depth + 1, &child);
		if (r == 0) {
			append(parent, child);
			r = next_event(reader);
		}
	}
	return r;
}

static int read_node(struct reader *reader, unsigned depth, struct yaml **ret_node)
{
	const yaml_event_t *event = &reader->event;
	bool is_mapping = event->type == YAML_MAPPING_START_EVENT;
	int r;

	if (event->type == YAML_ALIAS_EVENT)
		return wrong_here(reader, "aliases are not taken: write it out");
	if (event->type == YAML_SCALAR_EVENT)
		return read_scalar(reader, ret_node);
	if (depth == YAML_DEPTH_MAX)
		return wrong_here(reader, "nested too deeply");
	r = is_mapping ? check_properties(reader, event->data.mapping_start.anchor,
					  event->data.mapping_start.tag)
		       : check_properties(reader, event->data.sequence_start.anchor,
					  event->data.sequence_start.tag);
	if (r < 0)
		return r;
	*ret_node = new_node(reader, is_mapping ? YAML_MAPPING : YAML_LIST);
	return read_members(reader, *ret_node, depth);
}

/* Stream, document, node, end of document, end of stream. */
static int read_stream(struct reader *reader, const struct yaml **ret_root)
{
	struct yaml *root = NULL;
	int r = next_event(reader);

	if (r == 0)
		r = next_event(reader);
	if (r == 0 && reader->event.type == YAML_DOCUMENT_START_EVENT) {
		r = next_event(reader);
		if (r == 0)
			r = read_node(reader, 0, &root);
		if (r == 0)
			r = next_event(reader);
		if (r == 0)
			r = next_event(reader);
	}
	if (r == 0 && reader->event.type != YAML_STREAM_END_EVENT)
		return wrong_here(reader, "a second document");
	if (r == 0)
		*ret_root = root && yaml_is_null(root) ? NULL : root;
	return r;
}

int yaml_parse(struct arena *arena, const char *name, const char *text, size_t size_bytes,
	       const struct yaml **ret_root, struct err *err)
{
	struct reader reader = { .arena = arena, .name = name, .err = err };
	int r = load_library(err);

	if (r < 0)
		return r;
	if (!door.initialize(&reader.parser))
		return fail(err, ENOMEM, "%s", name);
	door.set_input(&reader.parser, (const unsigned char *)text, size_bytes);
	r = read_stream(&reader, ret_root);
	if (reader.has_event)
		door.event_delete(&reader.event);
	door.parser_delete(&reader.parser);
	return r;
}

bool yaml_is_bool(const struct yaml *node, bool *ret_value)
{
	if (node->kind != YAML_SCALAR || !node->is_plain)
		return false;
	*ret_value = strcmp(node->text, "true") == 0;
	return *ret_value || strcmp(node->text, "false") == 0;
}

bool yaml_is_null(const struct yaml *node)
{
	return node->kind == YAML_SCALAR && node->is_plain &&
	       (!node->text[0] || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}
