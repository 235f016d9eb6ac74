// SPDX-License-Identifier: Apache-2.0
#include "ast.h"

#include <ctype.h>
#include <string.h>

#include "dockerfile/unicode.h"

static void add_byte(struct buf *buf, unsigned char byte)
{
	static const char controls[] = "\a\b\f\n\r\t\v\\\"";
	static const char names[] = "abfnrtv\\\"";
	const char *at = byte ? strchr(controls, byte) : NULL;

	if (at)
		buf_printf(buf, "\\%c", names[at - controls]);
	else if (byte < 0x20 || byte >= 0x7f)
		buf_printf(buf, "\\x%02x", byte);
	else
		buf_add_char(buf, (char)byte);
}

static void add_quoted(struct buf *buf, const char *text, size_t size_bytes)
{
	buf_add_char(buf, '"');
	for (size_t i = 0; i < size_bytes;) {
		uint32_t character;
		size_t size = unicode_decode(text + i, size_bytes - i, &character);

		if (size == 1)
			add_byte(buf, (unsigned char)text[i]);
		else
			buf_add(buf, text + i, size);
		i += size;
	}
	buf_add_char(buf, '"');
}

void ast_add_instruction(struct buf *buf, const struct instruction *instruction)
{
	buf_add_char(buf, '(');
	for (const char *c = instruction->name; *c; c++)
		buf_add_char(buf, (char)tolower((unsigned char)*c));
	for (size_t i = 0; i < instruction->flag_count; i++) {
		const struct word *word = &instruction->flag[i].word;

		buf_add_text(buf, i ? " " : " [");
		add_quoted(buf, word->text, word->size_bytes);
	}
	if (instruction->flag_count)
		buf_add_char(buf, ']');
	for (size_t i = 0; i < instruction->arg_count; i++) {
		buf_add_char(buf, ' ');
		add_quoted(buf, instruction->arg[i].text, instruction->arg[i].size_bytes);
	}
	if (instruction->trigger) {
		buf_add_char(buf, ' ');
		ast_add_instruction(buf, instruction->trigger);
	}
	buf_add_char(buf, ')');
}

void ast_add(struct buf *buf, const struct dockerfile *dockerfile)
{
	for (size_t i = 0; i < dockerfile->instruction_count; i++) {
		ast_add_instruction(buf, dockerfile->instruction[i]);
		buf_add_char(buf, '\n');
	}
}
