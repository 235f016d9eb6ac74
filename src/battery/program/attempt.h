/* SPDX-License-Identifier: Apache-2.0 */
/* What attempts are made of. Each runs in a process of its own, which ends as soon as it has
 * reached something; nothing here uses libc. */
#ifndef BATTERY_PROGRAM_ATTEMPT_H
#define BATTERY_PROGRAM_ATTEMPT_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "battery/battery.h"
#include "sys/raw.h"

#define PATH_SIZE	 4096
#define WAYS_MAX	 20
#define HANDLE_BYTES_MAX 128

/* A path that may lead to OUTSIDE or BOTH, and what is tried by it. */
struct way {
	const char *name;
	char folder[PATH_SIZE];
};

struct surroundings {
	const char *outside;
	const char *both;
	const char *abstract;
	int pid;
	bool has_handle;
	int handle_type;
	unsigned handle_bytes;
	unsigned char handle[HANDLE_BYTES_MAX];
	int root_fd; /* O_PATH of / */
	int bind_fd; /* O_PATH of the bind */
	struct way ways[WAYS_MAX];
	size_t way_count;
};
extern struct surroundings here;

struct attempt {
	const char *kind;
	const char *name;
	void (*run)(void);
};

/* One table for each subject, ending with a NULL name. */
extern const struct attempt look_attempts[], read_attempts[], change_attempts[], execute_attempts[],
	descriptor_attempts[], mount_attempts[], peer_attempts[], machine_attempts[],
	race_attempts[];

/* --- what came of it; `how` is told when something was reached --- */

_Noreturn void reached(const char *how);
/* The call failed with result (-errno); the first one is told. */
void refused(long result);
/* The call would have to fail. */
void must_fail(long result, const char *how);
/* fd, or -errno: does it read as the secret? Closes it. */
void must_not_read(long fd, const char *how);

/* --- the ways --- */

/* Every way with `name` behind it; the path is valid until the next one. Ways that exist inside as
 * well (BOTH) are among them: what is reached must be judged by its content. */
#define each_way(name, path, way)                                                        \
	for (const struct way *way = here.ways; way < here.ways + here.way_count; way++) \
		for (const char *path = way_path(way, name); path; path = NULL)
/* The same without BOTH: no such file is inside. */
#define each_way_outside(name, path, way)                                                    \
	for (const struct way *way = here.ways + 1; way < here.ways + here.way_count; way++) \
		for (const char *path = way_path(way, name); path; path = NULL)

const char *way_path(const struct way *way, const char *name);

/* --- a little libc --- */

size_t text_length(const char *text);
bool text_same(const char *a, const char *b);
/* Does `text` begin with `prefix`? */
bool text_begins(const char *text, const char *prefix);
/* Copy into to[size], cut off if it must; returns where it ends. */
char *text_put(char *to, const char *end, const char *text);
/* a, b and c joined; in a buffer of its own. */
const char *join(char buffer[PATH_SIZE], const char *a, const char *b, const char *c);
void number_text(char text[24], unsigned long number);
long fork_process(void);
/* -errno, or the wait status. */
long wait_for(long pid);
_Noreturn void end_process(int status);
/* Run path as the program that proves itself; true when it did. */
bool execute_proves(long (*execute)(const char *path), const char *path);

#endif
