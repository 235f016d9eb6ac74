// SPDX-License-Identifier: Apache-2.0
#include "flow/build_failure.h"

#include <ctype.h>
#include <signal.h>
#include <string.h>

#include "base/banned.h"

/* What a complaint names, and the privilege behind it. */
static const struct privilege {
	const char *word;
	const char *call;
	bool emulated; /* the tap makes it succeed for root */
} privileges[] = {
	{ "lchown", "chown(2)", true },
	{ "fchown", "chown(2)", true },
	{ "chown", "chown(2)", true },
	{ "chgrp", "chown(2)", true },
	{ "ownership", "chown(2)", true },
	{ "setgroups", "setgroups(2)", true },
	{ "initgroups", "setgroups(2)", true },
	{ "setresuid", "setresuid(2)", true },
	{ "setresgid", "setresgid(2)", true },
	{ "seteuid", "setresuid(2)", true },
	{ "setegid", "setresgid(2)", true },
	{ "setuid", "setuid(2)", true },
	{ "setgid", "setgid(2)", true },
	{ "mknod", "mknod(2)", true },
	{ "setcap", "setxattr(2) of file capabilities", true },
	{ "umount", "umount(2)", false },
	{ "mount", "mount(2)", false },
	{ "unshare", "unshare(2)", false },
	{ "swapon", "swapon(2)", false },
	{ "hostname", "sethostname(2)", false },
	{ "sethostname", "sethostname(2)", false },
	{ "modprobe", "init_module(2)", false },
	{ "insmod", "init_module(2)", false },
	{ "iptables", "a raw socket", false },
	{ "settimeofday", "clock_settime(2)", false },
	{ "cannot set date", "clock_settime(2)", false },
	{ "chroot", "chroot(2)", false },
	{ "pivot_root", "pivot_root(2)", false },
	{ "setns", "setns(2)", false },
	{ "nsenter", "setns(2)", false },
	{ "RTNETLINK", "a change of the network", false },
	{ "losetup", "a loop device", false },
	{ "dmesg", "syslog(2)", false },
	{ "sysctl", "a write to /proc/sys", false },
	{ "ping", "a raw socket", false },
	{ "tcpdump", "a raw socket", false },
	{ "bpf", "bpf(2)", false },
	{ "nice", "setpriority(2)", false },
	{ "renice", "setpriority(2)", false },
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

static const struct privilege *find_refused(const struct strings *tail)
{
	for (size_t i = tail->count; i-- > 0;)
		for (size_t j = 0; is_refusal(tail->item[i]) && j < array_count(privileges); j++)
			if (has_word(tail->item[i], privileges[j].word))
				return &privileges[j];
	return NULL;
}

static void explain_refusal(const struct run_failure *failure, const struct privilege *refused,
			    struct err *err)
{
	if (failure->uid != 0) {
		err_append(err, "; %s was refused to user %u", refused->call,
			   (unsigned)failure->uid);
		err_hint(err, "USER above says who RUN is; 'USER root' before this line makes it "
			      "root");
	} else if (!refused->emulated) {
		err_append(err, "; %s was refused: a build has no real privilege", refused->call);
		if (strstr(refused->call, "mount"))
			err_hint(err, "RUN --mount=type=bind, tmpfs or cache mounts for the time "
				      "of a step");
	} else if (failure->emulation != BOX_EMULATION_TAP) {
		err_append(err, "; %s was refused under --root-emulation %s", refused->call,
			   box_emulation_name(failure->emulation));
		err_hint(err, "--root-emulation tap makes it succeed, and remembers what it did");
	}
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
	const struct privilege *refused = find_refused(failure->tail);

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
	else if (refused)
		explain_refusal(failure, refused, err);
	return -ECHILD;
}
