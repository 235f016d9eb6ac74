// SPDX-License-Identifier: Apache-2.0
/* Which words of an instruction are expanded, and what a step leaves behind.
 *
 *	expanded	ADD COPY ENV EXPOSE (then divided) LABEL STOPSIGNAL USER VOLUME WORKDIR,
 *			default values of ARG, values in RUN --mount
 *	as written	CMD ENTRYPOINT HEALTHCHECK MAINTAINER ONBUILD RUN SHELL
 *
 * ENV and ARG write into one environment, so the later of the two counts; an ARG without a value
 * writes nothing. A stage that begins with another one sees its ARGs too. */
#include "dockerfile/eval.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "dockerfile/check.h"
#include "dockerfile/eval_word.h"
#include "dockerfile/list.h"
#include "dockerfile/path.h"
#include "dockerfile/values.h"

/* --- words --- */

static struct mark place_of(const struct making *making, const struct word *word)
{
	return word ? word_mark(making->instruction, word) : instruction_mark(making->instruction);
}

int make_refuse(struct making *making, const struct word *word, const char *format, ...)
{
	char message[ERR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	return fault_at(&making->evaluation->fault, making->step->source, place_of(making, word),
			making->err, "%s: %s", instruction_name(making->instruction->kind),
			message);
}

static int wrap_at(struct making *making, struct mark mark)
{
	return fault_wrap(&making->evaluation->fault, making->step->source, mark, making->err, "%s",
			  instruction_name(making->instruction->kind));
}

int make_wrap(struct making *making, const struct word *word)
{
	return wrap_at(making, place_of(making, word));
}

static struct expansion expansion_of(const struct making *making, const struct variables *variables)
{
	return (struct expansion){
		.arena = making->arena,
		.escape = making->evaluation->plan->dockerfile->escape,
		.variables = variables,
		.unmatched = making->step->unmatched,
	};
}

/* A word of a JSON array or a flag does not stand in the line as it is: its place is the whole. */
static int wrap_expansion(struct making *making, const struct word *word,
			  const struct expansion *expansion)
{
	if (making->instruction->is_json || !word->width)
		return make_wrap(making, word);
	return wrap_at(making, logical_mark(&making->instruction->line,
					    word->offset + expansion->fault_offset, 1));
}

static int make_text_with(struct making *making, const struct word *word,
			  const struct variables *variables, const char **ret_text)
{
	struct expansion expansion = expansion_of(making, variables);
	int r = expand_word(&expansion, word->text, ret_text, making->err);

	making->step->unmatched = expansion.unmatched;
	return r < 0 ? wrap_expansion(making, word, &expansion) : 0;
}

int make_text(struct making *making, const struct word *word, const char **ret_text)
{
	const struct variables variables = environment_variables(&making->evaluation->environment);

	return make_text_with(making, word, &variables, ret_text);
}

int make_texts(struct making *making, const struct word *word, struct texts *texts)
{
	const struct variables variables = environment_variables(&making->evaluation->environment);
	struct expansion expansion = expansion_of(making, &variables);
	struct names words;
	int r = expand_words(&expansion, word->text, &words, making->err);

	making->step->unmatched = expansion.unmatched;
	if (r < 0)
		return wrap_expansion(making, word, &expansion);
	for (size_t i = 0; i < words.count; i++)
		texts_add(making->arena, texts, words.item[i]);
	return 0;
}

int make_flag(struct making *making, const char *name, const char **ret_text)
{
	const struct flag *flag = flag_find(making->instruction, name);
	struct word word;

	*ret_text = NULL;
	if (!flag || !*flag->value)
		return 0;
	word = (struct word){ flag->value, strlen(flag->value), flag->word.offset, 0 };
	if (make_text(making, &word, ret_text) < 0)
		return -EINVAL;
	if (!**ret_text)
		*ret_text = NULL;
	return 0;
}

int make_contents(struct making *making, const struct heredoc *heredoc, const char **ret_text)
{
	const struct variables variables = environment_variables(&making->evaluation->environment);
	struct expansion expansion = expansion_of(making, &variables);
	const char *contents = heredoc_contents(making->arena, heredoc);
	struct mark mark = { .line = heredoc->first_line };
	int r;

	*ret_text = contents;
	if (!heredoc->expands)
		return 0;
	expansion.escape = '\\'; /* in a heredoc it always is */
	expansion.ignore_quotes = true;
	r = expand_word(&expansion, contents, ret_text, making->err);
	making->step->unmatched = expansion.unmatched;
	if (r == 0)
		return 0;
	for (size_t i = 0; i < expansion.fault_offset; i++)
		mark.line += contents[i] == '\n';
	return wrap_at(making, mark);
}

/* --- histories --- */

const char *make_joined(struct arena *arena, const char *name, const struct texts *texts)
{
	auto_buf text = { 0 };

	buf_add_text(&text, name);
	for (size_t i = 0; i < texts->count; i++)
		buf_printf(&text, " %s", texts->item[i]);
	return arena_copy_bytes(arena, text.bytes, text.size_bytes);
}

const char *make_quoted(struct arena *arena, const char *name, const struct texts *texts)
{
	auto_buf text = { 0 };

	buf_printf(&text, "%s [", name);
	for (size_t i = 0; i < texts->count; i++) {
		if (i)
			buf_add_char(&text, ' ');
		text_add_json_string(&text, texts->item[i]);
	}
	buf_add_char(&text, ']');
	return arena_copy_bytes(arena, text.bytes, text.size_bytes);
}

static const char *settings_text(struct arena *arena, const char *name,
				 const struct settings *settings)
{
	auto_buf text = { 0 };

	buf_add_text(&text, name);
	for (size_t i = 0; i < settings->count; i++) {
		buf_printf(&text, " %s", settings->item[i].name);
		if (settings->item[i].value)
			buf_printf(&text, "=%s", settings->item[i].value);
	}
	return arena_copy_bytes(arena, text.bytes, text.size_bytes);
}

/* --- one instruction each --- */

void make_shell_words(struct making *making, struct texts *texts)
{
	const struct strings *shell = &making->evaluation->config->shell;

	if (shell->count) {
		strings_each(shell, word)
			texts_add(making->arena, texts, arena_copy(making->arena, word));
		return;
	}
	texts_add(making->arena, texts, "/bin/sh");
	texts_add(making->arena, texts, "-c");
}

/* CMD and ENTRYPOINT: the words as they are, or the shell and one text. */
static int make_command(struct making *making)
{
	const struct instruction *instruction = making->instruction;
	struct step *step = making->step;

	if (!instruction->is_json)
		make_shell_words(making, &step->texts);
	for (size_t i = 0; i < instruction->arg_count; i++)
		texts_add(making->arena, &step->texts, instruction->arg[i].text);
	if (!instruction->is_json && !instruction->arg_count)
		texts_add(making->arena, &step->texts, "");
	step->created_by = make_quoted(making->arena, instruction_name(step->kind), &step->texts);
	return 0;
}

static int make_shell(struct making *making)
{
	struct step *step = making->step;

	for (size_t i = 0; i < making->instruction->arg_count; i++)
		texts_add(making->arena, &step->texts, making->instruction->arg[i].text);
	step->created_by = make_joined(making->arena, "SHELL", &step->texts);
	return 0;
}

static int make_volume(struct making *making)
{
	struct step *step = making->step;

	for (size_t i = 0; i < making->instruction->arg_count; i++) {
		const struct word *word = &making->instruction->arg[i];
		struct stretch trimmed;
		const char *text;
		int r = make_text(making, word, &text);

		if (r < 0)
			return r;
		trimmed = stretch_trim((struct stretch){ text, 0, strlen(text) });
		if (trimmed.at == trimmed.end)
			return make_refuse(making, word, "the volume's path is empty");
		texts_add(making->arena, &step->texts, word_of(making->arena, trimmed).text);
	}
	step->created_by = make_joined(making->arena, "VOLUME", &step->texts);
	return 0;
}

/* ENV and LABEL. All of one instruction see the environment as it was before it. */
static int make_pairs(struct making *making)
{
	const struct instruction *instruction = making->instruction;
	struct step *step = making->step;

	for (size_t i = 0; i + 2 < instruction->arg_count; i += 3) {
		const struct word *name = &instruction->arg[i];
		struct setting setting = {
			.word = name,
			.is_old_form = !instruction->arg[i + 2].size_bytes,
		};
		int r = make_text(making, name, &setting.name);

		if (r == 0)
			r = make_text(making, &instruction->arg[i + 1], &setting.value);
		if (r < 0)
			return r;
		if (!*setting.name || strchr(setting.name, '='))
			return make_refuse(making, name, "'%s' cannot be a name", setting.name);
		*list_add(making->arena, step->settings.item, step->settings.count) = setting;
	}
	step->created_by = settings_text(making->arena, instruction_name(step->kind),
					 &step->settings);
	return 0;
}

/* The default value of an ARG may use what stands to the left of it in the same instruction. */
static const char *get_argument(const void *data, const char *name)
{
	const struct making *making = data;
	const struct settings *before = &making->step->settings;

	for (size_t i = before->count; i-- > 0;)
		if (before->item[i].value && !strcmp(before->item[i].name, name))
			return before->item[i].value;
	return environment_get(&making->evaluation->environment, name);
}

/* A build argument counts before the default; without either, what stands before the first FROM. */
static int argument_value(struct making *making, const struct word *word, struct setting *setting)
{
	const struct variables variables = { get_argument, making };
	const struct plan *plan = making->evaluation->plan;
	const char *equals = strchr(word->text, '=');
	struct word tail;

	setting->value = environment_get(&plan->build_args, setting->name);
	if (setting->value)
		return 0;
	if (!equals) {
		setting->value = environment_get(&plan->globals, setting->name);
		return 0;
	}
	size_t skipped = (size_t)(equals + 1 - word->text);

	tail = (struct word){ equals + 1, word->size_bytes - skipped, word->offset + skipped,
			      word->width - skipped + 1 };
	return make_text_with(making, &tail, &variables, &setting->value);
}

static int make_arguments(struct making *making)
{
	struct step *step = making->step;

	for (size_t i = 0; i < making->instruction->arg_count; i++) {
		const struct word *word = &making->instruction->arg[i];
		struct setting setting = { .word = word };
		int r;

		setting.name = arena_copy_bytes(making->arena, word->text,
						strcspn(word->text, "="));
		r = argument_value(making, word, &setting);
		if (r < 0)
			return r;
		*list_add(making->arena, step->settings.item, step->settings.count) = setting;
	}
	step->created_by = settings_text(making->arena, "ARG", &step->settings);
	return 0;
}

static int make_workdir(struct making *making)
{
	const char *dir = making->evaluation->config->working_dir;
	struct step *step = making->step;

	if (!*step->text)
		return make_refuse(making, &making->instruction->arg[0],
				   "the directory's name is empty");
	step->written = step->text;
	step->text = path_resolve(making->arena, dir ? dir : "/", step->text);
	step->makes_layer = strcmp(step->text, "/") != 0;
	return 0;
}

/* The trigger as it will be parsed again: its line, and its heredocs behind it. */
static const char *trigger_text(struct making *making)
{
	const struct instruction *instruction = making->instruction;
	struct stretch rest = { instruction->line.text, instruction->trigger->name_offset,
				instruction->line.size_bytes };
	auto_buf text = { 0 };

	rest = stretch_trim(rest);
	buf_add(&text, rest.line + rest.at, rest.end - rest.at);
	for (size_t i = 0; i < instruction->heredoc_count; i++) {
		const struct heredoc *heredoc = &instruction->heredoc[i];

		buf_add_char(&text, '\n');
		buf_add(&text, heredoc->text, heredoc->size_bytes);
		buf_add_text(&text, heredoc->name);
	}
	return arena_copy_bytes(making->arena, text.bytes, text.size_bytes);
}

/* The instructions whose argument is one text. */
static int make_single(struct making *making)
{
	struct step *step = making->step;
	int r = 0;

	if (step->kind == INSTRUCTION_ONBUILD)
		step->text = trigger_text(making);
	else if (step->kind == INSTRUCTION_MAINTAINER)
		step->text = making->instruction->arg[0].text;
	else
		r = make_text(making, &making->instruction->arg[0], &step->text);
	if (r == 0 && step->kind == INSTRUCTION_WORKDIR)
		r = make_workdir(making);
	if (r < 0)
		return r;
	if (step->kind == INSTRUCTION_STOPSIGNAL && !signal_is_valid(step->text))
		return make_refuse(making, &making->instruction->arg[0], "'%s' is no signal",
				   step->text);
	step->created_by = arena_printf(making->arena, "%s %s", instruction_name(step->kind),
					step->text);
	return 0;
}

static int make_step(struct making *making)
{
	switch (making->instruction->kind) {
	case INSTRUCTION_ADD:
	case INSTRUCTION_COPY:
		return make_copy(making);
	case INSTRUCTION_ARG:
		return make_arguments(making);
	case INSTRUCTION_CMD:
	case INSTRUCTION_ENTRYPOINT:
		return make_command(making);
	case INSTRUCTION_ENV:
	case INSTRUCTION_LABEL:
		return make_pairs(making);
	case INSTRUCTION_EXPOSE:
		return make_expose(making);
	case INSTRUCTION_HEALTHCHECK:
		return make_health(making);
	case INSTRUCTION_RUN:
		return make_run(making);
	case INSTRUCTION_SHELL:
		return make_shell(making);
	case INSTRUCTION_VOLUME:
		return make_volume(making);
	default:
		return make_single(making);
	}
}

int evaluation_step(struct evaluation *evaluation, size_t i, const struct step **ret_step,
		    struct err *err)
{
	const struct eval_item *item = &evaluation->item[i];
	struct step *step = arena_new(evaluation->arena, struct step);
	struct making making = { evaluation, step, evaluation->arena, item->instruction, err };
	int r;

	step->kind = item->instruction->kind;
	step->instruction = item->instruction;
	step->source = item->source;
	step->is_trigger = item->is_trigger;
	r = make_step(&making);
	evaluation->unmatched = step->unmatched;
	if (r == 0)
		*ret_step = step;
	return r;
}

/* --- the beginning of a stage --- */

static void set_environment(struct evaluation *evaluation, const struct evaluation *base)
{
	struct config *config = evaluation->config;

	if (!strings_env_get(&config->env, "PATH"))
		strings_env_set(&config->env, "PATH", EVAL_DEFAULT_PATH);
	if (base) {
		for (size_t i = 0; i < base->environment.count; i++)
			environment_set(&evaluation->environment, base->environment.item[i].name,
					base->environment.item[i].value);
		for (size_t i = 0; i < base->arguments.count; i++)
			texts_add(evaluation->arena, &evaluation->arguments,
				  arena_copy(evaluation->arena, base->arguments.item[i]));
		return;
	}
	strings_each(&config->env, text)
		environment_set_text(&evaluation->environment, text);
}

static void add_item(struct evaluation *evaluation, const struct instruction *instruction,
		     const struct source *source, bool is_trigger)
{
	*list_add(evaluation->arena, evaluation->item,
		  evaluation->step_count) = (struct eval_item){ instruction, source, is_trigger };
}

static int check_trigger_origins(struct evaluation *evaluation, const struct dockerfile *trigger,
				 struct err *err)
{
	const struct instruction *instruction = trigger->instruction[0];
	struct mark mark = instruction_mark(instruction);
	struct origins *origins = &evaluation->trigger_origins;
	size_t stage = evaluation->stage->number;
	size_t i = origins->count;

	if (plan_instruction_origins(evaluation->plan, evaluation->arena, stage, instruction,
				     origins, err) < 0)
		return fault_wrap(&evaluation->fault, &trigger->source, mark, err, "%s",
				  instruction_name(instruction->kind));
	for (; i < origins->count; i++)
		if (origins->item[i].kind == ORIGIN_STAGE && origins->item[i].stage >= stage)
			return fault_at(&evaluation->fault, &trigger->source, mark, err,
					"%s: stage %s must be defined before the stage that needs "
					"it",
					instruction_name(instruction->kind), origins->item[i].name);
	return 0;
}

static int add_trigger(struct evaluation *evaluation, const char *text, struct err *err)
{
	struct arena *arena = evaluation->arena;
	struct dockerfile *trigger = arena_new(arena, struct dockerfile);
	const char *name = arena_printf(arena, "ONBUILD of %s", evaluation->stage->base.name);
	const struct instruction *instruction;
	int r;

	r = dockerfile_parse(arena, name, text, strlen(text), trigger, err);
	if (r < 0) {
		evaluation->fault = trigger->fault;
		return r;
	}
	instruction = trigger->instruction[0];
	if (trigger->instruction_count != 1 || instruction->kind == INSTRUCTION_FROM ||
	    instruction->kind == INSTRUCTION_ONBUILD || instruction->kind == INSTRUCTION_MAINTAINER)
		return fault_at(&evaluation->fault, &trigger->source, instruction_mark(instruction),
				err,
				"the trigger '%s' is not allowed: a single instruction but FROM, "
				"ONBUILD and MAINTAINER may be one",
				text);
	r = instruction_check(instruction, &trigger->source, &evaluation->fault, err);
	if (r == 0)
		r = check_trigger_origins(evaluation, trigger, err);
	if (r == 0)
		add_item(evaluation, instruction, &trigger->source, true);
	return r;
}

int evaluation_begin(struct evaluation *ret_evaluation, struct arena *arena,
		     const struct plan *plan, size_t stage, struct config *config,
		     const struct evaluation *base, struct err *err)
{
	struct evaluation *evaluation = ret_evaluation;
	int r = 0;

	*evaluation = (struct evaluation){
		.arena = arena,
		.plan = plan,
		.stage = &plan->stage[stage],
		.config = config,
		.environment = { .arena = arena },
	};
	set_environment(evaluation, base);
	if (config->working_dir)
		config_set(&config->working_dir, path_resolve(arena, "/", config->working_dir));
	else if (evaluation->stage->base.kind == ORIGIN_SCRATCH)
		config_set(&config->working_dir, "/");
	for (size_t i = 0; r == 0 && i < config->on_build.count; i++)
		r = add_trigger(evaluation, config->on_build.item[i], err);
	if (r < 0)
		return r;
	strings_clear(&config->on_build);
	for (size_t i = 0; i < evaluation->stage->instruction_count; i++)
		add_item(evaluation, evaluation->stage->instruction[i], &plan->dockerfile->source,
			 false);
	return 0;
}
