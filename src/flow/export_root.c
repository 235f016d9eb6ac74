// SPDX-License-Identifier: Apache-2.0
/* The root file system of an image: its layers looked at as one tree. */
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/log.h"
#include "flow/export.h"
#include "image/ownership.h"
#include "rootfs/tree.h"

static int write_tar(const struct export_job *job, const struct tree *tree, struct err *err)
{
	struct tree_tar_options options = { 0 };
	struct export_output output;
	struct tar_writer writer = { .write = export_output_write, .context = &output };
	int r;

	export_output_init(&output, job->fd);
	r = tree_write_tar(tree, &options, &writer, err);
	if (r == 0)
		r = export_output_flush(&output, err);
	export_output_done(&output);
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
			    "root (a tar can)",
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

int export_root(const struct export_job *job, struct err *err)
{
	const struct config *config = &job->image[0].image.config;
	auto_tree tree = { 0 };
	auto_view view;
	int r;

	allow_open_files();
	view_init(&view);
	r = view_push_layers(&view, job->request->store, config->diff_ids, config->diff_id_count,
			     err);
	if (r == 0)
		r = tree_of_view(&view, &tree, err);
	if (r < 0)
		return r;
	if (job->image[0].flatten)
		flatten(&tree);
	if (job->request->format == EXPORT_TAR)
		return write_tar(job, &tree, err);
	leave_out_devices(&tree);
	return tree_copy(&tree, TREE_COPY_REFLINK, job->fd, err);
}
