/* SPDX-License-Identifier: Apache-2.0 */
/* --annotation [PLACE[[PLATFORM]],...:]NAME=VALUE, as buildx has it. PLACE is manifest (also
 * without one), index, manifest-descriptor or index-descriptor. */
#ifndef FLOW_BUILD_ANNOTATIONS_H
#define FLOW_BUILD_ANNOTATIONS_H

#include "base/strings.h"
#include "image/descriptor.h"

enum annotation_place {
	ANNOTATE_MANIFEST,
	ANNOTATE_INDEX,
	ANNOTATE_MANIFEST_DESCRIPTOR, /* what names a manifest: in an index, else in the layout */
	ANNOTATE_INDEX_DESCRIPTOR,
};

struct build_annotation {
	struct build_annotation *next;
	enum annotation_place place;
	const struct platform *platform; /* NULL: of every platform */
	struct annotation annotation;
};

/* All of them, in the order given; everything is in the arena. has_index: is one made? */
int build_annotations_parse(const struct strings *given, bool has_index, struct arena *arena,
			    struct build_annotation **ret_list, struct err *err) must_check;

/* Those for one place (platform NULL: an index), sorted by name; the last value given counts. */
struct annotations build_annotations_for(const struct build_annotation *list,
					 enum annotation_place place,
					 const struct platform *platform, struct arena *arena);
/* One of our own beside them; replaces one of that name. */
void build_annotations_add(struct annotations *annotations, const char *key, const char *value,
			   struct arena *arena);

#endif
