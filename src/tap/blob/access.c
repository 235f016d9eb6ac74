// SPDX-License-Identifier: Apache-2.0
/* access(2) and its relatives ask about the credentials the program believes it has. The kernel is
 * asked first: paths, read-only mounts and noexec are its business. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>

#include "tap/blob/fds.h"
#include "tap/blob/files.h"
#include "tap/blob/handlers.h"

#define ANY_EXEC 0111u

/* access(2) goes by the real ids, faccessat2(AT_EACCESS) by the effective ones. */
struct asker {
	uint32_t uid;
	uint32_t gid;
	bool is_root;
};

static struct asker asker_of(const struct creds *creds, int flags)
{
	if (flags & AT_EACCESS)
		return (struct asker){ creds->user.file_system, creds->group.file_system,
				       creds_may(creds, CAP_DAC_OVERRIDE) };
	return (struct asker){ creds->user.real, creds->group.real,
			       creds->user.real == 0 &&
				       (creds->caps.permitted & 1ull << CAP_DAC_OVERRIDE) };
}

static bool in_group(const struct creds *creds, const struct asker *asker, uint32_t gid)
{
	if (asker->gid == gid)
		return true;
	for (uint32_t i = 0; i < creds->group_count; i++)
		if (creds->groups[i] == gid)
			return true;
	return false;
}

static bool is_allowed(const struct shown *shown, int wanted, int flags)
{
	const struct creds *creds = &process_read()->creds;
	struct asker asker = asker_of(creds, flags);
	uint32_t bits = shown->mode & 7;

	if (asker.is_root)
		return !(wanted & 1) || S_ISDIR(shown->mode) || (shown->mode & ANY_EXEC);
	if (asker.uid == shown->uid)
		bits = shown->mode >> 6 & 7;
	else if (in_group(creds, &asker, shown->gid))
		bits = shown->mode >> 3 & 7;
	return ((uint32_t)wanted & ~bits) == 0;
}

static bool is_plain_root(void)
{
	return !tap.host_tree && creds_is_initial(&process_read()->creds);
}

static long ask(struct tap_call *call, const struct where *where, int wanted, int flags)
{
	struct shown shown;
	struct statx x;
	long r = pass(call);

	if (is_plain_root() || (r < 0 && !(tap.host_tree && r == -EACCES)))
		return r;
	if (files_shown(where, &x, &shown) < 0)
		return r;
	return is_allowed(&shown, wanted, flags) ? 0 : -EACCES;
}

long on_access(struct tap_call *call)
{
	struct where where = { AT_FDCWD, (const char *)call->arg[0], 0 };

	return ask(call, &where, (int)call->arg[1], 0);
}

long on_faccessat(struct tap_call *call)
{
	struct where where = { (int)call->arg[0], (const char *)call->arg[1], 0 };

	return ask(call, &where, (int)call->arg[2], 0);
}

long on_faccessat2(struct tap_call *call)
{
	int flags = (int)call->arg[3];
	struct where where = { (int)call->arg[0], (const char *)call->arg[1],
			       flags & (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) };

	return ask(call, &where, (int)call->arg[2], flags);
}
