/* SPDX-License-Identifier: Apache-2.0 */
/* A pack of any format as a list of what is in it. */
#ifndef FLOW_PACK_LIST_H
#define FLOW_PACK_LIST_H

#include "base/arena.h"
#include "codec/sha256.h"
#include "codec/tar.h"

struct pack_item {
	const char *path; /* in the pack; of an image's parts "layer-1/usr/bin", "document-1" */
	enum tar_type type;
	uint32_t mode;
	uint32_t uid, gid;
	int64_t mtime_s;
	uint64_t size_bytes;
	const char *link; /* or NULL */
	uint32_t rdev_major, rdev_minor;
	char content[SHA256_HEX_LENGTH + 1]; /* of a file */
	char xattrs[SHA256_HEX_LENGTH + 1];  /* "": none */
	size_t place;			     /* in the archive */
};

struct pack_list {
	struct arena arena;
	struct pack_item *item; /* sorted by path */
	size_t count;
	size_t room;
	char digest[SHA256_HEX_LENGTH + 1]; /* of the file itself; "" of a directory */
};
void pack_list_done(struct pack_list *list);
#define auto_pack_list cleanup(pack_list_done) struct pack_list /* initialise with { 0 } */

/* -EUCLEAN: it is none, or damaged. */
int pack_list_read(const char *path, struct pack_list *ret_list, struct err *err) must_check;

#endif
