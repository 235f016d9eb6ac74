/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 over bytes that stream by (OpenSSL, which picks the processor's instructions).
 * Only in rootlet-image: the lean program never hashes. */
#ifndef CODEC_SHA256_H
#define CODEC_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/err.h"

#define SHA256_HEX_LENGTH 64

struct sha256 {
	uint64_t state[16]; /* SHA256_CTX */
};

void sha256_init(struct sha256 *sha);
void sha256_done(struct sha256 *sha);
#define auto_sha256 cleanup(sha256_done) struct sha256
void sha256_add(struct sha256 *sha, const void *bytes, size_t size_bytes);
/* Lower-case hex with a NUL. Nothing may be added afterwards. */
void sha256_finish(struct sha256 *sha, char ret_hex[SHA256_HEX_LENGTH + 1]);
/* All of it at once. */
void sha256_hex(const void *bytes, size_t size_bytes, char ret_hex[SHA256_HEX_LENGTH + 1]);
/* The rest of an open file, from its offset on. */
int sha256_file(int fd, char ret_hex[SHA256_HEX_LENGTH + 1], struct err *err) must_check;

#endif
