// SPDX-License-Identifier: Apache-2.0
/* Engine `root` (Type I of SC21): the caller is root and has the ids already, so there is no user
 * namespace between the box and the host.
 *
 * What docker takes from a container is taken here too: capabilities beyond its own list, devices
 * made inside, and writing to the parts of /proc that steer the kernel. It is for builds whose
 * author is trusted; doc/why/0009. */
#include "engine/root.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/banned.h"
#include "engine/namespaces.h"
#include "engine/root_tree.h"
#include "engine/spawn.h"
#include "sys/mount.h"
#include "sys/openat2.h"

#define BIT(capability) (1ull << (capability))

/* As docker's default (moby, oci/caps/defaults.go). */
static const uint64_t kept_capabilities = BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FSETID) |
					  BIT(CAP_FOWNER) | BIT(CAP_MKNOD) | BIT(CAP_NET_RAW) |
					  BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SETFCAP) |
					  BIT(CAP_SETPCAP) | BIT(CAP_NET_BIND_SERVICE) |
					  BIT(CAP_SYS_CHROOT) | BIT(CAP_KILL) |
					  BIT(CAP_AUDIT_WRITE);

/* For the command only: an exec takes what is not in the bounding set, and the first process keeps
 * what it needs to clean up. */
static int bound_capabilities(struct err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		if (!(kept_capabilities & BIT(i)) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
			return fail(err, errno, "drop capability %d", i);
	if (syscall(SYS_capget, &header, data) < 0)
		return fail(err, errno, "capget");
	data[0].inheritable = data[1].inheritable = 0;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return fail(err, errno, "drop ambient capabilities");
	if (syscall(SYS_capset, &header, data) < 0)
		return fail(err, errno, "drop inheritable capabilities");
	return 0;
}

static int make_read_only(int root_fd, const char *path, struct err *err)
{
	auto_mount_source source = MOUNT_SOURCE_NONE;
	auto_fd fd = openat2_in_root(root_fd, path, O_PATH, 0);
	int r;

	if (fd < 0)
		return 0; /* a kernel without it, or a box without /proc */
	r = mount_take(fd, "", true, MOUNT_READ_ONLY, &source, err);
	if (r == 0)
		r = mount_put(&source, fd, NULL, NULL, err);
	return r < 0 ? err_wrap(err, "make '%s' read-only", path) : 0;
}

static int protect_kernel(struct err *err)
{
	static const char *const paths[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
					     "/proc/sysrq-trigger" };
	auto_fd root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = root_fd < 0 ? fail(err, errno, "open the root")
			    : mount_add_attrs(root_fd, false, MOUNT_NODEV, err);

	for (size_t i = 0; r == 0 && i < array_count(paths); i++)
		r = make_read_only(root_fd, paths[i], err);
	return r;
}

static int setup(const struct engine_job *job, void *context, struct err *err)
{
	const struct root_plan *plan = context;
	int r = mount_isolate(err);

	if (r == 0)
		r = root_tree_enter(plan, err);
	if (r == 0)
		r = mount_uncover(err);
	if (r == 0)
		r = protect_kernel(err);
	if (r == 0)
		r = namespaces_set_up(job->box, err);
	return r < 0 ? r : bound_capabilities(err);
}

static int space_of(const struct box *box, struct id_space *ret_space, struct err *err)
{
	struct id_space space;
	int r = id_space_here(&space, err);

	if (r == 0)
		r = id_space_check(&space, box->uid, box->gid, "the command's user", err);
	if (r == 0)
		*ret_space = space;
	return r;
}

static int run(const struct engine_job *job, int *ret_status, struct err *err)
{
	struct root_plan plan;
	struct spawn_plan spawn = {
		.namespaces = namespaces_of(&job->box->private_ns),
		.setup = setup,
		.context = &plan,
		.becomes_user = true, /* also when it is root: root's groups are the host's */
	};
	int r = namespaces_refuse_tap(job->box, err);

	if (r == 0)
		r = root_tree_plan(job, &plan, err);

	if (r < 0) {
		*ret_status = 125;
		return r;
	}
	return spawn_run(job, &spawn, ret_status, err);
}

static int probe(struct host *host, const struct box *box, struct err *ret_why_not)
{
	struct id_space space;

	int r = namespaces_refuse(box, ret_why_not);

	if (r < 0)
		return r;
	if (!host_fact(host, HOST_ROOT)->usable)
		return host_refuse(host, HOST_ROOT, ret_why_not);
	return space_of(box, &space, ret_why_not);
}

const struct engine engine_root = {
	.name = "root",
	.summary = "mounts of its own, for callers who are root already",
	.is_boundary = true,
	.has_mounts = true,
	.probe = probe,
	.space = space_of,
	.run = run,
};
