/* SPDX-License-Identifier: Apache-2.0 */
/* spack: a Spack installation of the host, told what to do in an environment made by `isolate`.
 *
 * Spack itself says where it installs, stages and caches (spack_ask); those directories are bound
 * at the same path, for prefixes, RPATHs and its database hold them. Settings of the user are seen
 * inside, but compilers and external packages are those of the environment: they are looked for
 * inside, once, and kept in the environment's folder ENVIRONMENT_SPACK. */
#ifndef FLOW_SPACK_H
#define FLOW_SPACK_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strings.h"
#include "box/box.h"
#include "flow/environment.h"
#include "flow/run.h"
#include "flow/spack_words.h"

/* What Spack says of itself. */
struct spack {
	struct arena arena;
	const char *root;	  /* its folder, without links */
	const char *scope;	  /* folder of the user's settings; inside: the environment's */
	bool has_environment;	  /* one of Spack's is active */
	struct box_mounts mounts; /* those that every command sees */
	struct strings settings;  /* the user's files in `scope` that are seen inside */
	bool has_compilers;	  /* outside, in settings of their own */
	struct strings externals; /* packages that the host's settings take from outside Spack */
	const char *preferences;  /* the user's packages.yaml without those: YAML */
};
void spack_done(struct spack *spack);
#define auto_spack cleanup(spack_done) struct spack

/* The folder of Spack: `given` (the folder, or its bin/spack), else $SPACK_ROOT, else of `spack` on
 * PATH, but for shims of environments. -ENOENT: there is none. */
int spack_find(const char *given, struct arena *arena, const char **ret_root,
	       struct err *err) must_check;
/* How a Spack is called outside, whatever shims there are: its Python, which SPACK_PYTHON then is
 * too, and its script. */
void spack_on_host(const char *root, struct arena *arena, struct strings *ret_command);

/* Ask the Spack in the folder `root`, which makes directories that it would make anyway. */
int spack_ask(const char *root, const struct strings *words, const struct spack_words *parsed,
	      struct spack *ret_spack, struct err *err) must_check;

/* The part of a run that all commands have in common, but for the command and the network;
 * `scope` is the folder of settings. Its strings are of `spack`. */
void spack_fill_request(struct spack *spack, const char *scope, struct run_request *request);

/* The environment that is used when none is named: the active one, else the one that this Spack
 * was given by `spack isolate`. -ENOENT. */
int spack_environment(const char *root, struct arena *arena, const char **ret_path,
		      struct err *err) must_check;

enum spack_scope {
	SPACK_SCOPE_MISSING,
	SPACK_SCOPE_CURRENT,
	SPACK_SCOPE_OLD,    /* found when other things were visible */
	SPACK_SCOPE_EDITED, /* so too, and changed since by somebody */
};
enum spack_scope spack_scope_look(const struct environment *environment);

/* The settings of the environment: begin makes a folder beside them that a search (spack_search)
 * fills; finish completes what was found and puts it in place, or if there are some already, what
 * it `replaces` of them. */
int spack_scope_begin(const struct spack *spack, const struct environment *environment,
		      struct arena *arena, const char **ret_folder, struct err *err) must_check;
int spack_scope_finish(const struct spack *spack, const struct environment *environment,
		       const char *folder, bool replaces, struct err *err) must_check;
void spack_scope_abandon(const char *folder);
/* After a command that searched by itself: what is in the folder overrules again. */
int spack_scope_overrule(const struct spack *spack, const char *folder, struct err *err) must_check;
/* The command that searches, in the environment. */
void spack_search(const struct spack *spack, struct strings *ret_command);

#endif
