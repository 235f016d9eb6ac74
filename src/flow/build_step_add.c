// SPDX-License-Identifier: Apache-2.0
/* ADD of what comes from elsewhere: files by URL, commits of git repositories. */
#include <string.h>

#include "base/banned.h"
#include "flow/build_work.h"
#include "store/blob.h"

#define URL_MODE \
	0600 /* Dockerfile reference, ADD: "the destination will have permissions of 600" */

/* ---- a URL ---- */

static int fetch_url(struct work *work, struct copy_input *input, struct err *err)
{
	const char *checksum = work->step->copy.checksum;
	struct digest digest;
	struct download_request request = { .url = input->source->text,
					    .secrets = &work->build->request->secrets,
					    .retry = work->build->request->remote.retry };
	int r = checksum ? digest_parse(checksum, &digest, err) : 0;

	if (checksum)
		request.checksum = &digest;
	if (r == 0)
		r = download(&work->build->store, &request, &input->downloaded, err);
	input->is_downloaded = r == 0;
	return r;
}

/* With a checksum nobody has to be asked what the file is. */
static int key_url(struct work *work, struct copy_input *input, struct build_key *key,
		   struct err *err)
{
	const char *checksum = work->step->copy.checksum;
	const struct download *downloaded = &input->downloaded;
	int r;

	build_key_add(key, "name", input->source->name);
	if (checksum) {
		build_key_add(key, "checksum", checksum);
		return 0;
	}
	r = fetch_url(work, input, err);
	if (r < 0)
		return r;
	build_key_add(key, arena_printf(&work->arena, "content of %s", input->source->text),
		      downloaded->digest.text);
	build_key_add(key, "time",
		      arena_printf(&work->arena, "%lld",
				   downloaded->has_mtime ? (long long)downloaded->mtime_s : 0));
	return 0;
}

/* Without Last-Modified it is of 1970, as in BuildKit: the same file gives the same layer. */
int add_place_url(struct work *work, struct copy_input *input, const struct copy_target *target,
		  struct err *err)
{
	const struct copy_meta *meta = &target->meta;
	const struct download *downloaded = &input->downloaded;
	const struct place_meta place_meta = {
		.uid = meta->uid,
		.gid = meta->gid,
		.mode = meta->chmod ? chmod_apply(meta->chmod, URL_MODE, false) : URL_MODE,
		.mtime = { .tv_sec = downloaded->has_mtime ? downloaded->mtime_s : 0 },
	};
	auto_fd fd = -1;
	int r = blob_open(&work->build->store, &downloaded->digest, &fd, NULL, err);

	if (r == 0)
		r = copy_place_file(target, &work->arena, input->source->name, fd, &place_meta,
				    err);
	return r;
}

/* ---- a repository ---- */

static int key_git(struct work *work, struct copy_input *input, struct build_key *key,
		   struct err *err)
{
	const struct git_source *git = &input->source->git;
	const struct git_access access = { git, &work->build->request->secrets };
	int r = git_resolve(&access, git->checksum, &input->commit, err);

	if (r < 0)
		return r;
	build_key_add(key, arena_printf(&work->arena, "commit of %s", git->remote),
		      input->commit.hex);
	build_key_add(key, "subdirectory", or_empty(git->subdir));
	build_key_add(key, "git directory", git->keep_git_dir == CHOICE_YES ? "yes" : "no");
	build_key_add(key, "submodules", git->submodules == CHOICE_NO ? "no" : "yes");
	return 0;
}

static int open_git(struct work *work, struct copy_input *input, const struct ignore *exclude,
		    struct err *err)
{
	const struct git_source *git = &input->source->git;
	const struct git_access access = { git, &work->build->request->secrets };
	int r = git_tree_open(&input->git, &work->build->store, &access, &input->commit,
			      git->keep_git_dir == CHOICE_YES, err);

	if (r == 0)
		r = view_push_directory(&input->git_view, input->git.path, err);
	if (r < 0)
		return r;
	input->tree = (struct copy_tree){ .view = &input->git_view };
	r = copy_collect(&input->tree, git->subdir ?: ".", exclude, &input->list, err);
	if (r == 0 && !S_ISDIR(input->list.operand[0].entry[0].entry.mode))
		r = fail_plain(err, ENOTDIR, "'%s' is not a directory", git->subdir);
	return r < 0 ? err_wrap(err, "git repository '%s'", git->remote) : 0;
}

/* ---- either ---- */

int add_key(struct work *work, struct copy_input *input, struct build_key *key, struct err *err)
{
	return input->source->kind == COPY_URL ? key_url(work, input, key, err)
					       : key_git(work, input, key, err);
}

int add_open(struct work *work, struct copy_input *input, const struct ignore *exclude,
	     struct err *err)
{
	if (input->source->kind == COPY_URL && !input->is_downloaded)
		return fetch_url(work, input, err);
	if (input->source->kind == COPY_GIT)
		return open_git(work, input, exclude, err);
	return 0;
}

void add_done(struct copy_input *input)
{
	view_done(&input->git_view);
	git_tree_close(&input->git);
}
