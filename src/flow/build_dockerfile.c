// SPDX-License-Identifier: Apache-2.0
/* Where a context's Dockerfile and its ignore file are: beside each other on the host when the
 * context is a directory, else both inside the context. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "dockerfile/path.h"
#include "flow/build_context.h"
#include "flow/download.h"

#define IGNORE_FILE_BYTES ((size_t)1 << 20)

/* A file in the context, symlinks followed inside it. -ENOENT when there is none. */
static int read_inside(struct build_context *context, const char *path, size_t limit_bytes,
		       struct buf *text, struct err *err)
{
	const char *resolved;
	struct view_entry entry;
	auto_fd fd = -1;
	int r = view_resolve(&context->view, path, true, &context->arena, &resolved, err);

	if (r < 0)
		return r;
	r = view_lookup(&context->view, resolved, &entry);
	if (r < 0)
		return fail(err, -r, "'%s'", path);
	if (!S_ISREG(entry.mode))
		return fail_plain(err, EINVAL, "'%s' is not a file", path);
	r = view_open(&context->view, resolved, &entry, &fd, err);
	return r < 0 ? r : io_read_to_end(fd, limit_bytes, text, err);
}

/* ---- the ignore file ---- */

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

static int read_ignore(struct build_context *context, const char *path, bool on_host,
		       struct buf *text, struct err *err)
{
	return on_host ? io_read_file_at(AT_FDCWD, path, IGNORE_FILE_BYTES, text, err)
		       : read_inside(context, path, IGNORE_FILE_BYTES, text, err);
}

int build_context_ignore(struct build_context *context, const char *dockerfile, struct err *err)
{
	const struct {
		const char *path;
		bool on_host;
	} places[] = {
		{ dockerfile ? arena_printf(&context->arena, "%s.dockerignore", dockerfile) : NULL,
		  context->is_local },
		{ ".dockerignore", false },
	};

	for (size_t i = 0; i < array_count(places); i++) {
		auto_buf text = { 0 };
		int r = places[i].path ? read_ignore(context, places[i].path, places[i].on_host,
						     &text, err)
				       : -ENOENT;

		if (r == -ENOENT || r == -ENOTDIR)
			continue;
		return r < 0 ? r : parse_ignore(context, places[i].path, &text, err);
	}
	err_clear(err);
	return 0;
}

/* ---- the Dockerfile ---- */

static int read_url(struct build_context *context, const struct build_context_request *request,
		    const char *url, struct buf *text, struct err *err)
{
	const struct download_request download_request = { .url = url,
							   .secrets = request->secrets,
							   .retry = request->retry };
	auto_fd fd = -1;
	int r = download_open(context->store, &download_request, &fd, err);

	return r < 0 ? r : io_read_to_end(fd, DOCKERFILE_BYTES, text, err);
}

static int read_stdin(const struct build_context_request *request, struct buf *text,
		      struct err *err)
{
	if (strcmp(request->source, "-") == 0)
		return fail_plain(err, EINVAL,
				  "standard input cannot be both the Dockerfile and the context");
	return io_read_to_end(STDIN_FILENO, DOCKERFILE_BYTES, text, err);
}

/* -f is seen from the current directory, as docker does it. */
static int read_on_host(struct build_context *context, const char *file, const char *path,
			struct buf *text, struct err *err)
{
	static const char *const others[] = { "Containerfile", "dockerfile" };
	int r = io_read_file_at(AT_FDCWD, path, DOCKERFILE_BYTES, text, err);

	if (r != -ENOENT)
		return r;
	for (size_t i = 0; !file && i < array_count(others); i++) {
		const char *other = arena_printf(&context->arena, "%s/%s", context->path,
						 others[i]);

		if (access(other, F_OK) == 0)
			err_hint(err, "there is '%s': give it with -f", other);
	}
	if (file && faccessat(AT_FDCWD, arena_printf(&context->arena, "%s/%s", context->path, file),
			      F_OK, 0) == 0)
		err_hint(err,
			 "-f is seen from the current directory; in the context there is one: "
			 "-f %s/%s",
			 context->path, file);
	err_hint(err, "-f names a Dockerfile that is elsewhere");
	return r;
}

int build_context_dockerfile(struct build_context *context,
			     const struct build_context_request *request, const char *file,
			     struct buf *text, const char **ret_path, const char **ret_name,
			     struct err *err)
{
	const char *path = file ?: "Dockerfile";
	int r;

	*ret_path = NULL;
	*ret_name = "Dockerfile";
	if (file && strcmp(file, "-") == 0)
		return read_stdin(request, text, err);
	if (file && (text_starts(file, "http://") || text_starts(file, "https://")))
		return read_url(context, request, file, text, err);
	if (context->is_text && file)
		return fail_plain(err, EINVAL,
				  "-f '%s': the context is a Dockerfile itself and has no files",
				  file);
	if (context->is_text) {
		buf_add(text, context->text.bytes, context->text.size_bytes);
		return 0;
	}
	if (context->is_local && !file)
		path = arena_printf(&context->arena, "%s/%s", request->source, path);
	*ret_path = path;
	*ret_name = path_base(path);
	if (context->is_local)
		return read_on_host(context, file, path, text, err);
	r = read_inside(context, path, DOCKERFILE_BYTES, text, err);
	return r < 0 ? err_wrap(err, "build context '%s'", request->source) : 0;
}
