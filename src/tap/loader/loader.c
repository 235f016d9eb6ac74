// SPDX-License-Identifier: Apache-2.0
/* Freestanding; runs once, in place of each program that is started. What it cannot do ends the
 * process as the kernel ends one whose program it could not map. */
#include "tap/loader/loader.h"

#include <elf.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/personality.h>

#include "sys/raw.h"
#include "tap/elf_file.h"
#if defined(__x86_64__)
#include "tap/blob/arch_x86_64.h"
#else
#include "tap/blob/arch_aarch64.h"
#endif

#define PAGE	   4096ul
#define BRK_RANDOM 0x2000000ul /* arch_randomize_brk */

__attribute__((section(".bss.plan"))) struct loader_plan loader_plan;
__attribute__((section(".bss.slots"), used)) char loader_slots[LOADER_SLOTS * LOADER_SLOT_BYTES];

static struct elf_file program_elf;
static struct elf_file interpreter_elf;

_Noreturn void tap_begin(unsigned long *stack);

static _Noreturn void give_up(void)
{
	raw2(__NR_kill, raw0(__NR_getpid), SIGKILL);
	raw1(__NR_exit_group, 127);
	__builtin_unreachable();
}

static bool is_randomised(void)
{
	return !(raw1(__NR_personality, 0xffffffff) & ADDR_NO_RANDOMIZE);
}

static unsigned long random_word(void)
{
	unsigned long word = 0;

	if (is_randomised())
		raw3(__NR_getrandom, &word, sizeof(word), 0);
	return word;
}

static void map(const char *path, struct elf_file *elf, unsigned long hint,
		struct elf_image *ret_image)
{
	long fd = raw4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0 || elf_read((int)fd, elf) < 0 || elf_map((int)fd, elf, hint, ret_image) < 0)
		give_up();
	raw1(__NR_close, fd);
}

static unsigned long *skip_vector(unsigned long *at)
{
	while (*at)
		at++;
	return at + 1;
}

static void edit_auxv(unsigned long *auxv, const struct elf_image *image, unsigned long bias)
{
	const struct loader_plan *plan = &loader_plan;

	for (; auxv[0] != AT_NULL; auxv += 2) {
		switch (auxv[0]) {
		case AT_PHDR:
			auxv[1] = image->headers;
			break;
		case AT_PHNUM:
			auxv[1] = program_elf.header.e_phnum;
			break;
		case AT_BASE:
			auxv[1] = bias;
			break;
		case AT_ENTRY:
			auxv[1] = image->entry;
			break;
		case AT_EXECFN:
			auxv[1] = (unsigned long)(plan->text + plan->name);
			break;
		case AT_UID:
			auxv[1] = plan->has_ids ? plan->uid : auxv[1];
			break;
		case AT_EUID:
			auxv[1] = plan->has_ids ? plan->euid : auxv[1];
			break;
		case AT_GID:
			auxv[1] = plan->has_ids ? plan->gid : auxv[1];
			break;
		case AT_EGID:
			auxv[1] = plan->has_ids ? plan->egid : auxv[1];
			break;
		case AT_SECURE:
			auxv[1] = plan->has_ids ? plan->secure : auxv[1];
			break;
		default:
			break;
		}
	}
}

/* linux/prctl.h's struct prctl_mm_map is not in every libc's headers under a usable name. */
struct memory_map {
	uint64_t start_code, end_code, start_data, end_data;
	uint64_t start_brk, brk, start_stack;
	uint64_t arg_start, arg_end, env_start, env_end;
	uint64_t *auxv;
	uint32_t auxv_bytes;
	uint32_t exe_fd;
};

/* Where the strings of a vector begin and end; they lie one behind the other. */
static void measure_strings(const unsigned long *vector, uint64_t *ret_start, uint64_t *ret_end)
{
	if (!*vector)
		return;
	*ret_start = vector[0];
	while (vector[1])
		vector++;
	*ret_end = vector[0] + strlen((const char *)vector[0]) + 1;
}

/* What brk(2) and /proc/PID/auxv go by. Where the kernel cannot do it (it needs
 * CONFIG_CHECKPOINT_RESTORE) brk grows behind us, which is just as good. */
static void tell_kernel(unsigned long *stack, unsigned long *auxv, const struct elf_image *image,
			unsigned long random)
{
	unsigned long brk = (image->end_bss + PAGE - 1) & ~(PAGE - 1);
	struct memory_map map = {
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
	brk += (random >> 32) % BRK_RANDOM & ~(PAGE - 1);
	map.start_brk = map.brk = brk;
	measure_strings(stack + 1, &map.arg_start, &map.arg_end);
	map.env_start = map.env_end = map.arg_end;
	measure_strings(skip_vector(stack + 1), &map.env_start, &map.env_end);
	raw5(__NR_prctl, PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0);
}

static void name_process(const char *path)
{
	const char *name = path;

	for (const char *at = path; *at; at++)
		if (*at == '/' && at[1])
			name = at + 1;
	raw2(__NR_prctl, PR_SET_NAME, name);
}

_Noreturn void tap_begin(unsigned long *stack)
{
	const struct loader_plan *plan = &loader_plan;
	unsigned long random = random_word();
	unsigned long pages = random & ((1ul << PIE_RANDOM_BITS) - 1);
	unsigned long *auxv = skip_vector(skip_vector(stack + 1));
	struct elf_image image;
	struct elf_image interpreter = { 0 };
	unsigned long entry;

	if (!plan->text[0])
		give_up(); /* nobody traces us */
	map(plan->text, &program_elf, PIE_BASE + pages * PAGE, &image);
	entry = image.entry;
	if (plan->interpreter) {
		map(plan->text + plan->interpreter, &interpreter_elf, 0, &interpreter);
		entry = interpreter.entry;
	}
	edit_auxv(auxv, &image, interpreter.bias);
	tell_kernel(stack, auxv, &image, random);
	if (program_elf.wants_executable_stack)
		raw3(__NR_mprotect, (unsigned long)stack & ~(PAGE - 1), PAGE,
		     PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN);
	name_process(plan->text + plan->name);
	enter_program(entry, (unsigned long)stack);
}
