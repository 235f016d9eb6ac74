/* SPDX-License-Identifier: Apache-2.0 */
/* A content digest, "sha256:<64 lower-case hex>". Hashing itself is codec/sha256.h.
 * Source: OCI image-spec, descriptor.md (Digests). Only sha256 is accepted: sha512 is optional in
 * the specification and no registry serves it. */
#ifndef IMAGE_DIGEST_H
#define IMAGE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define DIGEST_HEX_LENGTH  64
#define DIGEST_TEXT_LENGTH (7 + DIGEST_HEX_LENGTH)

struct digest {
	char text[DIGEST_TEXT_LENGTH + 1]; /* "" is "none" */
};

int digest_parse(const char *text, struct digest *ret_digest, struct err *err) must_check;
/* From what sha256_finish gives; never fails. */
struct digest digest_of_hex(const char hex[DIGEST_HEX_LENGTH + 1]);
bool digest_is_none(const struct digest *digest);
bool digest_equal(const struct digest *a, const struct digest *b);
const char *digest_hex(const struct digest *digest);		      /* after "sha256:" */
const char *digest_short(const struct digest *digest, char text[13]); /* first 12 hex digits */

#endif
