// SPDX-License-Identifier: Apache-2.0
#include "flow/build_secrets.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/text.h"
#include "dockerfile/values.h"

#define SECRET_BYTES_MAX ((size_t)500 * 1024) /* BuildKit's limit */

/* ---- --secret ---- */

/* "id=ID[,type=file|env][,src=FILE|,env=NAME]", as docker has it. Where only the id is known, it is
 * a variable's name if there is one of this name, else a file's. */
struct secret {
	const char *id;
	const char *type;
	const char *file;
	const char *variable;
};

static const char **word_of(struct secret *secret, const char *key)
{
	if (strcmp(key, "id") == 0)
		return &secret->id;
	if (strcmp(key, "type") == 0)
		return &secret->type;
	if (strcmp(key, "src") == 0 || strcmp(key, "source") == 0)
		return &secret->file;
	return strcmp(key, "env") == 0 ? &secret->variable : NULL;
}

static int read_words(struct arena *arena, const char *given, struct secret *secret,
		      struct err *err)
{
	const char *const *fields;
	size_t count;
	int r = csv_parse(arena, given, &fields, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		const char *equals = strchrnul(fields[i], '=');
		const char *key = arena_copy_bytes(arena, fields[i], (size_t)(equals - fields[i]));
		const char **word = word_of(secret, key);

		if (!*equals || !word)
			return fail_plain(
				err, EINVAL,
				"'%s' is none of id=ID, type=file|env, src=FILE, env=NAME",
				fields[i]);
		*word = equals + 1;
	}
	return r;
}

/* Either file or variable is set then. */
static int choose_place(struct secret *secret, struct err *err)
{
	bool is_env = secret->type && strcmp(secret->type, "env") == 0;

	if (!secret->id || !*secret->id)
		return fail_plain(err, EINVAL, "it is not id=ID[,src=FILE|,env=NAME]");
	if (secret->type && !is_env && strcmp(secret->type, "file") != 0)
		return fail_plain(err, EINVAL, "type '%s' is neither file nor env", secret->type);
	if (is_env && !secret->variable) {
		secret->variable = secret->file ?: secret->id;
		secret->file = NULL;
	}
	if (secret->file && secret->variable)
		return fail_plain(err, EINVAL, "it is either a file or a variable");
	if (!secret->file && !secret->variable) {
		if (!secret->type && getenv(secret->id))
			secret->variable = secret->id;
		else
			secret->file = secret->id;
	}
	return 0;
}

static int parse_secret(struct arena *arena, const char *given, struct secret *ret_secret,
			struct err *err)
{
	struct secret secret = { 0 };
	int r = read_words(arena, given, &secret, err);

	if (r == 0)
		r = choose_place(&secret, err);
	if (r == 0)
		*ret_secret = secret;
	return r;
}

static int read_secret(const struct secret *secret, struct buf *value, struct err *err)
{
	const char *content;

	if (secret->file)
		return io_read_file_at(AT_FDCWD, secret->file, SECRET_BYTES_MAX, value, err);
	content = getenv(secret->variable);
	if (!content)
		return fail_plain(err, ENOENT, "environment variable '%s' is not set",
				  secret->variable);
	buf_add_text(value, content);
	return 0;
}

static int check_secret(struct arena *arena, const char *given, struct err *err)
{
	struct secret secret;
	int r = parse_secret(arena, given, &secret, err);

	if (r < 0)
		return r;
	if (secret.variable && !getenv(secret.variable))
		return fail_plain(err, ENOENT, "environment variable '%s' is not set",
				  secret.variable);
	if (secret.file && access(secret.file, R_OK) < 0)
		return fail(err, errno, "open '%s'", secret.file);
	return 0;
}

int build_secret_find(const struct strings *secrets, const char *id, struct buf *value,
		      struct err *err)
{
	auto_arena arena = { 0 };

	for (size_t i = 0; secrets && i < secrets->count; i++) {
		struct secret secret;
		int r = parse_secret(&arena, secrets->item[i], &secret, err);

		if (r == 0 && strcmp(secret.id, id) != 0)
			continue;
		if (r == 0)
			r = read_secret(&secret, value, err);
		return r < 0 ? err_wrap(err, "secret '%s'", id) : 1;
	}
	return 0;
}

/* ---- --ssh ---- */

static int check_agent(const char *given, struct err *err)
{
	const char *equals = strchr(given, '=');
	const char *path = equals ? equals + 1 : getenv("SSH_AUTH_SOCK");
	struct stat st;

	if (!path || !*path)
		return fail_plain(err, ENOENT, "no agent is running (SSH_AUTH_SOCK is not set)");
	if (stat(path, &st) < 0)
		return fail(err, errno, "'%s'", path);
	if (S_ISSOCK(st.st_mode))
		return 0;
	return fail_plain(err, ENOTSUP, "'%s' is neither an agent's socket nor a file", path);
}

