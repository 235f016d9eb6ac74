// SPDX-License-Identifier: Apache-2.0
#include "flow/build_context.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/log.h"
#include "flow/context_archive.h"
#include "flow/download.h"
#include "sys/remove.h"

/* ---- a directory ---- */

static int open_directory(struct build_context *context, const char *path, struct err *err)
{
	char real[PATH_MAX];
	int r;

	if (!realpath(path, real))
		return fail(err, errno, "open directory");
	context->path = arena_copy(&context->arena, real);
	r = view_push_directory(&context->view, context->path, err);
	if (r < 0)
		return r;
	context->is_local = true;
	build_files_open(&context->files, context->store, context->path);
	return 0;
}

/* ---- one stream of bytes ---- */

/* An empty directory in the store, for the files. */
static int make_folder(struct build_context *context, int *ret_fd, struct err *err)
{
	const struct store *store = context->store;
	int r = store_work_name(store, context->work_name, err);
	int fd;

	if (r < 0)
		return r;
	context->path = arena_printf(&context->arena, "%s/%s", store->path, context->work_name);
	if (mkdirat(store->dirfd, context->work_name, 0755) < 0)
		return fail(err, errno, "make '%s'", context->path);
	fd = openat(store->dirfd, context->work_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(err, errno, "open '%s'", context->path);
	*ret_fd = fd;
	return 0;
}

static bool is_text(const struct buf *text)
{
	return text->size_bytes > 0 && !memchr(text->bytes, '\0', text->size_bytes);
}

static int take_text(struct build_context *context, struct context_archive *archive,
		     const struct build_context_request *request, struct err *err)
{
	int r = context_archive_text(archive, DOCKERFILE_BYTES, &context->text, err);

	if (r < 0)
		return r;
	if (request->is_named || !is_text(&context->text))
		return fail_plain(err, EINVAL,
				  context->text.size_bytes
					  ? "it is neither a directory nor a tar archive"
					  : "it is empty");
	context->is_text = true;
	return view_push_directory(&context->view, context->path, err);
}

static int open_stream(struct build_context *context, const struct byte_source *source,
		       const struct build_context_request *request, struct err *err)
{
	auto_context_archive *archive = NULL;
	auto_fd root_fd = -1;
	struct owners owners;
	int r = make_folder(context, &root_fd, err);

	if (r == 0)
		r = context_archive_new(source, &archive, err);
	if (r < 0)
		return r;
	if (!context_archive_is_tar(archive))
		return take_text(context, archive, request, err);
	r = context_archive_unpack(archive, root_fd, &owners, err);
	if (r == 0)
		r = view_push_recorded(&context->view, context->path, &owners, err);
	return r;
}

static int open_fd(struct build_context *context, int fd,
		   const struct build_context_request *request, struct err *err)
{
	const struct byte_source source = byte_source_fd(&fd);

	return open_stream(context, &source, request, err);
}

static int open_url(struct build_context *context, const struct build_context_request *request,
		    struct err *err)
{
	const struct download_request download_request = { .url = request->source,
							   .secrets = request->secrets,
							   .retry = request->retry };
	auto_fd fd = -1;
	int r = download_open(context->store, &download_request, &fd, err);

	return r < 0 ? r : open_fd(context, fd, request, err);
}

/* ---- a repository ---- */

/* What git_source_parse knows, and for contexts repositories on this machine. */
static int parse_git(struct build_context *context, const char *source, struct git_source *ret_git,
		     struct err *err)
{
	static const char stand_in[] = "git://";
	int r;

	if (text_starts(source, "github.com/") && access(source, F_OK) < 0)
		source = arena_printf(&context->arena, "https://%s%s", source,
				      strstr(source, ".git") ? "" : ".git");
	if (!text_starts(source, "file://"))
		return git_source_parse(&context->arena, source, ret_git, err);
	r = git_source_parse(
		&context->arena,
		arena_printf(&context->arena, "%s%s", stand_in, source + strlen("file://")),
		ret_git, err);
	if (r == 1)
		ret_git->remote = arena_printf(&context->arena, "file://%s",
					       ret_git->remote + strlen(stand_in));
	return r;
}

static int enter_subdir(struct build_context *context, const char *subdir, struct err *err)
{
	struct view_entry entry;
	const char *path;
	int r = view_resolve(&context->view, subdir, true, &context->arena, &path, err);

	if (r < 0)
		return r;
	if (view_lookup(&context->view, path, &entry) < 0 || !S_ISDIR(entry.mode))
		return fail_plain(err, ENOENT, "the commit has no directory '%s'", subdir);
	context->path = arena_printf(&context->arena, "%s/%s", context->git.path, path);
	view_pop(&context->view);
	return view_push_directory(&context->view, context->path, err);
}

static int open_git(struct build_context *context, const struct git_source *git,
		    const struct build_context_request *request, struct err *err)
{
	bool keep_git_dir = git->keep_git_dir == CHOICE_NONE ? request->keep_git_dir
							     : git->keep_git_dir == CHOICE_YES;
	const struct git_access access = { git, request->secrets };
	struct git_commit commit;
	int r = git_resolve(&access, git->checksum, &commit, err);

	if (r == 0)
		r = git_tree_open(&context->git, context->store, &access, &commit, keep_git_dir,
				  err);
	if (r < 0)
		return r;
	context->path = context->git.path;
	r = view_push_directory(&context->view, context->path, err);
	return r == 0 && git->subdir ? enter_subdir(context, git->subdir, err) : r;
}

/* ---- whatever it is ---- */

static int open_path(struct build_context *context, const struct build_context_request *request,
		     struct err *err)
{
	auto_fd fd = open(request->source, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(err, errno, "open");
	if (S_ISDIR(st.st_mode))
		return open_directory(context, request->source, err);
	if (!S_ISREG(st.st_mode))
		return fail_plain(err, ENOTDIR, "it is neither a directory nor a tar archive");
	return open_fd(context, fd, request, err);
}

static int open_any(struct build_context *context, const struct build_context_request *request,
		    struct err *err)
{
	const char *source = request->source;
	struct git_source git;
	int r;

	if (strcmp(source, "-") == 0 && !request->is_named)
		return open_fd(context, STDIN_FILENO, request, err);
	r = parse_git(context, source, &git, err);
	if (r != 0)
		return r < 0 ? r : open_git(context, &git, request, err);
	if (text_starts(source, "http://") || text_starts(source, "https://"))
		return open_url(context, request, err);
	return open_path(context, request, err);
}

int build_context_open(struct build_context *context, const struct store *store,
		       const struct build_context_request *request, struct err *err)
{
	int r;

	*context = (struct build_context){ .store = store };
	context->ignore.arena = &context->arena;
	view_init(&context->view);
	r = open_any(context, request, err);
	/* A file that is a Dockerfile was meant for -f: only what came from elsewhere can be both.
	 */
	if (r == 0 && context->is_text && strcmp(request->source, "-") != 0 &&
	    !strstr(request->source, "://")) {
		r = fail_plain(err, ENOTDIR, "it is neither a directory nor a tar archive");
		err_hint(err, "-f names a Dockerfile");
	}
	if (r < 0) {
		build_context_close(context);
		return err_wrap(err, "build context '%s'", request->source);
	}
	return 0;
}

void build_context_close(struct build_context *context)
{
	struct err err = { 0 };

	if (context->is_local)
		build_files_close(&context->files);
	view_done(&context->view);
	if (context->work_name[0] &&
	    remove_tree(context->store->dirfd, context->work_name, &err) < 0)
		log_verbose("left in the store: %s", err.text);
	git_tree_close(&context->git);
	buf_done(&context->text);
	arena_done(&context->arena);
	*context = (struct build_context){ 0 };
}

struct build_files *build_context_files(struct build_context *context)
{
	return context->is_local ? &context->files : NULL;
}
