/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of files on disk, remembered between builds: a file whose device, inode, size, mtime and
 * ctime are as they were is not read again. Kept in the store as cache/files/NAME
 * (doc/format/cache.md). */
#ifndef FLOW_BUILD_FILES_H
#define FLOW_BUILD_FILES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "codec/sha256.h"
#include "store/store.h"

#define FILE_DIGEST_BYTES (SHA256_HEX_LENGTH / 2)

struct file_digest; /* a record, as it is in the file */

struct build_files {
	const struct store *store;
	char name[96]; /* of the file in the store */
	struct file_digest *item;
	size_t count;
	size_t room;
	uint32_t *slot; /* hash table: index into item plus one, 0 is free */
	size_t slot_count;
	bool changed;
	pthread_mutex_t lock; /* several stages ask at once */
};

/* `topic` names the collection, say a context directory's path. What cannot be read is forgotten.
 */
void build_files_open(struct build_files *files, const struct store *store, const char *topic);
/* Write back what is new; failing to is only logged, it costs time and nothing else. */
void build_files_close(struct build_files *files);

/* The digest, when it is known without reading the file. */
bool build_files_known(struct build_files *files, const struct stat *st,
		       char ret_hex[SHA256_HEX_LENGTH + 1]);
/* The file had this content when `st` was taken of it, and shows when it changes. */
void build_files_remember(struct build_files *files, const struct stat *st,
			  const char hex[SHA256_HEX_LENGTH + 1]);
/* Did it change so long ago that another change will show in its times? */
bool build_files_is_settled(const struct stat *st);

#endif
