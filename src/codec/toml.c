// SPDX-License-Identifier: Apache-2.0
/* TOML by recursive descent over one buffer. The only state beyond the position is how each table
 * came to be, because the language forbids defining a table twice in some ways and allows it in
 * others (toml.io/en/v1.0.0, Table): see enum origin. */
#include "codec/toml.h"

#include <string.h>

#include "base/banned.h"
#include "codec/toml_scan.h"

enum origin {
	BY_HEADER_ABOVE, /* [a.b] made `a` in passing: [a] may still come */
	BY_HEADER,	 /* [a]: complete, may not come again */
	BY_DOTTED_KEY,	 /* a.b = 1 made `a`: more dotted keys may come, no header */
	CLOSED,		 /* inline: nothing may be added, ever */
	BY_DOUBLE_HEADER /* array of tables: [[a]] may come again */
};

static int skip_comment(struct toml_scan *scan)
{
	if (scan_peek(scan) != '#')
		return 0;
	while (scan_peek(scan) >= 0 && scan_peek(scan) != '\n' && !scan_looking_at(scan, "\r\n")) {
		if (scan_is_control(scan_peek(scan)))
			return scan_wrong(scan, "control character in a comment");
		scan->at++;
	}
	return 0;
}

/* Blanks, comments and newlines: between statements and inside arrays. */
static int skip_lines(struct toml_scan *scan)
{
	int r;

	do {
		scan_skip_blanks(scan);
		r = skip_comment(scan);
		if (r < 0)
			return r;
	} while (scan_take_newline(scan));
	return 0;
}

static int expect_line_end(struct toml_scan *scan)
{
	int r;

	scan_skip_blanks(scan);
	r = skip_comment(scan);
	if (r < 0)
		return r;
	if (scan_peek(scan) >= 0 && !scan_take_newline(scan))
		return scan_wrong(scan, "something follows where the line should end");
	return 0;
}

/* ---- nodes ---- */

static struct toml *new_node(struct toml_scan *scan, enum toml_kind kind)
{
	struct toml *node = arena_new(scan->arena, struct toml);

	node->kind = kind;
	node->line = scan->line;
	return node;
}

static void append(struct toml *parent, struct toml *child)
{
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
}

static struct toml *find(const struct toml *table, const char *key)
{
	for (struct toml *node = table->first; node; node = node->next)
		if (strcmp(node->key, key) == 0)
			return node;
	return NULL;
}

static struct toml *add_table(struct toml_scan *scan, struct toml *parent, const char *key,
			      enum origin origin)
{
	struct toml *table = new_node(scan, TOML_TABLE);

	table->key = key;
	table->origin = (uint8_t)origin;
	append(parent, table);
	return table;
}

/* ---- keys ---- */

static int simple_key(struct toml_scan *scan, const char **ret_key)
{
	const char *start = scan->at;

	if (scan_peek(scan) == '"' || scan_peek(scan) == '\'')
		return scan_string(scan, true, ret_key);
	while (scan_is_bare(scan_peek(scan)))
		scan->at++;
	if (scan->at == start)
		return scan_wrong(scan, "a key is expected here");
	*ret_key = arena_copy_bytes(scan->arena, start, (size_t)(scan->at - start));
	return 0;
}

/* What a key may walk into: the table, or for a header also the last table of [[array]]. */
static struct toml *enter(struct toml *node, bool by_header)
{
	if (by_header && node->kind == TOML_ARRAY && node->origin == BY_DOUBLE_HEADER)
		return node->last;
	if (node->kind != TOML_TABLE || node->origin == CLOSED)
		return NULL;
	if (!by_header && node->origin != BY_DOTTED_KEY)
		return NULL;
	return node;
}

