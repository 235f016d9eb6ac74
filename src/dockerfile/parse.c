// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/parse.h"

#include <string.h>
#include <strings.h>

#include "dockerfile/heredoc.h"
#include "dockerfile/list.h"

/* How an instruction divides what follows its flags. */
enum form {
	FORM_NONE,	   /* an unknown instruction: not looked at */
	FORM_TEXT,	   /* one argument, the whole text */
	FORM_WORDS,	   /* words at blanks */
	FORM_QUOTED_WORDS, /* words outside quotes */
	FORM_PAIRS,	   /* name=value, or the old "name value" */
	FORM_JSON_OR_TEXT,
	FORM_JSON_OR_WORDS,
	FORM_TYPE_AND_COMMAND, /* HEALTHCHECK CMD ... */
	FORM_INSTRUCTION,      /* ONBUILD ... */
};

static const struct {
	const char *name;
	enum form form;
} grammar[INSTRUCTION_KINDS] = {
	[INSTRUCTION_UNKNOWN] = { "", FORM_NONE },
	[INSTRUCTION_ADD] = { "ADD", FORM_JSON_OR_WORDS },
	[INSTRUCTION_ARG] = { "ARG", FORM_QUOTED_WORDS },
	[INSTRUCTION_CMD] = { "CMD", FORM_JSON_OR_TEXT },
	[INSTRUCTION_COPY] = { "COPY", FORM_JSON_OR_WORDS },
	[INSTRUCTION_ENTRYPOINT] = { "ENTRYPOINT", FORM_JSON_OR_TEXT },
	[INSTRUCTION_ENV] = { "ENV", FORM_PAIRS },
	[INSTRUCTION_EXPOSE] = { "EXPOSE", FORM_WORDS },
	[INSTRUCTION_FROM] = { "FROM", FORM_WORDS },
	[INSTRUCTION_HEALTHCHECK] = { "HEALTHCHECK", FORM_TYPE_AND_COMMAND },
	[INSTRUCTION_LABEL] = { "LABEL", FORM_PAIRS },
	[INSTRUCTION_MAINTAINER] = { "MAINTAINER", FORM_TEXT },
	[INSTRUCTION_ONBUILD] = { "ONBUILD", FORM_INSTRUCTION },
	[INSTRUCTION_RUN] = { "RUN", FORM_JSON_OR_TEXT },
	[INSTRUCTION_SHELL] = { "SHELL", FORM_JSON_OR_TEXT },
	[INSTRUCTION_STOPSIGNAL] = { "STOPSIGNAL", FORM_TEXT },
	[INSTRUCTION_USER] = { "USER", FORM_TEXT },
	[INSTRUCTION_VOLUME] = { "VOLUME", FORM_JSON_OR_WORDS },
	[INSTRUCTION_WORKDIR] = { "WORKDIR", FORM_TEXT },
};

struct parser {
	struct dockerfile *dockerfile;
	struct lexer lexer;
	struct err *err;
};

static int parse_line(struct parser *parser, struct instruction *instruction, size_t offset);

const char *instruction_name(enum instruction_kind kind)
{
	return grammar[kind].name;
}

enum instruction_kind instruction_kind_of(const char *name)
{
	for (enum instruction_kind kind = INSTRUCTION_UNKNOWN + 1; kind < INSTRUCTION_KINDS; kind++)
		if (!strcasecmp(name, grammar[kind].name))
			return kind;
	return INSTRUCTION_UNKNOWN;
}

struct mark word_mark(const struct instruction *instruction, const struct word *word)
{
	return logical_mark(&instruction->line, word->offset, word->width);
}

struct mark instruction_mark(const struct instruction *instruction)
{
	return logical_mark(&instruction->line, instruction->name_offset,
			    strlen(instruction->name));
}

static void add_arg(struct parser *parser, struct instruction *instruction, struct word word)
{
	*list_add(parser->dockerfile->arena, instruction->arg, instruction->arg_count) = word;
}

static void set_args(struct instruction *instruction, struct word_list words)
{
	instruction->arg = words.item;
	instruction->arg_count = words.count;
}

/* The array when there is one; -EINVAL when it holds anything but strings; 0 for the other form. */
static int parse_json(struct parser *parser, struct instruction *instruction, struct stretch rest)
{
	struct dockerfile *dockerfile = parser->dockerfile;
	struct word_list words;
	struct word whole;

	switch (words_json(dockerfile->arena, rest, &words)) {
	case JSON_STRINGS:
		instruction->is_json = true;
		for (size_t i = 0; i < words.count; i++)
			add_arg(parser, instruction, words.item[i]);
		return 1;
	case JSON_OTHER_ARRAY:
		whole = word_of(dockerfile->arena, rest);
		return fault_at(&dockerfile->fault, &dockerfile->source,
				word_mark(instruction, &whole), parser->err,
				"%s: when using JSON array syntax, arrays must be comprised of "
				"strings only",
				instruction_name(instruction->kind));
	default:
		return 0;
	}
}

