/* SPDX-License-Identifier: Apache-2.0 */
/* The packages dpkg has installed in a root, what they depend on, and their files. Only files are
 * read (/var/lib/dpkg: status, info, alternatives, diversions); no program is started.
 *
 * Source: deb-control(5), Debian Policy chapter 7, deb-version(7), update-alternatives(1). */
#ifndef POLICY_DPKG_H
#define POLICY_DPKG_H

#include <stdbool.h>

#include "base/err.h"
#include "base/strings.h"
#include "policy/visible.h"

struct dpkg_package {
	const char *name;
	const char *architecture; /* "all" for those of none */
	const char *version;
	const char *pre_depends, *depends, *provides, *multi_arch; /* as written; NULL: none */
	const char *stanza; /* of the status file, not NUL-terminated */
	size_t stanza_bytes;
	bool essential;
	size_t index; /* in dpkg->package */
};

struct dpkg_offer; /* a package, under its own name or one that it provides */

struct dpkg {
	int root_fd; /* borrowed */
	struct arena arena;
	struct dpkg_package **package; /* installed ones, sorted by name, then architecture */
	size_t count;
	const char *architecture; /* dpkg's own */
	struct map offers;	  /* name -> struct dpkg_offer */
};

/* -ENOENT: no package database here, with a message. */
int dpkg_open(struct dpkg *dpkg, int root_fd, struct err *err) must_check;
void dpkg_done(struct dpkg *dpkg);
#define auto_dpkg cleanup(dpkg_done) struct dpkg

/* By "NAME" (its own architecture first) or "NAME:ARCH", also a virtual name; NULL: none. */
const struct dpkg_package *dpkg_find(const struct dpkg *dpkg, const char *name);

/* Packages, with all that these need. */
struct dpkg_set {
	const struct dpkg_package **package; /* sorted as in struct dpkg */
	size_t count;
	struct strings missing; /* "PACKAGE needs WHAT": dependencies that are not installed */
};

void dpkg_set_done(struct dpkg_set *set);
#define auto_dpkg_set cleanup(dpkg_set_done) struct dpkg_set

/* The packages named (see dpkg_find) with Pre-Depends and Depends, and, unless without_essential,
 * the essential ones, which nothing depends on. Of alternatives one that is needed anyway, else the
 * first that is installed in a version that will do. -ENOENT names one that is not installed. */
int dpkg_closure(const struct dpkg *dpkg, const struct strings *names, bool without_essential,
		 struct dpkg_set *ret_set, struct err *err) must_check;

/* Show the files of these packages as they are on this host: its merged /usr and diversions, links
 * of update-alternatives to what is shown (of another choice where the host's is not in the set),
 * and what maintainer scripts made: byte-compiled Python, certificates, nsswitch.conf. What is
 * listed and not on disk is left out. Generated for the set: /var/lib/dpkg/status. */
int dpkg_show(const struct dpkg *dpkg, const struct dpkg_set *set, struct visible *visible,
	      struct err *err) must_check;
/* The files of one package alone. */
int dpkg_show_package(const struct dpkg *dpkg, const struct dpkg_package *package,
		      struct visible *visible, struct err *err) must_check;
/* The links of update-alternatives to what `visible` shows so far: policy/dpkg_alternatives.c. */
int dpkg_show_alternatives(const struct dpkg *dpkg, struct visible *visible,
			   struct err *err) must_check;

/* Which is newer: as strcmp(3); deb-version(7). */
int dpkg_compare_versions(const char *a, const char *b);

#endif
