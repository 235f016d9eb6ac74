/* SPDX-License-Identifier: Apache-2.0 */
/* Names of images: refs/HOST/NAME.../_tags/TAG and .../_digests/HEX are small files, each holding
 * the OCI descriptor of a manifest or index as JSON. They are the truth; index.json is derived
 * from them after each change so that other OCI tools see the names too. A component of a
 * repository's name cannot begin with '_', so nothing collides. Images without a name are kept
 * in refs/_untagged/HEX. */
#ifndef STORE_REFS_H
#define STORE_REFS_H

#include "base/strings.h"
#include "image/descriptor.h"
#include "image/ref.h"
#include "store/store.h"

struct ref_entry {
	bool untagged; /* `ref` is empty */
	struct ref ref;
	struct descriptor descriptor;
	int64_t set_at_s;	/* when the name was given, seconds since 1970 */
	const char *store_path; /* of the additional store that has it; NULL: this one */
};

/* By tag; with a digest in the reference what is found must have it, and a reference without tag
 * is looked up by digest. -ENOENT: no such image here. Text is in the arena. */
int refs_get(const struct store *store, const struct ref *ref, struct arena *arena,
	     struct descriptor *ret_descriptor, struct err *err) must_check;
/* The same, and in which store: a name in this one hides those in additional ones. */
int refs_find(const struct store *store, const struct ref *ref, struct arena *arena,
	      struct ref_entry *ret_entry, struct err *err) must_check;
/* Point the name at a manifest or index that is in the store, replacing what it pointed at.
 * Tag and digest in one reference: the tag is set. */
int refs_set(const struct store *store, const struct ref *ref, const struct descriptor *descriptor,
	     struct err *err) must_check;
/* Keep an image that has no name. */
int refs_set_untagged(const struct store *store, const struct descriptor *descriptor,
		      struct err *err) must_check;
/* -ENOENT when there is no such name. Blobs stay. Takes an entry so that names and nameless
 * images are removed alike. */
int refs_remove(const struct store *store, const struct ref_entry *entry,
		struct err *err) must_check;
/* All of them, sorted by host, name, tag and digest, nameless ones last; array and text in the
 * arena. */
int refs_list(const struct store *store, struct arena *arena, struct ref_entry **ret_entries,
	      size_t *ret_count, struct err *err) must_check;
/* Those of the additional stores, too, after them. */
int refs_list_everywhere(const struct store *store, struct arena *arena,
			 struct ref_entry **ret_entries, size_t *ret_count,
			 struct err *err) must_check;
/* As refs_list, but files that hold no name are not an error: their names below the store are added
 * to `damaged`. */
int refs_list_sound(const struct store *store, struct arena *arena, struct ref_entry **ret_entries,
		    size_t *ret_count, struct strings *damaged, struct err *err) must_check;
/* Does index.json say what refs/ does? */
int refs_index_is_true(const struct store *store, bool *ret_true, struct err *err) must_check;
/* Write index.json anew. Every change above does so itself; a new store begins with it. */
int refs_write_index(const struct store *store, struct err *err) must_check;

#endif
