/* SPDX-License-Identifier: Apache-2.0 */
/* Image references: [host[:port]/]name[:tag][@digest].
 *
 * Names are normalised as Docker does it (distribution/reference): "debian:12" is
 * docker.io/library/debian:12, no tag means :latest, a first component with '.', ':' or equal to
 * "localhost" is a host. ref_familiar gives the short form back for people. */
#ifndef IMAGE_REF_H
#define IMAGE_REF_H

#include "base/err.h"
#include "image/digest.h"

#define REF_HOST_MAX 255
#define REF_NAME_MAX 255 /* repository, without host */
#define REF_TAG_MAX  128

struct ref {
	char host[REF_HOST_MAX + 1];
	char name[REF_NAME_MAX + 1];
	char tag[REF_TAG_MAX + 1]; /* "" only when a digest is given */
	struct digest digest;	   /* "" when none */
};

int ref_parse(const char *text, struct ref *ret_ref, struct err *err) must_check;
#define REF_TEXT_MAX (REF_HOST_MAX + REF_NAME_MAX + REF_TAG_MAX + DIGEST_TEXT_LENGTH + 4)
const char *ref_format(const struct ref *ref, char text[REF_TEXT_MAX]);	  /* complete */
const char *ref_familiar(const struct ref *ref, char text[REF_TEXT_MAX]); /* for people */

#endif