static int parse_json_or_text(struct parser *parser, struct instruction *instruction,
			      struct stretch rest)
{
	int r;

	if (rest.at == rest.end)
		return 0;
	r = parse_json(parser, instruction, rest);
	if (r == 0)
		add_arg(parser, instruction, word_of(parser->dockerfile->arena, rest));
	return r < 0 ? r : 0;
}

static int parse_json_or_words(struct parser *parser, struct instruction *instruction,
			       struct stretch rest)
{
	int r;

	r = parse_json(parser, instruction, rest);
	if (r == 0)
		set_args(instruction, words_at_blanks(parser->dockerfile->arena, rest));
	return r < 0 ? r : 0;
}

static int parse_type_and_command(struct parser *parser, struct instruction *instruction,
				  struct stretch rest)
{
	struct stretch type;
	struct stretch command;

	if (rest.at == rest.end)
		return 0;
	if (!words_cut(rest, &type, &command)) {
		add_arg(parser, instruction, word_of(parser->dockerfile->arena, type));
		return 0;
	}
	add_arg(parser, instruction, word_of(parser->dockerfile->arena, type));
	return parse_json_or_text(parser, instruction, command);
}

static void add_separator(struct parser *parser, struct instruction *instruction, const char *text,
			  size_t offset)
{
	add_arg(parser, instruction,
		(struct word){ .text = text, .size_bytes = strlen(text), .offset = offset });
}

/* ENV name some value: everything behind the first blanks is the value. */
static int parse_old_pair(struct parser *parser, struct instruction *instruction,
			  struct stretch rest)
{
	struct dockerfile *dockerfile = parser->dockerfile;
	struct stretch name;
	struct stretch value;

	if (!words_cut(rest, &name, &value)) {
		struct word word = word_of(dockerfile->arena, name);

		return fault_at(&dockerfile->fault, &dockerfile->source,
				word_mark(instruction, &word), parser->err,
				"%s must have two arguments", instruction_name(instruction->kind));
	}
	add_arg(parser, instruction, word_of(dockerfile->arena, name));
	add_arg(parser, instruction, word_of(dockerfile->arena, value));
	add_separator(parser, instruction, "", name.end);
	return 0;
}

static int parse_pairs(struct parser *parser, struct instruction *instruction, struct stretch rest)
{
	struct dockerfile *dockerfile = parser->dockerfile;
	struct word_list words = words_quoted(dockerfile->arena, rest, dockerfile->escape);

	if (!words.count)
		return 0;
	if (!strchr(words.item[0].text, '='))
		return parse_old_pair(parser, instruction, rest);
	for (size_t i = 0; i < words.count; i++) {
		struct word *word = &words.item[i];
		const char *equals = strchr(word->text, '=');
		size_t start = word->offset;
		size_t middle;

		if (!equals)
			return fault_at(&dockerfile->fault, &dockerfile->source,
					word_mark(instruction, word), parser->err,
					"Syntax error - can't find = in \"%s\". Must be of the "
					"form: name=value",
					word->text);
		middle = start + (size_t)(equals - word->text);
		add_arg(parser, instruction,
			word_of(dockerfile->arena, (struct stretch){ rest.line, start, middle }));
		add_arg(parser, instruction,
			word_of(dockerfile->arena,
				(struct stretch){ rest.line, middle + 1, start + word->width }));
		add_separator(parser, instruction, "=", middle);
	}
	return 0;
}

static int parse_trigger(struct parser *parser, struct instruction *instruction,
			 struct stretch rest)
{
	struct instruction *trigger;

	/* ONBUILD ONBUILD is refused later; following a long chain here would cost stack */
	if (rest.at == rest.end || instruction->is_trigger)
		return 0;
	trigger = arena_new(parser->dockerfile->arena, struct instruction);
	trigger->line = instruction->line;
	trigger->last_line = instruction->last_line;
	trigger->is_trigger = true;
	instruction->trigger = trigger;
	return parse_line(parser, trigger, rest.at);
}

static int parse_args(struct parser *parser, struct instruction *instruction, struct stretch rest)
{
	struct arena *arena = parser->dockerfile->arena;

	switch (grammar[instruction->kind].form) {
	case FORM_NONE:
		return 0;
	case FORM_TEXT:
		if (rest.at < rest.end)
			add_arg(parser, instruction, word_of(arena, rest));
		return 0;
	case FORM_WORDS:
		set_args(instruction, words_at_blanks(arena, rest));
		return 0;
	case FORM_QUOTED_WORDS:
		set_args(instruction, words_quoted(arena, rest, parser->dockerfile->escape));
		return 0;
	case FORM_PAIRS:
		return parse_pairs(parser, instruction, rest);
	case FORM_JSON_OR_TEXT:
		return parse_json_or_text(parser, instruction, rest);
	case FORM_JSON_OR_WORDS:
		return parse_json_or_words(parser, instruction, rest);
	case FORM_TYPE_AND_COMMAND:
		return parse_type_and_command(parser, instruction, rest);
	case FORM_INSTRUCTION:
		return parse_trigger(parser, instruction, rest);
	}
	return 0;
}

