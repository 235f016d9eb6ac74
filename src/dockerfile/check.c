// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/check.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/number.h"
#include "base/strings.h"
#include "dockerfile/suggest.h"
#include "dockerfile/values.h"

#define FLAGS_MAX     8
#define NO_LIMIT      SIZE_MAX
#define HEALTH_MIN_NS 1000000 /* moby: container.MinimumDuration */

enum flag_kind { FLAG_END, FLAG_BOOLEAN, FLAG_TEXT, FLAG_LIST };

struct rule {
	size_t args_min;
	size_t args_max;
	struct {
		const char *name;
		enum flag_kind kind;
	} flag[FLAGS_MAX];
};

static const struct rule rules[INSTRUCTION_KINDS] = {
	[INSTRUCTION_ADD] = { 2,
			      NO_LIMIT,
			      { { "checksum", FLAG_TEXT },
				{ "chmod", FLAG_TEXT },
				{ "chown", FLAG_TEXT },
				{ "exclude", FLAG_LIST },
				{ "keep-git-dir", FLAG_BOOLEAN },
				{ "link", FLAG_BOOLEAN },
				{ "unpack", FLAG_BOOLEAN } } },
	[INSTRUCTION_ARG] = { 1, NO_LIMIT, { { 0 } } },
	[INSTRUCTION_CMD] = { 0, NO_LIMIT, { { 0 } } },
	[INSTRUCTION_COPY] = { 2,
			       NO_LIMIT,
			       { { "chmod", FLAG_TEXT },
				 { "chown", FLAG_TEXT },
				 { "exclude", FLAG_LIST },
				 { "from", FLAG_TEXT },
				 { "link", FLAG_BOOLEAN },
				 { "parents", FLAG_BOOLEAN } } },
	[INSTRUCTION_ENTRYPOINT] = { 0, NO_LIMIT, { { 0 } } },
	[INSTRUCTION_ENV] = { 1, NO_LIMIT, { { 0 } } },
	[INSTRUCTION_EXPOSE] = { 1, NO_LIMIT, { { 0 } } },
	[INSTRUCTION_FROM] = { 1, 3, { { "platform", FLAG_TEXT } } },
	[INSTRUCTION_HEALTHCHECK] = { 1,
				      NO_LIMIT,
				      { { "interval", FLAG_TEXT },
					{ "retries", FLAG_TEXT },
					{ "start-interval", FLAG_TEXT },
					{ "start-period", FLAG_TEXT },
					{ "timeout", FLAG_TEXT } } },
	[INSTRUCTION_LABEL] = { 1, NO_LIMIT, { { 0 } } },
	[INSTRUCTION_MAINTAINER] = { 1, 1, { { 0 } } },
	[INSTRUCTION_ONBUILD] = { 0, NO_LIMIT, { { 0 } } },
	[INSTRUCTION_RUN] = { 0,
			      NO_LIMIT,
			      { { "device", FLAG_LIST },
				{ "mount", FLAG_LIST },
				{ "network", FLAG_TEXT },
				{ "security", FLAG_TEXT } } },
	[INSTRUCTION_SHELL] = { 1, NO_LIMIT, { { 0 } } },
	[INSTRUCTION_STOPSIGNAL] = { 1, 1, { { 0 } } },
	[INSTRUCTION_USER] = { 1, 1, { { 0 } } },
	[INSTRUCTION_VOLUME] = { 1, NO_LIMIT, { { 0 } } },
	[INSTRUCTION_WORKDIR] = { 1, 1, { { 0 } } },
};

struct checker {
	const struct instruction *instruction;
	const struct source *source;
	struct fault *fault;
	struct err *err;
};

static const char *name_of(const struct checker *checker)
{
	return instruction_name(checker->instruction->kind);
}

#define refuse_at(checker, mark, ...) \
	fault_at((checker)->fault, (checker)->source, mark, (checker)->err, __VA_ARGS__)
#define refuse(checker, ...) \
	refuse_at(checker, instruction_mark((checker)->instruction), __VA_ARGS__)

/* --- flags --- */

