// SPDX-License-Identifier: Apache-2.0
#include "flow/run_env.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"

#define ENV_FILE_BYTES ((size_t)4 << 20)
#define DEFAULT_PATH   "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

extern char **environ;

static void set_default(struct strings *env, const char *name, const char *value)
{
	if (value && !strings_env_get(env, name))
		strings_env_set(env, name, value);
}

/* NAME=VALUE, or NAME for the host's value; a name the host lacks is left out, as in docker. */
static int apply(struct strings *env, const char *entry, struct err *err)
{
	const char *equals = strchr(entry, '=');
	auto_buf name = { 0 };
	const char *value;

	if (!*entry || equals == entry)
		return fail_plain(err, EINVAL, "environment entry '%s' has no name", entry);
	if (!equals) {
		value = getenv(entry);
		if (value)
			strings_env_set(env, entry, value);
		return 0;
	}
	buf_add(&name, entry, (size_t)(equals - entry));
	strings_env_set(env, buf_text(&name), equals + 1);
	return 0;
}

/* Blanks in a name are a mistake in the file, as docker sees it. */
static int apply_line(struct strings *env, const char *line, struct err *err)
{
	size_t length = strcspn(line, "=");

	if (strcspn(line, " \t") < length)
		return fail_plain(err, EINVAL, "the name '%.*s' has blanks in it", (int)length,
				  line);
	return apply(env, line, err);
}

static int apply_file(struct strings *env, const char *path, struct err *err)
{
	auto_buf text = { 0 };
	unsigned number = 0;
	char *line;
	int r;

	r = io_read_file_at(AT_FDCWD, path, ENV_FILE_BYTES, &text, err);
	if (r < 0)
		return err_wrap(err, "--env-file");
	if (text.bytes && strlen(text.bytes) != text.size_bytes)
		return fail_plain(err, EINVAL, "--env-file '%s': not text: it holds a NUL byte",
				  path);
	for (char *next = text.bytes; next && *next;) {
		number++;
		line = next + strspn(next, " \t");
		next = strchrnul(next, '\n');
		if (*next)
			*next++ = '\0';
		line[strcspn(line, "\r")] = '\0';
		if (!*line || *line == '#')
			continue;
		r = apply_line(env, line, err);
		if (r < 0)
			return err_wrap(err, "--env-file '%s' line %u", path, number);
	}
	return 0;
}

static bool matches_any(const char *entry, const struct strings *globs)
{
	auto_buf name = { 0 };

	if (globs->count == 0)
		return false;
	buf_add(&name, entry, strcspn(entry, "="));
	for (size_t i = 0; i < globs->count; i++)
		if (fnmatch(globs->item[i], buf_text(&name), 0) == 0)
			return true;
	return false;
}

static int pass_host_variables(const struct run_request *request, struct strings *env,
			       struct err *err)
{
	int r = 0;

	for (char **entry = environ; r == 0 && *entry; entry++)
		if (matches_any(*entry, &request->env_host_globs))
			r = apply(env, *entry, err);
	return r;
}

static void unset_matching(const struct run_request *request, struct strings *env)
{
	for (size_t i = env->count; i-- > 0;)
		if (matches_any(env->item[i], &request->unset_env_globs))
			strings_remove(env, i);
}

int run_env_fill(const struct run_request *request, const struct user *user, struct box *box,
		 struct err *err)
{
	int r;

	/* In the host's own tree the host's variables make sense, all of them. */
	if (request->host_root && !request->pure)
		strings_add_all(&box->env, environ);
	r = pass_host_variables(request, &box->env, err);

	for (size_t i = 0; r == 0 && i < request->env_files.count; i++)
		r = apply_file(&box->env, request->env_files.item[i], err);
	for (size_t i = 0; r == 0 && i < request->env.count; i++)
		r = apply(&box->env, request->env.item[i], err);
	if (r < 0)
		return r;
	set_default(&box->env, "PATH", DEFAULT_PATH);
	set_default(&box->env, "TERM", box->terminal ? getenv("TERM") ?: "xterm" : getenv("TERM"));
	set_default(&box->env, "HOME", user->home);
	set_default(&box->env, "USER", user->name);
	unset_matching(request, &box->env);
	return 0;
}
