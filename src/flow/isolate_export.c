// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <string.h>

#include "base/banned.h"
#include "flow/dest.h"
#include "flow/isolate.h"
#include "flow/pack.h"

int isolate_show_again(struct environment *environment, struct visible *visible, struct err *err)
{
	struct isolate_request request = { .path = environment->path };
	auto_strings notes = { 0 };
	int r;

	strings_add_all(&request.with, environment->with.item);
	strings_add_all(&request.hide, environment->hide.item);
	request.recipe = take_ptr(environment->recipe);
	r = isolate_show(&request, environment->source, visible, &notes, err);
	isolate_request_done(&request);
	return r;
}

static int copy_host_files(struct environment *environment, int fd, struct err *err)
{
	auto_fd host_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_visible visible;
	int r;

	visible_init(&visible, host_fd);
	r = isolate_show_again(environment, &visible, err);
	return r < 0 ? r : isolate_copy(&visible, fd, err);
}

static int pack(const char *store, const char *source, const char *format, const char *output,
		struct err *err)
{
	struct pack_request request = { .store = store, .source = source, .output = output };
	struct pack_made made = { 0 };
	int r;

	if (!pack_format_parse(format, &request.format))
		return fail_plain(err, EINVAL, "-f %s is none of " PACK_FORMATS, format);
	strings_add(&request.allow_secrets, "*"); /* the host's own, which its user may read */
	request.name = "environment";
	r = pack_run(&request, &made, err);
	free(made.path);
	pack_request_done(&request);
	return r;
}

static int fill_copy(void *context, int fd, struct err *err)
{
	int r = copy_host_files(context, fd, err);

	if (r == 0)
		isolate_make_mount_points(fd);
	return r;
}

/* Two who make it at once are harmless: the second finds it there. */
int isolate_make_copy(const char *path, struct err *err)
{
	auto_environment environment = { 0 };
	const struct dest_writer writer = { .fill = fill_copy,
					    .context = &environment,
					    .directory = true };
	auto_buf copy = { 0 };
	int r = environment_load(path, &environment, err);

	if (r < 0)
		return r;
	buf_printf(&copy, "%s/%s", environment.path, ENVIRONMENT_COPY);
	r = dest_write_beside(copy.bytes, &writer, err);
	if (r != -EEXIST)
		return r;
	err_clear(err);
	return 0;
}

/* By the suffix; tar where that says nothing. */
static const char *format_of(const char *output)
{
	static const char *const suffixes[][2] = {
		{ ".tar.zst", "tar.zst" },   { ".tar.gz", "tar.gz" }, { ".tgz", "tar.gz" },
		{ ".squashfs", "squashfs" }, { ".sqfs", "squashfs" }, { ".sif", "squashfs" },
	};

	for (size_t i = 0; i < array_count(suffixes); i++)
		if (text_ends(output, suffixes[i][0]))
			return suffixes[i][1];
	return "tar";
}

int isolate_export(const char *store, const char *path, const char *format, const char *output,
		   struct err *err)
{
	auto_environment environment = { 0 };
	int r = environment_load(path, &environment, err);

	if (r < 0)
		return r;
	if (!format)
		format = format_of(output);
	return pack(store, environment.is_host_files ? environment.path : environment.root, format,
		    output, err);
}