const struct flag *flag_find(const struct instruction *instruction, const char *name)
{
	for (size_t i = 0; i < instruction->flag_count; i++)
		if (!strcmp(instruction->flag[i].name, name))
			return &instruction->flag[i];
	return NULL;
}

const char *flag_text(const struct instruction *instruction, const char *name)
{
	const struct flag *flag = flag_find(instruction, name);

	return flag ? flag->value : NULL;
}

bool flag_is_set(const struct instruction *instruction, const char *name, bool otherwise)
{
	const struct flag *flag = flag_find(instruction, name);

	if (!flag)
		return otherwise;
	return !flag->value || !strcasecmp(flag->value, "true");
}

static enum flag_kind flag_kind_of(const struct rule *rule, const char *name)
{
	for (size_t i = 0; i < FLAGS_MAX && rule->flag[i].name; i++)
		if (!strcmp(rule->flag[i].name, name))
			return rule->flag[i].kind;
	return FLAG_END;
}

static int refuse_unknown_flag(const struct checker *checker, const struct rule *rule,
			       const struct flag *flag)
{
	const char *names[FLAGS_MAX];
	size_t count = 0;
	auto_buf known = { 0 };
	const char *near;

	for (; count < FLAGS_MAX && rule->flag[count].name; count++) {
		names[count] = rule->flag[count].name;
		buf_printf(&known, "%s--%s", count ? ", " : "", names[count]);
	}
	near = suggest(flag->name, names, count);
	refuse_at(checker, word_mark(checker->instruction, &flag->word),
		  "%s: unknown flag --%s%s%s%s", name_of(checker), flag->name,
		  near ? " (did you mean --" : "", near ? near : "", near ? "?)" : "");
	if (count)
		err_hint(checker->err, "%s takes %s", name_of(checker), known.bytes);
	else
		err_hint(checker->err, "%s takes no flags", name_of(checker));
	return -EINVAL;
}

static int check_flag_value(const struct checker *checker, const struct flag *flag,
			    enum flag_kind kind)
{
	struct mark mark = word_mark(checker->instruction, &flag->word);

	if (kind != FLAG_BOOLEAN && !flag->value)
		return refuse_at(checker, mark, "%s: --%s needs a value: --%s=...",
				 name_of(checker), flag->name, flag->name);
	if (kind == FLAG_BOOLEAN && flag->value && strcasecmp(flag->value, "true") != 0 &&
	    strcasecmp(flag->value, "false") != 0)
		return refuse_at(checker, mark, "%s: --%s is true or false, not '%s'",
				 name_of(checker), flag->name, flag->value);
	return 0;
}

