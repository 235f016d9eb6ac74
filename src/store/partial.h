/* SPDX-License-Identifier: Apache-2.0 */
/* The first part of a blob whose transfer broke off, kept for whoever wants the rest: tmp/.partial/
 * HEX, by the digest the whole must have. Nothing in it is trusted: the whole is hashed. Used by
 * blob_writer.c (a transfer that failed) and session.c (a process that died). */
#ifndef STORE_PARTIAL_H
#define STORE_PARTIAL_H

#include <stdbool.h>
#include <time.h>

#include "image/digest.h"
#include "store/store.h"

/* Less is not worth a request for the rest. */
#define PARTIAL_BYTES_MIN (1024 * 1024)
/* Older ones are removed by the next process that works in the store. */
#define PARTIAL_AGE_MAX_S (24 * 60 * 60)

/* The name for a blob that can be kept so, from one of store_work_name. */
void partial_work_name(const char *work_name, const struct digest *digest,
		       char ret_name[STORE_WORK_NAME_MAX]);

/* Give up a file of such a name: kept when it is worth it, else removed. */
void partial_keep(int store_fd, const char *work_name, const struct digest *digest);
/* Make what is kept for the digest our own, under work_name; false when there is nothing. */
bool partial_claim(int store_fd, const char *work_name, const struct digest *digest);

/* tmp_fd is the store's tmp/: keep what the dead session `folder` left, and remove what is old by
 * `now`, the file system's time. */
void partial_salvage(int tmp_fd, const char *folder);
void partial_prune(int tmp_fd, time_t now);
/* The same for leases (store/lease.h), whose owners are long dead then. */
void partial_prune_leases(int tmp_fd, time_t now);

#endif
