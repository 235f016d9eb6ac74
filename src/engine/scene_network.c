// SPDX-License-Identifier: Apache-2.0
#include "engine/scene_network.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/io.h"
#include "engine/scene_folder.h"

/* The kernel's own headings, in `head_lines`; what has none is empty. */
struct network_file {
	const char *name;
	unsigned head_lines;
	const char *text; /* behind them */
};

static const struct network_file files[] = {
	{ "arp", 1, "" },
	{ "dev", 2,
	  "    lo:       0       0    0    0    0     0          0         0        0       0    "
	  "0    0    0     0       0          0\n" },
	{ "dev_mcast", 0, "" },
	{ "if_inet6", 0, "00000000000000000000000000000001 01 80 10 80       lo\n" },
	{ "ipv6_route", 0, "" },
	{ "netlink", 1, "" },
	{ "packet", 1, "" },
	{ "raw", 1, "" },
	{ "raw6", 1, "" },
	{ "route", 1, "" },
	{ "tcp", 1, "" },
	{ "tcp6", 1, "" },
	{ "udp", 1, "" },
	{ "udp6", 1, "" },
	{ "udplite", 1, "" },
	{ "udplite6", 1, "" },
	{ "unix", 1, "" },
};

/* false: this kernel has no such file. */
static bool copy_head(FILE *to, const struct network_file *file)
{
	char path[32];
	char *line = NULL;
	size_t size_bytes = 0;
	FILE *from;

	snprintf(path, sizeof(path), "/proc/net/%s", file->name);
	from = fopen(path, "re");
	if (!from)
		return false;
	for (unsigned i = 0; i < file->head_lines && getline(&line, &size_bytes, from) > 0; i++)
		fputs(line, to);
	free(line);
	fclose(from);
	return true;
}

static int put_file(int folder_fd, const struct network_file *file, struct err *err)
{
	auto_free char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);
	bool is_there = stream && copy_head(stream, file);
	auto_fd fd = -1;
	int r;

	if (!stream)
		return fail(err, ENOMEM, "'%s'", file->name);
	fputs(file->text, stream);
	if (fclose(stream) != 0)
		return fail(err, ENOMEM, "'%s'", file->name);
	if (!is_there)
		return 0;
	fd = openat(folder_fd, file->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (fd < 0)
		return fail(err, errno, "'%s'", file->name);
	r = io_write_all(fd, text, length);
	return r < 0 ? fail(err, -r, "'%s'", file->name) : 0;
}

static int open_private(struct scene *scene, char path[PATH_MAX], int *ret_fd, struct err *err)
{
	int r = scene_private_directory(scene, 0755, path, err);

	if (r < 0)
		return r;
	*ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? fail(err, errno, "open '%s'", path) : 0;
}

int scene_network_files(struct scene *scene, char path[PATH_MAX], struct err *err)
{
	auto_fd fd = -1;
	int r = open_private(scene, path, &fd, err);

	for (size_t i = 0; r == 0 && i < array_count(files); i++)
		r = put_file(fd, &files[i], err);
	return r;
}

int scene_network_devices(struct scene *scene, char path[PATH_MAX], struct err *err)
{
	auto_fd fd = -1;
	int r = open_private(scene, path, &fd, err);

	if (r == 0 && symlinkat("../../devices/virtual/net/lo", fd, "lo") < 0)
		r = fail(err, errno, "'%s/lo'", path);
	return r;
}
