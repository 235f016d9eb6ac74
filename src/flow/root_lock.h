/* SPDX-License-Identifier: Apache-2.0 */
/* Who uses a directory as a root: rmdir(2) of a directory that is a mount point in another mount
 * namespace unmounts what is there, so mount points made for one run may go only while no other
 * runs. Locks are advisory (flock(2)), on the directory itself, and end with their holder. */
#ifndef FLOW_ROOT_LOCK_H
#define FLOW_ROOT_LOCK_H

#include <stdbool.h>

/* This process uses the root open (not O_PATH) at root_fd, as long as that stays open. False:
 * somebody holds the lock for longer than we do, or locks are not to be had there. */
bool root_lock_share(int root_fd);
/* Become the only one, briefly; false: somebody else uses it. The second waits for who does so for
 * some calls only, as root_lock_share does. */
bool root_lock_alone(int root_fd);
bool root_lock_alone_soon(int root_fd);

#endif
