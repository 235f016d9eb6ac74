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

/* The file, and where the call has the rest. */
struct target {
	int dirfd;
	unsigned long path;
	unsigned want;
	unsigned long name, value, size_bytes, flags;
};

/* Each call in two forms: through links, and not. */
struct form {
	long through, itself;
};

static const struct form set_form = { SYS_setxattr, SYS_lsetxattr };
static const struct form get_form = { SYS_getxattr, SYS_lgetxattr };
static const struct form list_form = { SYS_listxattr, SYS_llistxattr };
static const struct form remove_form = { SYS_removexattr, SYS_lremovexattr };

static long make(struct visit *visit, const struct form *form, const struct target *target,
		 unsigned want, long arg[6])
{
	char path[SPOT_PATH_MAX];
	auto_spot spot = SPOT_NONE;
	bool itself;
	long nr;
	long r = spot_find(visit, target->dirfd, target->path, target->want | want, &spot);

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

static long read_name(const struct visit *visit, const struct target *target)
{
	long r = trace_read_text(visit->tracee->tid, target->name, name, sizeof(name));

	return r == -ENAMETOOLONG || r == 0 ? -ERANGE : r;
}

static enum call_verdict set(struct visit *visit, const struct target *target)
{
	unsigned long size_bytes = target->size_bytes;
	long arg[6] = { 0, (long)name, (long)value, (long)size_bytes, (long)target->flags };
	long r = read_name(visit, target);

	if (r < 0)
		return visit_answer(visit, r);
	if (size_bytes > sizeof(value))
		return visit_answer(visit, -E2BIG);
	if (size_bytes && trace_read(visit->tracee->tid, target->value, value, size_bytes) < 0)
		return visit_answer(visit, -EFAULT);
	return visit_answer(visit, make(visit, &set_form, target, SPOT_CHANGE, arg));
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

static enum call_verdict get(struct visit *visit, const struct target *target)
{
	unsigned long room = least(target->size_bytes, sizeof(value));
	long arg[6] = { 0, (long)name, (long)value, (long)room };
	long r = read_name(visit, target);

	if (r >= 0)
		r = make(visit, &get_form, target, 0, arg);
	return visit_answer(visit, give(visit, target->value, r, room));
}

static enum call_verdict list(struct visit *visit, const struct target *target)
{
	unsigned long room = least(target->size_bytes, sizeof(value));
	long arg[6] = { 0, (long)value, (long)room };
	long r = make(visit, &list_form, target, 0, arg);

	return visit_answer(visit, give(visit, target->value, r, room));
}

static enum call_verdict remove_one(struct visit *visit, const struct target *target)
{
	long arg[6] = { 0, (long)name };
	long r = read_name(visit, target);

	if (r >= 0)
		r = make(visit, &remove_form, target, SPOT_CHANGE, arg);
	return visit_answer(visit, r);
}

/* --- the calls with a path, or a descriptor, in front */

static struct target by_path(const struct visit *visit, unsigned want)
{
	return (struct target){ .dirfd = AT_FDCWD,
				.path = visit_arg(visit, 0),
				.want = want,
				.name = visit_arg(visit, 1),
				.value = visit_arg(visit, 2),
				.size_bytes = visit_arg(visit, 3),
				.flags = visit_arg(visit, 4) };
}

static struct target by_fd(const struct visit *visit)
{
	struct target target = by_path(visit, SPOT_EMPTY);

	target.dirfd = visit_fd(visit, 0);
	target.path = 0;
	return target;
}

static struct target without_name(struct target target)
{
	target.size_bytes = target.value;
	target.value = target.name;
	return target;
}

#define CALLS(call, action, edit)                                         \
	enum call_verdict calls_##call(struct visit *visit)               \
	{                                                                 \
		struct target target = edit(by_path(visit, SPOT_FOLLOW)); \
                                                                          \
		return action(visit, &target);                            \
	}                                                                 \
	enum call_verdict calls_l##call(struct visit *visit)              \
	{                                                                 \
		struct target target = edit(by_path(visit, 0));           \
                                                                          \
		return action(visit, &target);                            \
	}                                                                 \
	enum call_verdict calls_f##call(struct visit *visit)              \
	{                                                                 \
		struct target target = edit(by_fd(visit));                \
                                                                          \
		return action(visit, &target);                            \
	}

CALLS(setxattr, set, )
CALLS(getxattr, get, )
CALLS(listxattr, list, without_name)
CALLS(removexattr, remove_one, )

/* --- and with both (Linux 6.13) */

struct xattr_arguments { /* linux/xattr.h, struct xattr_args */
	uint64_t value;
	uint32_t size_bytes;
	uint32_t flags;
};

static long read_at(const struct visit *visit, struct target *ret_target)
{
	unsigned long flags = visit_arg(visit, 2);

	if (calls_has_unknown(flags, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	*ret_target = (struct target){ .dirfd = visit_fd(visit, 0),
				       .path = visit_arg(visit, 1),
				       .want = (flags & AT_SYMLINK_NOFOLLOW ? 0 : SPOT_FOLLOW) |
					       (flags & AT_EMPTY_PATH ? SPOT_EMPTY : 0u),
				       .name = visit_arg(visit, 3) };
	return 0;
}

static long read_arguments(const struct visit *visit, struct target *target)
{
	struct xattr_arguments arguments;

	if (visit_arg(visit, 5) < sizeof(arguments))
		return -EINVAL;
	if (visit_arg(visit, 5) > sizeof(arguments))
		return -E2BIG;
	if (trace_read(visit->tracee->tid, visit_arg(visit, 4), &arguments, sizeof(arguments)) < 0)
		return -EFAULT;
	target->value = arguments.value;
	target->size_bytes = arguments.size_bytes;
	target->flags = arguments.flags;
	return 0;
}

enum call_verdict calls_setxattrat(struct visit *visit)
{
	struct target target;
	long r = read_at(visit, &target);

	if (r == 0)
		r = read_arguments(visit, &target);
	return r < 0 ? visit_answer(visit, r) : set(visit, &target);
}

enum call_verdict calls_getxattrat(struct visit *visit)
{
	struct target target;
	long r = read_at(visit, &target);

	if (r == 0)
		r = read_arguments(visit, &target);
	if (r == 0 && target.flags)
		r = -EINVAL;
	return r < 0 ? visit_answer(visit, r) : get(visit, &target);
}

enum call_verdict calls_listxattrat(struct visit *visit)
{
	struct target target;
	long r = read_at(visit, &target);

	target.value = visit_arg(visit, 3);
	target.size_bytes = visit_arg(visit, 4);
	return r < 0 ? visit_answer(visit, r) : list(visit, &target);
}

enum call_verdict calls_removexattrat(struct visit *visit)
{
	struct target target;
	long r = read_at(visit, &target);

	return r < 0 ? visit_answer(visit, r) : remove_one(visit, &target);
}
