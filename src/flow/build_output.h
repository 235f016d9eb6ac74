/* SPDX-License-Identifier: Apache-2.0 */
/* --output [type=]TYPE[,NAME=VALUE...]: where the result of a build goes, in docker's words.
 *
 *	type=image[,name=REF][,push=true]   the store (what happens without --output); type=registry
 *	                                    is this with push=true
 *	type=local,dest=DIR                 its files, added to what is in DIR
 *	type=tar[,dest=FILE]                its files
 *	type=oci[,dest=FILE][,tar=false]    an OCI archive, or layout
 *	type=docker[,dest=FILE]             a docker-archive; without dest the store, as with image
 *	type=cacheonly                      nowhere
 *
 * DIR alone is type=local, "-" alone type=tar to standard output; dest is "-" where it is missing.
 * Of several platforms, local and tar have a folder for each (platform-split). */
#ifndef FLOW_BUILD_OUTPUT_H
#define FLOW_BUILD_OUTPUT_H

#include "flow/build_state.h"
#include "flow/export.h"
#include "image/ref.h"

struct build_output {
	bool is_image;		   /* in the store */
	bool is_file;		   /* what follows counts; neither: cacheonly */
	enum export_format format; /* TAR, DIRECTORY: files, else an image */
	const char *dest;
	bool is_split; /* a folder for each platform */
	bool push;
	struct ref *names; /* --tag and name= */
	size_t name_count;
};

/* Understand --output and --tag, and find out what would fail at the end. The platforms are known
 * by now. */
int build_outputs_parse(struct build *build, struct err *err) must_check;
/* The build is done: name, write, push. */
int build_outputs_write(struct build *build, struct err *err) must_check;

/* All names that the image got, complete, with commas between. */
void build_output_names(const struct build *build, struct buf *names);

#endif
