// SPDX-License-Identifier: Apache-2.0
/* rootlet import and rootlet load */
#include "cmd/import.h"

#include <stdio.h>

#include "base/banned.h"
#include "flow/import.h"

struct import_command {
	struct common common;
	struct import_request request;
	const char *input; /* load -i */
	bool is_load;
};

#define IMPORT(field)  offsetof(struct import_command, field)
#define REQUEST(field) offsetof(struct import_command, request.field)

static const struct opt import_opts[] = {
	{ OPT_LIST, 'c', "change", REQUEST(changes), "INSTRUCTION",
	  "apply a Dockerfile instruction (CMD, ENV, LABEL ...) to the config of a root", NULL },
	{ OPT_STR, 'm', "message", REQUEST(message), "TEXT", "comment in the history of a root",
	  NULL },
	{ OPT_STR, 0, "owners", REQUEST(owners), "FILE|xattr",
	  "who owns what in a directory: a file saved by fakeroot or rootlet root, or its files' "
	  "attributes user.containers.override_stat",
	  NULL },
	{ OPT_STR, 0, "platform", REQUEST(platform), "OS/ARCH[/VARIANT]",
	  "what a root is for (default: this machine)", NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

static const struct opt load_opts[] = {
	{ OPT_STR, 'i', "input", IMPORT(input), "FILE",
	  "read FILE, which may be a directory (default: standard input)", NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

/* import prints what run and tag take, a name or else the id (--quiet: always the id); load has
 * docker load's words. */
static int report(void *context, const struct digest *id, const struct ref *ref, struct err *err)
{
	const struct import_command *command = context;
	char text[REF_TEXT_MAX];

	if (!command->is_load)
		printf("%s\n", ref && !command->common.quiet ? ref_familiar(ref, text) : id->text);
	else if (ref)
		printf("Loaded image: %s\n", ref_familiar(ref, text));
	else
		printf("Loaded image ID: %s\n", id->text);
	if (fflush(stdout) != 0)
		return fail(err, errno, "write the result");
	return 0;
}

static int run(const struct command *command, struct import_command *import,
	       const char *const *operand)
{
	auto_store store = STORE_NONE;
	struct ref ref;
	struct err err = { 0 };
	int r = 0;

	if (operand[0] && operand[1]) {
		r = ref_parse(operand[1], &ref, &err);
		if (r == 0 && !digest_is_none(&ref.digest))
			r = fail_plain(&err, EINVAL, "'%s': a digest cannot be given as a name",
				       operand[1]);
		import->request.ref = &ref;
	}
	if (r == 0)
		r = store_open(import->common.store, &store, &err);
	if (r < 0)
		return command_fail(command, &err);
	import->request.store = &store;
	import->request.imported = report;
	import->request.context = import;
	r = import_run(&import->request, &err);
	return r < 0 ? command_fail(command, &err) : 0;
}

static int import_main(const struct command *command, const struct common *common, int argc,
		       char **argv)
{
	struct import_command import = { .common = *common };
	struct err err = { 0 };
	int operand;
	int status;
	int r = opt_parse(command, argc, argv, &import, &operand, &err);

	if (r == 0 && (argc - operand < 1 || argc - operand > 2))
		r = fail_plain(&err, EINVAL, "one or two operands are needed: %s",
			       command->synopsis);
	if (r != 0)
		return r < 0 ? command_fail(command, &err) : 0;
	import.request.source = argv[operand];
	status = run(command, &import, (const char *const *)argv + operand);
	strings_done(&import.request.changes);
	return status;
}

static int load_main(const struct command *command, const struct common *common, int argc,
		     char **argv)
{
	static const char *const none[] = { NULL };
	struct import_command import = { .common = *common, .is_load = true };
	struct err err = { 0 };
	int operand;
	int r = opt_parse(command, argc, argv, &import, &operand, &err);

	if (r == 0 && operand < argc)
		r = fail_plain(&err, EINVAL, "'%s': no operand is expected (use -i FILE)",
			       argv[operand]);
	if (r == 0 && !import.input && isatty(STDIN_FILENO))
		r = fail_plain(&err, EINVAL, "standard input is a terminal; use -i FILE");
	if (r != 0)
		return r < 0 ? command_fail(command, &err) : 0;
	import.request.source = import.input ? import.input : "-";
	import.request.images_only = true;
	return run(command, &import, none);
}

const struct command command_import = {
	.name = "import",
	.summary = "make an image of a root file system, or take images from an archive",
	.synopsis = "[OPTIONS] SRC [REF]",
	.opts = import_opts,
	.run = import_main,
	.group = "Images",
};

const struct command command_load = {
	.name = "load",
	.summary = "take images from a docker-archive, oci-archive or OCI layout",
	.synopsis = "[OPTIONS]",
	.opts = load_opts,
	.run = load_main,
	.group = "Images",
};
