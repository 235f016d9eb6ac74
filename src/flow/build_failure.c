// SPDX-License-Identifier: Apache-2.0
#include "flow/build_failure.h"

#include <ctype.h>
#include <signal.h>
#include <string.h>

#include "base/banned.h"

/* Where no tap looks on: what a complaint names, and the privilege behind it. */
static const struct privilege {
	const char *word;
	const char *call;
	enum {
		EMULATED, /* by the tap, and fake success mostly */
		REFUSED,  /* whatever emulates; the tap sees it */
		UNSEEN /* the same, but it is no system call that fails, or fails like any other */
	} kind;
} privileges[] = {
	{ "lchown", "chown(2)", EMULATED },
	{ "fchown", "chown(2)", EMULATED },
	{ "chown", "chown(2)", EMULATED },
	{ "chgrp", "chown(2)", EMULATED },
	{ "ownership", "chown(2)", EMULATED },
	{ "setgroups", "setgroups(2)", EMULATED },
	{ "initgroups", "setgroups(2)", EMULATED },
	{ "setresuid", "setresuid(2)", EMULATED },
	{ "setresgid", "setresgid(2)", EMULATED },
	{ "seteuid", "setresuid(2)", EMULATED },
	{ "setegid", "setresgid(2)", EMULATED },
	{ "setuid", "setuid(2)", EMULATED },
	{ "setgid", "setgid(2)", EMULATED },
	{ "mknod", "mknod(2)", EMULATED },
	{ "setcap", "setxattr(2) of file capabilities", EMULATED },
	{ "umount", "umount(2)", REFUSED },
	{ "mount", "mount(2)", REFUSED },
	{ "unshare", "unshare(2)", REFUSED },
	{ "swapon", "swapon(2)", REFUSED },
	{ "hostname", "sethostname(2)", REFUSED },
	{ "sethostname", "sethostname(2)", REFUSED },
	{ "modprobe", "init_module(2)", REFUSED },
	{ "insmod", "init_module(2)", REFUSED },
	{ "settimeofday", "clock_settime(2)", REFUSED },
	{ "cannot set date", "clock_settime(2)", REFUSED },
	{ "chroot", "chroot(2)", REFUSED },
	{ "pivot_root", "pivot_root(2)", REFUSED },
	{ "setns", "setns(2)", REFUSED },
	{ "nsenter", "setns(2)", REFUSED },
	{ "dmesg", "syslog(2)", REFUSED },
	{ "bpf", "bpf(2)", REFUSED },
	{ "nice", "setpriority(2)", REFUSED },
	{ "renice", "setpriority(2)", REFUSED },
	{ "iptables", "a raw socket", REFUSED },
	{ "ping", "a raw socket", REFUSED },
	{ "tcpdump", "a raw socket", REFUSED },
	{ "RTNETLINK", "a change of the network", UNSEEN },
	{ "losetup", "a loop device", UNSEEN },
	{ "sysctl", "a write to /proc/sys", UNSEEN },
};

/* `word` in the line, not as a part of another word. */
static bool has_word(const char *line, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = strstr(line, word); at; at = strstr(at + 1, word))
		if ((at == line || !isalnum((unsigned char)at[-1])) &&
		    !isalnum((unsigned char)at[length]))
			return true;
	return false;
}

/* chown(2) to an id that is not mapped is EINVAL (user_namespaces(7)), the rest EPERM. */
static bool is_refusal(const char *line)
{
	return strstr(line, "Operation not permitted") || strstr(line, "operation not permitted") ||
	       strstr(line, "Invalid argument") || strstr(line, "ermission denied") ||
	       strstr(line, "must be superuser");
}

static bool has_refusal(const struct strings *tail)
{
	for (size_t i = 0; i < tail->count; i++)
		if (is_refusal(tail->item[i]))
			return true;
	return false;
}

static const struct privilege *guess(const struct run_failure *failure)
{
	const struct strings *tail = failure->tail;

	for (size_t i = tail->count; i-- > 0;)
		for (size_t j = 0; is_refusal(tail->item[i]) && j < array_count(privileges); j++)
			if (has_word(tail->item[i], privileges[j].word))
				return failure->emulation == BOX_EMULATION_TAP &&
						       privileges[j].kind != UNSEEN
					       ? NULL
					       : &privileges[j];
	return NULL;
}

static const char user_hint[] =
	"USER above says who RUN is; 'USER root' before this line makes it root";

static void hint_for(const char *call, struct err *err)
{
	if (strstr(call, "mount"))
		err_hint(err, "RUN --mount=type=bind, tmpfs or cache mounts for the time of a "
			      "step");
	else if (strcmp(call, "bind") == 0)
		err_hint(err, "ports below 1024 are root's; take a higher one");
	else
		err_hint(err, "what needs it has to wait until the image runs where it is given");
}

