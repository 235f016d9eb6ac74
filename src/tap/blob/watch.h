/* SPDX-License-Identifier: Apache-2.0 */
/* Further filters: most processes are root for as long as they live and do not pay for it. */
#ifndef TAP_BLOB_WATCH_H
#define TAP_BLOB_WATCH_H

/* From now on, and in all that this process starts. */
void watch_start(void);
/* All opens trap from now on, for /proc/PID/status: what it says of those who are not root is not
 * what the kernel says. Nothing happens where nobody is, or where all opens trap anyway. Asked in
 * each call that traps: somebody may have become another since this program was started. */
void watch_opens(void);
/* From now on readlink(2) traps where /proc/self/exe is not what the kernel says. */
void watch_links(void);
/* The credentials have changed, or a program starts: what follows from them. */
void watch_creds(void);

#endif
