// SPDX-License-Identifier: Apache-2.0
/* Texts that come from registries, archives and the store, each parser by the first byte. What was
 * read is printed and read again: that must give the same text. */
#include <assert.h>
#include <string.h>

#include "fuzz.h"

#include "image/config.h"
#include "image/manifest.h"
#include "image/ref.h"
#include "store/owners.h"

static void same(const struct buf *a, const struct buf *b)
{
	assert(a->size_bytes == b->size_bytes && !strcmp(buf_text(a), buf_text(b)));
}

static void try_manifest(const char *text, size_t size)
{
	auto_arena arena = { 0 };
	struct manifest manifest;
	struct manifest again;
	auto_buf first = { 0 };
	auto_buf second = { 0 };

	if (manifest_parse(text, size, &arena, &manifest, NULL) < 0)
		return;
	manifest_print(&manifest, &first);
	assert(manifest_parse(first.bytes, first.size_bytes, &arena, &again, NULL) == 0);
	manifest_print(&again, &second);
	same(&first, &second);
}

static void try_index(const char *text, size_t size)
{
	struct platform host = platform_host();
	auto_arena arena = { 0 };
	struct descriptor chosen;
	struct index index;
	struct index again;
	auto_buf first = { 0 };
	auto_buf second = { 0 };

	if (index_parse(text, size, &arena, &index, NULL) < 0)
		return;
	if (index_select(&index, &host, &chosen, NULL) == 0)
		assert(index.manifest_count > 0);
	index_print(&index, &first);
	assert(index_parse(first.bytes, first.size_bytes, &arena, &again, NULL) == 0);
	index_print(&again, &second);
	same(&first, &second);
}

static void try_config(const char *text, size_t size)
{
	auto_config config = { 0 };
	auto_config copy = { 0 };
	auto_buf first = { 0 };
	auto_buf second = { 0 };

	if (config_parse(text, size, &config, NULL) < 0)
		return;
	config_copy(&config, &copy);
	config_print(&config, &first);
	config_print(&copy, &second);
	same(&first, &second);
}

static void try_ref(const char *text)
{
	char complete[REF_TEXT_MAX];
	char familiar[REF_TEXT_MAX];
	char again[REF_TEXT_MAX];
	struct ref ref;
	struct ref back;

	if (ref_parse(text, &ref, NULL) < 0)
		return;
	assert(!strstr(ref.name, "..") && ref.name[0] != '_' && ref.host[0] != '_');
	assert(ref_parse(ref_format(&ref, complete), &back, NULL) == 0);
	assert(!strcmp(ref_format(&back, again), complete));
	assert(ref_parse(ref_familiar(&ref, familiar), &back, NULL) == 0);
	assert(!strcmp(ref_format(&back, again), complete));
}

static void try_owners(const char *text, size_t size)
{
	auto_arena arena = { 0 };
	struct owners owners;
	struct owners again;
	auto_buf first = { 0 };
	auto_buf second = { 0 };

	if (owners_parse(text, size, &arena, &owners, NULL) < 0)
		return;
	for (size_t i = 0; i < owners.count; i++)
		assert(owners_find(&owners, owners.item[i].path) == &owners.item[i]);
	owners_print(&owners, &first);
	assert(owners_parse(first.bytes, first.size_bytes, &arena, &again, NULL) == 0);
	owners_print(&again, &second);
	same(&first, &second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_buf text = { 0 };

	if (size < 1)
		return 0;
	buf_add(&text, data + 1, size - 1);
	switch (data[0]) {
	case 'm':
		try_manifest(buf_text(&text), text.size_bytes);
		break;
	case 'i':
		try_index(buf_text(&text), text.size_bytes);
		break;
	case 'c':
		try_config(buf_text(&text), text.size_bytes);
		break;
	case 'o':
		try_owners(buf_text(&text), text.size_bytes);
		break;
	default:
		try_ref(buf_text(&text));
		break;
	}
	return 0;
}
