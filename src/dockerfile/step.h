/* SPDX-License-Identifier: Apache-2.0 */
/* What one instruction asks for once every variable in it has its value: plain data, made by eval.h
 * for the build to carry out. All of it lives in the arena of the evaluation. */
#ifndef DOCKERFILE_STEP_H
#define DOCKERFILE_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "dockerfile/chmod.h"
#include "dockerfile/expand.h"
#include "dockerfile/git_source.h"
#include "dockerfile/parse.h"
#include "image/descriptor.h"

/* Where files come from: FROM, COPY --from, RUN --mount=from=. */
enum origin_kind {
	ORIGIN_CONTEXT,	      /* the build context */
	ORIGIN_NAMED_CONTEXT, /* name: one of --build-context */
	ORIGIN_STAGE,	      /* stage: its number */
	ORIGIN_IMAGE,	      /* name: a reference, as written */
	ORIGIN_SCRATCH,	      /* nothing at all */
};

struct origin {
	enum origin_kind kind;
	size_t stage;
	const char *name;
};

/* A list of texts that ends in NULL, so that item serves as argv or environ. */
struct texts {
	const char **item;
	size_t count;
};

struct setting {
	const char *name;
	const char *value;	 /* NULL (ARG alone): declared, without a value */
	bool is_old_form;	 /* ENV name value */
	const struct word *word; /* the name, for messages */
};

struct settings {
	struct setting *item;
	size_t count;
};

/* --- RUN --- */

enum mount_kind { MOUNT_BIND, MOUNT_CACHE, MOUNT_TMPFS, MOUNT_SECRET, MOUNT_SSH };
enum mount_sharing { SHARING_SHARED, SHARING_PRIVATE, SHARING_LOCKED };

struct step_mount {
	enum mount_kind kind;
	struct origin from; /* bind, cache */
	const char *source; /* bind, cache: path within `from`, relative and clean; "." is all */
	const char *target; /* absolute and clean; NULL: secret as a variable only, ssh default */
	const char *id;	    /* cache, secret, ssh */
	const char *env;    /* secret: the variable to set as well, or NULL */
	enum mount_sharing sharing;
	bool read_only;
	bool is_required; /* secret, ssh */
	uint32_t mode;	  /* defaults: cache 0755, secret 0400, ssh 0600 */
	uint32_t uid;
	uint32_t gid;
	bool sets_owner;     /* mode, uid or gid was given */
	uint64_t size_bytes; /* tmpfs; 0: no limit */
};

struct step_device {
	const char *name; /* as in the Container Device Interface: vendor.com/class=name */
	bool is_required;
};

enum run_network { RUN_NETWORK_DEFAULT, RUN_NETWORK_NONE, RUN_NETWORK_HOST };

/* Where a heredoc that begins with #! is put, read-only, for the time of its step. */
#define STEP_SCRIPT_DIR "/dev/pipes"

struct step_run {
	struct texts argv; /* the shell's words in front where it is the shell form */
	bool is_shell;
	const char *script_path; /* NULL, or STEP_SCRIPT_DIR/NAME: to hold the script, mode 0755 */
	const char *script;
	size_t script_bytes;
	struct step_mount *mount;
	size_t mount_count;
	struct step_device *device;
	size_t device_count;
	enum run_network network;
	bool is_insecure;	/* --security=insecure */
	struct texts env;	/* ENV and ARG at this point: NAME=VALUE */
	struct texts proxy_env; /* the proxy build arguments; no part of a cache key */
};

/* --- COPY and ADD --- */

enum copy_source_kind {
	COPY_PATH, /* within `from` */
	COPY_URL,
	COPY_GIT,
	COPY_TEXT, /* a heredoc: a file of mode 0644 */
};

struct copy_source {
	enum copy_source_kind kind;
	const char *text; /* as written, variables replaced */
	/* COPY_PATH: relative and clean; "." is all of it. With --parents, `path` is the directory
	 * that `pattern` is seen from (up to "/./"), and the pattern's directories are kept. */
	const char *path;
	const char *pattern; /* --parents only */
	bool has_wildcards;  /* glob.h, in path or pattern */
	const char *name;    /* COPY_URL, COPY_TEXT: the file's name below a directory */
	const char *content; /* COPY_TEXT */
	size_t content_bytes;
	struct git_source git; /* COPY_GIT */
};

struct step_copy {
	bool is_add;
	struct origin from;
	struct copy_source *source;
	size_t source_count;
	const char *dest;  /* absolute and clean, but for a '/' at its end: a directory then */
	bool dest_is_dir;  /* it was written with a '/' at its end, or as "." */
	const char *chown; /* "user[:group]", names or numbers; NULL: 0:0 */
	const char *chmod; /* as written; NULL: modes stay */
	struct chmod_change mode;
	bool link;
	bool parents;
	struct texts excludes; /* patterns for ignore_add */
	const char *checksum;  /* "sha256:..." for a URL, a commit for git; or NULL */
	bool keep_git_dir;
	bool unpack; /* local archives: ADD's habit; URLs: only with --unpack */
	bool unpack_urls;
};

/* --- metadata --- */

struct step_health {
	struct texts test;   /* {"NONE"}, {"CMD", ...} or {"CMD-SHELL", text} */
	int64_t interval_ns; /* 0: not given */
	int64_t timeout_ns;
	int64_t start_period_ns;
	int64_t start_interval_ns;
	uint32_t retries;
};

struct step {
	enum instruction_kind kind; /* never FROM */
	const struct instruction *instruction;
	const struct source *source; /* its text: the Dockerfile, or a trigger of the base image */
	bool is_trigger;	     /* from ONBUILD of the base */
	bool makes_layer;	     /* RUN, COPY, ADD; WORKDIR unless it is "/" */
	const char *created_by;	     /* for the image's history */
	struct names unmatched;	     /* variables asked for that are not set */
	const char *written;	     /* WORKDIR: the path before it was made absolute */
	union {
		struct step_run run;
		struct step_copy copy;	  /* COPY, ADD */
		struct settings settings; /* ENV, LABEL, ARG (only those that have a value) */
		struct texts texts; /* CMD, ENTRYPOINT, SHELL (words); EXPOSE ("80/tcp"), VOLUME */
		const char *text;   /* WORKDIR (absolute), USER, STOPSIGNAL, MAINTAINER, ONBUILD */
		struct step_health health;
	};
};

#endif
