// SPDX-License-Identifier: Apache-2.0
#include "sys/rule.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/number.h"
#include "base/strings.h"
#include "sys/mount.h"
#include "sys/process.h"
#include "sys/subid.h"
#include "sys/tap_address.h"

#define SMALL_FILE_BYTES ((size_t)1 << 20)

static void set(char text[RULE_TEXT_MAX], const char *format, ...) printf_like(2, 3);

static void set(char text[RULE_TEXT_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(text, RULE_TEXT_MAX, format, args);
	va_end(args);
}

static bool read_small(const char *path, struct buf *text)
{
	return io_read_file_at(AT_FDCWD, path, SMALL_FILE_BYTES, text, NULL) == 0;
}

long rule_sysctl(const char *name)
{
	auto_buf text = { 0 };
	char path[128];
	uint64_t number;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	for (char *c = path; *c; c++)
		if (*c == '.')
			*c = '/';
	if (!read_small(path, &text) || !text.bytes)
		return -1;
	text.bytes[strcspn(text.bytes, "\n")] = '\0';
	if (number_parse_u64(text.bytes, &number) < 0 || number > INT32_MAX)
		return -1;
	return (long)number;
}

/* Forbidden by a sysctl: the line that sets it now and for every boot to come. */
static void set_sysctl(struct rule *rule, const char *name, long now, long wanted)
{
	set(rule->forbids, "sysctl %s = %ld", name, now);
	set(rule->admin, "echo %s=%ld > /etc/sysctl.d/90-rootlet.conf && sysctl --system", name,
	    wanted);
}

/* A "Name:<tab>value" line of /proc/self/status. */
static uint64_t status_number(const char *name)
{
	auto_buf text = { 0 };
	uint64_t number = 0;
	char wanted[32];
	char *line;

	snprintf(wanted, sizeof(wanted), "\n%s:\t", name);
	if (!read_small("/proc/self/status", &text) || !text.bytes)
		return 0;
	line = strstr(text.bytes, wanted);
	if (!line)
		return 0;
	line += strlen(wanted);
	line[strcspn(line, "\n")] = '\0';
	return number_parse_u64(line, &number) == 0 ? number : 0;
}

bool rule_has_seccomp_filter(void)
{
	return status_number("Seccomp") == 2;
}

bool rule_has_no_new_privs(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

bool rule_in_chroot(void)
{
	auto_buf text = { 0 };

	char *rest;
	char *line;

	if (!read_small("/proc/self/mountinfo", &text))
		return false;
	rest = text.bytes;
	while (rest && (line = strsep(&rest, "\n"))) {
		const char *point = mount_point_in(line);

		if (point && strcmp(point, "/") == 0)
			return false;
	}
	return true;
}

const char *rule_container(void)
{
	const char *word = getenv("container"); /* set by systemd-nspawn, podman, lxc */

	if (access("/run/.containerenv", F_OK) == 0)
		return "podman";
	if (access("/.dockerenv", F_OK) == 0)
		return "docker";
	if (getenv("KUBERNETES_SERVICE_HOST"))
		return "kubernetes";
	if (getenv("APPTAINER_CONTAINER") || getenv("SINGULARITY_CONTAINER"))
		return "apptainer";
	return word && *word ? word : NULL;
}

const char *rule_engine_around(void)
{
	uint64_t tracer = status_number("TracerPid");
	auto_buf name = { 0 };
	char path[40];

	snprintf(path, sizeof(path), "/proc/%llu/comm", (unsigned long long)tracer);
	if (tracer && read_small(path, &name) && strcmp(buf_text(&name), "rootlet\n") == 0)
		return "ptrace"; /* whose loader is where the tap would be */
	return msync((void *)TAP_BASE, (size_t)sysconf(_SC_PAGESIZE), MS_ASYNC) == 0 ? "tap" : NULL;
}

bool rule_set_inside(struct rule *rule, const char *what)
{
	const char *engine = rule_engine_around();

	if (!engine)
		return false;
	set(rule->forbids, "this runs inside another rootlet, whose %s refuses %s", engine, what);
	set(rule->user, "start that one with --engine userns --root-emulation none (a pack with "
			"ROOTLET_ENGINE=userns), where namespaces can be had");
	return true;
}

/* A filter or a security module said no; which of them only its owner can see. */
static void set_refusal(struct rule *rule, const char *what)
{
	const char *container = rule_container();

	if (rule_set_inside(rule, what))
		return;
	if (rule_in_chroot()) {
		set(rule->forbids, "this is a chroot(2), where the kernel refuses %s", what);
		set(rule->admin, "enter the tree by pivot_root(2), as "
				 "'systemd-nspawn -D DIR' or 'unshare -m' with pivot_root do");
		return;
	}
	if (!rule_has_seccomp_filter()) {
		set(rule->forbids, "a security module refuses %s (see /sys/kernel/security/lsm)",
		    what);
		set(rule->admin, "journalctl -k -g 'apparmor|avc|denied' # names the profile");
		return;
	}
	set(rule->forbids, "a seccomp filter refuses %s%s%s%s", what,
	    container ? " (this is a container: " : "", container ? container : "",
	    container ? ")" : "");
	if (!container)
		return;
	if (text_equal(container, "kubernetes"))
		set(rule->user, "in the pod: securityContext: seccompProfile: type: Unconfined");
	else
		set(rule->user,
		    "start the container with: %s run --security-opt "
		    "seccomp=unconfined ...",
		    text_equal(container, "podman") ? "podman" : "docker");
}

bool rule_apparmor_profile(const char *program, char text[RULE_TEXT_MAX])
{
	static const char format[] =
		"printf 'abi <abi/4.0>,\\nprofile %s %s flags=(unconfined) {userns,}\\n' > "
		"/etc/apparmor.d/%s && apparmor_parser -r /etc/apparmor.d/%s";
	const char *slash = strrchr(program, '/');
	const char *name = slash ? slash + 1 : program;

	return program[strcspn(program, " '\"\\{}[]*?^,%")] == '\0' &&
	       snprintf(text, RULE_TEXT_MAX, format, name, program, name, name) < RULE_TEXT_MAX;
}

/* A profile for this program alone; where it lies in an odd place, the restriction of all. */
static void set_apparmor(struct rule *rule)
{
	char program[PATH_MAX];
	char line[RULE_TEXT_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);

	set_sysctl(rule, "kernel.apparmor_restrict_unprivileged_userns", 1, 0);
	program[length > 0 ? length : 0] = '\0';
	if (length > 0 && rule_apparmor_profile(program, line))
		memcpy(rule->admin, line, sizeof(line));
}

void rule_user_namespace(int error, struct rule *ret_rule)
{
	*ret_rule = (struct rule){ 0 };
	if (rule_sysctl("user.max_user_namespaces") == 0) {
		set_sysctl(ret_rule, "user.max_user_namespaces", 0, 15000);
	} else if (rule_sysctl("kernel.unprivileged_userns_clone") == 0) {
		set_sysctl(ret_rule, "kernel.unprivileged_userns_clone", 0, 1);
	} else if (error == ENOSPC || error == EUSERS) {
		set(ret_rule->forbids,
		    "the limit of user namespaces is reached: "
		    "user.max_user_namespaces = %ld, 32 levels deep",
		    rule_sysctl("user.max_user_namespaces"));
		set(ret_rule->admin, "sysctl -w user.max_user_namespaces=%ld",
		    2 * rule_sysctl("user.max_user_namespaces"));
	} else if (error == EINVAL) {
		set(ret_rule->forbids, "this kernel was built without user namespaces");
		set(ret_rule->admin, "boot a kernel with CONFIG_USER_NS=y");
	} else if (rule_sysctl("kernel.apparmor_restrict_unprivileged_userns") == 1) {
		set_apparmor(ret_rule);
	} else {
		set_refusal(ret_rule, "user namespaces");
	}
}

void rule_namespace_mount(int error, struct rule *ret_rule)
{
	*ret_rule = (struct rule){ 0 };
	if (rule_sysctl("kernel.apparmor_restrict_unprivileged_userns") == 1)
		set_apparmor(ret_rule);
	else if (error == EPERM || error == EACCES)
		set_refusal(ret_rule, "mounts");
}

/* newuidmap works by its setuid bit or a file capability. */
static bool has_privilege(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 &&
	       ((st.st_mode & S_ISUID) || getxattr(path, "security.capability", NULL, 0) > 0);
}

static void set_missing_range(const struct user *user, bool install, struct rule *rule)
{
	auto_buf uids = { 0 };
	auto_buf gids = { 0 };
	uint32_t uid, gid;
	char before[RULE_TEXT_MAX];

	(void)read_small("/etc/subuid", &uids);
	(void)read_small("/etc/subgid", &gids);
	uid = subid_first_free(buf_text(&uids));
	gid = subid_first_free(buf_text(&gids));
	memcpy(before, rule->admin, sizeof(before));
	set(rule->forbids, "no range for %s in /etc/subuid and /etc/subgid%s", user->name,
	    install ? ", and newuidmap is not installed" : "");
	set(rule->admin, "%.80s%susermod --add-subuids %u-%u --add-subgids %u-%u %s",
	    install ? before : "", install ? " && " : "", uid, uid + 65535, gid, gid + 65535,
	    user->name);
}

/* Ranges are taken of the ids that are around, and one is nobody's range. */
static bool is_alone(void)
{
	struct err err = { 0 };
	struct id_space space;

	return id_space_here(&space, &err) == 0 && id_space_has_one(&space);
}

void rule_subordinate_ids(const struct user *user, struct rule *ret_rule)
{
	char path[PROCESS_PATH_MAX];
	struct subids ids;
	bool installed;

	*ret_rule = (struct rule){ 0 };
	if (is_alone()) {
		set(ret_rule->forbids, "one id is mapped here, so there are no ranges to give");
		set(ret_rule->user, "run rootlet outside of this user namespace");
		return;
	}
	installed = process_find("newuidmap", path);
	if (!installed)
		rule_install("newuidmap", "uidmap", "shadow-utils", "shadow", ret_rule);
	if (subid_find(user, &ids, NULL) < 0) {
		set_missing_range(user, !installed, ret_rule);
	} else if (installed && rule_has_no_new_privs()) {
		set(ret_rule->forbids, "no_new_privs is set: newuidmap has no privilege here");
		set(ret_rule->user, "run rootlet outside of the sandbox that set no_new_privs");
	} else if (installed && !has_privilege(path)) {
		set(ret_rule->forbids, "newuidmap is neither setuid nor has capabilities");
		set(ret_rule->admin, "chmod u+s $(command -v newuidmap newgidmap)");
	}
}

void rule_root(const struct user *user, int error, struct rule *ret_rule)
{
	*ret_rule = (struct rule){ 0 };
	if (geteuid() != 0) {
		set(ret_rule->forbids,
		    "only root mounts without a user namespace, and %.64s is not", user->name);
		set(ret_rule->user, "sudo rootlet ... (if allowed)");
	} else if (error == EPERM && rule_container()) {
		set(ret_rule->forbids, "this container (%s) has no CAP_SYS_ADMIN",
		    rule_container());
		set(ret_rule->user, "start the container with: --cap-add SYS_ADMIN");
	} else if (error == EPERM || error == EACCES) {
		set_refusal(ret_rule, "mounts");
	}
}

void rule_fuse(int error, struct rule *ret_rule)
{
	*ret_rule = (struct rule){ 0 };
	if (error == ENOENT || error == ENODEV || error == ENXIO) {
		set(ret_rule->forbids, "there is no /dev/fuse, or no driver behind it");
		set(ret_rule->admin, "modprobe fuse");
	} else if (error == EACCES || error == EPERM) {
		set(ret_rule->forbids, "the mode of /dev/fuse");
		set(ret_rule->admin, "chmod 666 /dev/fuse");
		if (rule_container())
			set(ret_rule->user, "start the container with: --device /dev/fuse");
	}
}

void rule_ptrace(int error, struct rule *ret_rule)
{
	long scope = rule_sysctl("kernel.yama.ptrace_scope");

	*ret_rule = (struct rule){ 0 };
	if (scope == 3) {
		set(ret_rule->forbids, "sysctl kernel.yama.ptrace_scope = 3, fixed until reboot");
		set(ret_rule->admin,
		    "echo kernel.yama.ptrace_scope=1 > /etc/sysctl.d/90-rootlet.conf && reboot");
	} else if (scope == 2) {
		set_sysctl(ret_rule, "kernel.yama.ptrace_scope", 2, 1);
	} else if (error == EPERM || error == EACCES) {
		set_refusal(ret_rule, "ptrace");
	}
}

void rule_seccomp(int error, struct rule *ret_rule)
{
	*ret_rule = (struct rule){ 0 };
	if (error == EINVAL || error == ENOSYS) {
		set(ret_rule->forbids, "this kernel lacks this part of seccomp");
		set(ret_rule->admin, "boot a kernel with CONFIG_SECCOMP_FILTER=y, 5.0 or newer");
	} else if (error == EBUSY) {
		set(ret_rule->forbids, "the container's seccomp filter has a listener already; "
				       "the kernel allows one");
	} else if (error == EPERM || error == EACCES) {
		set_refusal(ret_rule, "seccomp filters");
	}
}

void rule_landlock(int error, struct rule *ret_rule)
{
	*ret_rule = (struct rule){ 0 };
	if (error == EOPNOTSUPP) {
		set(ret_rule->forbids, "Landlock is built into this kernel but not turned on");
		set(ret_rule->admin, "add lsm=landlock,... to the kernel's command line");
	} else if (error == ENOSYS) {
		set(ret_rule->forbids, "this kernel has no Landlock, or a filter hides it");
		set(ret_rule->admin,
		    "boot a kernel with CONFIG_SECURITY_LANDLOCK=y, 5.13 or newer");
	} else {
		set_refusal(ret_rule, "Landlock");
	}
}

/* ID and ID_LIKE of os-release(5), as one text. */
static void read_distribution(struct buf *text)
{
	if (!read_small("/etc/os-release", text))
		(void)read_small("/usr/lib/os-release", text);
	buf_add_text(text, "\n");
}

void rule_install(const char *program, const char *debian, const char *fedora, const char *suse,
		  struct rule *ret_rule)
{
	auto_buf text = { 0 };

	*ret_rule = (struct rule){ 0 };
	set(ret_rule->forbids, "%s is not installed", program);
	read_distribution(&text);
	if (strstr(text.bytes, "debian") || strstr(text.bytes, "ubuntu"))
		set(ret_rule->admin, "apt-get install %s", debian);
	else if (strstr(text.bytes, "fedora") || strstr(text.bytes, "rhel"))
		set(ret_rule->admin, "dnf install %s", fedora);
	else if (strstr(text.bytes, "suse"))
		set(ret_rule->admin, "zypper install %s", suse);
	else
		set(ret_rule->admin, "install the package that holds %s", program);
}

void rule_add_hint(const struct rule *rule, struct err *err)
{
	if (rule->forbids[0])
		err_hint(err, "%s%s%s%s%s", rule->forbids, rule->user[0] ? "; you can: " : "",
			 rule->user, rule->admin[0] ? "; an administrator can: " : "", rule->admin);
}
