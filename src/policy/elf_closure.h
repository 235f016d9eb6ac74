/* SPDX-License-Identifier: Apache-2.0 */
/* Programs with all that they need to start: interpreter and libraries, found as the dynamic linker
 * finds them (ld.so(8): RPATH of the object and those that load it, LD_LIBRARY_PATH, RUNPATH, the
 * cache, the default folders; $ORIGIN, $LIB, $PLATFORM; musl's own rules for musl programs), and
 * for scripts the program in their first line.
 *
 * What a program opens with dlopen(3) comes along where the file says so in a note (elf_needs.h)
 * and the host has it; else nobody knows it, nor what a program starts. Of glibc's own plugins
 * those that most programs would miss come along: name services and libgcc_s. */
#ifndef POLICY_ELF_CLOSURE_H
#define POLICY_ELF_CLOSURE_H

#include "base/err.h"
#include "base/map.h"
#include "base/strings.h"
#include "policy/ldcache.h"
#include "policy/visible.h"

struct elf_closure {
	struct visible *visible; /* gets every file and link; borrowed */
	struct ldcache cache;
	struct strings library_path; /* folders before others, as in LD_LIBRARY_PATH */
	struct strings path;	     /* folders of programs, for "#!/usr/bin/env NAME" */
	struct strings companions;   /* that glibc opens beside libnss_files.so.2 and the like:
					with every program that has it, where they are there */
	struct strings missing;	     /* "/usr/bin/a needs libz.so.1": for the caller to tell */
	struct strings left_out;     /* "/opt/a/share leads to /usr/share/a", a directory out of a
					tree that was added: likewise */
	const char *tree;	     /* the last one */
	struct map objects;	     /* real path -> what elf_closure.c knows of it */
	struct arena arena;
};

int elf_closure_open(struct elf_closure *closure, struct visible *visible,
		     struct err *err) must_check;
void elf_closure_done(struct elf_closure *closure);
#define auto_elf_closure cleanup(elf_closure_done) struct elf_closure

/* The program or library at `path`, shown with what it needs; any other file is just shown.
 * -ENOENT: it is not there; err says so. */
int elf_closure_add(struct elf_closure *closure, const char *path, struct err *err) must_check;

/* A directory as a tree, and what the programs and libraries below it need, and the files that
 * links lead to. */
int elf_closure_add_tree(struct elf_closure *closure, const char *path, struct err *err) must_check;

/* Where a program of this name is in closure->path: a name with a slash is itself. -ENOENT says
 * where was looked. Borrowed. */
int elf_closure_find(struct elf_closure *closure, const char *name, const char **ret_path,
		     struct err *err) must_check;

#endif
