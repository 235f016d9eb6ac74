/* SPDX-License-Identifier: Apache-2.0 */
/* Freestanding: making a process whose program we mapped look as if the kernel had started it. For
 * the tap (blob/start.c) and the tracer's loader (loader/loader.c). */
#ifndef TAP_NATIVE_H
#define TAP_NATIVE_H

#include <elf.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/personality.h>

#include "sys/raw.h"
#include "tap/elf_file.h"

#define NATIVE_PAGE	  4096ul
#define NATIVE_BRK_RANDOM 0x2000000ul /* arch_randomize_brk */

/* What the kernel would choose addresses by; 0 where the process wants none chosen. */
static inline unsigned long native_random(void)
{
	unsigned long word = 0;

	if (!(raw1(__NR_personality, 0xffffffff) & ADDR_NO_RANDOMIZE))
		raw3(__NR_getrandom, &word, sizeof(word), 0);
	return word;
}

/* --- the stack: argc, arguments, environment, auxiliary vector --- */

static inline unsigned long *native_skip_vector(unsigned long *at)
{
	while (*at)
		at++;
	return at + 1;
}

static inline unsigned long *native_auxv(unsigned long *stack)
{
	return native_skip_vector(native_skip_vector(stack + 1));
}

struct native_program {
	const struct elf_image *image;
	unsigned header_count;
	unsigned long interpreter_bias; /* 0: there is none */
	const char *path;
	bool has_ids; /* show these in place of the kernel's */
	uint32_t uid, euid, gid, egid;
	bool has_secure; /* and this */
	bool secure;
};

static inline void native_edit_auxv(unsigned long *auxv, const struct native_program *program)
{
	for (; auxv[0] != AT_NULL; auxv += 2) {
		switch (auxv[0]) {
		case AT_PHDR:
			auxv[1] = program->image->headers;
			break;
		case AT_PHENT:
			auxv[1] = sizeof(Elf64_Phdr);
			break;
		case AT_PHNUM:
			auxv[1] = program->header_count;
			break;
		case AT_BASE:
			auxv[1] = program->interpreter_bias;
			break;
		case AT_ENTRY:
			auxv[1] = program->image->entry;
			break;
		case AT_EXECFN:
			auxv[1] = (unsigned long)program->path;
			break;
		case AT_UID:
			auxv[1] = program->has_ids ? program->uid : auxv[1];
			break;
		case AT_EUID:
			auxv[1] = program->has_ids ? program->euid : auxv[1];
			break;
		case AT_GID:
			auxv[1] = program->has_ids ? program->gid : auxv[1];
			break;
		case AT_EGID:
			auxv[1] = program->has_ids ? program->egid : auxv[1];
			break;
		case AT_SECURE:
			auxv[1] = program->has_secure ? program->secure : auxv[1];
			break;
		default:
			break;
		}
	}
}

/* --- what the kernel is told --- */

/* linux/prctl.h's struct prctl_mm_map is not in every libc's headers under a usable name. */
struct native_map {
	uint64_t start_code, end_code, start_data, end_data;
	uint64_t start_brk, brk, start_stack;
	uint64_t arg_start, arg_end, env_start, env_end;
	uint64_t *auxv;
	uint32_t auxv_bytes;
	uint32_t exe_fd;
};

/* Where the strings of a vector begin and end; they lie one behind the other. */
static inline void native_measure_strings(const unsigned long *vector, uint64_t *ret_start,
					  uint64_t *ret_end)
{
	if (!*vector)
		return;
	*ret_start = vector[0];
	while (vector[1])
		vector++;
	*ret_end = vector[0] + strlen((const char *)vector[0]) + 1;
}

/* All but the file of /proc/PID/exe. */
static inline struct native_map native_map_of(unsigned long *stack, unsigned long *auxv,
					      const struct elf_image *image, unsigned long random)
{
	unsigned long brk = (image->end_bss + NATIVE_PAGE - 1) & ~(NATIVE_PAGE - 1);
	struct native_map map = {
		.start_code = image->start_code,
		.end_code = image->end_code > image->start_code ? image->end_code
								: image->start_code + 1,
		.start_data = image->start_data,
		.end_data = image->end_data,
		.start_stack = (unsigned long)stack,
		.auxv = auxv,
		.exe_fd = (uint32_t)-1,
	};
	size_t words = 0;

	while (auxv[words] != AT_NULL)
		words += 2;
	map.auxv_bytes = (uint32_t)((words + 2) * sizeof(*auxv));
	brk += (random >> 32) % NATIVE_BRK_RANDOM & ~(NATIVE_PAGE - 1);
	map.start_brk = map.brk = brk;
	native_measure_strings(stack + 1, &map.arg_start, &map.arg_end);
	map.env_start = map.env_end = map.arg_end;
	native_measure_strings(native_skip_vector(stack + 1), &map.env_start, &map.env_end);
	return map;
}

/* PR_SET_MM_MAP asks for no privilege but for the exe link, and CONFIG_CHECKPOINT_RESTORE (set by
 * every distribution). */
static inline bool native_tell_map(const struct native_map *map)
{
	return raw5(__NR_prctl, PR_SET_MM, PR_SET_MM_MAP, map, sizeof(*map), 0) == 0;
}

static inline void native_name_process(const char *path)
{
	const char *name = path;

	for (const char *at = path; *at; at++)
		if (*at == '/' && at[1])
			name = at + 1;
	raw2(__NR_prctl, PR_SET_NAME, name);
}

static inline void native_make_stack_executable(const unsigned long *stack)
{
	raw3(__NR_mprotect, (unsigned long)stack & ~(NATIVE_PAGE - 1), NATIVE_PAGE,
	     PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN);
}

#endif
