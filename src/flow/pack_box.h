/* SPDX-License-Identifier: Apache-2.0 */
/* A pack, unpacked or mounted, as a box: its own files where it has some, and around them the host
 * as the user knows it: home, /tmp, the working directory, devices, and every directory at the top
 * that the pack does not have. A program of a pack is used like any other program, so processes,
 * network and host name are the host's. */
#ifndef FLOW_PACK_BOX_H
#define FLOW_PACK_BOX_H

#include "base/strings.h"
#include "box/box.h"

#define PACK_REAL ".rootlet/real"

/* What /.rootlet/pack.json says. */
struct pack_description {
	struct strings entry_point;
	struct strings command; /* with what is run where nothing is named */
	struct strings env;
	struct strings expose;
	struct strings share;
	struct strings wrapped;
	struct strings own; /* folders that are the pack's wherever they are */
};
void pack_description_done(struct pack_description *description);
#define auto_pack_description cleanup(pack_description_done) struct pack_description

/* From the root's own file. -EINVAL, -EUCLEAN: it is damaged. */
int pack_description_read(int root_fd, struct pack_description *ret_description,
			  struct err *err) must_check;

/* Is there a program of this name in the folders of the pack's PATH? Its path, in the arena. */
bool pack_find_program(int root_fd, const struct pack_description *description, const char *name,
		       struct arena *arena, const char **ret_path);

/* Its variables alone: the caller's with the pack's over them. */
int pack_make_env(const struct pack_description *description, struct box *box,
		  struct err *err) must_check;
/* Everything but argv. root_path must live as long as the box. */
int pack_make_box(const char *root_path, int root_fd, const struct pack_description *description,
		  struct box *box, struct err *err) must_check;
/* Engines with mounts stack memory over the root, so that mount points need not be there. */
void pack_box_stack(struct box *box);
void pack_box_unstack(struct box *box);
/* Directories at the top in which the box mounts nothing are shown as they are, and not through
 * what is stacked: a tenth of the time that reading them takes. */
int pack_box_bind_whole(struct box *box, int root_fd, struct err *err) must_check;

#endif
