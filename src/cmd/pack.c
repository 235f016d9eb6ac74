// SPDX-License-Identifier: Apache-2.0
#include "cmd/pack.h"

#include <string.h>

#include "base/banned.h"
#include "flow/pack.h"
#include "flow/pack_diff.h"

struct pack_command {
	struct common common;
	struct pack_request request;
	const char *format;
	const char *entry_point;
	bool diff;
};

#define PACK(field)    offsetof(struct pack_command, field)
#define REQUEST(field) offsetof(struct pack_command, request.field)

static const struct opt pack_opts[] = {
	{ OPT_HEADING, 0, NULL, 0, NULL, "What is written", NULL },
	{ OPT_CHOICE, 'f', "format", PACK(format), PACK_FORMATS,
	  "the form of the pack (default tar.zst)", NULL },
	{ OPT_STR, 'o', "output", REQUEST(output), "FILE",
	  "write to FILE (default: the pack's name and the format's suffix; - for tars: standard "
	  "output)",
	  NULL },
	{ OPT_STR, 0, "name", REQUEST(name), "NAME", "the pack's name (default: after the source)",
	  NULL },
	{ OPT_FLAG, 'R', "relocatable", REQUEST(relocatable), NULL,
	  "programs run by their names wherever the pack is unpacked", NULL },
	{ OPT_LIST, 'S', "symlink", REQUEST(links), "LINK=TARGET",
	  "a link in the pack to something in it, as in -S /bin=usr/bin", NULL },
	{ OPT_FLAG, 0, "no-recommends", REQUEST(no_recommends), NULL,
	  "of dpkg:PKG only what it depends on, not what it recommends", NULL },
	{ OPT_LIST, 0, "with", REQUEST(with), "LINE",
	  "with dpkg: and prefix:, files of this host as well: /PATH, a glob, exe:NAME, pkg:NAME",
	  NULL },
	{ OPT_LIST, 0, "with-file", REQUEST(with_files), "LIST",
	  "such lines from a file, as in rootlet isolate --from files:LIST", NULL },
	{ OPT_HEADING, 0, NULL, 0, NULL, "How it runs", NULL },
	{ OPT_STR, 0, "entry-point", PACK(entry_point), "CMD",
	  "what runs when the pack does: a path in it", NULL },
	{ OPT_LIST, 'e', "env", REQUEST(env), "NAME=VALUE", "a variable set when it runs", NULL },
	{ OPT_LIST, 0, "expose", REQUEST(expose), "PATH",
	  "a path of the host that is seen inside, read-only", NULL },
	{ OPT_LIST, 0, "share", REQUEST(share), "PATH",
	  "a path of the host that is seen inside and can be written", NULL },
	{ OPT_HEADING, 0, NULL, 0, NULL, "The same bytes", NULL },
	{ OPT_U64, 0, "rounds", REQUEST(rounds), "N",
	  "make it N times, under other circumstances each, and fail if the bytes differ", NULL },
	{ OPT_LIST, 0, "keep", REQUEST(keep), "owner|mode|time",
	  "leave it as it is in the source (an image keeps all three)", NULL },
	{ OPT_FLAG, 0, "save-provenance", REQUEST(save_provenance), NULL,
	  "put into the pack what it was made of: source, options, packages", NULL },
	{ OPT_LIST, 0, "allow-secret", REQUEST(allow_secrets), "GLOB",
	  "let a path or a variable in that looks like a secret", NULL },
	{ OPT_HEADING, 0, NULL, 0, NULL, "Instead of packing", NULL },
	{ OPT_FLAG, 0, "diff", PACK(diff), NULL,
	  "tell which files of two packs, A and B, differ and in what; status 1 when some do",
	  NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

static int check_paths(const struct strings *paths, const char *option, struct err *err)
{
	strings_each(paths, path) {
		if (path[0] != '/')
			return fail_plain(err, EINVAL, "%s '%s' is not an absolute path", option,
					  path);
	}
	return 0;
}

static int check_env(const struct strings *env, struct err *err)
{
	strings_each(env, entry) {
		if (!strchr(entry, '=') || entry[0] == '=')
			return fail_plain(err, EINVAL, "--env '%s' is not NAME=VALUE", entry);
	}
	return 0;
}

static int pack(struct pack_command *command, struct err *err)
{
	struct pack_request *request = &command->request;
	struct pack_made made;
	int r = check_env(&request->env, err);

	if (!pack_format_parse(command->format ?: "tar.zst", &request->format))
		return fail_plain(err, EINVAL, "-f %s is none of " PACK_FORMATS, command->format);
	if (r == 0)
		r = check_paths(&request->expose, "--expose", err);
	if (r == 0)
		r = check_paths(&request->share, "--share", err);
	if (r < 0)
		return r;
	if (command->entry_point)
		strings_add_words(&request->entry_point, command->entry_point, " ");
	request->store = command->common.store;
	r = pack_run(request, &made, err);
	if (r < 0)
		return r;
	if (made.path)
		printf("%s  %s\n", made.digest.text, made.path);
	else
		fprintf(stderr, "%s\n", made.digest.text);
	free(made.path);
	return 0;
}

/* As diff(1): 1 where there are differences. */
static int diff(const char *a, const char *b, int *ret_status, struct err *err)
{
	auto_buf text = { 0 };
	bool is_same;
	int r = pack_diff(a, b, &is_same, &text, err);

	if (r == 0)
		r = command_write(&text, err);
	if (r == 0)
		*ret_status = is_same ? 0 : 1;
	return r;
}

static int pack_main(const struct command *command, const struct common *common, int argc,
		     char **argv)
{
	struct pack_command request = { .common = *common };
	struct err err = { 0 };
	int operand;
	int status = 0;
	int r;

	r = opt_parse(command, argc, argv, &request, &operand, &err);
	if (r > 0)
		return 0;
	if (r == 0 && argc - operand != (request.diff ? 2 : 1)) {
		r = fail_plain(&err, EINVAL, "%s, not %d",
			       request.diff ? "two packs are compared" : "one source is packed",
			       argc - operand);
		err_hint(&err, "usage: rootlet %s %s", command->name, command->synopsis);
	}
	if (r == 0 && request.diff) {
		r = diff(argv[operand], argv[operand + 1], &status, &err);
	} else if (r == 0) {
		request.request.source = argv[operand];
		r = pack(&request, &err);
	}
	pack_request_done(&request.request);
	return r < 0 ? command_fail(command, &err) : status;
}

const struct command command_pack = {
	.name = "pack",
	.summary = "make one file of a root that runs elsewhere",
	.synopsis = "[OPTIONS] SOURCE|--diff A B",
	.opts = pack_opts,
	.run = pack_main,
	.group = "Images",
};
