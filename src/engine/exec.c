// SPDX-License-Identifier: Apache-2.0
#include "engine/exec.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"
#include "engine/confine.h"
#include "engine/emulation.h"
#include "sys/seccomp.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* In the root, which without mounts is the session's business; a tracer minds it by itself. */
static const struct tap_session *session_of(const struct engine_job *job)
{
	const struct emulation *emulation = job->emulation;

	return emulation && emulation->session.place && !emulation->is_traced ? &emulation->session
									      : NULL;
}

static bool is_there(const struct engine_job *job, const char *path)
{
	const struct tap_session *session = session_of(job);
	auto_fd fd = session ? tap_open(session, path, O_PATH) : -1;

	return session ? fd >= 0 : access(path, F_OK) == 0;
}

static int enter_cwd(const struct engine_job *job)
{
	const struct tap_session *session = session_of(job);
	auto_fd fd = session ? tap_open(session, job->box->cwd, O_PATH | O_DIRECTORY) : -1;

	if (!session)
		return chdir(job->box->cwd);
	if (fd >= 0)
		return fchdir(fd);
	errno = -fd;
	return -1;
}

/* ENOENT though the file is there: the kernel means the interpreter (execve(2)). */
static int explain(const struct engine_job *job, const char *path, int error, struct err *err)
{
	if (error == ENOENT && is_there(job, path)) {
		fail_plain(err, ENOENT, "'%s' is there, but its interpreter is not", path);
		err_hint(err, "the root lacks the program in its '#!' line, or the loader its ELF "
			      "header names (another libc?)");
		return 126;
	}
	if (error == ENOENT || error == ENOTDIR) {
		fail(err, error, "command '%s'", path);
		return 127;
	}
	fail(err, error, "execute '%s'", path);
	if (error == ENOEXEC && job->emulation)
		err_hint(err, "neither a program of 64 bits for this machine nor a script; "
			      "programs of 32 bits, and those for which binfmt_misc has an "
			      "interpreter, run by --engine userns --root-emulation none only");
	else if (error == ENOEXEC)
		err_hint(err, "not a program of this machine's architecture, and no '#!' line");
	return 126;
}

/* execve(2), by way of the tap where there is one. Returns errno. */
static int execute(const struct engine_job *job, const char *path)
{
	static char *empty[] = { NULL };
	char **env = job->box->env.item ? job->box->env.item : empty;

	if ((job->box->emulation == BOX_EMULATION_TAP && !job->emulation->is_traced) ||
	    session_of(job))
		return -tap_exec(&job->emulation->session, path, job->box->argv.item, env);
	execve(path, job->box->argv.item, env);
	return errno;
}

static int search(const struct engine_job *job, const char *name, const char *path_list,
		  struct err *err)
{
	char denied[PATH_MAX] = "";
	char path[PATH_MAX];
	int error;

	for (const char *at = *name ? path_list : NULL; at;
	     at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
		size_t length = strcspn(at, ":");

		if (snprintf(path, sizeof(path), "%.*s/%s", (int)length, length ? at : ".", name) >=
		    (int)sizeof(path))
			continue;
		error = execute(job, path);
		if (error == EACCES) { /* there may be one further on: execvp(3) */
			if (!*denied)
				memcpy(denied, path, sizeof(denied));
			continue;
		}
		if ((error != ENOENT && error != ENOTDIR) || is_there(job, path))
			return explain(job, path, error, err);
	}
	if (*denied)
		return explain(job, denied, EACCES, err);
	fail_plain(err, ENOENT, "command '%s' not found in the root", name);
	err_hint(err, "searched %s", path_list);
	return 127;
}

int exec_command(const struct engine_job *job, struct err *err)
{
	const struct box *box = job->box;
	const char *name = box->argv.item[0];
	const char *path_list = strings_env_get(&box->env, "PATH");

	if (enter_cwd(job) < 0) {
		fail(err, errno, "working directory '%s'", box->cwd);
		err_hint(err, "the box does not show it to this user; -w DIR names another");
		return 125;
	}
	if (confine(box, err) < 0)
		return 125;
	if (box->emulation == BOX_EMULATION_SECCOMP && seccomp_fake_success(err) < 0)
		return 125;
	if (strchr(name, '/'))
		return explain(job, name, execute(job, name), err);
	return search(job, name, path_list ? path_list : DEFAULT_PATH, err);
}
