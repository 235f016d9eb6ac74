// SPDX-License-Identifier: Apache-2.0
/* EVP calls fail only when memory runs out or libcrypto is misconfigured (no sha256 provider);
 * neither can be acted on, so both end the program like any failed allocation. */
#include "codec/sha256.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/banned.h"
#include "base/memory.h"

void sha256_init(struct sha256 *sha)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
		memory_exhausted(sizeof(context));
	sha->context = context;
}

void sha256_done(struct sha256 *sha)
{
	EVP_MD_CTX_free(sha->context);
	sha->context = NULL;
}

void sha256_add(struct sha256 *sha, const void *bytes, size_t size_bytes)
{
	if (EVP_DigestUpdate(sha->context, bytes, size_bytes) != 1)
		memory_exhausted(size_bytes);
}

void sha256_finish(struct sha256 *sha, char ret_hex[SHA256_HEX_LENGTH + 1])
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned int size = 0;

	if (EVP_DigestFinal_ex(sha->context, raw, &size) != 1 || size != SHA256_HEX_LENGTH / 2)
		memory_exhausted(size);
	for (unsigned int i = 0; i < size; i++)
		snprintf(ret_hex + 2 * (size_t)i, 3, "%02x", raw[i]);
}

void sha256_hex(const void *bytes, size_t size_bytes, char ret_hex[SHA256_HEX_LENGTH + 1])
{
	auto_sha256 sha;

	sha256_init(&sha);
	sha256_add(&sha, bytes, size_bytes);
	sha256_finish(&sha, ret_hex);
}
