// SPDX-License-Identifier: Apache-2.0
/* A helper reads its whole input before it answers, and answers before it exits, so one write, one
 * read to the end and one wait are enough: no poll loop. */
#include "remote/helper.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"

#define ANSWER_MAX ((size_t)64 * 1024)
/* The user name by which a helper says that the secret is an identity token. */
#define TOKEN_USER "<token>"

extern char **environ;

static int check_name(const char *name, struct err *err)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";

	if (!*name || strspn(name, allowed) != strlen(name))
		return fail_plain(err, EINVAL, "credential helper '%s': not a name", name);
	return 0;
}

static void wipe_buf(struct buf *buf)
{
	if (buf->bytes)
		OPENSSL_cleanse(buf->bytes, buf->room_bytes);
	buf_done(buf);
}

#define auto_secret_buf cleanup(wipe_buf) struct buf

static int spawn(const char *program, const char *action, int in_fd, int out_fd, pid_t *ret_pid)
{
	char *argv[] = { memory_copy_text(program), memory_copy_text(action), NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t defaults;
	int r;

	/* the caller may ignore SIGPIPE; ignored signals would stay so in the helper */
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in_fd, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
	r = posix_spawnp(ret_pid, program, &actions, &attributes, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	free(argv[0]);
	free(argv[1]);
	return -r;
}

static int wait_for(pid_t pid, int *ret_status)
{
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int converse(const char *program, const char *action, const struct buf *input,
		    struct buf *answer, struct err *err)
{
	int in[2];
	int out[2];
	pid_t pid;
	int status;
	int r;

	if (pipe2(in, O_CLOEXEC) < 0)
		return fail(err, errno, "pipe");
	auto_fd in_read = in[0];
	auto_fd in_write = in[1];

	if (pipe2(out, O_CLOEXEC) < 0)
		return fail(err, errno, "pipe");
	auto_fd out_read = out[0];
	auto_fd out_write = out[1];

	r = spawn(program, action, in_read, out_write, &pid);
	if (r < 0)
		return fail(err, -r, "start");
	close(take_fd(&in_read));
	close(take_fd(&out_write));
	/* a helper that does not want its input has closed the pipe: its exit status tells */
	(void)io_write_all(in_write, input->bytes, input->size_bytes);
	close(take_fd(&in_write));
	r = io_read_to_end(out_read, ANSWER_MAX, answer, err);
	close(take_fd(&out_read));
	if (wait_for(pid, &status) < 0 && r >= 0)
		r = fail(err, errno, "wait");
	if (r < 0)
		return r;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	/* failures are told in words, on stdout */
	if (strstr(buf_text(answer), "credentials not found"))
		return fail_plain(err, ENOENT, "no credentials");
	return fail_plain(err, EACCES, "%.*s", (int)strcspn(buf_text(answer), "\r\n"),
			  answer->size_bytes ? buf_text(answer) : "ended with an error");
}

static int call(const char *name, const char *action, const struct buf *input, struct buf *answer,
		struct err *err)
{
	auto_buf program = { 0 };
	int r = check_name(name, err);

	if (r < 0)
		return r;
	buf_printf(&program, "docker-credential-%s", name);
	r = converse(program.bytes, action, input, answer, err);
	if (r == -ENOENT && strcmp(err->text, "no credentials") != 0) {
		err_wrap(err, "credential helper '%s'", program.bytes);
		return -(err->code = EIO); /* not "has nothing": the program is missing */
	}
	return r < 0 ? err_wrap(err, "credential helper '%s' %s", program.bytes, action) : 0;
}

static int read_answer(const struct buf *answer, struct credential *ret_credential, struct err *err)
{
	auto_json *json = NULL;
	const char *user;
	const char *secret;
	int r;

	r = json_parse(buf_text(answer), answer->size_bytes, &json, err);
	if (r < 0)
		return r;
	r = json_need_text(json, "Username", &user, err);
	if (r < 0)
		return r;
	r = json_need_text(json, "Secret", &secret, err);
	if (r < 0)
		return r;
	*ret_credential = (struct credential){ 0 };
	if (strcmp(user, TOKEN_USER) == 0) {
		ret_credential->identity_token = memory_copy_text(secret);
		return 0;
	}
	ret_credential->user = memory_copy_text(user);
	ret_credential->password = memory_copy_text(secret);
	return 0;
}

int helper_get(const char *name, const char *server, struct credential *ret_credential,
	       struct err *err)
{
	auto_secret_buf answer = { 0 };
	auto_buf input = { 0 };
	int r;

	buf_printf(&input, "%s\n", server);
	r = call(name, "get", &input, &answer, err);
	if (r < 0)
		return r;
	r = read_answer(&answer, ret_credential, err);
	if (r < 0)
		return err_wrap(err, "credential helper 'docker-credential-%s' get", name);
	return 0;
}

int helper_store(const char *name, const char *server, const struct credential *credential,
		 struct err *err)
{
	auto_secret_buf input = { 0 };
	auto_buf answer = { 0 };
	auto_json *json = json_new_object();

	json_set_text(json, "ServerURL", server);
	json_set_text(json, "Username", credential->identity_token ? TOKEN_USER : credential->user);
	json_set_text(json, "Secret",
		      credential->identity_token ? credential->identity_token
						 : credential->password);
	json_print(json, JSON_ONE_LINE, &input);
	return call(name, "store", &input, &answer, err);
}

int helper_erase(const char *name, const char *server, struct err *err)
{
	auto_buf input = { 0 };
	auto_buf answer = { 0 };

	buf_printf(&input, "%s\n", server);
	return call(name, "erase", &input, &answer, err);
}
