/* SPDX-License-Identifier: Apache-2.0 */
/* What goes into a pack: the files, and what is told about them. For the files of flow/pack.h. */
#ifndef FLOW_PACK_TREE_H
#define FLOW_PACK_TREE_H

#include "image/config.h"
#include "rootfs/tree.h"
#include "store/image.h"
#include "store/store.h"

#define PACK_FOLDER	 ".rootlet"
#define PACK_DESCRIPTION PACK_FOLDER "/pack.json"
#define PACK_PROVENANCE	 PACK_FOLDER "/provenance.json"
#define PACK_SBOM	 PACK_FOLDER "/sbom.spdx.json"

/* A package of a distribution that files came from. */
struct pack_package {
	const char *name;
	const char *version;
	const char *architecture;
	const char *source;
	const char *source_version;
};

struct pack_request;
struct environment; /* flow/environment.h */

struct pack {
	const struct pack_request *request;
	struct tree tree; /* sorted */
	struct view view; /* of an image's layers; the tree borrows from it */
	struct store store;
	struct image image;
	bool is_image;
	struct config config; /* what an image made of it says */
	int root_fd;	      /* of a source that is a directory, or -1 */
	const char *origin;   /* what the source came to: "image sha256:...", "dpkg" */
	const char *name;
	const char *folder; /* where it is written: for what must be put by meanwhile */
	int64_t time_s;	    /* of all files, or of the newest: see keeps_time */
	bool keeps_owner, keeps_mode, keeps_time;
	struct pack_package *package;
	size_t package_count;
	struct strings wrapped; /* directories whose programs are links to the launcher */
	struct strings own;	/* folders that must be seen whatever the host has around them */
	struct arena arena;
};
void pack_init(struct pack *pack, const struct pack_request *request);
void pack_done(struct pack *pack);
#define auto_pack cleanup(pack_done) struct pack

/* The files of the source, owners, modes and times made the same everywhere unless kept
 * (pack_source.c). */
int pack_read_source(struct pack *pack, struct err *err) must_check;

/* Of this host: pack->root_fd is its root (pack_host.c). */
int pack_read_dpkg(struct pack *pack, const char *names, struct err *err) must_check;
int pack_read_prefix(struct pack *pack, const char *folders, struct err *err) must_check;
/* The host's files that it shows. */
int pack_read_environment(struct pack *pack, struct environment *environment,
			  struct err *err) must_check;

/* Entries beside those of the source; parents are made. -EEXIST: the path is there already, and is
 * something else. `content` must live as long as the pack (pack_add.c). */
int pack_add_file(struct pack *pack, const char *path, const char *content, size_t size_bytes,
		  mode_t mode, struct err *err) must_check;
int pack_add_directory(struct pack *pack, const char *path, mode_t mode,
		       struct err *err) must_check;
int pack_add_link(struct pack *pack, const char *path, const char *target,
		  struct err *err) must_check;
/* A link's text, leading from where it is to `target`, both paths in the pack. In the arena. */
const char *pack_relative_link(struct pack *pack, const char *link, const char *target);
struct tree_entry *pack_find(const struct pack *pack, const char *path); /* or NULL */
/* -S links, mount points, the description, what others expect of an image. */
int pack_add_all(struct pack *pack, struct err *err) must_check;

/* pack.json, the SBOM and provenance into the tree (pack_describe.c). */
int pack_describe(struct pack *pack, struct err *err) must_check;
/* "rootlet VERSION pack-1 zstd 1.5.4 ...": an input of the bytes like any other. */
const char *pack_writer(struct pack *pack);
/* dpkg's status files of the tree as packages. */
int pack_read_packages(struct pack *pack, struct err *err) must_check;

/* -EPERM with a list (pack_secrets.c). */
int pack_refuse_secrets(struct pack *pack, struct err *err) must_check;

/* Programs become links to a launcher (pack_relocate.c). */
int pack_relocate(struct pack *pack, struct err *err) must_check;
/* The program that runs packs elsewhere. */
int pack_read_runtime(struct pack *pack, struct buf *bytes, struct err *err) must_check;

/* A small file of the tree as text; -ENOENT. */
int pack_read_file(const struct pack *pack, const struct tree_entry *entry, size_t limit_bytes,
		   struct buf *text, struct err *err) must_check;

/* Into fd, an empty file (or any stream for tars), or an empty directory (pack_write.c). */
int pack_write(struct pack *pack, int fd, struct digest *ret_digest, struct err *err) must_check;

int pack_write_image(struct pack *pack, int fd, struct err *err) must_check; /* pack_image.c */

#endif
