/* SPDX-License-Identifier: Apache-2.0 */
/* The second filter: most processes are root for as long as they live and do not pay for it. */
#ifndef TAP_BLOB_WATCH_H
#define TAP_BLOB_WATCH_H

/* From now on, and in all that this process starts. */
void watch_start(void);
/* The credentials have changed, or a program starts: what follows from them. */
void watch_creds(void);

#endif