static int check_flags(const struct checker *checker)
{
	const struct instruction *instruction = checker->instruction;
	const struct rule *rule = &rules[instruction->kind];

	for (size_t i = 0; i < instruction->flag_count; i++) {
		const struct flag *flag = &instruction->flag[i];
		enum flag_kind kind = flag_kind_of(rule, flag->name);
		int r;

		if (kind == FLAG_END)
			return refuse_unknown_flag(checker, rule, flag);
		if (kind != FLAG_LIST && flag_find(instruction, flag->name) != flag)
			return refuse_at(checker, word_mark(instruction, &flag->word),
					 "%s: --%s is given twice", name_of(checker), flag->name);
		r = check_flag_value(checker, flag, kind);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- numbers of arguments --- */

static int check_count(const struct checker *checker)
{
	const struct instruction *instruction = checker->instruction;
	const struct rule *rule = &rules[instruction->kind];
	size_t count = instruction->arg_count;

	if (count >= rule->args_min && count <= rule->args_max)
		return 0;
	if (rule->args_min == 2)
		return refuse(checker,
			      "%s requires at least two arguments, but only %s was provided: the "
			      "destination could not be determined",
			      name_of(checker), count ? "one" : "none");
	if (rule->args_max == 1)
		return refuse(checker, "%s requires exactly one argument", name_of(checker));
	if (instruction->kind == INSTRUCTION_FROM)
		return refuse(checker, "FROM requires either one or three arguments");
	return refuse(checker, "%s requires at least one argument", name_of(checker));
}

/* --- one instruction each --- */

bool stage_name_is_valid(const char *name)
{
	if (!isalpha((unsigned char)*name))
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("-_.", *name))
			return false;
	return true;
}

static int check_from(const struct checker *checker)
{
	const struct word *arg = checker->instruction->arg;

	if (checker->instruction->arg_count == 1)
		return 0;
	if (checker->instruction->arg_count == 2 || strcasecmp(arg[1].text, "as") != 0)
		return refuse(checker, "FROM requires either one or three arguments: "
				       "FROM IMAGE [AS NAME]");
	if (!stage_name_is_valid(arg[2].text))
		return refuse_at(checker, word_mark(checker->instruction, &arg[2]),
				 "invalid name for build stage: \"%s\", name can't start with a "
				 "number or contain symbols",
				 arg[2].text);
	return 0;
}

static int check_names(const struct checker *checker, size_t step)
{
	for (size_t i = 0; i < checker->instruction->arg_count; i += step) {
		const struct word *arg = &checker->instruction->arg[i];

		if (!*arg->text || *arg->text == '=')
			return refuse_at(checker, word_mark(checker->instruction, arg),
					 "%s names can not be blank", name_of(checker));
	}
	return 0;
}

static int check_onbuild(const struct checker *checker)
{
	const struct instruction *trigger = checker->instruction->trigger;

	if (!trigger)
		return refuse(checker, "ONBUILD requires at least one argument");
	if (trigger->kind == INSTRUCTION_ONBUILD)
		return refuse_at(checker, instruction_mark(trigger),
				 "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
	if (trigger->kind == INSTRUCTION_FROM || trigger->kind == INSTRUCTION_MAINTAINER)
		return refuse_at(checker, instruction_mark(trigger),
				 "%s isn't allowed as an ONBUILD trigger",
				 instruction_name(trigger->kind));
	return 0;
}

static int check_shell(const struct checker *checker)
{
	if (!checker->instruction->is_json)
		return refuse(checker, "SHELL requires the arguments to be in JSON form: "
				       "SHELL [\"/bin/sh\", \"-c\"]");
	return 0;
}

static int check_volume(const struct checker *checker)
{
	for (size_t i = 0; i < checker->instruction->arg_count; i++) {
		const struct word *arg = &checker->instruction->arg[i];

		if (arg->text[strspn(arg->text, " \t")] == '\0')
			return refuse_at(checker, word_mark(checker->instruction, arg),
					 "VOLUME specified can not be an empty string");
	}
	return 0;
}

static int check_choice(const struct checker *checker, const char *name, const char *const *choices,
			size_t count)
{
	const struct flag *flag = flag_find(checker->instruction, name);
	auto_buf known = { 0 };

	for (size_t i = 0; flag && i < count; i++) {
		if (!strcmp(flag->value, choices[i]))
			return 0;
		buf_printf(&known, "%s%s", i ? ", " : "", choices[i]);
	}
	if (!flag)
		return 0;
	return refuse_at(checker, word_mark(checker->instruction, &flag->word),
			 "invalid %s '%s' (it is one of %s)", name, flag->value, known.bytes);
}

static int check_run(const struct checker *checker)
{
	static const char *const networks[] = { "default", "none", "host" };
	static const char *const securities[] = { "sandbox", "insecure" };
	int r;

	r = check_choice(checker, "network", networks, array_count(networks));
	if (r == 0)
		r = check_choice(checker, "security", securities, array_count(securities));
	return r;
}

static int check_interval(const struct checker *checker, const char *name)
{
	const struct flag *flag = flag_find(checker->instruction, name);
	struct mark mark;
	int64_t ns;

	if (!flag || !*flag->value)
		return 0;
	mark = word_mark(checker->instruction, &flag->word);
	if (duration_parse(flag->value, &ns, checker->err) < 0)
		return fault_wrap(checker->fault, checker->source, mark, checker->err,
				  "HEALTHCHECK: --%s", name);
	if (ns != 0 && ns < HEALTH_MIN_NS)
		return refuse_at(checker, mark, "HEALTHCHECK: --%s cannot be less than 1ms", name);
	return 0;
}

static int check_retries(const struct checker *checker)
{
	const struct flag *flag = flag_find(checker->instruction, "retries");
	uint32_t retries;

	if (!flag || !*flag->value ||
	    (number_parse_u32(flag->value, &retries) == 0 && retries <= INT32_MAX))
		return 0;
	return refuse_at(checker, word_mark(checker->instruction, &flag->word),
			 "HEALTHCHECK: --retries is a number from 0 on, not '%s'", flag->value);
}

static int check_healthcheck(const struct checker *checker)
{
	static const char *const intervals[] = { "interval", "timeout", "start-period",
						 "start-interval" };
	const struct instruction *instruction = checker->instruction;
	const char *type = instruction->arg[0].text;
	int r = 0;

	if (!strcasecmp(type, "NONE"))
		return instruction->arg_count == 1
			       ? 0
			       : refuse(checker, "HEALTHCHECK NONE takes no arguments");
	if (strcasecmp(type, "CMD") != 0)
		return refuse_at(checker, word_mark(instruction, &instruction->arg[0]),
				 "Unknown type '%s' in HEALTHCHECK (try CMD)", type);
	if (instruction->arg_count == 1)
		return refuse(checker, "Missing command after HEALTHCHECK CMD");
	for (size_t i = 0; r == 0 && i < array_count(intervals); i++)
		r = check_interval(checker, intervals[i]);
	return r == 0 ? check_retries(checker) : r;
}

static int check_copy(const struct checker *checker)
{
	const struct instruction *instruction = checker->instruction;
	const struct word *dest = &instruction->arg[instruction->arg_count - 1];

	/* the words of a heredoc's start are one argument each only when nothing is quoted apart */
	if (!instruction->is_json && text_starts(dest->text, "<<") && dest->text[2] &&
	    instruction->heredoc_count)
		return refuse_at(checker, word_mark(instruction, dest),
				 "%s cannot accept a heredoc as a destination", name_of(checker));
	return 0;
}

static int check_kind(const struct checker *checker)
{
	switch (checker->instruction->kind) {
	case INSTRUCTION_ADD:
	case INSTRUCTION_COPY:
		return check_copy(checker);
	case INSTRUCTION_ARG:
		return check_names(checker, 1);
	case INSTRUCTION_ENV:
	case INSTRUCTION_LABEL:
		return check_names(checker, 3);
	case INSTRUCTION_FROM:
		return check_from(checker);
	case INSTRUCTION_HEALTHCHECK:
		return check_healthcheck(checker);
	case INSTRUCTION_ONBUILD:
		return check_onbuild(checker);
	case INSTRUCTION_RUN:
		return check_run(checker);
	case INSTRUCTION_SHELL:
		return check_shell(checker);
	case INSTRUCTION_VOLUME:
		return check_volume(checker);
	default:
		return 0;
	}
}

/* An argument is a C string from here on, and an argument of a process cannot hold NULs. */
static int check_nuls(const struct checker *checker)
{
	for (size_t i = 0; i < checker->instruction->arg_count; i++) {
		const struct word *arg = &checker->instruction->arg[i];

		if (strlen(arg->text) != arg->size_bytes)
			return refuse_at(checker, word_mark(checker->instruction, arg),
					 "%s: an argument holds a NUL character", name_of(checker));
	}
	return 0;
}

static int refuse_unknown(const struct checker *checker)
{
	const char *names[INSTRUCTION_KINDS];
	const char *near;
	size_t count = 0;

	for (enum instruction_kind kind = INSTRUCTION_UNKNOWN + 1; kind < INSTRUCTION_KINDS; kind++)
		names[count++] = instruction_name(kind);
	near = suggest(checker->instruction->name, names, count);
	return refuse(checker, "unknown instruction: %s%s%s%s", checker->instruction->name,
		      near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

int instruction_check(const struct instruction *instruction, const struct source *source,
		      struct fault *fault, struct err *err)
{
	const struct checker checker = { instruction, source, fault, err };
	int r;

	if (instruction->kind == INSTRUCTION_UNKNOWN)
		return refuse_unknown(&checker);
	r = check_nuls(&checker);
	if (r == 0)
		r = check_flags(&checker);
	if (r == 0)
		r = check_count(&checker);
	return r == 0 ? check_kind(&checker) : r;
}
