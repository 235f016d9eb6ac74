// SPDX-License-Identifier: Apache-2.0
/* A registries.conf: as TOML of any shape, and as settings that are then asked for a name. */
#include <assert.h>
#include <string.h>

#include "fuzz.h"

#include "codec/toml.h"
#include "remote/registries.h"

static void check(const struct toml *node, unsigned depth)
{
	assert(depth <= 4 * TOML_DEPTH_MAX);
	toml_each(node, child)
	{
		assert((node->kind == TOML_TABLE) == (child->key != NULL));
		if (child->kind == TOML_TABLE || child->kind == TOML_ARRAY)
			check(child, depth + 1);
		else
			assert(!child->first);
	}
}

static void ask(const struct registries *registries, const char *text)
{
	struct endpoint list[ENDPOINTS_MAX];
	auto_strings names = { 0 };
	size_t count = 0;
	struct ref ref;

	if (registries_expand(registries, text, &names, NULL) < 0)
		return;
	strings_each(&names, name)
		if (ref_parse(name, &ref, NULL) == 0 &&
		    registries_pull(registries, &ref, list, &count, NULL) == 0)
			assert(count > 0 && count <= ENDPOINTS_MAX && !list[count - 1].is_mirror);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_registries registries = { 0 };
	const struct toml *root;
	auto_arena arena = { 0 };
	struct err err = { 0 };

	if (size > 65536)
		return 0;
	if (toml_parse(&arena, (const char *)data, size, &root, &err) < 0) {
		assert(!strncmp(err.text, "line ", 5));
		return 0;
	}
	check(root, 0);
	if (registries_add(&registries, (const char *)data, size, &err) < 0)
		return 0;
	ask(&registries, "example.com/foo/image:1");
	ask(&registries, "a.example.com:5000/i@sha256:"
			 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	ask(&registries, "fedora");
	return 0;
}
