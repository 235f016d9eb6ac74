// SPDX-License-Identifier: Apache-2.0
/* TOML by recursive descent over one buffer. The only state beyond the position is how each table
 * came to be, because the language forbids defining a table twice in some ways and allows it in
 * others (toml.io/en/v1.0.0, Table): see enum origin. */
#include "codec/toml.h"

#include <string.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/strings.h"

enum origin {
	BY_HEADER_ABOVE, /* [a.b] made `a` in passing: [a] may still come */
	BY_HEADER,	 /* [a]: complete, may not come again */
	BY_DOTTED_KEY,	 /* a.b = 1 made `a`: more dotted keys may come, no header */
	CLOSED,		 /* inline: nothing may be added, ever */
	BY_DOUBLE_HEADER /* array of tables: [[a]] may come again */
};

struct parser {
	struct arena *arena;
	const char *at;
	const char *end;
	unsigned line;
	unsigned depth;
	struct err *err;
};

static int wrong(const struct parser *parser, const char *what)
{
	return fail_plain(parser->err, EINVAL, "line %u: %s", parser->line, what);
}

static int wrong_key(const struct parser *parser, const char *what, const char *key)
{
	return fail_plain(parser->err, EINVAL, "line %u: %s '%s'", parser->line, what, key);
}

static int peek(const struct parser *parser)
{
	return parser->at < parser->end ? (unsigned char)*parser->at : -1;
}

static bool looking_at(const struct parser *parser, const char *text)
{
	size_t length = strlen(text);

	return (size_t)(parser->end - parser->at) >= length &&
	       memcmp(parser->at, text, length) == 0;
}

static bool take(struct parser *parser, const char *text)
{
	if (!looking_at(parser, text))
		return false;
	parser->at += strlen(text);
	return true;
}

static void skip_blanks(struct parser *parser)
{
	while (peek(parser) == ' ' || peek(parser) == '\t')
		parser->at++;
}

static bool take_newline(struct parser *parser)
{
	if (!take(parser, "\n") && !take(parser, "\r\n"))
		return false;
	parser->line++;
	return true;
}

static bool is_control(int c)
{
	return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7f;
}

static int skip_comment(struct parser *parser)
{
	if (peek(parser) != '#')
		return 0;
	while (peek(parser) >= 0 && peek(parser) != '\n' && !looking_at(parser, "\r\n")) {
		if (is_control(peek(parser)))
			return wrong(parser, "control character in a comment");
		parser->at++;
	}
	return 0;
}

/* Blanks, comments and newlines: between statements and inside arrays. */
static int skip_lines(struct parser *parser)
{
	int r;

	do {
		skip_blanks(parser);
		r = skip_comment(parser);
		if (r < 0)
			return r;
	} while (take_newline(parser));
	return 0;
}

static int expect_line_end(struct parser *parser)
{
	int r;

	skip_blanks(parser);
	r = skip_comment(parser);
	if (r < 0)
		return r;
	if (peek(parser) >= 0 && !take_newline(parser))
		return wrong(parser, "something follows where the line should end");
	return 0;
}

/* ---- nodes ---- */

static struct toml *new_node(struct parser *parser, enum toml_kind kind)
{
	struct toml *node = arena_new(parser->arena, struct toml);

	node->kind = kind;
	node->line = parser->line;
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

static struct toml *add_table(struct parser *parser, struct toml *parent, const char *key,
			      enum origin origin)
{
	struct toml *table = new_node(parser, TOML_TABLE);

