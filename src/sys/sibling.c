// SPDX-License-Identifier: Apache-2.0
#include "sys/sibling.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/* The folder of this program's own file, by /proc/self/exe: argv[0] can say anything. */
static int own_folder(char folder[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
	char *slash;

	if (length < 0)
		return -errno;
	folder[length] = '\0';
	slash = strrchr(folder, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	return 0;
}

/* execve takes char *const *: it does not write to them (POSIX execve, RATIONALE). */
static void try_exec(const char *path, const char *const *argv)
{
	union {
		const char *const *in;
		char *const *out;
	} words = { .in = argv };

	execv(path, words.out);
}

int sibling_exec(const char *name, const char *const *argv, struct err *err)
{
	static const char *const below[] = { "", "/../libexec/rootlet" };
	char folder[PATH_MAX];
	char path[PATH_MAX];

	if (own_folder(folder) == 0) {
		for (size_t i = 0; i < array_count(below); i++) {
			if (snprintf(path, sizeof(path), "%s%s/%s", folder, below[i], name) <
			    (int)sizeof(path))
				try_exec(path, argv);
			if (errno != ENOENT)
				return fail(err, errno, "execute '%s'", path);
		}
	}
	snprintf(path, sizeof(path), "%s/%s", LIBEXEC_FOLDER, name);
	try_exec(path, argv);
	fail(err, errno, "program '%s'", name);
	err_hint(err, "searched beside this program, in ../libexec/rootlet and in %s",
		 LIBEXEC_FOLDER);
	return -(err ? err->code : ENOENT);
}

bool sibling_path(const char *relative, char ret_path[PATH_MAX])
{
	char folder[PATH_MAX];

	return own_folder(folder) == 0 &&
	       snprintf(ret_path, PATH_MAX, "%s/%s", folder, relative) < PATH_MAX;
}

bool sibling_find(const char *name, char ret_path[PATH_MAX])
{
	static const char *const below[] = { "", "../libexec/rootlet/" };
	char relative[PATH_MAX];

	for (size_t i = 0; i < array_count(below); i++) {
		snprintf(relative, sizeof(relative), "%s%s", below[i], name);
		if (sibling_path(relative, ret_path) && access(ret_path, X_OK) == 0)
			return true;
	}
	return snprintf(ret_path, PATH_MAX, "%s/%s", LIBEXEC_FOLDER, name) < PATH_MAX &&
	       access(ret_path, X_OK) == 0;
}
