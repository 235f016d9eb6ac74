// SPDX-License-Identifier: Apache-2.0
/* access(2) and its relatives ask about the credentials the program believes it has. The kernel is
 * asked first: paths, read-only mounts and noexec are its business. */
#include <errno.h>
#include <fcntl.h>

#include "tap/blob/handlers.h"
#include "tap/blob/walk.h"

static bool is_plain_root(void)
{
	return !tap.host_tree && creds_is_initial(&process_read()->creds);
}

/* access(2) goes by the real ids, faccessat2(AT_EACCESS) by the effective ones. */
static long ask(struct tap_call *call, const struct where *where, int wanted, int flags)
{
	struct asker asker;
	struct walk walk;
	long r = pass(call);

	if (is_plain_root() || r == -EFAULT || r == -EINVAL)
		return r;
	asker = flags & AT_EACCESS ? asker_effective() : asker_real();
	if (walk_path(&asker, where, &walk) < 0)
		return -EACCES;
	if (!walk.exists || (r < 0 && !(tap.host_tree && r == -EACCES)))
		return r;
	return node_allows(&asker, &walk.file, (unsigned)wanted) || walk_is_kernels(where)
		       ? 0
		       : -EACCES;
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
