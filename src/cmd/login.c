// SPDX-License-Identifier: Apache-2.0
/* rootlet login: ask for what the options do not say, try it, keep it. */
#include "cmd/login.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"
#include "cmd/prompt.h"
#include "cmd/remote_opt.h"
#include "flow/login.h"

#define PASSWORD_MAX ((size_t)64 * 1024)

struct login_command {
	struct common common;
	struct remote_opt remote;
	const char *user;
	const char *password;
	bool password_stdin;
};

#define LOGIN(field) offsetof(struct login_command, field)

static const struct opt login_opts[] = {
	{ OPT_STR, 'u', "username", LOGIN(user), "USER", "who to be (else asked for)", NULL },
	{ OPT_STR, 'p', "password", LOGIN(password), "PASSWORD",
	  "the password (others on this machine can see it: better --password-stdin)", NULL },
	{ OPT_FLAG, 0, "password-stdin", LOGIN(password_stdin), NULL,
	  "read the password from stdin", NULL },
	REMOTE_OPTS(struct login_command, remote),
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

static int read_user(const struct login_command *request, struct buf *user, struct err *err)
{
	int r = 0;

	if (request->user)
		buf_add_text(user, request->user);
	else if (request->password_stdin)
		return fail_plain(err, EINVAL, "--password-stdin needs --username");
	else if (!isatty(STDIN_FILENO)) {
		fail_plain(err, EINVAL, "no terminal to ask for a user and password on");
		err_hint(err, "use --username USER --password-stdin");
		return -EINVAL;
	} else
		r = prompt_line("Username: ", false, user, err);
	if (r >= 0 && (!user->size_bytes || strchr(user->bytes, ':')))
		return fail_plain(err, EINVAL, "a user name is not empty and holds no ':'");
	return r;
}

static int read_password(const struct login_command *request, struct buf *password, struct err *err)
{
	if (request->password) {
		buf_add_text(password, request->password);
		return 0;
	}
	if (!request->password_stdin && isatty(STDIN_FILENO))
		return prompt_line("Password: ", true, password, err);
	if (!request->password_stdin) {
		fail_plain(err, EINVAL, "no terminal to ask for a password on");
		err_hint(err, "use --password-stdin");
		return -EINVAL;
	}
	if (io_read_to_end(STDIN_FILENO, PASSWORD_MAX, password, err) < 0)
		return err_wrap(err, "password");
	/* what editors and echo add at the end is no part of it */
	while (password->size_bytes > 0 &&
	       strchr("\r\n", password->bytes[password->size_bytes - 1]))
		buf_truncate(password, password->size_bytes - 1);
	return 0;
}

static int run_login(const struct login_command *request, const char *server, struct err *err)
{
	struct buf user = { 0 };
	struct buf password = { 0 };
	auto_credential credential = { 0 };
	struct login_request login_request = { .server = server, .credential = &credential };
	auto_buf where = { 0 };
	int r;

	if (request->password && request->password_stdin)
		return fail_plain(err, EINVAL,
				  "--password and --password-stdin exclude each other");
	r = read_user(request, &user, err);
	if (r >= 0)
		r = read_password(request, &password, err);
	credential.user = buf_take(&user);
	credential.password = buf_take(&password);
	if (r >= 0)
		r = remote_opt_settings(&request->remote, &login_request.remote, err);
	if (r >= 0)
		r = login(&login_request, environ, &where, err);
	if (r < 0)
		return r;
	log_info("logged in to '%s', kept in %s", server, buf_text(&where));
	return 0;
}

static int login_main(const struct command *command, const struct common *common, int argc,
		      char **argv)
{
	struct login_command request = { .common = *common, .remote = REMOTE_OPT_DEFAULT };
	struct err err = { 0 };
	const char *server;
	int r = opt_parse_one(command, argc, argv, &request, "registry", &server, &err);

	if (r > 0)
		return 0;
	if (r == 0)
		r = run_login(&request, server, &err);
	return r < 0 ? command_fail(command, &err) : 0;
}

const struct command command_login = {
	.name = "login",
	.summary = "keep credentials for a registry",
	.synopsis = "[OPTIONS] HOST",
	.opts = login_opts,
	.run = login_main,
	.group = "Images",
};
