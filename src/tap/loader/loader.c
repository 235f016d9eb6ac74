// SPDX-License-Identifier: Apache-2.0
/* Freestanding; runs once, in place of each program that is started. What it cannot do ends the
 * process as the kernel ends one whose program it could not map. */
#include "tap/loader/loader.h"

#include <fcntl.h>
#include <signal.h>

#include "sys/raw.h"
#include "tap/elf_file.h"
#include "tap/native.h"
#if defined(__x86_64__)
#include "tap/blob/arch_x86_64.h"
#else
#include "tap/blob/arch_aarch64.h"
#endif

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

static void map(const char *path, struct elf_file *elf, unsigned long hint,
		struct elf_image *ret_image)
{
	long fd = raw4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0 || elf_read((int)fd, elf) < 0 || elf_map((int)fd, elf, hint, ret_image) < 0)
		give_up();
	raw1(__NR_close, fd);
}

/* Where the kernel cannot do it brk grows behind us, which is just as good. */
static void tell_kernel(unsigned long *stack, unsigned long *auxv, const struct elf_image *image,
			unsigned long random)
{
	struct native_map map = native_map_of(stack, auxv, image, random);

	(void)native_tell_map(&map);
}

_Noreturn void tap_begin(unsigned long *stack)
{
	const struct loader_plan *plan = &loader_plan;
	unsigned long random = native_random();
	unsigned long pages = random & ((1ul << PIE_RANDOM_BITS) - 1);
	unsigned long *auxv = native_auxv(stack);
	struct elf_image image;
	struct elf_image interpreter = { 0 };
	unsigned long entry;

	if (!plan->text[0])
		give_up(); /* nobody traces us */
	map(plan->text, &program_elf, PIE_BASE + pages * NATIVE_PAGE, &image);
	entry = image.entry;
	if (plan->interpreter) {
		map(plan->text + plan->interpreter, &interpreter_elf, 0, &interpreter);
		entry = interpreter.entry;
	}
	native_edit_auxv(auxv, &(struct native_program){
				       .image = &image,
				       .header_count = program_elf.header.e_phnum,
				       .interpreter_bias = interpreter.bias,
				       .path = plan->text + plan->name,
				       .has_ids = plan->has_ids,
				       .uid = plan->uid,
				       .euid = plan->euid,
				       .gid = plan->gid,
				       .egid = plan->egid,
				       .has_secure = plan->has_ids,
				       .secure = plan->secure,
			       });
	tell_kernel(stack, auxv, &image, random);
	if (program_elf.wants_executable_stack)
		native_make_stack_executable(stack);
	native_name_process(plan->text + plan->name);
	if (plan->stops)
		raw3(__NR_getpid, entry, stack, LOADER_READY);
	enter_program(entry, (unsigned long)stack);
}
