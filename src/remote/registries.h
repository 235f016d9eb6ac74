/* SPDX-License-Identifier: Apache-2.0 */
/* registries.conf version 2: from the name a user gave to the servers to ask.
 *
 * The name stays the image's name; only the place it is fetched from changes.
 * Source: containers-registries.conf(5), containers-registries.conf.d(5). */
#ifndef REMOTE_REGISTRIES_H
#define REMOTE_REGISTRIES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/strings.h"
#include "image/ref.h"
#include "remote/paths.h"

#define REGISTRIES_FILE_MAX (1024 * 1024)
#define ENDPOINTS_MAX	    32 /* mirrors of one registry, plus itself */

/* Parsed settings; plain data in `arena` once loaded, shared by threads. */
struct registries {
	struct arena arena;
	struct registry_rule *rules; /* linked */
	struct registry_alias *aliases;
	struct strings search;	  /* unqualified-search-registries */
	struct strings helpers;	  /* credential-helpers; empty: auth files only */
	bool enforce_short_names; /* short-name-mode = "enforcing" */
};

void registries_done(struct registries *registries);
#define auto_registries cleanup(registries_done) struct registries

/* Read the files that exist. An error names file and line; nothing is half loaded. */
int registries_load(const struct remote_paths *paths, struct registries *ret_registries,
		    struct err *err) must_check;
/* Apply the text of one more file, as registries_load does for each. */
int registries_add(struct registries *registries, const char *text, size_t size_bytes,
		   struct err *err) must_check;

struct endpoint {
	struct ref ref; /* what to ask for, there; ref.host as written */
	bool insecure;	/* plain HTTP and unverified certificates are allowed */
	bool is_mirror;
};

/* Where to pull `ref` from, in order. -EACCES when the rule for it says blocked. */
int registries_pull(const struct registries *registries, const struct ref *ref,
		    struct endpoint ret_list[ENDPOINTS_MAX], size_t *ret_count,
		    struct err *err) must_check;
/* Where to push `ref`: never a mirror. */
int registries_push(const struct registries *registries, const struct ref *ref,
		    struct endpoint *ret_endpoint, struct err *err) must_check;

/* The complete names that `text`, as the user typed it, may stand for; the first that exists is
 * meant. A name with a host is itself; a short name follows [aliases], then
 * unqualified-search-registries, then Docker's rule (docker.io). */
int registries_expand(const struct registries *registries, const char *text,
		      struct strings *ret_names, struct err *err) must_check;

#endif
