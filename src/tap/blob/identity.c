// SPDX-License-Identifier: Apache-2.0
/* Who the program believes to be. The kernel's idea never changes: a process that has "become" uid
 * 33 keeps the access of the user who started it. */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "tap/blob/blob.h"
#include "tap/blob/handlers.h"
#include "tap/blob/memory.h"
#include "tap/blob/people.h"
#include "tap/blob/watch.h"

static const struct creds *mine(void)
{
	return &process_read()->creds;
}

static struct creds *mine_to_change(void)
{
	return &process_write()->creds;
}

static long changed(long r)
{
	if (r == 0)
		watch_creds();
	return r;
}

long on_getuid(struct tap_call *call)
{
	(void)call;
	return mine()->user.real;
}

long on_geteuid(struct tap_call *call)
{
	(void)call;
	return mine()->user.effective;
}

long on_getgid(struct tap_call *call)
{
	(void)call;
	return mine()->group.real;
}

long on_getegid(struct tap_call *call)
{
	(void)call;
	return mine()->group.effective;
}

static long give_three(const struct tap_call *call, const struct creds_ids *ids)
{
	if (memory_write((void *)call->arg[0], &ids->real, 4) < 0 ||
	    memory_write((void *)call->arg[1], &ids->effective, 4) < 0 ||
	    memory_write((void *)call->arg[2], &ids->saved, 4) < 0)
		return -EFAULT;
	return 0;
}

long on_getresuid(struct tap_call *call)
{
	return give_three(call, &mine()->user);
}

long on_getresgid(struct tap_call *call)
{
	return give_three(call, &mine()->group);
}

long on_setuid(struct tap_call *call)
{
	return changed(creds_setuid(mine_to_change(), (uint32_t)call->arg[0]));
}

long on_setgid(struct tap_call *call)
{
	return changed(creds_setgid(mine_to_change(), (uint32_t)call->arg[0]));
}

long on_setreuid(struct tap_call *call)
{
	return changed(
		creds_setreuid(mine_to_change(), (uint32_t)call->arg[0], (uint32_t)call->arg[1]));
}

long on_setregid(struct tap_call *call)
{
	return changed(
		creds_setregid(mine_to_change(), (uint32_t)call->arg[0], (uint32_t)call->arg[1]));
}

long on_setresuid(struct tap_call *call)
{
	return changed(creds_setresuid(mine_to_change(), (uint32_t)call->arg[0],
				       (uint32_t)call->arg[1], (uint32_t)call->arg[2]));
}

long on_setresgid(struct tap_call *call)
{
	return changed(creds_setresgid(mine_to_change(), (uint32_t)call->arg[0],
				       (uint32_t)call->arg[1], (uint32_t)call->arg[2]));
}

long on_setfsuid(struct tap_call *call)
{
	uint32_t old = creds_setfsuid(mine_to_change(), (uint32_t)call->arg[0]);

	changed(0);
	return old;
}

long on_setfsgid(struct tap_call *call)
{
	uint32_t old = creds_setfsgid(mine_to_change(), (uint32_t)call->arg[0]);

	changed(0);
	return old;
}

long on_getgroups(struct tap_call *call)
{
	const struct creds *creds = mine();
	int room = (int)call->arg[0];

	if (room < 0)
		return -EINVAL;
	if (room == 0)
		return creds->group_count;
	if ((uint32_t)room < creds->group_count)
		return -EINVAL;
	if (memory_write((void *)call->arg[1], creds->groups,
			 creds->group_count * sizeof(*creds->groups)) < 0)
		return -EFAULT;
	return creds->group_count;
}

long on_setgroups(struct tap_call *call)
{
	unsigned count = (unsigned)call->arg[0];
	const void *groups = (const void *)call->arg[1];

	if (count > CREDS_GROUPS_MAX)
		return -EINVAL;
	if (count && !memory_is_readable(groups, count * sizeof(uint32_t)))
		return -EFAULT;
	return changed(creds_setgroups(mine_to_change(), groups, count));
}

/* struct __user_cap_data_struct: one or two of them, by version (capget(2)). */
static int cap_words(struct tap_call *call, int *ret_pid)
{
	struct __user_cap_header_struct header;
	uint32_t preferred = _LINUX_CAPABILITY_VERSION_3;

	if (memory_read(&header, (const void *)call->arg[0], sizeof(header)) < 0)
		return -EFAULT;
	*ret_pid = header.pid;
	switch (header.version) {
	case _LINUX_CAPABILITY_VERSION_1:
		return 1;
	case _LINUX_CAPABILITY_VERSION_2:
	case _LINUX_CAPABILITY_VERSION_3:
		return 2;
	default:
		memory_write((void *)call->arg[0], &preferred, sizeof(preferred));
		return call->arg[1] ? -EINVAL : 0;
	}
}

static bool is_me(int pid)
{
	return pid == 0 || pid == (int)raw0(__NR_getpid) || pid == (int)raw0(__NR_gettid);
}

long on_capget(struct tap_call *call)
{
	struct __user_cap_data_struct data[2] = { 0 };
	const struct creds_caps *caps = &mine()->caps;
	struct tap_person other;
	int pid;
	int words = cap_words(call, &pid);

	if (words <= 0 || !call->arg[1])
		return words < 0 ? words : 0;
	if (!is_me(pid)) {
		if (pid < 0 || !people_find((uint32_t)pid, &other))
			return pass(call);
		caps = &other.caps;
	}
	for (int i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){
			.effective = (uint32_t)(caps->effective >> 32 * i),
			.permitted = (uint32_t)(caps->permitted >> 32 * i),
			.inheritable = (uint32_t)(caps->inheritable >> 32 * i),
		};
	return memory_write((void *)call->arg[1], data, (size_t)words * sizeof(*data));
}

long on_capset(struct tap_call *call)
{
	struct __user_cap_data_struct data[2] = { 0 };
	uint64_t effective;
	uint64_t permitted;
	uint64_t inheritable;
	int pid;
	int words = cap_words(call, &pid);

	if (words <= 0)
		return words < 0 ? words : -EINVAL;
	if (!is_me(pid))
		return -EPERM;
	if (memory_read(data, (const void *)call->arg[1], (size_t)words * sizeof(*data)) < 0)
		return -EFAULT;
	effective = data[0].effective | (uint64_t)data[1].effective << 32;
	permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	return changed(creds_capset(mine_to_change(), effective & CREDS_ALL_CAPS,
				    permitted & CREDS_ALL_CAPS, inheritable & CREDS_ALL_CAPS));
}
