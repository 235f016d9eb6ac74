/* SPDX-License-Identifier: Apache-2.0 */
/* The private folder of a scene, $TMPDIR/rootlet-box-XXXXXX, made when something is first put into
 * it. Folders of those who were killed are removed then. */
#ifndef ENGINE_SCENE_FOLDER_H
#define ENGINE_SCENE_FOLDER_H

#include <limits.h>

#include "engine/scene.h"

/* A new directory, or a file with the mount's content; *path is its host path. */
int scene_private_directory(struct scene *scene, mode_t mode, char path[PATH_MAX],
			    struct err *err) must_check;
int scene_private_file(struct scene *scene, const struct box_mount *mount, char path[PATH_MAX],
		       struct err *err) must_check;
void scene_folder_done(struct scene *scene);

#endif
