// SPDX-License-Identifier: Apache-2.0
/* Executing what is outside, and reaching what is outside by what was executed. */
#include <elf.h>
#include <linux/memfd.h>
#include <sys/mman.h>

#include "battery/program/attempt.h"

static char *const no_environment[] = { NULL };

static long execute_plain(const char *path)
{
	const char *argv[] = { path, NULL };

	return raw3(__NR_execve, path, argv, no_environment);
}

static long execute_at(const char *path)
{
	const char *argv[] = { path, NULL };

	return raw5(__NR_execveat, AT_FDCWD, path, argv, no_environment, 0);
}

static long execute_at_fd(const char *path)
{
	const char *argv[] = { path, NULL };
	long fd = raw4(__NR_openat, AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);

	return fd < 0 ? fd : raw5(__NR_execveat, fd, "", argv, no_environment, AT_EMPTY_PATH);
}

static void execute_by(long (*execute)(const char *path))
{
	each_way_outside(BATTERY_PROGRAM, path, way)
		if (execute_proves(execute, path))
			reached(way->name);
}

static void execute_execve(void)
{
	execute_by(execute_plain);
}

static void execute_execveat(void)
{
	execute_by(execute_at);
	execute_by(execute_at_fd);
}

static long write_file(const char *path, const void *bytes, size_t size_bytes)
{
	long fd = raw4(__NR_openat, AT_FDCWD, path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0700);
	long n = raw3(__NR_write, fd, bytes, size_bytes);

	raw1(__NR_close, fd);
	return n < 0 ? n : 0;
}

/* The kernel finds the interpreter of a script by itself. */
static void execute_script(void)
{
	each_way_outside(BATTERY_PROGRAM, path, way) {
		char text[PATH_SIZE];

		join(text, "#!", path, "\n");
		refused(write_file("/script", text, text_length(text)));
		if (execute_proves(execute_plain, "/script"))
			reached(way->name);
	}
}

/* A program for this machine with nothing in it but the name of its interpreter. */
struct empty_program {
	Elf64_Ehdr header;
	Elf64_Phdr program[2];
	char interpreter[512];
};

static void fill_program(struct empty_program *elf, const char *interpreter)
{
#if defined(__x86_64__)
	const Elf64_Half machine = EM_X86_64;
#else
	const Elf64_Half machine = EM_AARCH64;
#endif
	uint64_t interpreter_at = offsetof(struct empty_program, interpreter);

	*elf = (struct empty_program){
		.header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			    .e_type = ET_EXEC,
			    .e_machine = machine,
			    .e_version = EV_CURRENT,
			    .e_entry = 0x10000000,
			    .e_phoff = offsetof(struct empty_program, program),
			    .e_ehsize = sizeof(Elf64_Ehdr),
			    .e_phentsize = sizeof(Elf64_Phdr),
			    .e_phnum = 2 },
		.program = { { .p_type = PT_INTERP,
			       .p_flags = PF_R,
			       .p_offset = interpreter_at,
			       .p_filesz = text_length(interpreter) + 1 },
			     { .p_type = PT_LOAD,
			       .p_flags = PF_R,
			       .p_vaddr = 0x10000000,
			       .p_filesz = sizeof(*elf),
			       .p_memsz = sizeof(*elf),
			       .p_align = 0x10000 } },
	};
	text_put(elf->interpreter, elf->interpreter + sizeof(elf->interpreter), interpreter);
}

static void execute_interpreter(void)
{
	each_way_outside(BATTERY_PROGRAM, path, way) {
		struct empty_program elf;

		fill_program(&elf, path);
		refused(write_file("/empty-program", &elf, sizeof(elf)));
		if (execute_proves(execute_plain, "/empty-program"))
			reached(way->name);
	}
}

/* ---- a program executed one way or another opens the secret ---- */

static const char *to_open; /* by what is executed */

static long execute_reader(const char *path)
{
	const char *argv[] = { path, to_open, NULL };

	return raw3(__NR_execve, path, argv, no_environment);
}

static long execute_reader_at(const char *path)
{
	const char *argv[] = { path, to_open, NULL };
	long fd = raw4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);

	return fd < 0 ? fd : raw5(__NR_execveat, fd, "", argv, no_environment, AT_EMPTY_PATH);
}

static long copy_to_memory(const char *path, unsigned flags)
{
	char bytes[4096];
	long from = raw4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	long to = raw2(__NR_memfd_create, "copy", flags);
	long n;

	while (from >= 0 && to >= 0 && (n = raw3(__NR_read, from, bytes, sizeof(bytes))) > 0)
		raw3(__NR_write, to, bytes, n);
	raw1(__NR_close, from);
	return to;
}

static long execute_reader_in_memory(const char *path)
{
	const char *argv[] = { path, to_open, NULL };
	long fd = copy_to_memory(path, MFD_CLOEXEC);

	return fd < 0 ? fd : raw5(__NR_execveat, fd, "", argv, no_environment, AT_EMPTY_PATH);
}

static long execute_reader_by_link(const char *path)
{
	const char *argv[] = { path, to_open, NULL };
	char link[PATH_SIZE];
	char number[24];
	long fd = copy_to_memory(path, 0);

	if (fd < 0)
		return fd;
	number_text(number, (unsigned long)fd);
	return raw3(__NR_execve, join(link, "/proc/self/fd/", number, ""), argv, no_environment);
}

static void execute_to_read(long (*execute)(const char *path))
{
	each_way(BATTERY_SECRET, path, way) {
		to_open = path;
		if (execute_proves(execute, "/" BATTERY_PROGRAM))
			reached(way->name);
	}
}

static void execute_empty_environment(void)
{
	execute_to_read(execute_reader);
	execute_to_read(execute_reader_at);
}

static void execute_memory(void)
{
	execute_to_read(execute_reader_in_memory);
	execute_to_read(execute_reader_by_link);
}

/* Shared memory and vfork, as posix_spawn(3) starts programs. */
static void execute_after_vfork(void)
{
	each_way(BATTERY_SECRET, path, way) {
		const char *argv[] = { "/" BATTERY_PROGRAM, path, NULL };
		long pid = fork_process();

		if (pid == 0) {
			long child = raw5(__NR_clone, 0x4000 /* CLONE_VFORK */ | 17, 0, 0, 0, 0);

			if (child == 0) {
				raw3(__NR_execve, argv[0], argv, no_environment);
				end_process(1);
			}
			end_process(wait_for(child) >> 8);
		}
		if (wait_for(pid) == BATTERY_PROOF << 8)
			reached(way->name);
	}
}

const struct attempt execute_attempts[] = {
	{ BATTERY_LEAK, "execve of the host's program", execute_execve },
	{ BATTERY_LEAK, "execveat of the host's program", execute_execveat },
	{ BATTERY_LEAK, "a script whose interpreter is the host's", execute_script },
	{ BATTERY_LEAK, "a program whose PT_INTERP is the host's", execute_interpreter },
	{ BATTERY_LEAK, "a static program without environment", execute_empty_environment },
	{ BATTERY_LEAK, "a program executed from memory", execute_memory },
	{ BATTERY_LEAK, "a program executed after vfork", execute_after_vfork },
	{ NULL, NULL, NULL },
};