/* a.b.c: walk to the table that holds the last part, making the ones that are missing. */
static int dotted_key(struct toml_scan *scan, bool by_header, struct toml **table,
		      const char **ret_last)
{
	for (unsigned parts = 0;; parts++) {
		const char *key;
		struct toml *next;
		int r;

		if (parts == TOML_DEPTH_MAX)
			return scan_wrong(scan, "key of too many parts");
		scan_skip_blanks(scan);
		r = simple_key(scan, &key);
		if (r < 0)
			return r;
		scan_skip_blanks(scan);
		if (!scan_take(scan, ".")) {
			*ret_last = key;
			return 0;
		}
		next = find(*table, key);
		if (!next)
			next = add_table(scan, *table, key,
					 by_header ? BY_HEADER_ABOVE : BY_DOTTED_KEY);
		*table = enter(next, by_header);
		if (!*table)
			return scan_wrong_key(scan, "cannot extend", key);
	}
}

/* ---- values ---- */

static int parse_value(struct toml_scan *scan, struct toml **ret_value);
static int key_value(struct toml_scan *scan, struct toml *table);

static int array_members(struct toml_scan *scan, struct toml *array)
{
	for (;;) {
		struct toml *member;
		int r = skip_lines(scan);

		if (r < 0)
			return r;
		if (scan_take(scan, "]"))
			return 0;
		r = parse_value(scan, &member);
		if (r < 0)
			return r;
		append(array, member);
		r = skip_lines(scan);
		if (r < 0)
			return r;
		if (scan_take(scan, ","))
			continue;
		if (!scan_take(scan, "]"))
			return scan_wrong(scan, "',' or ']' is expected in an array");
		return 0;
	}
}

/* After the whole inline table is read nothing may be added to any part of it. */
static void close_tables(struct toml *table)
{
	table->origin = CLOSED;
	for (struct toml *node = table->first; node; node = node->next)
		if (node->kind == TOML_TABLE)
			close_tables(node);
}

static int inline_members(struct toml_scan *scan, struct toml *table)
{
	table->origin = BY_HEADER;
	scan_skip_blanks(scan);
	if (scan_take(scan, "}")) {
		close_tables(table);
		return 0;
	}
	for (;;) {
		int r = key_value(scan, table);

		if (r < 0)
			return r;
		scan_skip_blanks(scan);
		if (scan_take(scan, ","))
			continue;
		if (!scan_take(scan, "}"))
			return scan_wrong(scan, "',' or '}' is expected in an inline table");
		close_tables(table);
		return 0;
	}
}

static int nested(struct toml_scan *scan, struct toml *node,
		  int (*members)(struct toml_scan *, struct toml *))
{
	int r;

	if (scan->depth == TOML_DEPTH_MAX)
		return scan_wrong(scan, "nested too deeply");
	scan->at++;
	scan->depth++;
	r = members(scan, node);
	scan->depth--;
	return r;
}

static int parse_value(struct toml_scan *scan, struct toml **ret_value)
{
	struct toml *node;
	int c;

	scan_skip_blanks(scan);
	c = scan_peek(scan);
	node = new_node(scan, TOML_STRING);
	*ret_value = node;
	if (c == '"' || c == '\'')
		return scan_string(scan, false, &node->text);
	if (c == '[') {
		node->kind = TOML_ARRAY;
		node->origin = CLOSED;
		return nested(scan, node, array_members);
	}
	if (c == '{') {
		node->kind = TOML_TABLE;
		return nested(scan, node, inline_members);
	}
	return scan_word(scan, node);
}

static int key_value(struct toml_scan *scan, struct toml *table)
{
	struct toml *value;
	const char *key;
	int r;

	r = dotted_key(scan, false, &table, &key);
	if (r < 0)
		return r;
	if (!scan_take(scan, "="))
		return scan_wrong_key(scan, "'=' is expected after", key);
	if (find(table, key))
		return scan_wrong_key(scan, "defined twice:", key);
	r = parse_value(scan, &value);
	if (r < 0)
		return r;
	value->key = key;
	append(table, value);
	return 0;
}

/* ---- headers ---- */

static int open_table(struct toml_scan *scan, struct toml *parent, const char *key,
		      struct toml **ret_table)
{
	struct toml *table = find(parent, key);

	if (!table) {
		*ret_table = add_table(scan, parent, key, BY_HEADER);
		return 0;
	}
	if (table->kind != TOML_TABLE || table->origin != BY_HEADER_ABOVE)
		return scan_wrong_key(scan, "defined twice:", key);
	table->origin = BY_HEADER;
	*ret_table = table;
	return 0;
}

