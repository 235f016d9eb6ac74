/* SPDX-License-Identifier: Apache-2.0 */
/* rootlet export and save: images out of the store into files, the same bytes each time. */
#ifndef FLOW_EXPORT_H
#define FLOW_EXPORT_H

#include <stdbool.h>

#include "base/strings.h"
#include "store/image.h"

enum export_format {
	EXPORT_TAR,	       /* the root file system, layers merged */
	EXPORT_DIRECTORY,      /* the same as a directory */
	EXPORT_SQUASHFS,       /* the same as a squashfs image */
	EXPORT_OCI,	       /* an OCI layout */
	EXPORT_OCI_ARCHIVE,    /* that as a tar */
	EXPORT_DOCKER_ARCHIVE, /* what `docker load` reads */
};

struct export_request {
	const struct store *store;
	const struct strings *images; /* names or ids; a root takes one, archives any number */
	enum export_format format;
	const char *dest; /* "-" is stdout */
	bool merge; /* EXPORT_DIRECTORY: into what is there already; dest and its parents are made
		     */
	const char *ownership; /* "keep", "flatten"; NULL: as the image is marked */
	const char *owners;    /* of a directory, see directory_owners.h; NULL: not told */
	const char *platform;  /* which of an index; NULL: this machine's */
};

/* Is it a root file system, and not an image with its configuration? */
bool export_is_root(enum export_format format);
bool export_format_parse(const char *text, enum export_format *ret_format);

/* A file or directory appears at dest once it is complete; what is there is replaced when it is a
 * file or an empty directory, else -EEXIST. */
int export_run(const struct export_request *request, struct err *err) must_check;

/* What was just made, and need not have a name in the store. */
struct export_made {
	struct descriptor root;		 /* a manifest or an index; its annotations go along */
	const struct platform *platform; /* which of an index; NULL: this machine's */
	const struct ref *names;	 /* may be none */
	size_t name_count;
	const char *folder; /* of a root: put it below this one; NULL: at the top */
};
/* The same for these; the request's images and platform do not count. Roots may be several if each
 * has its folder; those without one become one root, in which only directories may be in several
 * (-EEXIST names what is not one). */
int export_made(const struct export_request *request, const struct export_made *made, size_t count,
		struct err *err) must_check;

/* What can be known to fail at dest before there is anything to write. */
int export_check_dest(const struct export_request *request, struct err *err) must_check;

/* --- for the files of this flow --- */

struct export_image {
	struct image image;
	struct ref_entry *names; /* all names of what was asked for; from `arena` */
	size_t name_count;
	bool flatten;			/* for a root; an archive gets another image */
	const char *folder;		/* for a root; NULL: none */
	struct annotations annotations; /* of the descriptor in an OCI layout */
	struct arena arena;
};

struct export_job {
	const struct export_request *request;
	struct export_image *image;
	size_t image_count;
	int fd; /* the file to write, or the directory to fill */
};

/* Write the images to where the request says (export_dest.c). */
int export_to_dest(struct export_job *job, struct err *err) must_check;
/* Write them to job->fd. */
int export_images(const struct export_job *job, struct err *err) must_check;
bool export_is_directory(enum export_format format);

int export_root(const struct export_job *job, struct err *err) must_check;
int export_oci(const struct export_job *job, struct err *err) must_check;
int export_docker(const struct export_job *job, struct err *err) must_check;

/* Buffered writing to an fd, as a struct tar_writer's write. */
struct export_output {
	int fd;
	char *buffer;
	size_t used_bytes;
};
void export_output_init(struct export_output *output, int fd);
void export_output_done(struct export_output *output); /* does not flush */
int export_output_write(void *context, const void *bytes, size_t size_bytes,
			struct err *err) must_check;
int export_output_flush(struct export_output *output, struct err *err) must_check;

#endif
