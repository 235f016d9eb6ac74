// SPDX-License-Identifier: Apache-2.0
#include "sys/entries.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/banned.h"

static int visit_all(const char *entries, long bytes, int (*visit)(void *, const char *),
		     void *context)
{
	for (long at = 0; at < bytes;) {
		const struct dirent64 *entry = (const void *)(entries + at);
		int r = 0;

		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = visit(context, entry->d_name);
		if (r != 0)
			return r;
		at += entry->d_reclen;
	}
	return 0;
}

int entries_each(int directory_fd, int (*visit)(void *, const char *), void *context)
{
	_Alignas(struct dirent64) char entries[4096];

	for (;;) {
		long n = syscall(SYS_getdents64, directory_fd, entries, sizeof(entries));
		int r;

		if (n <= 0)
			return n < 0 ? -errno : 0;
		r = visit_all(entries, n, visit, context);
		if (r != 0)
			return r;
	}
}
