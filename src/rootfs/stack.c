// SPDX-License-Identifier: Apache-2.0
#include "rootfs/stack.h"

#include "base/banned.h"
#include "store/layers.h"

int rootfs_stack(const struct store *store, const struct config *config, struct box *box,
		 struct err *err)
{
	box->root.kind = BOX_ROOT_OVERLAY;
	for (size_t i = config->diff_id_count; i-- > 0;) {
		auto_buf path = { 0 };

		if (!layer_present(store, &config->diff_ids[i])) {
			fail_plain(err, ENOENT,
				   "layer %s of the image is not unpacked in the store",
				   config->diff_ids[i].text);
			err_hint(err, "pull or import the image again");
			return -ENOENT;
		}
		if (!layer_overlay_ready(store, &config->diff_ids[i]))
			return fail_plain(err, ENOTSUP,
					  "layer %s cannot be stacked: the store's file system "
					  "could not hold its whiteouts",
					  config->diff_ids[i].text);
		layer_path(store, &config->diff_ids[i], &path);
		strings_add(&box->root.lower, buf_text(&path));
	}
	if (box->root.lower.count == 0)
		return fail_plain(err, ENOENT, "the image has no layers, so no files to run");
	return 0;
}

int rootfs_stack_view(const struct store *store, const struct config *config, struct view *view,
		      struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->diff_id_count; i++) {
		const struct digest *diff_id = &config->diff_ids[i];
		auto_buf path = { 0 };

		layer_path(store, diff_id, &path);
		r = layer_overlay_ready(store, diff_id)
			    ? view_push_directory(view, buf_text(&path), err)
			    : view_push_layer(view, store, diff_id, err);
	}
	return r;
}
