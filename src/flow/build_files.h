/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of files on disk, remembered between builds: a file whose device, inode, size, mtime and
 * ctime are as they were is not read again. Kept in the store as cache/files/NAME. */
#ifndef FLOW_BUILD_FILES_H
#define FLOW_BUILD_FILES_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/map.h"
#include "codec/sha256.h"
#include "store/store.h"

struct build_files {
	const struct store *store;
	char name[96]; /* of the file in the store */
	struct arena arena;
	struct map digests; /* identity of a file -> hex */
	bool changed;
	pthread_mutex_t lock; /* several stages ask at once */
};

/* `topic` names the collection, say a context directory's path. What cannot be read is forgotten.
 */
void build_files_open(struct build_files *files, const struct store *store, const char *topic);
/* Write back what is new; failing to is only logged, it costs time and nothing else. */
void build_files_close(struct build_files *files);

/* The SHA-256 of the open regular file, whose offset is at the start before and after. */
int build_files_digest(struct build_files *files, int fd, const struct stat *st,
		       char ret_hex[SHA256_HEX_LENGTH + 1], struct err *err) must_check;
/* Nothing remembered: just read and hash. */
int build_files_read(int fd, char ret_hex[SHA256_HEX_LENGTH + 1], struct err *err) must_check;
/* Without opening it: NULL when it must be read. */
const char *build_files_known(struct build_files *files, const struct stat *st);

#endif
