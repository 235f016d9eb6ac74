// SPDX-License-Identifier: Apache-2.0
/* One word. The first byte chooses the escape character and how quotes are treated. */
#include <assert.h>
#include <string.h>

#include "fuzz.h"

#include "dockerfile/expand.h"

static const char *get(const void *data, const char *name)
{
	static const char *const values[][2] = {
		{ "A", "xxyy" },   { "E", "" },		{ "P", "/a/b*/?/[c]" }, { "S", " b c " },
		{ "N", "l\nm\n" }, { "B", "\xff\xc3" }, { "W", "*a?\\*" },
	};

	(void)data;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		if (!strcmp(name, values[i][0]))
			return values[i][1];
	return NULL;
}

static void check_words(struct expansion *expansion, const char *text)
{
	struct names words;

	if (expand_words(expansion, text, &words, NULL) < 0)
		return;
	for (size_t i = 0; i < words.count; i++)
		assert(*words.item[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	const struct variables variables = { get, NULL };
	auto_arena arena = { 0 };
	struct expansion expansion = { .arena = &arena, .variables = &variables };
	struct err err = { 0 };
	const char *result;
	char *text;

	if (!size_bytes)
		return 0;
	expansion.escape = data[0] & 1 ? '`' : '\\';
	expansion.keep_quotes = data[0] & 2;
	expansion.keep_escapes = data[0] & 4;
	expansion.ignore_quotes = data[0] & 8;
	expansion.keep_unset = data[0] & 16;
	expansion.heredoc_words = data[0] & 32;
	text = arena_copy_bytes(&arena, data + 1, size_bytes - 1);
	if (expand_word(&expansion, text, &result, &err) < 0) {
		assert(*err.text);
		assert(expansion.fault_offset <= strlen(text));
	} else {
		assert(strlen(result) <= EXPAND_RESULT_MAX_BYTES);
	}
	check_words(&expansion, text);
	return 0;
}
