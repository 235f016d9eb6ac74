// SPDX-License-Identifier: Apache-2.0
#include "flow/isolate_known.h"

#include <string.h>

#include "base/banned.h"
#include "base/strings.h"

bool isolate_is_no_matter(const char *path)
{
	static const char *const folders[] = {
		"/usr/share/doc/",
		"/usr/share/info",
		"/usr/share/lintian",
		"/usr/share/menu",
		"/usr/share/bash-completion",
		"/usr/share/zsh",
		"/usr/share/pixmaps",
		"/usr/share/polkit-1",
		"/usr/lib/systemd",
		"/usr/lib/udev",
		"/etc/systemd",
		"/etc/init.d",
		"/etc/rc",
		"/etc/cron.",
		"/etc/logrotate.d",
		"/etc/pam.d",
		"/etc/security",
	};

	for (size_t i = 0; i < array_count(folders); i++)
		if (text_starts(path, folders[i]))
			return true;
	return false;
}

bool isolate_changes_all_the_time(const char *path)
{
	static const char *const busy[] = { "/var", "/tmp",  "/run", "/home", "/root",
					    "/dev", "/proc", "/sys", "/mnt",  "/media" };

	for (size_t i = 0; i < array_count(busy); i++)
		if (strcmp(path, busy[i]) == 0)
			return true;
	return false;
}
