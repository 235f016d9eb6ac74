// SPDX-License-Identifier: Apache-2.0
/* The root file system of an image, or of several below a folder each: layers looked at as one
 * tree.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/log.h"
#include "base/memory.h"
#include "flow/directory_owners.h"
#include "flow/export.h"
#include "image/ownership.h"
#include "rootfs/tree.h"

static int write_tar(const struct tree *tree, const struct tree_tar_options *options,
		     struct export_output *output, struct err *err)
{
	struct tar_writer writer = { .write = export_output_write, .context = output };

	return tree_write_tar(tree, options, &writer, err);
}

static int write_squash(const struct tree *tree, const struct tree_tar_options *options, int fd,
			struct err *err)
{
	struct squash_writer *writer;
	int r = squash_writer_new(fd, 0, &writer, err);

	if (r < 0)
		return r;
	r = tree_write_squash(tree, options, writer, err);
	squash_writer_free(writer);
	return r;
}

static void flatten(struct tree *tree)
{
	for (size_t i = 0; i < tree->count; i++)
		ownership_flatten(&tree->item[i].uid, &tree->item[i].gid, &tree->item[i].mode);
}

/* An empty file in place of a device would be a lie outside of the store. */
static void leave_out_devices(struct tree *tree)
{
	size_t kept = 0;

	for (size_t i = 0; i < tree->count; i++) {
		const struct tree_entry *entry = &tree->item[i];

		if (!S_ISCHR(entry->mode) && !S_ISBLK(entry->mode))
			tree->item[kept++] = *entry;
	}
	if (kept < tree->count)
		log_warning("%zu device nodes are left out: a directory cannot hold them without "
			    "root (a tar can, and --owners tells of them)",
			    tree->count - kept);
	tree->count = kept;
}

/* Walking many layers at once holds a directory of each open per level of depth. This process runs
 * nothing that would inherit the limit. */
static void allow_open_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)!setrlimit(RLIMIT_NOFILE, &limit); /* else EMFILE tells, if it comes to that */
}

static int fill_directory(const char *owners, struct tree *tree, int fd, struct err *err)
{
	int r;

	if (owners)
		directory_owners_prepare(owners, tree);
	else
		leave_out_devices(tree);
	r = tree_copy(tree, TREE_COPY_REFLINK, fd, err);
	return r < 0 || !owners ? r : directory_owners_save(owners, tree, fd, err);
}

static int write_directory(const struct export_job *job, const char *folder, struct tree *tree,
			   struct err *err)
{
	auto_fd below = -1;

	if (!folder)
		return fill_directory(job->request->owners, tree, job->fd, err);
	if (mkdirat(job->fd, folder, 0777) < 0)
		return fail(err, errno, "make directory '%s'", folder);
	below = openat(job->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (below < 0)
		return fail(err, errno, "open '%s'", folder);
	return fill_directory(job->request->owners, tree, below, err);
}

/* The view must outlive the tree. */
static int read_image(const struct export_job *job, const struct export_image *image,
		      struct view *view, struct tree *tree, struct err *err)
{
	const struct config *config = &image->image.config;
	int r = view_push_layers(view, job->request->store, config->diff_ids, config->diff_id_count,
				 err);

	if (r == 0)
		r = tree_of_view(view, tree, err);
	if (r == 0 && image->flatten)
		flatten(tree);
	return r;
}

static int write_tree(const struct export_job *job, const struct tree_tar_options *options,
		      struct tree *tree, struct export_output *output, struct err *err)
{
	if (job->request->format == EXPORT_TAR)
		return write_tar(tree, options, output, err);
	if (job->request->format == EXPORT_SQUASHFS)
		return write_squash(tree, options, job->fd, err);
	return write_directory(job, options->folder, tree, err);
}

static int export_one(const struct export_job *job, size_t i, struct export_output *output,
		      struct err *err)
{
	const struct tree_tar_options options = { .folder = job->image[i].folder,
						  .goes_on = i + 1 < job->image_count };
	auto_tree tree = { 0 };
	auto_view view;
	int r;

	view_init(&view);
	r = read_image(job, &job->image[i], &view, &tree, err);
	return r < 0 ? r : write_tree(job, &options, &tree, output, err);
}

/* ---- several as one ---- */

/* Of directories that are in several the first one's owner and mode count. */
static int drop_repeated(struct tree *all, struct err *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < all->count; i++) {
		const struct tree_entry *entry = &all->item[i];

		if (!kept || tree_compare_paths(all->item[kept - 1].path, entry->path) != 0)
			all->item[kept++] = *entry;
		else if (!S_ISDIR(entry->mode) || !S_ISDIR(all->item[kept - 1].mode))
			return fail_plain(err, EEXIST,
					  "'/%s' is there for several platforms, and without "
					  "platform-split one would replace the other",
					  entry->path);
	}
	all->count = kept;
	return 0;
}

/* Trees of one image each, whose entries the result borrows. Equal paths stay in the images' order,
 * for the sort is one of insertion into what is sorted already. */
static int merge_trees(const struct tree *trees, size_t count, struct tree *all, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		struct tree_entry *merged;
		size_t before = all->count;
		size_t a = 0;
		size_t b = 0;

		merged = memory_resize(NULL, before + trees[i].count + 1, sizeof(*merged));
		while (a < before || b < trees[i].count) {
			bool first = b == trees[i].count ||
				     (a < before && tree_compare_paths(all->item[a].path,
								       trees[i].item[b].path) <= 0);

			merged[a + b] = first ? all->item[a] : trees[i].item[b];
			first ? a++ : b++;
		}
		free(all->item);
		all->item = merged;
		all->count = all->room = before + trees[i].count;
	}
	return drop_repeated(all, err);
}

static int export_merged(const struct export_job *job, struct export_output *output,
			 struct err *err)
{
	const struct tree_tar_options options = { 0 };
	struct tree *trees = memory_zeroed(job->image_count, sizeof(*trees));
	struct view *views = memory_zeroed(job->image_count, sizeof(*views));
	auto_tree all = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < job->image_count; i++)
		r = read_image(job, &job->image[i], &views[i], &trees[i], err);
	if (r == 0)
		r = merge_trees(trees, job->image_count, &all, err);
	if (r == 0)
		r = write_tree(job, &options, &all, output, err);
	for (size_t i = 0; i < job->image_count; i++) {
		tree_done(&trees[i]);
		view_done(&views[i]);
	}
	free(trees);
	free(views);
	return r;
}

int export_root(const struct export_job *job, struct err *err)
{
	struct export_output output;
	int r = 0;

	allow_open_files();
	export_output_init(&output, job->fd);
	if (job->image_count > 1 && !job->image[0].folder)
		r = export_merged(job, &output, err);
	else
		for (size_t i = 0; r == 0 && i < job->image_count; i++)
			r = export_one(job, i, &output, err);
	if (r == 0)
		r = export_output_flush(&output, err);
	export_output_done(&output);
	return r;
}
