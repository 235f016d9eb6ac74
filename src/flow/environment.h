/* SPDX-License-Identifier: Apache-2.0 */
/* An environment: the directory that `rootlet isolate create` makes, and what a run reads of it.
 * doc/format/environment.md. */
#ifndef FLOW_ENVIRONMENT_H
#define FLOW_ENVIRONMENT_H

#include <stdbool.h>

#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/strings.h"
#include "box/box.h"

#define ENVIRONMENT_FILE  "environment.json"
#define ENVIRONMENT_FRESH "fresh"
#define ENVIRONMENT_ROOT  "root"
#define ENVIRONMENT_COPY  "copy"
#define ENVIRONMENT_SPACK \
	"spack" /* settings that Spack found, flow/spack.h; kept when it is made anew */
/* Without network: what is built does not depend on this host's name, and the name resolves. */
#define ENVIRONMENT_HOSTNAME "rootlet"

struct environment {
	struct arena arena;
	const char *path;     /* absolute, without links */
	const char *source;   /* --from, files in it absolute */
	struct strings with;  /* packages of the host */
	struct strings hide;  /* globs */
	bool network;	      /* the host's, where a run does not say otherwise */
	bool is_host_files;   /* made of this host's files: mounts, freshness, a copy if need be */
	const char *root;     /* host directory that becomes / */
	const char *key;      /* sha256:.. of all that is visible */
	uint64_t visible;     /* how many paths were named */
	struct strings env;   /* NAME=VALUE, of an image */
	struct strings notes; /* warnings of when it was made */
	struct json *recipe; /* what else rootlet.yaml said, flow/isolate_recipe.h; NULL: nothing */
	struct strings set;  /* of that: NAME=VALUE */
	struct strings pass; /* of that: globs of the caller's variables */
	struct box_mounts binds; /* of that */
	struct box_mounts mounts;
	struct strings *layers; /* of those, arena memory */
	size_t layers_count;
};

/* Is there an environment in this directory? */
bool environment_is(const char *path);

/* Where renaming has no flags (NFS), an environment that is made again has no name between two
 * calls. Who is killed there leaves the old one beside its place, as "NAME.tmp-RANDOM-old": it gets
 * its name back, unless its maker goes on within a second. Is there an environment then? Loading
 * does so, too. */
#define ENVIRONMENT_WORK_SUFFIX ".tmp-" /* flow/dest.h */
#define ENVIRONMENT_OLD_SUFFIX	"-old"
bool environment_take_back(const char *path);

/* -EUCLEAN, -EINVAL: the file is damaged or of a newer rootlet. */
int environment_load(const char *path, struct environment *ret_environment,
		     struct err *err) must_check;
void environment_done(struct environment *environment);
#define auto_environment cleanup(environment_done) struct environment

/* Adds a line to ENVIRONMENT_FRESH: what is made becomes wrong when this changes. */
void environment_watch(struct buf *fresh, const struct timespec *changed, const char *path);

/* Is all that was left out still all there is? Looks at each directory of the host that is shown in
 * part: what was put there since would be visible; and for each file that is mounted by itself. Of
 * an archive: is it still the same? */
bool environment_is_fresh(const struct environment *environment);

#endif
