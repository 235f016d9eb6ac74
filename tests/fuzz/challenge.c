// SPDX-License-Identifier: Apache-2.0
/* A header's value as each parser of headers sees it: WWW-Authenticate, Link, Retry-After. */
#include <assert.h>
#include <string.h>

#include "fuzz.h"

#include "remote/challenge.h"
#include "remote/retry.h"
#include "remote/url.h"

static void resolve(const char *text)
{
	char *url = NULL;

	if (url_resolve("https://registry.example/v2/", text, &url, NULL) < 0) {
		assert(!url);
		return;
	}
	assert(!strncmp(url, "http://", 7) || !strncmp(url, "https://", 8));
	assert(url_same_origin(url, url));
	free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct challenge list[CHALLENGES_MAX];
	auto_arena arena = { 0 };
	auto_buf target = { 0 };
	size_t count = 0;
	uint64_t ms;
	char *text;

	if (size > 65536)
		return 0;
	text = arena_copy_bytes(&arena, data, size);
	if (challenge_parse(&arena, text, list, &count, NULL) == 0)
		for (size_t i = 0; i < count; i++)
			assert(list[i].scheme && *list[i].scheme);
	assert(count <= CHALLENGES_MAX);
	(void)url_link_next(text, &target);
	if (retry_after_parse(text, 1000, &ms) < 0)
		ms = 0;
	resolve(text);
	return 0;
}