static void add_flags(struct parser *parser, struct instruction *instruction,
		      struct word_list words)
{
	struct arena *arena = parser->dockerfile->arena;

	instruction->flag = arena_array(arena, struct flag, words.count + 1);
	instruction->flag_count = words.count;
	for (size_t i = 0; i < words.count; i++) {
		const char *text = words.item[i].text + 2;
		const char *equals = strchr(text, '=');

		instruction->flag[i] = (struct flag){
			.name = equals ? arena_copy_bytes(arena, text, (size_t)(equals - text))
				       : text,
			.value = equals ? equals + 1 : NULL,
			.word = words.item[i],
		};
	}
}

/* The instruction that begins at `offset` of its line. */
static int parse_line(struct parser *parser, struct instruction *instruction, size_t offset)
{
	struct stretch whole = { instruction->line.text, offset, instruction->line.size_bytes };
	struct stretch name;
	struct stretch rest;

	whole = stretch_trim(whole);
	if (!words_cut(whole, &name, &rest))
		rest = (struct stretch){ whole.line, whole.end, whole.end };
	instruction->name = word_of(parser->dockerfile->arena, name).text;
	instruction->name_offset = name.at;
	instruction->kind = instruction_kind_of(instruction->name);
	add_flags(parser, instruction, words_flags(parser->dockerfile->arena, &rest));
	rest = stretch_trim(rest);
	instruction->has_args = rest.at < rest.end;
	return parse_args(parser, instruction, rest);
}

static int parse_all(struct parser *parser)
{
	struct dockerfile *dockerfile = parser->dockerfile;
	struct logical_line line;
	int r;

	while ((r = lexer_next(&parser->lexer, &line, parser->err)) > 0) {
		struct instruction *instruction = arena_new(dockerfile->arena, struct instruction);

		dockerfile->escape = parser->lexer.escape;
		instruction->line = line;
		instruction->last_line = line.last_line;
		r = parse_line(parser, instruction, 0);
		if (r == 0)
			r = heredocs_read(&parser->lexer, instruction, parser->err);
		if (r < 0)
			return r;
		*list_add(dockerfile->arena, dockerfile->instruction,
			  dockerfile->instruction_count) = instruction;
	}
	return r;
}

static int check_text(struct dockerfile *dockerfile, struct err *err)
{
	const struct source *source = &dockerfile->source;
	const char *nul = memchr(source->text, '\0', source->size_bytes);
	unsigned line = 1;

	if (!nul)
		return 0;
	for (const char *c = source->text; c < nul; c++)
		line += *c == '\n';
	fault_at(&dockerfile->fault, source, (struct mark){ line, 0, 0 }, err,
		 "the line holds a NUL byte: not a text file");
	err_hint(err, "a Dockerfile must be UTF-8; convert it from UTF-16 with iconv(1)");
	return -EINVAL;
}

int dockerfile_parse(struct arena *arena, const char *name, const char *text, size_t size_bytes,
		     struct dockerfile *ret_dockerfile, struct err *err)
{
	struct dockerfile *dockerfile = ret_dockerfile;
	struct parser parser = { .dockerfile = dockerfile, .err = err };
	int r;

	*dockerfile = (struct dockerfile){ .arena = arena, .escape = '\\' };
	if (size_bytes > DOCKERFILE_SIZE_MAX_BYTES)
		return fail_plain(err, EINVAL, "%s: larger than the allowed %zu bytes", name,
				  DOCKERFILE_SIZE_MAX_BYTES);
	dockerfile->source = (struct source){
		.name = arena_copy(arena, name),
		.text = arena_copy_bytes(arena, text, size_bytes),
		.size_bytes = size_bytes,
	};
	r = check_text(dockerfile, err);
	if (r < 0)
		return r;
	lexer_init(&parser.lexer, arena, &dockerfile->source, &dockerfile->fault);
	r = parse_all(&parser);
	dockerfile->escape = parser.lexer.escape;
	dockerfile->syntax = parser.lexer.syntax;
	dockerfile->check = parser.lexer.check;
	if (r < 0)
		return r;
	if (!dockerfile->instruction_count)
		return fail_plain(err, EINVAL, "%s: file with no instructions", name);
	return 0;
}
