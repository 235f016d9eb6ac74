// SPDX-License-Identifier: Apache-2.0
#include "flow/rmi.h"

#include <string.h>

#include "base/banned.h"
#include "base/log.h"
#include "base/strings.h"
#include "flow/reach.h"
#include "flow/sweep.h"

static bool still_has_name(const struct store *store, const struct digest *digest)
{
	auto_arena arena = { 0 };
	struct ref_entry *entries;
	size_t count;

	if (refs_list(store, &arena, &entries, &count, NULL) < 0)
		return true;
	for (size_t i = 0; i < count; i++)
		if (digest_equal(&entries[i].descriptor.digest, digest))
			return true;
	return false;
}

static int remove_name(const struct rmi_request *request, const struct ref_entry *entry,
		       struct reach *candidates, struct err *err)
{
	auto_image image = { 0 };
	struct digest id = entry->descriptor.digest;
	int r = reach_add(candidates, request->store, &entry->descriptor, err);

	if (r < 0)
		return r;
	if (image_load_descriptor(request->store, &entry->descriptor, NULL, &image, NULL) == 0)
		id = *image_id(&image);
	r = refs_remove(request->store, entry, err);
	if (r < 0)
		return r;
	if (!entry->untagged)
		request->untagged(request->context, &entry->ref);
	if (!still_has_name(request->store, &entry->descriptor.digest))
		request->deleted(request->context, &id);
	return 0;
}

/* Names in additional stores are not ours to remove. */
static int drop_foreign(struct ref_entry *entries, size_t *count, const char *text, struct err *err)
{
	const char *foreign = NULL;
	size_t own = 0;

	for (size_t i = 0; i < *count; i++) {
		if (entries[i].store_path)
			foreign = entries[i].store_path;
		else
			entries[own++] = entries[i];
	}
	*count = own;
	return own > 0 ? 0
		       : fail_plain(err, EROFS,
				    "'%s' is in the additional store '%s', which is "
				    "never changed",
				    text, foreign);
}

int rmi_run(const struct rmi_request *request, const char *text, struct err *err)
{
	auto_arena arena = { 0 };
	auto_reach candidates = { 0 };
	struct swept swept = { 0 };
	struct ref_entry *entries;
	size_t count;
	int r = image_find_entries(request->store, text, &arena, &entries, &count, err);

	if (r == 0)
		r = drop_foreign(entries, &count, text, err);
	if (r < 0)
		return r;
	if (count > 1 && !request->force) {
		fail_plain(err, EBUSY, "unable to delete '%s': the image has %zu names", text,
			   count);
		err_hint(err, "remove the names, or use --force");
		return -EBUSY;
	}
	for (size_t i = 0; r == 0 && i < count; i++)
		r = remove_name(request, &entries[i], &candidates, err);
	if (r == 0)
		r = sweep(request->store, &candidates, &swept, err);
	if (r == 0 && !swept.is_quiet)
		log_info("another process is at work in the store: files are left to gc");
	return r;
}
