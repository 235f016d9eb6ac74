/* SPDX-License-Identifier: Apache-2.0 */
/* From a layer blob, as it streams in, to an unpacked layer of the store. */
#ifndef ROOTFS_LAYER_H
#define ROOTFS_LAYER_H

#include "codec/decoder.h"
#include "store/layers.h"

/* Bytes on their way: the uncompressed tar, in order, from the calling thread. */
struct layer_tee {
	int (*write)(void *context, const void *bytes, size_t size_bytes, struct err *err);
	void *context;
};

struct layer_request {
	const struct byte_source *source; /* compressed or not; found out by looking */
	const struct digest *diff_id;	  /* what it must turn out to be; NULL: anything */
	bool need_end;	 /* refuse an archive without end-of-archive mark (no diff_id to tell) */
	bool is_literal; /* no layer but a tree: names that begin with ".wh." are names */
	struct layer_tee tee; /* write may be NULL */
};

/* An unpacked layer that is not published yet: it is in tmp/ and goes away when done. */
struct layer_staged {
	const struct store *store;
	struct digest diff_id;
	enum encoding encoding;
	uint64_t tar_bytes;
	uint64_t entry_count;
	int64_t newest_mtime_s;		     /* of the entries; 0 when there is none */
	char work_name[STORE_WORK_NAME_MAX]; /* "" once published */
	struct arena arena;		     /* holds the record */
	struct owners owners;
};

void layer_staged_done(struct layer_staged *staged);
#define auto_layer_staged cleanup(layer_staged_done) struct layer_staged /* = { 0 } */

/* Unpack into tmp/ and check the digest. Uses two more threads while it runs; several may run at
 * once in threads of one process. Errors name the entry, -EUCLEAN is damaged data. */
int layer_stage(const struct store *store, const struct layer_request *request,
		struct layer_staged *ret_staged, struct err *err) must_check;
/* Sync and publish all of them: one syncfs(2) for all. */
int layer_commit(const struct store *store, struct layer_staged *const *staged, size_t count,
		 struct err *err) must_check;

/* Of a layer that is there already: does what comes unpack to it? Nothing is written. -EUCLEAN. */
int layer_check(const struct store *store, const struct byte_source *source,
		const struct digest *diff_id, struct err *err) must_check;

/* Both for one layer. Returns at once, reading nothing, when diff_id is given and the layer is
 * there. ret_diff_id may be NULL. */
int layer_unpack(const struct store *store, const struct layer_request *request,
		 struct digest *ret_diff_id, struct err *err) must_check;

/* The layer of a blob in the store, checked against the diff id that the config gives: unpacks it
 * unless it is there. -EUCLEAN: the blob is damaged. */
int layer_unpack_blob(const struct store *store, const struct digest *blob,
		      const struct digest *diff_id, struct err *err) must_check;

#endif
