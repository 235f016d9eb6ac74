/* SPDX-License-Identifier: Apache-2.0 */
/* What an execve asks for: the file, found through "#!" lines and checked as the kernel checks it,
 * and the arguments. Everything that makes the kernel refuse an exec is found here, while there is
 * still a caller to tell. Used inside the tap for every exec, and by the hosted library for the
 * first one. No heap, raw system calls. */
#ifndef TAP_TARGET_H
#define TAP_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "tap/elf_file.h"

#define TARGET_PATH_MAX	    4096
#define TARGET_SCRIPT_DEPTH 5	/* as fs/exec.c, exec_binprm */
#define TARGET_LINE_BYTES   256 /* BINPRM_BUF_SIZE */
#define TARGET_ARGV_FRONT   (2 + 2 * (TARGET_SCRIPT_DEPTH + 1))

struct target {
	int fd;		    /* O_CLOEXEC; the caller closes it */
	int interpreter_fd; /* so is this; -1: it has none */
	size_t first; /* argv + first is what the program gets; two places before it are free */
	size_t argc;
	char path[TARGET_PATH_MAX]; /* AT_EXECFN; its last component becomes the name */
	char interpreter[TARGET_PATH_MAX];
	char line[TARGET_SCRIPT_DEPTH][TARGET_LINE_BYTES + 1];
	struct elf_file elf;
	const char *argv[]; /* TARGET_ARGV_FRONT free places, then the caller's */
};

struct target_request {
	int dirfd;
	const char *path;
	const char *name; /* AT_EXECFN where it is not made of dirfd and path; or NULL */
	const char *const *argv;
	size_t argc;
	int flags; /* AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW */
	/* Open a regular file to be executed, as openat(2) with these flags. */
	long (*open_file)(int dirfd, const char *path, int open_flags);
	/* Where paths are translated: an O_PATH descriptor of what this one leads to, which
	 * open_file then gets with an empty path. NULL: paths are the kernel's. */
	long (*find_file)(const void *context, int dirfd, const char *path, int flags);
	const void *context;
};

/* "#! interpreter [one argument]": fs/binfmt_script.c. `line` is size_bytes long, a NUL comes
 * behind it; it is cut into pieces. No argument: NULL. -ENOEXEC for a line with no interpreter, or
 * one that is cut off within it. */
long target_split_line(char *line, size_t size_bytes, char **ret_name, char **ret_argument);

size_t target_size_bytes(size_t argc);
/* 0 or what execve(2) fails with; both descriptors are valid (or -1) either way. */
long target_resolve(struct target *target, const struct target_request *request);
/* Is its interpreter musl's? */
bool target_is_musl(const struct target *target);

#endif
