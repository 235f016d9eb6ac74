// SPDX-License-Identifier: Apache-2.0
/* update-alternatives: /usr/bin/cc -> /etc/alternatives/cc -> /usr/bin/gcc. No package owns the two
 * links. They are shown where what they lead to is; where the host's choice is not shown and
 * another one is, the links lead to that, as they would on a machine that has only these packages.
 *
 * A group is a file of /var/lib/dpkg/alternatives: "auto" or "manual"; the link; pairs of name and
 * link of the slaves; an empty line; then for each choice its path, its priority and the slaves'
 * paths, empty for a slave it has not. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "policy/dpkg.h"
#include "sys/openat2.h"

#define GROUP_MAX_BYTES ((size_t)1 << 20)
#define FOLDER		"/var/lib/dpkg/alternatives"

struct group {
	struct strings names, links; /* the group itself first, then its slaves */
	struct strings best;	     /* what they lead to; "" for a slave without */
	long priority;		     /* of it, LONG_MIN: none so far */
};

static void group_done(struct group *group)
{
	strings_done(&group->names);
	strings_done(&group->links);
	strings_done(&group->best);
}

static const char *next_line(char **rest)
{
	return *rest ? strsep(rest, "\n") : NULL;
}

static bool is_shown(struct visible *visible, const char *path)
{
	const char *real;

	return path[0] == '/' && visible_resolve(visible, path, &real, NULL) == 0 &&
	       visible_has(visible, real);
}

static bool read_links(struct group *group, const char *name, char **rest)
{
	const char *line = next_line(rest); /* auto or manual */
	const char *link = line ? next_line(rest) : NULL;

	while (link) {
		strings_add(&group->names, name);
		strings_add(&group->links, link);
		name = next_line(rest);
		if (!name || !*name)
			return name != NULL;
		link = next_line(rest);
	}
	return false;
}

/* What /etc/alternatives/NAME leads to now. */
static bool chosen_by_host(const struct dpkg *dpkg, const char *name, char target[PATH_MAX])
{
	auto_fd fd = openat2_in_root(dpkg->root_fd, "/etc/alternatives", O_PATH | O_DIRECTORY, 0);
	ssize_t length = fd < 0 ? -1 : readlinkat(fd, name, target, PATH_MAX - 1);

	if (length < 0)
		return false;
	target[length] = '\0';
	return true;
}

/* The host's choice before any other, else the highest priority, of those that are shown. */
static bool read_choice(struct visible *visible, struct group *group, const char *chosen,
			char **rest)
{
	const char *path = next_line(rest);
	const char *number = path && *path ? next_line(rest) : NULL;
	auto_strings targets = { 0 };
	long priority;

	if (!number)
		return false;
	priority = text_equal(path, chosen) ? LONG_MAX : strtol(number, NULL, 10);
	strings_add(&targets, path);
	for (size_t i = 1; i < group->names.count; i++)
		strings_add(&targets, next_line(rest) ?: "");
	if (priority <= group->priority || !is_shown(visible, path))
		return true;
	group->priority = priority;
	strings_clear(&group->best);
	strings_add_all(&group->best, targets.item);
	return true;
}

/* The host's own link where it leads there, for what is not made need not be kept. */
static int show_link(struct visible *visible, const char *path, const char *target, struct err *err)
{
	char host_target[PATH_MAX];
	const char *real;
	ssize_t length = -1;

	if (visible_resolve(visible, path, &real, NULL) == 0)
		length = readlinkat(visible->root_fd, real + 1, host_target,
				    sizeof(host_target) - 1);
	if (length < 0 || (size_t)length != strlen(target) ||
	    strncmp(host_target, target, (size_t)length) != 0)
		return visible_add_link(visible, path, target, err);
	return visible_add(visible, path, err);
}

static int show_links(struct visible *visible, const struct group *group, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < group->best.count; i++) {
		auto_buf middle = { 0 };

		if (!is_shown(visible, group->best.item[i]))
			continue;
		buf_printf(&middle, "/etc/alternatives/%s", group->names.item[i]);
		r = show_link(visible, middle.bytes, group->best.item[i], err);
		if (r == 0)
			r = show_link(visible, group->links.item[i], middle.bytes, err);
	}
	return r;
}

static int show_group(const struct dpkg *dpkg, struct visible *visible, const char *name,
		      const char *bytes, struct err *err)
{
	struct group group = { .priority = LONG_MIN };
	auto_free char *text = memory_copy_text(bytes);
	char chosen[PATH_MAX] = "";
	char *rest = text;
	int r = 0;

	chosen_by_host(dpkg, name, chosen);
	if (read_links(&group, name, &rest)) {
		while (read_choice(visible, &group, chosen, &rest))
			;
		r = show_links(visible, &group, err);
	}
	group_done(&group);
	return r;
}

/* In order of names, whatever the directory's is. */
static int list_groups(int folder_fd, struct strings *names, struct err *err)
{
	DIR *stream = fdopendir(folder_fd);
	const struct dirent *entry;

	if (!stream) {
		fail(err, errno, "'%s'", FOLDER);
		close(folder_fd);
		return -err->code;
	}
	while ((entry = readdir(stream)))
		if (entry->d_name[0] != '.')
			strings_add(names, entry->d_name);
	closedir(stream);
	strings_sort(names);
	return 0;
}

int dpkg_show_alternatives(const struct dpkg *dpkg, struct visible *visible, struct err *err)
{
	auto_fd folder_fd = openat2_in_root(dpkg->root_fd, FOLDER, O_RDONLY | O_DIRECTORY, 0);
	auto_strings names = { 0 };
	int r;

	visible_based_on(visible, "/etc/alternatives");
	if (folder_fd < 0)
		return folder_fd == -ENOENT ? 0 : fail(err, -folder_fd, "'%s'", FOLDER);
	r = list_groups(fcntl(folder_fd, F_DUPFD_CLOEXEC, 0), &names, err);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		auto_buf text = { 0 };

		r = io_read_file_at(folder_fd, names.item[i], GROUP_MAX_BYTES, &text, err);
		if (r == 0)
			r = show_group(dpkg, visible, names.item[i], buf_text(&text), err);
	}
	return r < 0 ? err_wrap(err, "update-alternatives") : 0;
}