/* What root emulation by the tap makes succeed. */
static bool is_emulated(const char *call)
{
	static const char *const parts[] = { "chown",  "mknod",	 "xattr", "capset",    "setuid",
					     "setgid", "setres", "setre", "setgroups", "setfs" };

	for (size_t i = 0; i < array_count(parts); i++)
		if (strstr(call, parts[i]))
			return true;
	return false;
}

static void explain_emulation(const struct run_failure *failure, struct err *err)
{
	err_append(err, " under --root-emulation %s", box_emulation_name(failure->emulation));
	err_hint(err, "--root-emulation tap makes it succeed, and remembers what it did");
}

/* Seen by the tap or the tracer: which it was and whose. A command may be refused things and go on;
 * only one that complains, or has nothing to say, is taken to have failed of it. */
static void explain_observed(const struct run_failure *failure, struct err *err)
{
	const struct tap_refusal *refused = failure->refused;

	err_append(err, "; %s(2) was refused to '%s'", refused->call, refused->program);
	if (failure->uid != 0) {
		err_append(err, ", which is user %u", (unsigned)failure->uid);
		err_hint(err, "%s", user_hint);
	} else if (failure->emulation != BOX_EMULATION_TAP && is_emulated(refused->call)) {
		explain_emulation(failure, err);
	} else {
		err_append(err, ": a build has no real privilege");
		hint_for(refused->call, err);
	}
}

static void explain_guess(const struct run_failure *failure, const struct privilege *refused,
			  struct err *err)
{
	err_append(err, "; it seems that %s was refused", refused->call);
	if (failure->uid != 0) {
		err_append(err, " to user %u", (unsigned)failure->uid);
		err_hint(err, "%s", user_hint);
	} else if (refused->kind != EMULATED) {
		err_append(err, ": a build has no real privilege");
		hint_for(refused->call, err);
	} else {
		explain_emulation(failure, err);
	}
}

/* In the words of EPERM, which is seldom about anything else. */
static bool lacks_privilege(const struct strings *tail)
{
	for (size_t i = 0; i < tail->count; i++)
		if (strstr(tail->item[i], "peration not permitted") ||
		    strstr(tail->item[i], "must be superuser"))
			return true;
	return false;
}

static void explain_refusal(const struct run_failure *failure, struct err *err)
{
	const struct privilege *refused = guess(failure);

	if (failure->refused && (has_refusal(failure->tail) || failure->tail->count == 0))
		explain_observed(failure, err);
	else if (refused)
		explain_guess(failure, refused, err);
	else if (failure->emulation != BOX_EMULATION_TAP && lacks_privilege(failure->tail))
		err_hint(err, "something was refused that takes a privilege; with --root-emulation "
			      "tap this tells which call it was");
}

/* The word before "not found" in a shell's complaint: "sh: 1: gcc: not found", "bash: line 1: gcc:
 * command not found". */
static const char *missing_command(const struct strings *tail, char word[64])
{
	static const char *const ends[] = { ": command not found", ": not found" };

	for (size_t i = tail->count; i-- > 0;) {
		for (size_t j = 0; j < array_count(ends); j++) {
			const char *line = tail->item[i];
			const char *end = strstr(line, ends[j]);
			const char *start = end;

			while (start && start > line && start[-1] != ' ' && start[-1] != ':')
				start--;
			if (!end || end == start || end - start >= 64)
				continue;
			memcpy(word, start, (size_t)(end - start));
			word[end - start] = '\0';
			return word;
		}
	}
	return NULL;
}

static void explain_not_found(const struct run_failure *failure, struct err *err)
{
	char word[64];

	if (missing_command(failure->tail, word)) {
		err_append(err, ": command '%s' not found in the image", word);
		err_hint(err, "install what brings '%s' in a step above, or give its path", word);
	} else {
		err_append(err, ": a command was not found in the image");
	}
}

int run_failure_explain(const struct run_failure *failure, struct err *err)
{
	int status = failure->status;

	if (status > 128 && status - 128 < NSIG)
		fail_plain(err, ECHILD, "the command was ended by signal %d (%s)", status - 128,
			   strsignal(status - 128));
	else
		fail_plain(err, ECHILD, "the command ended with status %d", status);
	if (status == 127)
		explain_not_found(failure, err);
	else if (status == 126)
		err_append(err, ": a file could not be executed");
	else if (status == 128 + SIGKILL)
		err_hint(err, "the kernel kills what needs more memory than there is");
	else
		explain_refusal(failure, err);
	return -ECHILD;
}
