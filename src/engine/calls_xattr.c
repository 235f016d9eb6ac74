// SPDX-License-Identifier: Apache-2.0
/* Extended attributes, made by the tracer through a path of its own. */
#include "engine/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/banned.h"
#include "engine/calls_file.h"
#include "tap/traced.h"

static char name[XATTR_NAME_MAX + 1];
static char value[XATTR_SIZE_MAX];

/* How the file is given. */
enum by { BY_PATH, BY_LINK, BY_FD };

/* Each call in two forms: through links, and not. */
struct form {
	long through, itself;
};

static const struct form set_form = { SYS_setxattr, SYS_lsetxattr };
static const struct form get_form = { SYS_getxattr, SYS_lgetxattr };
static const struct form list_form = { SYS_listxattr, SYS_llistxattr };
static const struct form remove_form = { SYS_removexattr, SYS_lremovexattr };

static long make(struct visit *visit, const struct form *form, enum by by, unsigned want,
		 long arg[6])
{
	char path[SPOT_PATH_MAX];
	auto_spot spot = SPOT_NONE;
	bool itself;
	long nr;
	long r;

	if (by == BY_FD)
		r = spot_of_fd(visit, visit_fd(visit, 0), &spot);
	else
		r = spot_find(visit, AT_FDCWD, visit_arg(visit, 0),
			      want | (by == BY_PATH ? SPOT_FOLLOW : 0), &spot);
	if (r < 0)
		return r;
	spot_path_here(&spot, path);
	arg[0] = (long)path;
	itself = *spot.name && !spot.is_link_ahead;
	nr = itself ? form->itself : form->through;
	if (visit->calls->emulates)
		return traced_call(nr, arg);
	r = syscall(nr, arg[0], arg[1], arg[2], arg[3], arg[4]);
	return r < 0 ? -errno : r;
}

static long read_name(const struct visit *visit)
{
	long r = trace_read_text(visit->tracee->tid, visit_arg(visit, 1), name, sizeof(name));

	return r == -ENAMETOOLONG || r == 0 ? -ERANGE : r;
}

static enum call_verdict set(struct visit *visit, enum by by)
{
	unsigned long size_bytes = visit_arg(visit, 3);
	long arg[6] = { 0, (long)name, (long)value, (long)size_bytes, (long)visit_arg(visit, 4) };
	long r = read_name(visit);

	if (r < 0)
		return visit_answer(visit, r);
	if (size_bytes > sizeof(value))
		return visit_answer(visit, -E2BIG);
	if (size_bytes &&
	    trace_read(visit->tracee->tid, visit_arg(visit, 2), value, size_bytes) < 0)
		return visit_answer(visit, -EFAULT);
	return visit_answer(visit, make(visit, &set_form, by, SPOT_CHANGE, arg));
}

static long give(const struct visit *visit, unsigned long to, long size_bytes, unsigned long room)
{
	if (size_bytes <= 0 || room == 0)
		return size_bytes;
	return trace_write(visit->tracee->tid, to, value, (size_t)size_bytes) < 0 ? -EFAULT
										  : size_bytes;
}

static unsigned long least(unsigned long a, unsigned long b)
{
	return a < b ? a : b;
}

static enum call_verdict get(struct visit *visit, enum by by)
{
	unsigned long room = least(visit_arg(visit, 3), sizeof(value));
	long arg[6] = { 0, (long)name, (long)value, (long)room };
	long r = read_name(visit);

	if (r >= 0)
		r = make(visit, &get_form, by, 0, arg);
	return visit_answer(visit, give(visit, visit_arg(visit, 2), r, room));
}

static enum call_verdict list(struct visit *visit, enum by by)
{
	unsigned long room = least(visit_arg(visit, 2), sizeof(value));
	long arg[6] = { 0, (long)value, (long)room };
	long r = make(visit, &list_form, by, 0, arg);

	return visit_answer(visit, give(visit, visit_arg(visit, 1), r, room));
}

static enum call_verdict remove_one(struct visit *visit, enum by by)
{
	long arg[6] = { 0, (long)name };
	long r = read_name(visit);

	if (r >= 0)
		r = make(visit, &remove_form, by, SPOT_CHANGE, arg);
	return visit_answer(visit, r);
}

enum call_verdict calls_setxattr(struct visit *visit)
{
	return set(visit, BY_PATH);
}

enum call_verdict calls_lsetxattr(struct visit *visit)
{
	return set(visit, BY_LINK);
}

enum call_verdict calls_fsetxattr(struct visit *visit)
{
	return set(visit, BY_FD);
}

enum call_verdict calls_getxattr(struct visit *visit)
{
	return get(visit, BY_PATH);
}

enum call_verdict calls_lgetxattr(struct visit *visit)
{
	return get(visit, BY_LINK);
}

enum call_verdict calls_fgetxattr(struct visit *visit)
{
	return get(visit, BY_FD);
}

enum call_verdict calls_listxattr(struct visit *visit)
{
	return list(visit, BY_PATH);
}

enum call_verdict calls_llistxattr(struct visit *visit)
{
	return list(visit, BY_LINK);
}

enum call_verdict calls_flistxattr(struct visit *visit)
{
	return list(visit, BY_FD);
}

enum call_verdict calls_removexattr(struct visit *visit)
{
	return remove_one(visit, BY_PATH);
}

enum call_verdict calls_lremovexattr(struct visit *visit)
{
	return remove_one(visit, BY_LINK);
}

enum call_verdict calls_fremovexattr(struct visit *visit)
{
	return remove_one(visit, BY_FD);
}
