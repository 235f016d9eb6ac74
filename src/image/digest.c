// SPDX-License-Identifier: Apache-2.0
#include "image/digest.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"
#include "base/strings.h"

#define PREFIX "sha256:"

int digest_parse(const char *text, struct digest *ret_digest, struct err *err)
{
	if (!text_starts(text, PREFIX))
		return fail_plain(err, EINVAL, "digest '%.100s' is not of the form sha256:HEX",
				  text);
	if (strlen(text) != DIGEST_TEXT_LENGTH ||
	    strspn(text + strlen(PREFIX), "0123456789abcdef") != DIGEST_HEX_LENGTH)
		return fail_plain(err, EINVAL,
				  "digest '%.100s' does not have 64 lower-case hex digits", text);
	memcpy(ret_digest->text, text, DIGEST_TEXT_LENGTH + 1);
	return 0;
}

struct digest digest_of_hex(const char hex[DIGEST_HEX_LENGTH + 1])
{
	struct digest digest;

	snprintf(digest.text, sizeof(digest.text), PREFIX "%.64s", hex);
	return digest;
}

bool digest_is_none(const struct digest *digest)
{
	return !digest->text[0];
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return strcmp(a->text, b->text) == 0;
}

const char *digest_hex(const struct digest *digest)
{
	return digest->text[0] ? digest->text + strlen(PREFIX) : "";
}

const char *digest_short(const struct digest *digest, char text[13])
{
	snprintf(text, 13, "%.12s", digest_hex(digest));
	return text;
}
