// SPDX-License-Identifier: Apache-2.0
/* The option table at work: getopt_long underneath, our own errors and help on top. */
#include "cmd/opt.h"

#include <ctype.h>
#include <getopt.h>
#include <string.h>

#include "base/banned.h"
#include "base/log.h"
#include "base/number.h"

#define OPTS_MAX   96
#define LONG_FIRST 256 /* getopt values below are letters */

#define COMMON(field) offsetof(struct common, field)
const struct opt opt_common[] = {
	{ OPT_FLAG, 'h', "help", COMMON(help), NULL, "show this help and exit", NULL },
	{ OPT_FLAG, 'q', "quiet", COMMON(quiet), NULL, "print errors only", NULL },
	{ OPT_COUNT, 0, "verbose", COMMON(verbose), NULL,
	  "say what is done (-v before the command; repeat for more)", NULL },
	{ OPT_STR, 0, "store", COMMON(store), "DIR",
	  "image store (default $ROOTLET_STORE or $XDG_DATA_HOME/rootlet)", NULL },
	{ OPT_CHOICE, 0, "log-format", COMMON(log_format), "text|json",
	  "how messages on stderr are written", NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

/* getopt's two tables, and the way back from what it returns to our row. */
struct parser {
	struct option longs[OPTS_MAX + 1];
	char letters[3 * OPTS_MAX + 4];
	const struct opt *rows[OPTS_MAX];
	size_t count;
};

static bool takes_value(const struct opt *opt)
{
	switch (opt->kind) {
	case OPT_FLAG:
	case OPT_COUNT:
	case OPT_HEADING:
	case OPT_END:
		return false;
	case OPT_CALL:
	case OPT_REFUSED:
		return opt->value != NULL;
	default:
		return true;
	}
}

static int has_arg(const struct opt *opt)
{
	if (opt->kind == OPT_MAYBE)
		return optional_argument;
	return takes_value(opt) ? required_argument : no_argument;
}

static void add_row(struct parser *parser, const struct opt *opt)
{
	size_t i = parser->count;
	size_t end = strlen(parser->letters);

	if (opt->kind == OPT_HEADING || i == OPTS_MAX)
		return;
	parser->rows[i] = opt;
	parser->longs[i] = (struct option){
		.name = opt->name ? opt->name : "",
		.has_arg = has_arg(opt),
		.val = LONG_FIRST + (int)i,
	};
	parser->count++;
	if (!opt->letter)
		return;
	parser->letters[end++] = opt->letter;
	if (takes_value(opt))
		parser->letters[end++] = ':';
	if (opt->kind == OPT_MAYBE)
		parser->letters[end++] = ':';
	parser->letters[end] = '\0';
}

static void parser_init(struct parser *parser, const struct command *command)
{
	memset(parser, 0, sizeof(*parser));
	strcat(parser->letters, command->stop_at_operand ? "+:" : ":");
	for (const struct opt *opt = command->opts; opt && opt->kind != OPT_END; opt++)
		add_row(parser, opt);
	for (const struct opt *opt = opt_common; opt->kind != OPT_END; opt++) {
		struct opt copy = *opt;
		bool taken = false;

		for (size_t i = 0; i < parser->count; i++)
			taken |= copy.letter && parser->rows[i]->letter == copy.letter;
		if (!taken)
			add_row(parser, opt);
	}
}

static const struct opt *row_of(const struct parser *parser, int value)
{
	if (value >= LONG_FIRST)
		return parser->rows[value - LONG_FIRST];
	for (size_t i = 0; i < parser->count; i++)
		if (parser->rows[i]->letter == value)
			return parser->rows[i];
	return NULL;
}

static bool choice_allows(const char *choices, const char *value)
{
	size_t length = strlen(value);

	for (const char *at = choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
		if (strncmp(at, value, length) == 0 && (at[length] == '|' || !at[length]))
			return length > 0;
	return false;
}

static int store_value(const struct opt *opt, void *request, const char *value, struct err *err)
{
	void *field = (char *)request + opt->offset;
	int r;

	switch (opt->kind) {
	case OPT_FLAG:
		*(bool *)field = true;
		return 0;
	case OPT_COUNT:
		(*(unsigned *)field)++;
		return 0;
	case OPT_STR:
		*(const char **)field = value;
		return 0;
	case OPT_MAYBE:
		*(const char **)field = value ? value : "";
		return 0;
	case OPT_LIST:
		strings_add(field, value);
		return 0;
	case OPT_CHOICE:
		if (!choice_allows(opt->value, value))
			return fail_plain(err, EINVAL, "--%s: '%s' is not one of %s", opt->name,
					  value, opt->value);
		*(const char **)field = value;
		return 0;
	case OPT_U64:
		r = number_parse_u64(value, field);
		if (r < 0)
			return fail_plain(err, -r, "--%s: '%s' is not a whole number", opt->name,
					  value);
		return 0;
	case OPT_SIZE:
		r = number_parse_size(value, field);
		if (r < 0)
			return fail_plain(err, -r, "--%s: '%s' is not a size such as 64m or 1G",
					  opt->name, value);
		return 0;
	case OPT_CALL:
		return opt->parse(request, opt->name, value, err);
	case OPT_REFUSED:
		return fail_plain(err, ENOTSUP, "--%s is not supported: %s", opt->name, opt->help);
	case OPT_END:
	case OPT_HEADING:
		break;
	}
	return fail_plain(err, EINVAL, "option table: bad kind for --%s", opt->name);
}

static int unknown_option(const char *word, struct err *err)
{
	if (optopt && optopt < LONG_FIRST)
		fail_plain(err, EINVAL, "unknown option '-%c'", optopt);
	else
		fail_plain(err, EINVAL, "unknown option '%s'", word);
	err_hint(err, "--help lists the options");
	return -EINVAL;
}

static int missing_value(const struct parser *parser, struct err *err)
{
	const struct opt *opt = row_of(parser, optopt);

	return fail_plain(err, EINVAL, "--%s needs a value (%s)", opt ? opt->name : "?",
			  opt && opt->value ? opt->value : "VALUE");
}

int opt_parse(const struct command *command, int argc, char **argv, void *request, int *ret_operand,
	      struct err *err)
{
	struct parser parser;
	const struct common *common = request;
	int value;

	parser_init(&parser, command);
	optind = 0; /* glibc: start over, also when a command was parsed before */
	opterr = 0;
	for (;;) {
		int before = optind ? optind : 1;
		const struct opt *opt;
		int r;

		value = getopt_long(argc, argv, parser.letters, parser.longs, NULL);
		if (value == -1)
			break;
		if (value == '?')
			return unknown_option(before < argc ? argv[before] : "", err);
		if (value == ':')
			return missing_value(&parser, err);
		opt = row_of(&parser, value);
		r = store_value(opt, request, optarg, err);
		if (r < 0)
			return r;
	}
	*ret_operand = optind;
	if (common->help) {
		opt_print_help(command, stdout);
		return 1;
	}
	if (common->quiet || common->verbose || common->log_format)
		log_configure(common->quiet ? LOG_QUIET
					    : (enum log_level)(
						      LOG_NORMAL +
						      (common->verbose > 2 ? 2 : common->verbose)),
			      text_equal(common->log_format, "json") ? LOG_JSON : LOG_TEXT);
	return 0;
}

int opt_parse_one(const struct command *command, int argc, char **argv, void *request,
		  const char *what, const char **ret_operand, struct err *err)
{
	int operand;
	int r = opt_parse(command, argc, argv, request, &operand, err);

	if (r != 0)
		return r;
	if (argc - operand != 1)
		return fail_plain(err, EINVAL, "one %s is needed: %s", what, command->synopsis);
	*ret_operand = argv[operand];
	return 0;
}

static void print_wrapped(FILE *out, const char *text, int indent, int width)
{
	int column = indent;

	while (*text) {
		size_t word = strcspn(text, " ");

		if (column > indent && column + 1 + (int)word > width) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", (int)word, text);
		column += (int)word;
		text += word;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static void print_option(const struct opt *opt, FILE *out)
{
	char left[128];
	int length;

	if (opt->kind == OPT_HEADING) {
		fprintf(out, "\n%s:\n", opt->help);
		return;
	}
	if (!opt->help || opt->kind == OPT_REFUSED)
		return;
	length = snprintf(left, sizeof(left), "  %c%c%s--%s%s%s%s", opt->letter ? '-' : ' ',
			  opt->letter ? opt->letter : ' ', opt->letter ? ", " : "  ", opt->name,
			  opt->kind == OPT_MAYBE ? "[="
			  : takes_value(opt)	 ? " "
						 : "",
			  takes_value(opt) ? opt->value : "", opt->kind == OPT_MAYBE ? "]" : "");
	if (length > 28)
		fprintf(out, "%s\n%30s", left, "");
	else
		fprintf(out, "%-30s", left);
	print_wrapped(out, opt->help, 30, 96);
}

void opt_print_help(const struct command *command, FILE *out)
{
	fprintf(out, "usage: rootlet %s %s\n\n%c%s.\n", command->name, command->synopsis,
		toupper((unsigned char)command->summary[0]), command->summary + 1);
	if (command->opts && command->opts->kind != OPT_HEADING && command->opts->kind != OPT_END)
		fprintf(out, "\nOptions:\n");
	for (const struct opt *opt = command->opts; opt && opt->kind != OPT_END; opt++)
		print_option(opt, out);
	fprintf(out, "\nEvery command:\n");
	for (const struct opt *opt = opt_common; opt->kind != OPT_END; opt++)
		print_option(opt, out);
	fprintf(out, "\nManual: rootlet help %s\n", command->name);
}

void opt_print_table(const struct command *command, FILE *out)
{
	static const char *const kinds[] = {
		[OPT_END] = "end",	   [OPT_FLAG] = "flag",	     [OPT_COUNT] = "flag",
		[OPT_STR] = "value",	   [OPT_LIST] = "list",	     [OPT_U64] = "value",
		[OPT_SIZE] = "value",	   [OPT_CHOICE] = "choice",  [OPT_CALL] = "list",
		[OPT_REFUSED] = "refused", [OPT_MAYBE] = "optional", [OPT_HEADING] = "heading",
	};

	if (command->group)
		fprintf(out, "%s\t\t\t%s\tcommand\t%s\t%s\n", command->name, command->synopsis,
			command->summary, command->group);
	for (const struct opt *opt = command->opts; opt && opt->kind != OPT_END; opt++) {
		if (!opt->help)
			continue;
		fprintf(out, "%s\t%.1s\t%s\t%s\t%s\t%s\n", command->name,
			opt->letter ? &opt->letter : "", opt->name ? opt->name : "",
			opt->value ? opt->value : "",
			opt->kind == OPT_CALL && !opt->value ? "flag" : kinds[opt->kind],
			opt->help);
	}
}
