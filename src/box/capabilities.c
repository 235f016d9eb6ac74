// SPDX-License-Identifier: Apache-2.0
#include "box/capabilities.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

/* By number: linux/capability.h. */
static const char *const names[] = {
	"CHOWN",
	"DAC_OVERRIDE",
	"DAC_READ_SEARCH",
	"FOWNER",
	"FSETID",
	"KILL",
	"SETGID",
	"SETUID",
	"SETPCAP",
	"LINUX_IMMUTABLE",
	"NET_BIND_SERVICE",
	"NET_BROADCAST",
	"NET_ADMIN",
	"NET_RAW",
	"IPC_LOCK",
	"IPC_OWNER",
	"SYS_MODULE",
	"SYS_RAWIO",
	"SYS_CHROOT",
	"SYS_PTRACE",
	"SYS_PACCT",
	"SYS_ADMIN",
	"SYS_BOOT",
	"SYS_NICE",
	"SYS_RESOURCE",
	"SYS_TIME",
	"SYS_TTY_CONFIG",
	"MKNOD",
	"LEASE",
	"AUDIT_WRITE",
	"AUDIT_CONTROL",
	"SETFCAP",
	"MAC_OVERRIDE",
	"MAC_ADMIN",
	"SYSLOG",
	"WAKE_ALARM",
	"BLOCK_SUSPEND",
	"AUDIT_READ",
	"PERFMON",
	"BPF",
	"CHECKPOINT_RESTORE",
};

int capabilities_add(uint64_t *set, const char *name, struct err *err)
{
	const char *plain = strncasecmp(name, "CAP_", 4) == 0 ? name + 4 : name;

	if (strcasecmp(name, "all") == 0) {
		*set = CAPABILITIES_ALL;
		return 0;
	}
	for (size_t i = 0; i < array_count(names); i++)
		if (strcasecmp(plain, names[i]) == 0) {
			*set |= UINT64_C(1) << i;
			return 0;
		}
	fail_plain(err, EINVAL, "capability '%s' is not known", name);
	err_hint(err, "names are those of capabilities(7), such as CAP_NET_RAW, and all");
	return -EINVAL;
}

void capabilities_to_names(uint64_t set, struct strings *ret_names)
{
	if (set == CAPABILITIES_ALL) {
		strings_add(ret_names, "ALL");
		return;
	}
	for (size_t i = 0; i < array_count(names); i++)
		if (set >> i & 1)
			strings_printf(ret_names, "CAP_%s", names[i]);
}
