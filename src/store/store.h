/* SPDX-License-Identifier: Apache-2.0 */
/* The store: a directory that is an OCI image layout and more (doc/format/store.md).
 *
 *     oci-layout, index.json, blobs/sha256/HEX   as any OCI tool reads them
 *     refs/HOST/NAME.../_tags/TAG                one descriptor each: the truth about names
 *     layers/HEX/, owners/HEX                    unpacked layers, by diff id, and who owns what
 *     cache/                                     build steps
 *     tmp/                                       work in progress, one folder per process
 *
 * rename(2) publishes; what is visible is complete. Readers take no lock, and two processes doing
 * the same work at once are harmless. Everything belongs to the user, so rm -r always works. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "image/digest.h"

struct store_session;

struct store {
	int dirfd;
	char *path;		       /* absolute */
	struct store_session *session; /* its folder in tmp/ is made when first needed */
	/* Stores of others, $ROOTLET_ADDITIONAL_STORES: images, blobs and layers are found there,
	 * too, and nothing is ever written. In them session is NULL. */
	struct store *additional;
	size_t additional_count;
};

/* $ROOTLET_STORE, else $XDG_DATA_HOME/rootlet, else ~/.local/share/rootlet, where ~ is $HOME or
 * what /etc/passwd says about the caller's uid. -ENOENT with a hint when none of these is known. */
int store_default_path(struct buf *path, struct err *err) must_check;

/* Open the store at `path` (NULL: the default), making it (0700) if there is none, and the
 * additional ones that there are. A read-only store opens fine; writing to it fails later. -EINVAL:
 * the directory holds something else. */
int store_open(const char *path, struct store *ret_store, struct err *err) must_check;
/* Removes this process's folder in tmp/. */
void store_done(struct store *store);
/* All stores, this one first: for (size_t i = 0; (s = store_at(store, i)); i++) */
const struct store *store_at(const struct store *store, size_t index);
#define auto_store cleanup(store_done) struct store /* initialise with STORE_NONE */
#define STORE_NONE          \
	{                   \
		.dirfd = -1 \
	}

/* A name for work in progress, unique in the store, as "tmp/PROCESS/NUMBER": nothing is there yet.
 * The folder it is in exists and goes away with store_done. Safe to call from threads.
 * Leftovers of processes that died are removed on the first call. */
#define STORE_WORK_NAME_MAX 200
int store_work_name(const struct store *store, char ret_name[STORE_WORK_NAME_MAX],
		    struct err *err) must_check;

/* Beside those folders in tmp/: store/lease.h. */
#define STORE_LEASE_FOLDER ".lease"

/* Remove what was moved to this work name, whatever it is. What other processes have open there may
 * stay on NFS until they close it; then it goes with the folder in tmp/ that it is in. */
int store_remove_aside(const struct store *store, const char *work_name,
		       struct err *err) must_check;

/* An empty file without a name in tmp/, for what must be read more than once; the caller closes. */
int store_open_unnamed(const struct store *store, int *ret_fd, struct err *err) must_check;

/* Say that this process works in the store, before it relies on blobs or layers that no name leads
 * to yet: who deletes then leaves everything alone that is not named. */
int store_announce(const struct store *store, struct err *err) must_check;
/* Is no other process at work in the store (one that has announced it or has something in tmp/)?
 * Announces this one first. */
int store_is_quiet(const struct store *store, bool *ret_quiet, struct err *err) must_check;

/* What a process relies on though no name may lead to it is marked with the time, and files are
 * marked by being written. Marked before this time, in nanoseconds since 1970, is what no process
 * at work relies on. *ret_quiet: there is no other one. Announces this process first. */
int store_unmarked_since(const struct store *store, int64_t *ret_ns, bool *ret_quiet,
			 struct err *err) must_check;
/* This process, if it has announced itself, relies on the file `name` from now on. False: it is not
 * there. ret_st may be NULL. */
bool store_mark(const struct store *store, const char *name, struct stat *ret_st);
/* The same when no process relies on it, but a name did that led to it until now. */
void store_mark_left(const struct store *store, const char *name);
int64_t store_mark_time(const struct stat *st);
/* A time that no mark is later than which there is now, and all are that are to come. Waits for the
 * next tick of the file system's clock; where that is slow, some marks of late may be later. */
int store_now(const struct store *store, int64_t *ret_ns, struct err *err) must_check;

/* Everything written to the store until now survives a crash of the machine. */
int store_sync(const struct store *store, struct err *err) must_check;

/* Make the folder `name` below the store's cache/, "cache/steps", and cache/ itself. */
int store_make_folder(const struct store *store, const char *name, struct err *err) must_check;

/* STORE_REAL/SPACE/HEX: a layer's files with their true owners, for one id space (rootfs/real.h).
 */
#define STORE_REAL "cache/real"

/* Paths relative to dirfd, for the *at() calls: "blobs/sha256/HEX", "layers/HEX", "owners/HEX". */
#define STORE_NAME_MAX 96
const char *store_blob_name(const struct digest *digest, char name[STORE_NAME_MAX]);
const char *store_layer_name(const struct digest *diff_id, char name[STORE_NAME_MAX]);
const char *store_owners_name(const struct digest *diff_id, char name[STORE_NAME_MAX]);

#endif
