// SPDX-License-Identifier: Apache-2.0
/* Who the program believes to be: the tap's handlers answer, with memory of ours for theirs. */
#include "engine/calls.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "base/banned.h"
#include "engine/calls_file.h"
#include "tap/traced.h"

enum call_verdict calls_identity(struct visit *visit)
{
	long arg[6];

	for (unsigned i = 0; i < 6; i++)
		arg[i] = (long)visit_arg(visit, i);
	return visit_answer(visit, traced_call(registers_call(visit->registers), arg));
}

enum call_verdict calls_getres(struct visit *visit)
{
	uint32_t ids[3];
	long arg[6] = { (long)&ids[0], (long)&ids[1], (long)&ids[2] };
	long r = traced_call(registers_call(visit->registers), arg);

	for (unsigned i = 0; r == 0 && i < 3; i++)
		r = trace_write(visit->tracee->tid, visit_arg(visit, i), &ids[i], sizeof(ids[i]));
	return visit_answer(visit, r);
}

static uint32_t groups[CREDS_GROUPS_MAX];

enum call_verdict calls_getgroups(struct visit *visit)
{
	long arg[6] = { (long)visit_arg(visit, 0), (long)groups };
	long r = traced_call(registers_call(visit->registers), arg);

	if (r > 0 && visit_arg(visit, 0) &&
	    trace_write(visit->tracee->tid, visit_arg(visit, 1), groups,
			(size_t)r * sizeof(groups[0])) < 0)
		r = -EFAULT;
	return visit_answer(visit, r);
}

enum call_verdict calls_setgroups(struct visit *visit)
{
	unsigned count = (unsigned)visit_arg(visit, 0);
	long arg[6] = { (long)count, (long)groups };

	if (count > CREDS_GROUPS_MAX)
		return visit_answer(visit, -EINVAL);
	if (count && trace_read(visit->tracee->tid, visit_arg(visit, 1), groups,
				count * sizeof(groups[0])) < 0)
		return visit_answer(visit, -EFAULT);
	return visit_answer(visit, traced_call(registers_call(visit->registers), arg));
}

/* --- capabilities: one or two words of each set, by version (capget(2)) */

struct caps {
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct data[2];
};

static size_t data_bytes(const struct caps *caps)
{
	return (caps->header.version == _LINUX_CAPABILITY_VERSION_1 ? 1 : 2) *
	       sizeof(caps->data[0]);
}

static long call_caps(struct visit *visit, struct caps *caps)
{
	long arg[6] = { (long)&caps->header, visit_arg(visit, 1) ? (long)caps->data : 0 };

	/* It knows one process only: to us every one of the caller's threads is that. */
	if (caps->header.pid == visit->tracee->subject->pid ||
	    caps->header.pid == visit->tracee->tid)
		caps->header.pid = 0;
	return traced_call(registers_call(visit->registers), arg);
}

enum call_verdict calls_capget(struct visit *visit)
{
	struct caps caps = { 0 };
	pid_t tid = visit->tracee->tid;
	uint32_t version;
	long r;

	if (trace_read(tid, visit_arg(visit, 0), &caps.header, sizeof(caps.header)) < 0)
		return visit_answer(visit, -EFAULT);
	version = caps.header.version;
	r = call_caps(visit, &caps);
	if (caps.header.version != version &&
	    trace_write(tid, visit_arg(visit, 0), &caps.header.version, sizeof(version)) < 0)
		return visit_answer(visit, -EFAULT);
	if (r == 0 && caps.header.version == version && visit_arg(visit, 1))
		r = trace_write(tid, visit_arg(visit, 1), caps.data, data_bytes(&caps));
	return visit_answer(visit, r);
}

enum call_verdict calls_capset(struct visit *visit)
{
	struct caps caps = { 0 };
	pid_t tid = visit->tracee->tid;

	if (trace_read(tid, visit_arg(visit, 0), &caps.header, sizeof(caps.header)) < 0 ||
	    trace_read(tid, visit_arg(visit, 1), caps.data, data_bytes(&caps)) < 0)
		return visit_answer(visit, -EFAULT);
	return visit_answer(visit, call_caps(visit, &caps));
}
