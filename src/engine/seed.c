// SPDX-License-Identifier: Apache-2.0
#include "engine/seed.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "sys/entries.h"

struct seeding {
	int from_fd;
	int to_fd;
	struct err *err;
};

static int seed_from(int from_fd, int to_fd, struct err *err);

int seed_link(int from_fd, int to_fd, const char *name, struct err *err)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(from_fd, name, target, sizeof(target) - 1);

	target[length < 0 ? 0 : length] = '\0';
	return length < 0 || symlinkat(target, to_fd, name) < 0
		       ? fail(err, errno, "link '%s'", name)
		       : 0;
}

/* Things are mounted in it later: who made it may always write to it. */
static int seed_below(const struct seeding *seeding, const char *name, mode_t mode)
{
	auto_fd from_fd = -1;
	auto_fd to_fd = -1;

	if (mkdirat(seeding->to_fd, name, 0700) < 0)
		return fail(seeding->err, errno, "make '%s'", name);
	from_fd = openat(seeding->from_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	to_fd = openat(seeding->to_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from_fd < 0 || to_fd < 0 || fchmod(to_fd, (mode & 07777) | 0700) < 0)
		return fail(seeding->err, errno, "directory '%s'", name);
	return seed_from(from_fd, to_fd, seeding->err);
}

static int seed_entry(void *context, const char *name)
{
	const struct seeding *seeding = context;
	struct stat st;

	if (fstatat(seeding->from_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(seeding->err, errno, "'%s'", name);
	if (S_ISLNK(st.st_mode))
		return seed_link(seeding->from_fd, seeding->to_fd, name, seeding->err);
	return S_ISDIR(st.st_mode) ? seed_below(seeding, name, st.st_mode) : 0;
}

static int seed_from(int from_fd, int to_fd, struct err *err)
{
	struct seeding seeding = { from_fd, to_fd, err };
	int r = entries_each(from_fd, seed_entry, &seeding);

	return r < 0 && !err->code ? fail(err, -r, "list it") : r;
}

int seed_directory(const char *source, int to_fd, struct err *err)
{
	auto_fd from_fd = open(source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = from_fd < 0 ? fail(err, errno, "open it") : seed_from(from_fd, to_fd, err);

	return r < 0 ? err_wrap(err, "what is in '%s'", source) : 0;
}