	table->key = key;
	table->origin = (uint8_t)origin;
	append(parent, table);
	return table;
}

/* ---- strings ---- */

static void add_utf8(struct buf *buf, uint32_t code)
{
	if (code < 0x80) {
		buf_add_char(buf, (char)code);
	} else if (code < 0x800) {
		buf_add_char(buf, (char)(0xc0 | code >> 6));
		buf_add_char(buf, (char)(0x80 | (code & 0x3f)));
	} else if (code < 0x10000) {
		buf_add_char(buf, (char)(0xe0 | code >> 12));
		buf_add_char(buf, (char)(0x80 | (code >> 6 & 0x3f)));
		buf_add_char(buf, (char)(0x80 | (code & 0x3f)));
	} else {
		buf_add_char(buf, (char)(0xf0 | code >> 18));
		buf_add_char(buf, (char)(0x80 | (code >> 12 & 0x3f)));
		buf_add_char(buf, (char)(0x80 | (code >> 6 & 0x3f)));
		buf_add_char(buf, (char)(0x80 | (code & 0x3f)));
	}
}

static int hex_value(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int unicode_escape(struct parser *parser, unsigned digits, struct buf *buf)
{
	uint32_t code = 0;

	for (unsigned i = 0; i < digits; i++) {
		int value = hex_value(peek(parser));

		if (value < 0)
			return wrong(parser, "bad \\u escape");
		code = code << 4 | (uint32_t)value;
		parser->at++;
	}
	if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return wrong(parser, "\\u escape is no usable character");
	add_utf8(buf, code);
	return 0;
}

/* A backslash at the end of a line of a """ string swallows all blanks up to the next text. */
static bool line_continuation(struct parser *parser)
{
	const char *before = parser->at;

	skip_blanks(parser);
	if (!take_newline(parser)) {
		parser->at = before;
		return false;
	}
	do
		skip_blanks(parser);
	while (take_newline(parser));
	return true;
}

static int escape(struct parser *parser, bool many_lines, struct buf *buf)
{
	static const char names[] = "btnfr\"\\";
	static const char values[] = "\b\t\n\f\r\"\\";
	const char *at;
	int c;

	if (many_lines && line_continuation(parser))
		return 0;
	c = peek(parser);
	if (c >= 0)
		parser->at++;
	if (c == 'u')
		return unicode_escape(parser, 4, buf);
	if (c == 'U')
		return unicode_escape(parser, 8, buf);
	at = c > 0 ? strchr(names, c) : NULL;
	if (!at)
		return wrong(parser, "unknown escape in a string");
	buf_add_char(buf, values[at - names]);
	return 0;
}

/* Up to two quotes may directly precede the closing three. */
static bool close_many_lines(struct parser *parser, char quote, struct buf *buf)
{
	char three[] = { quote, quote, quote, '\0' };

	if (!take(parser, three))
		return false;
	for (int extra = 0; extra < 2 && peek(parser) == quote; extra++) {
		buf_add_char(buf, quote);
		parser->at++;
	}
	return true;
}

static int string_body(struct parser *parser, char quote, bool many_lines, struct buf *buf)
{
	for (;;) {
		int c = peek(parser);
		int r;

		if (c < 0 || (!many_lines && (c == '\n' || looking_at(parser, "\r\n"))))
			return wrong(parser, "string without end");
		if (many_lines && close_many_lines(parser, quote, buf))
			return 0;
		if (many_lines && take_newline(parser)) {
			buf_add_char(buf, '\n');
			continue;
		}
		if (is_control(c))
			return wrong(parser, "control character in a string");
		parser->at++;
		if (!many_lines && c == quote)
			return 0;
		if (c == '\\' && quote == '"') {
			r = escape(parser, many_lines, buf);
			if (r < 0)
				return r;
			continue;
		}
		buf_add_char(buf, (char)c);
	}
}

static int parse_string(struct parser *parser, bool is_key, const char **ret_text)
{
	char quote = *parser->at;
	bool many_lines = looking_at(parser, quote == '"' ? "\"\"\"" : "'''");
	auto_buf buf = { 0 };
	int r;

	if (many_lines && is_key)
		return wrong(parser, "a key cannot be a string of several lines");
	parser->at += many_lines ? 3 : 1;
	if (many_lines)
		(void)take_newline(parser); /* the first newline is not part of the text */
	r = string_body(parser, quote, many_lines, &buf);
	if (r < 0)
		return r;
	*ret_text = arena_copy(parser->arena, buf_text(&buf));
	return 0;
}

/* ---- keys ---- */

static bool is_bare(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

static int simple_key(struct parser *parser, const char **ret_key)
{
	const char *start = parser->at;

	if (peek(parser) == '"' || peek(parser) == '\'')
		return parse_string(parser, true, ret_key);
	while (is_bare(peek(parser)))
		parser->at++;
	if (parser->at == start)
		return wrong(parser, "a key is expected here");
	*ret_key = arena_copy_bytes(parser->arena, start, (size_t)(parser->at - start));
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
static int dotted_key(struct parser *parser, bool by_header, struct toml **table,
		      const char **ret_last)
{
	for (unsigned parts = 0;; parts++) {
		const char *key;
		struct toml *next;
		int r;

		if (parts == TOML_DEPTH_MAX)
			return wrong(parser, "key of too many parts");
		skip_blanks(parser);
		r = simple_key(parser, &key);
		if (r < 0)
			return r;
		skip_blanks(parser);
		if (!take(parser, ".")) {
			*ret_last = key;
			return 0;
		}
		next = find(*table, key);
		if (!next)
			next = add_table(parser, *table, key,
					 by_header ? BY_HEADER_ABOVE : BY_DOTTED_KEY);
		*table = enter(next, by_header);
		if (!*table)
			return wrong_key(parser, "cannot extend", key);
	}
}

/* ---- values ---- */

static int parse_value(struct parser *parser, struct toml **ret_value);
static int key_value(struct parser *parser, struct toml *table);

static int array_members(struct parser *parser, struct toml *array)
{
	for (;;) {
		struct toml *member;
		int r = skip_lines(parser);

		if (r < 0)
			return r;
		if (take(parser, "]"))
			return 0;
		r = parse_value(parser, &member);
		if (r < 0)
			return r;
		append(array, member);
		r = skip_lines(parser);
		if (r < 0)
			return r;
		if (take(parser, ","))
			continue;
		if (!take(parser, "]"))
			return wrong(parser, "',' or ']' is expected in an array");
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

static int inline_members(struct parser *parser, struct toml *table)
{
	table->origin = BY_HEADER;
	skip_blanks(parser);
	if (take(parser, "}")) {
		close_tables(table);
		return 0;
	}
	for (;;) {
		int r = key_value(parser, table);

		if (r < 0)
			return r;
		skip_blanks(parser);
		if (take(parser, ","))
			continue;
		if (!take(parser, "}"))
			return wrong(parser, "',' or '}' is expected in an inline table");
		close_tables(table);
		return 0;
	}
}

static int nested(struct parser *parser, struct toml *node,
		  int (*members)(struct parser *, struct toml *))
{
	int r;

	if (parser->depth == TOML_DEPTH_MAX)
		return wrong(parser, "nested too deeply");
	parser->at++;
	parser->depth++;
	r = members(parser, node);
	parser->depth--;
	return r;
}

/* Underscores may stand between two digits. */
static int strip_underscores(struct parser *parser, char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (*from != '_') {
			*to++ = *from;
			continue;
		}
		if (from == text || hex_value((unsigned char)from[-1]) < 0 ||
		    hex_value((unsigned char)from[1]) < 0)
			return wrong(parser, "misplaced '_' in a number");
	}
	*to = '\0';
	return 0;
}

static int parse_based(struct parser *parser, const char *digits, unsigned base, int64_t *ret)
{
	uint64_t number = 0;

	for (const char *at = digits; *at; at++) {
		int value = hex_value((unsigned char)*at);

		if (value < 0 || (unsigned)value >= base)
			return wrong(parser, "bad digit in a number");
		if (__builtin_mul_overflow(number, (uint64_t)base, &number) ||
		    __builtin_add_overflow(number, (uint64_t)value, &number) || number > INT64_MAX)
			return wrong(parser, "number out of range");
	}
	if (!*digits)
		return wrong(parser, "number without digits");
	*ret = (int64_t)number;
	return 0;
}

static int parse_integer(struct parser *parser, const char *text, int64_t *ret)
{
	bool negative = *text == '-';
	int64_t number;
	int r;

	if (text_starts(text, "0x"))
		return parse_based(parser, text + 2, 16, ret);
	if (text_starts(text, "0o"))
		return parse_based(parser, text + 2, 8, ret);
	if (text_starts(text, "0b"))
		return parse_based(parser, text + 2, 2, ret);
	if (*text == '-' || *text == '+')
		text++;
	if (text[0] == '0' && text[1])
		return wrong(parser, "number with a leading zero");
	r = parse_based(parser, text, 10, &number);
	if (r < 0)
		return r;
	*ret = negative ? -number : number;
	return 0;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

/* Dates hold '-' or ':' after a digit, fractions '.', 'e', "inf" or "nan". */
static bool is_fraction_or_date(const char *text)
{
	const char *body = *text == '-' || *text == '+' ? text + 1 : text;

	if (strcmp(body, "inf") == 0 || strcmp(body, "nan") == 0)
		return true;
	if (!is_digit(*body) || text_starts(body, "0x"))
		return false;
	return strpbrk(body, ".:-eE") != NULL;
}

static void skip_word(struct parser *parser)
{
	while (is_bare(peek(parser)) || (peek(parser) > 0 && strchr("+.:", peek(parser))))
		parser->at++;
}

static int parse_word(struct parser *parser, struct toml *node)
{
	const char *start = parser->at;
	char *text;
	int r;

	skip_word(parser);
	/* a date and its time may be parted by one blank: 1979-05-27 07:32:00 */
	if (parser->at - start == 10 && is_digit(*start) && start[4] == '-' &&
	    peek(parser) == ' ' && parser->end - parser->at > 1 && is_digit(parser->at[1])) {
		parser->at++;
		skip_word(parser);
	}
	text = arena_copy_bytes(parser->arena, start, (size_t)(parser->at - start));
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
		node->kind = TOML_BOOL;
		node->truth = *text == 't';
		return 0;
	}
	if (!*text || !strchr("+-0123456789in", *text))
		return wrong_key(parser, "a value is expected, not", text);
	r = strip_underscores(parser, text);
	if (r < 0)
		return r;
	if (is_fraction_or_date(text)) {
		node->kind = TOML_OTHER;
		node->text = text;
		return 0;
	}
	node->kind = TOML_INTEGER;
	return parse_integer(parser, text, &node->integer);
}

static int parse_value(struct parser *parser, struct toml **ret_value)
{
	struct toml *node;
	int c;

	skip_blanks(parser);
	c = peek(parser);
	node = new_node(parser, TOML_STRING);
	*ret_value = node;
	if (c == '"' || c == '\'')
		return parse_string(parser, false, &node->text);
	if (c == '[') {
		node->kind = TOML_ARRAY;
		node->origin = CLOSED;
		return nested(parser, node, array_members);
	}
	if (c == '{') {
		node->kind = TOML_TABLE;
		return nested(parser, node, inline_members);
	}
	return parse_word(parser, node);
}

static int key_value(struct parser *parser, struct toml *table)
{
	struct toml *value;
	const char *key;
	int r;

	r = dotted_key(parser, false, &table, &key);
	if (r < 0)
		return r;
	if (!take(parser, "="))
		return wrong_key(parser, "'=' is expected after", key);
	if (find(table, key))
		return wrong_key(parser, "defined twice:", key);
	r = parse_value(parser, &value);
	if (r < 0)
		return r;
	value->key = key;
	append(table, value);
	return 0;
}

/* ---- headers ---- */

static int open_table(struct parser *parser, struct toml *parent, const char *key,
		      struct toml **ret_table)
{
	struct toml *table = find(parent, key);

	if (!table) {
		*ret_table = add_table(parser, parent, key, BY_HEADER);
		return 0;
	}
	if (table->kind != TOML_TABLE || table->origin != BY_HEADER_ABOVE)
		return wrong_key(parser, "defined twice:", key);
	table->origin = BY_HEADER;
	*ret_table = table;
	return 0;
}

static int open_array_table(struct parser *parser, struct toml *parent, const char *key,
			    struct toml **ret_table)
{
	struct toml *array = find(parent, key);

	if (!array) {
		array = new_node(parser, TOML_ARRAY);
		array->key = key;
		array->origin = BY_DOUBLE_HEADER;
		append(parent, array);
	}
	if (array->kind != TOML_ARRAY || array->origin != BY_DOUBLE_HEADER)
		return wrong_key(parser, "not an array of tables:", key);
	*ret_table = add_table(parser, array, NULL, BY_HEADER);
	return 0;
}

static int header(struct parser *parser, struct toml *root, struct toml **ret_table)
{
	bool is_array = take(parser, "[[");
	struct toml *table = root;
	const char *key;
	int r;

	if (!is_array)
		(void)take(parser, "[");
	r = dotted_key(parser, true, &table, &key);
	if (r < 0)
		return r;
	if (!take(parser, is_array ? "]]" : "]"))
		return wrong_key(parser, "']' is expected after", key);
	if (is_array)
		return open_array_table(parser, table, key, ret_table);
	return open_table(parser, table, key, ret_table);
}

int toml_parse(struct arena *arena, const char *text, size_t size_bytes,
	       const struct toml **ret_root, struct err *err)
{
	struct parser parser = {
		.arena = arena, .at = text, .end = text + size_bytes, .line = 1, .err = err
	};
	struct toml *root = new_node(&parser, TOML_TABLE);
	struct toml *table = root;
	int r;

	root->origin = BY_HEADER;
	(void)take(&parser, "\xef\xbb\xbf"); /* a byte order mark is allowed */
	for (;;) {
		r = skip_lines(&parser);
		if (r < 0)
			return r;
		if (peek(&parser) < 0)
			break;
		if (peek(&parser) == '[')
			r = header(&parser, root, &table);
		else
			r = key_value(&parser, table);
		if (r < 0)
			return r;
		r = expect_line_end(&parser);
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
