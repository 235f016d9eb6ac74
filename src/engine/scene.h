/* SPDX-License-Identifier: Apache-2.0 */
/* What a box's processes shall see, as a map of paths instead of mounts: for engines without a
 * namespace. Files and directories that belong to the box alone (tmpfs, /dev, files with content)
 * lie in a private folder, which goes away with the scene. A mount point that is missing exists in
 * the map only. Directories that are missing above it are made in the root where it may be written
 * to, and noted in the job's `made`; else in the private folder. */
#ifndef ENGINE_SCENE_H
#define ENGINE_SCENE_H

#include "engine/engine.h"
#include "tap/session_page.h"

struct scene {
	struct tap_place *tap; /* for tap_session_translate */
	char folder[128];      /* private; "": none was made */
	int folder_fd;	       /* locked as long as it is needed: for the first process, too */
	unsigned names;	       /* given out in it */
	int root_fd;
	struct engine_made *made; /* of the job, may be NULL */
};

#define SCENE_NONE                        \
	{                                 \
		NULL, "", -1, 0, -1, NULL \
	}

/* What would be there with a namespace, or with privilege, and cannot be imitated: -ENOTSUP names
 * it. */
int scene_refuse(const struct box *box, bool drops_capabilities, struct err *err) must_check;

/* -EBUSY with the hint that this runs in another rootlet, whose engine does not let in `what`. */
int scene_refuse_second(const char *why, const char *what, struct err *err) must_check;

/* -ENOTSUP: the box wants what only a mount can do; err names it. */
int scene_make(struct scene *scene, const struct engine_job *job, struct err *err) must_check;
void scene_done(struct scene *scene);

/* For a box that is walled and has no network: no sockets but local ones from now on. */
int scene_close_network(const struct box *box, struct err *err) must_check;

/* Let this process and what it starts open what the map shows, and nothing else: a set of rules for
 * landlock_enforce; -1 where the kernel has no such rules. */
int scene_rules(const struct scene *scene, const struct box *box, int *ret_ruleset_fd,
		struct err *err) must_check;

#endif
