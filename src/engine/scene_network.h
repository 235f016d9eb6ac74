/* SPDX-License-Identifier: Apache-2.0 */
/* What the files say in which others look up a network, where there is none but no namespace says
 * so: the files of proc_pid_net(5) as those of a loopback alone, in a private directory. */
#ifndef ENGINE_SCENE_NETWORK_H
#define ENGINE_SCENE_NETWORK_H

#include <limits.h>

#include "engine/scene.h"

/* For /proc/net, and for /sys/class/net. *path is the directory's host path. */
int scene_network_files(struct scene *scene, char path[PATH_MAX], struct err *err) must_check;
int scene_network_devices(struct scene *scene, char path[PATH_MAX], struct err *err) must_check;

#endif
