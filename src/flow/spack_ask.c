// SPDX-License-Identifier: Apache-2.0
/* Spack's own answer, in a line of JSON among whatever else it prints. The question, a Python
 * program (spack_ask.py), is handed over in a variable: `spack python -c` of old releases takes a
 * single line. */
#include <limits.h>
#include <string.h>

#include "base/banned.h"
#include "base/log.h"
#include "codec/json.h"
#include "flow/spack.h"
#include "sys/process.h"

#define ANSWER_BYTES_MAX ((size_t)16 << 20)
#define ANSWER		 "\nrootlet-spack "

extern const char spack_ask_start[]; /* NUL at the end */
extern char **environ;

static int read_mounts(const struct json *list, struct spack *spack, struct err *err)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *entry = json_at(list, i);
		const char *source = json_text(json_at(entry, 0));
		const char *target = json_text(json_at(entry, 1));
		struct box_mount *mount;

		if (!source || source[0] != '/' || !target || target[0] != '/')
			return fail_plain(err, EINVAL, "entry %zu of its paths is no path", i);
		mount = box_mounts_add(&spack->mounts, BOX_MOUNT_BIND,
				       arena_copy(&spack->arena, target));
		mount->source = arena_copy(&spack->arena, source);
		mount->read_only = !json_is_true(json_at(entry, 2));
	}
	return 0;
}

static int read_answer(const char *text, struct spack *spack, struct err *err)
{
	const char *home = getenv("HOME") ?: "/";
	auto_json *json = NULL;
	auto_strings unknown = { 0 };
	const char *scope;
	int r = json_parse(text, strcspn(text, "\n"), &json, err);

	if (r == 0)
		r = read_mounts(json_get(json, "mounts"), spack, err);
	if (r == 0)
		r = json_read_strings(json, "settings", &spack->settings, err);
	if (r == 0)
		r = json_read_strings(json, "externals", &spack->externals, err);
	if (r == 0)
		r = json_read_strings(json, "unknown", &unknown, err);
	if (r < 0)
		return r;
	strings_each(&unknown, what)
		log_warning("this Spack says in other words what its paths are: %s", what);
	spack->has_compilers = json_is_true(json_get(json, "compilers"));
	spack->has_environment = json_is_true(json_get(json, "environment"));
	if (json_get_text(json, "preferences"))
		spack->preferences = arena_copy(&spack->arena, json_get_text(json, "preferences"));
	scope = json_get_text(json, "scope");
	spack->scope = scope ? arena_copy(&spack->arena, scope)
			     : arena_printf(&spack->arena, "%s/.spack", home);
	return 0;
}

static void make_question(const struct spack_words *parsed, struct strings *ret_environ)
{
	auto_buf question = { 0 };

	buf_printf(&question, "CONFIGURES = %d\nPUBLISHES = %d\n%s", parsed->configures,
		   parsed->publishes, spack_ask_start);
	strings_add_all(ret_environ, environ);
	strings_env_set(ret_environ, "ROOTLET_SPACK_ASK", buf_text(&question));
}

int spack_ask(const char *root, const struct strings *words, const struct spack_words *parsed,
	      struct spack *ret_spack, struct err *err)
{
	auto_strings command = { 0 };
	auto_strings variables = { 0 };
	auto_buf output = { 0 };
	const char *answer;
	int r;

	spack_on_host(root, &ret_spack->arena, &command);
	spack_words_options(words, parsed, &command);
	strings_add(&command, "python");
	strings_add(&command, "-c");
	strings_add(&command, "import os; exec(os.environ['ROOTLET_SPACK_ASK'])");
	make_question(parsed, &variables);
	r = process_capture_in((const char *const *)command.item, variables.item, ANSWER_BYTES_MAX,
			       &output, err);
	if (r < 0)
		return err_wrap(err, "ask Spack for its paths");
	answer = strstr(buf_text(&output), ANSWER);
	if (!answer) {
		fail_plain(err, EINVAL, "the Spack in '%s' does not say what its paths are", root);
		err_hint(err, "releases from 0.16 on do, when 'spack python' works");
		return -EINVAL;
	}
	ret_spack->root = arena_copy(&ret_spack->arena, root);
	r = read_answer(answer + strlen(ANSWER), ret_spack, err);
	return r < 0 ? err_wrap(err, "what Spack says of its paths") : 0;
}
