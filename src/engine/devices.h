/* SPDX-License-Identifier: Apache-2.0 */
/* Devices in a box whose ids are real (BOX_EMULATION_DEVICES): a user namespace may not make them
 * (mknod(2), EPERM). A seccomp filter hands such calls to the first process (seccomp_unotify(2)),
 * which makes an empty file and notes on it, as an extended attribute, which device it stands for.
 * The attribute stays with the file through copy-up, rename, link, chown and chmod, and the layer's
 * record has a device. Unlike under the tap, stat(2) in the box shows the file.
 *
 * Nothing here allocates. */
#ifndef ENGINE_DEVICES_H
#define ENGINE_DEVICES_H

/* Install the filter in this process, for all it starts: an fd to poll, or -errno (-EBUSY: there
 * is a listener around already; -ENOSYS before Linux 5.0). Needs CAP_SYS_ADMIN in the user
 * namespace, so that no_new_privs is not needed and set-id programs go on working. */
int devices_listen(void);

/* Answer the call that the fd is readable for. */
void devices_answer(int listener_fd);

#endif