/* An engine may be anywhere when it mounts. One that is gone since it was looked at is named by the
 * engine. */
static const char *absolute(struct arena *arena, const char *path)
{
	char real[PATH_MAX];

	return arena_copy(arena, realpath(path, real) ? real : path);
}

const char *build_agent_find(const struct strings *agents, const char *id, struct arena *arena)
{
	for (size_t i = 0; i < agents->count; i++) {
		const char *equals = strchrnul(agents->item[i], '=');
		size_t length = (size_t)(equals - agents->item[i]);

		if (strlen(id) == length && strncmp(id, agents->item[i], length) == 0)
			return absolute(arena, *equals ? equals + 1 : getenv("SSH_AUTH_SOCK"));
	}
	return NULL;
}

/* ---- both ---- */

int build_secrets_check(const struct strings *secrets, const struct strings *agents,
			struct err *err)
{
	auto_arena arena = { 0 };

	for (size_t i = 0; i < secrets->count; i++)
		if (check_secret(&arena, secrets->item[i], err) < 0)
			return err_wrap(err, "--secret '%s'", secrets->item[i]);
	for (size_t i = 0; i < agents->count; i++)
		if (check_agent(agents->item[i], err) < 0)
			return err_wrap(err, "--ssh '%s'", agents->item[i]);
	return 0;
}

/* ---- what servers are told ---- */

/* A header is one line; files often end in a newline. */
static int find_line(const struct strings *secrets, const char *id, struct buf *value,
		     struct err *err)
{
	auto_buf line = { 0 };
	int r = build_secret_find(secrets, id, &line, err);

	if (r <= 0)
		return r;
	while (line.size_bytes && strchr(" \t\r\n", line.bytes[line.size_bytes - 1]))
		buf_truncate(&line, line.size_bytes - 1);
	if (!line.size_bytes || strlen(line.bytes) != line.size_bytes ||
	    strpbrk(line.bytes, "\r\n"))
		return fail_plain(err, EINVAL, "secret '%s' is not one line of text", id);
	buf_add(value, line.bytes, line.size_bytes);
	return 1;
}

/* The secret of a server: named with its port, or without. */
static int find_for(const struct strings *secrets, const char *prefix, const char *url,
		    struct buf *value, struct err *err)
{
	const char *scheme_end = strstr(url, "://");
	const char *host = scheme_end ? scheme_end + 3 : url;
	size_t length = strcspn(host, "/?#");
	const char *at = memrchr(host, '@', length);
	auto_buf id = { 0 };
	int r;

	if (at) {
		length -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	buf_add_text(&id, prefix);
	buf_add(&id, host, length);
	r = find_line(secrets, id.bytes, value, err);
	if (r != 0 || !memchr(host, ':', length))
		return r;
	buf_truncate(&id, strlen(prefix) + strcspn(host, ":"));
	return find_line(secrets, id.bytes, value, err);
}

int build_secret_for_files(const struct strings *secrets, const char *url, struct buf *value,
			   struct err *err)
{
	auto_buf token = { 0 };
	int r = find_for(secrets, "HTTP_AUTH_HEADER_", url, value, err);

	if (r != 0)
		return r;
	r = find_for(secrets, "HTTP_AUTH_TOKEN_", url, &token, err);
	if (r > 0)
		buf_printf(value, "Bearer %s", token.bytes);
	return r;
}

/* As GitHub and GitLab take tokens: for the password of a user whose name does not matter. */
static void add_basic(struct buf *value, const char *token)
{
	auto_buf pair = { 0 };

	buf_printf(&pair, "x-access-token:%s", token);
	buf_add_text(value, "basic ");
	text_add_base64(value, pair.bytes, pair.size_bytes);
}

int build_secret_for_git(const struct strings *secrets, const char *url, struct buf *value,
			 struct err *err)
{
	auto_buf token = { 0 };
	int r;

	if (!text_starts(url, "http://") && !text_starts(url, "https://"))
		return 0;
	r = find_for(secrets, "GIT_AUTH_HEADER.", url, value, err);
	if (r == 0)
		r = find_for(secrets, "GIT_AUTH_TOKEN.", url, &token, err);
	if (r == 0)
		r = find_line(secrets, "GIT_AUTH_HEADER", value, err);
	if (r == 0)
		r = find_line(secrets, "GIT_AUTH_TOKEN", &token, err);
	if (r > 0 && token.size_bytes)
		add_basic(value, token.bytes);
	return r;
}
