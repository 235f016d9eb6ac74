// SPDX-License-Identifier: Apache-2.0
/* The root file system of an image, or of several below a folder each: layers looked at as one
 * tree.
 */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/log.h"
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
	int r = squash_writer_new(fd, &writer, err);

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

static int export_one(const struct export_job *job, size_t i, struct export_output *output,
		      struct err *err)
{
	const struct export_image *image = &job->image[i];
	const struct config *config = &image->image.config;
	const struct tree_tar_options options = { .folder = image->folder,
						  .goes_on = i + 1 < job->image_count };
	auto_tree tree = { 0 };
	auto_view view;
	int r;

	view_init(&view);
	r = view_push_layers(&view, job->request->store, config->diff_ids, config->diff_id_count,
			     err);
	if (r == 0)
		r = tree_of_view(&view, &tree, err);
	if (r < 0)
		return r;
	if (image->flatten)
		flatten(&tree);
	if (job->request->format == EXPORT_TAR)
		return write_tar(&tree, &options, output, err);
	if (job->request->format == EXPORT_SQUASHFS)
		return write_squash(&tree, &options, job->fd, err);
	return write_directory(job, image->folder, &tree, err);
}

int export_root(const struct export_job *job, struct err *err)
{
	struct export_output output;
	int r = 0;

	allow_open_files();
	export_output_init(&output, job->fd);
	for (size_t i = 0; r == 0 && i < job->image_count; i++)
		r = export_one(job, i, &output, err);
	if (r == 0)
		r = export_output_flush(&output, err);
	export_output_done(&output);
	return r;
}
