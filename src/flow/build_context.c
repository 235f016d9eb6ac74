// SPDX-License-Identifier: Apache-2.0
#include "flow/build_context.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/banned.h"
#include "base/io.h"

#define IGNORE_FILE_BYTES ((size_t)1 << 20)

static int parse_ignore(struct build_context *context, const char *path, const struct buf *text,
			struct err *err)
{
	struct source *source = arena_new(&context->arena, struct source);

	*source = (struct source){ .name = path,
				   .text = arena_copy_bytes(&context->arena, buf_text(text),
							    text->size_bytes),
				   .size_bytes = text->size_bytes };
	return ignore_parse(&context->arena, source, &context->ignore, NULL, err);
}

static int read_ignore(struct build_context *context, const char *dockerfile_path, struct err *err)
{
	const char *const paths[] = {
		dockerfile_path ? arena_printf(&context->arena, "%s.dockerignore", dockerfile_path)
				: NULL,
		arena_printf(&context->arena, "%s/.dockerignore", context->path),
	};

	context->ignore.arena = &context->arena;
	for (size_t i = 0; i < array_count(paths); i++) {
		auto_buf text = { 0 };
		int r = !paths[i] ? -ENOENT
				  : io_read_file_at(AT_FDCWD, paths[i], IGNORE_FILE_BYTES, &text,
						    err);

		if (r == -ENOENT)
			continue;
		return r < 0 ? r : parse_ignore(context, paths[i], &text, err);
	}
	err_clear(err);
	return 0;
}

int build_context_open(struct build_context *context, const struct store *store, const char *path,
		       const char *dockerfile_path, struct err *err)
{
	char real[PATH_MAX];
	int r;

	*context = (struct build_context){ 0 };
	if (!realpath(path, real))
		return fail(err, errno, "build context '%s'", path);
	context->path = arena_copy(&context->arena, real);
	view_init(&context->view);
	r = view_push_directory(&context->view, context->path, err);
	if (r == 0)
		r = read_ignore(context, dockerfile_path, err);
	if (r < 0) {
		view_done(&context->view);
		arena_done(&context->arena);
		return err_wrap(err, "build context '%s'", path);
	}
	build_files_open(&context->files, store, context->path);
	return 0;
}

void build_context_close(struct build_context *context)
{
	build_files_close(&context->files);
	view_done(&context->view);
	arena_done(&context->arena);
	*context = (struct build_context){ 0 };
}