static int open_array_table(struct toml_scan *scan, struct toml *parent, const char *key,
			    struct toml **ret_table)
{
	struct toml *array = find(parent, key);

	if (!array) {
		array = new_node(scan, TOML_ARRAY);
		array->key = key;
		array->origin = BY_DOUBLE_HEADER;
		append(parent, array);
	}
	if (array->kind != TOML_ARRAY || array->origin != BY_DOUBLE_HEADER)
		return scan_wrong_key(scan, "not an array of tables:", key);
	*ret_table = add_table(scan, array, NULL, BY_HEADER);
	return 0;
}

static int header(struct toml_scan *scan, struct toml *root, struct toml **ret_table)
{
	bool is_array = scan_take(scan, "[[");
	struct toml *table = root;
	const char *key;
	int r;

	if (!is_array)
		(void)scan_take(scan, "[");
	r = dotted_key(scan, true, &table, &key);
	if (r < 0)
		return r;
	if (!scan_take(scan, is_array ? "]]" : "]"))
		return scan_wrong_key(scan, "']' is expected after", key);
	if (is_array)
		return open_array_table(scan, table, key, ret_table);
	return open_table(scan, table, key, ret_table);
}

int toml_parse(struct arena *arena, const char *text, size_t size_bytes,
	       const struct toml **ret_root, struct err *err)
{
	struct toml_scan scan = {
		.arena = arena, .at = text, .end = text + size_bytes, .line = 1, .err = err
	};
	struct toml *root = new_node(&scan, TOML_TABLE);
	struct toml *table = root;
	int r;

	root->origin = BY_HEADER;
	(void)scan_take(&scan, "\xef\xbb\xbf"); /* a byte order mark is allowed */
	for (;;) {
		r = skip_lines(&scan);
		if (r < 0)
			return r;
		if (scan_peek(&scan) < 0)
			break;
		if (scan_peek(&scan) == '[')
			r = header(&scan, root, &table);
		else
			r = key_value(&scan, table);
		if (r < 0)
			return r;
		r = expect_line_end(&scan);
		if (r < 0)
			return r;
	}
	*ret_root = root;
	return 0;
}

/* ---- look-ups ---- */

const struct toml *toml_get(const struct toml *table, const char *key)
{
	return table && table->kind == TOML_TABLE ? find(table, key) : NULL;
}

static int wrong_kind(const struct toml *node, const char *key, const char *wanted, struct err *err)
{
	return fail_plain(err, EINVAL, "line %u: '%s' is not %s", node->line, key, wanted);
}

int toml_get_text(const struct toml *table, const char *key, const char **ret_text, struct err *err)
{
	const struct toml *node = toml_get(table, key);

	if (!node)
		return 0;
	if (node->kind != TOML_STRING)
		return wrong_kind(node, key, "a string", err);
	*ret_text = node->text;
	return 0;
}

int toml_get_bool(const struct toml *table, const char *key, bool *ret_truth, struct err *err)
{
	const struct toml *node = toml_get(table, key);

	if (!node)
		return 0;
	if (node->kind != TOML_BOOL)
		return wrong_kind(node, key, "true or false", err);
	*ret_truth = node->truth;
	return 0;
}

int toml_get_array(const struct toml *table, const char *key, enum toml_kind kind,
		   const struct toml **ret_array, struct err *err)
{
	static const char *const names[] = {
		[TOML_TABLE] = "an array of tables",   [TOML_ARRAY] = "an array of arrays",
		[TOML_STRING] = "an array of strings", [TOML_INTEGER] = "an array of numbers",
		[TOML_BOOL] = "an array of booleans",  [TOML_OTHER] = "an array of values",
	};
	const struct toml *node = toml_get(table, key);

	if (!node)
		return 0;
	if (node->kind != TOML_ARRAY)
		return wrong_kind(node, key, names[kind], err);
	toml_each(node, member) if (member->kind != kind) return wrong_kind(member, key,
									    names[kind], err);
	*ret_array = node;
	return 0;
}
