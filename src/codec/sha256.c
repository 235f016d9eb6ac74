// SPDX-License-Identifier: Apache-2.0
/* The functions that OpenSSL 3 calls deprecated, for EVP looks for a provider in every context, and
 * reads openssl.cnf before the first: 0.7 ms of a start. The same code computes both; what a
 * configuration can choose (FIPS) is nothing that digests of files are subject to. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "codec/sha256.h"

#include <openssl/sha.h>
#include <string.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"

#define CHUNK_BYTES ((size_t)128 * 1024)

_Static_assert(sizeof(SHA256_CTX) <= sizeof(((struct sha256 *)0)->state), "state is too small");

static SHA256_CTX *context_of(struct sha256 *sha)
{
	return (SHA256_CTX *)(void *)sha->state;
}

void sha256_init(struct sha256 *sha)
{
	SHA256_Init(context_of(sha));
}

void sha256_done(struct sha256 *sha)
{
	memset(sha, 0, sizeof(*sha));
}

void sha256_add(struct sha256 *sha, const void *bytes, size_t size_bytes)
{
	SHA256_Update(context_of(sha), bytes, size_bytes);
}

void sha256_finish(struct sha256 *sha, char ret_hex[SHA256_HEX_LENGTH + 1])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char raw[SHA256_DIGEST_LENGTH];

	SHA256_Final(raw, context_of(sha));
	for (size_t i = 0; i < sizeof(raw); i++) {
		ret_hex[2 * i] = digits[raw[i] >> 4];
		ret_hex[2 * i + 1] = digits[raw[i] & 15];
	}
	ret_hex[SHA256_HEX_LENGTH] = '\0';
}

void sha256_hex(const void *bytes, size_t size_bytes, char ret_hex[SHA256_HEX_LENGTH + 1])
{
	auto_sha256 sha;

	sha256_init(&sha);
	sha256_add(&sha, bytes, size_bytes);
	sha256_finish(&sha, ret_hex);
}

int sha256_file(int fd, char ret_hex[SHA256_HEX_LENGTH + 1], struct err *err)
{
	auto_free char *chunk = memory_resize(NULL, CHUNK_BYTES, 1);
	auto_sha256 sha;
	ssize_t n;

	sha256_init(&sha);
	while ((n = io_read_full(fd, chunk, CHUNK_BYTES)) > 0)
		sha256_add(&sha, chunk, (size_t)n);
	if (n < 0)
		return fail(err, (int)-n, "read");
	sha256_finish(&sha, ret_hex);
	return 0;
}
