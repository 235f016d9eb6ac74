/* SPDX-License-Identifier: Apache-2.0 */
/* A small host for tests: a folder that serves as "/", made of lines and removed afterwards. */
#ifndef UNIT_POLICY_HOST_H
#define UNIT_POLICY_HOST_H

#include <stddef.h>

#include "policy/visible.h"
#include "scratch.h"

struct host {
	char folder[SCRATCH_BYTES];
	int root_fd;
};

int host_init(struct host *host);
int host_done(struct host *host);

/* With the directories above it. */
void host_file(const struct host *host, const char *path, const char *text);
void host_bytes(const struct host *host, const char *path, const void *bytes, size_t size_bytes);
void host_link(const struct host *host, const char *path, const char *target);
void host_directory(const struct host *host, const char *path);

/* An ELF file for this kind of machine; each of these may be NULL. `needed` ends with NULL. */
struct elf_words {
	const char *interpreter, *soname, *rpath, *runpath;
	const char *needed[4];
	const char *version; /* of the first needed one */
};
void host_elf(const struct host *host, const char *path, const struct elf_words *words);

/* What is visible, a line each, after visible_finish: "+PATH" shown, "*PATH" a tree, "PATH>TEXT" a
 * link, "PATH=TEXT" a file, "-PATH" hidden, "PATH<SOURCE" from elsewhere; directories end in "/".
 */
void assert_visible(struct visible *visible, const char *expected);

#endif
