// SPDX-License-Identifier: Apache-2.0
/* Programs that start programs, and look at how they were started themselves. */
#include "torture.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

extern char **environ;
static char self[4096]; /* our own file */
static char folder[] = "/tmp/torture-XXXXXX";

/* Run by exec: what argv[1] names is looked at, with argv[2] as what it should be. */
static int look(int argc, char **argv);

static void enter_folder(void)
{
	must(mkdtemp(folder));
	must(chdir(folder) == 0);
}

static void leave_folder(void)
{
	must(chdir("/") == 0);
	must(in_child(execl("/bin/rm", "rm", "-rf", folder, (char *)NULL)) == 0);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	must(fd >= 0);
	must(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	must(fchmod(fd, mode) == 0);
	must(close(fd) == 0);
}

static size_t read_file(const char *name, char *text, size_t room)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	ssize_t n;

	must(fd >= 0);
	while ((n = read(fd, text + size, room - size)) > 0)
		size += (size_t)n;
	must(close(fd) == 0);
	return size;
}

static void proc_shows_the_program(void)
{
	char *args[] = { "name", "look", "proc", NULL };
	char *env[] = { "A=1", "BB=22", NULL };

	must(in_child(execve(self, args, env)) == 0);
}

static void look_at_proc(void)
{
	char path[64];
	char text[8192];
	size_t size = read_file("/proc/self/cmdline", text, sizeof(text));

	must(size == 15 && memcmp(text, "name\0look\0proc\0", 15) == 0);
	size = read_file("/proc/self/environ", text, sizeof(text));
	must(size == 10 && memcmp(text, "A=1\0BB=22\0", 10) == 0);
	size = read_file("/proc/self/comm", text, sizeof(text));
	must(size && text[size - 1] == '\n');
	text[size - 1] = '\0';
	must(strncmp(strrchr(self, '/') + 1, text, 15) == 0);
	must(prctl(PR_GET_NAME, text) == 0);
	must(strncmp(strrchr(self, '/') + 1, text, 15) == 0);
	memset(text, 0, sizeof(text));
	must(readlink("/proc/self/exe", text, sizeof(text)) > 0);
	must(strcmp(text, self) == 0);
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)getpid());
	must(readlink(path, text, sizeof(text)) == (ssize_t)strlen(self));
	must(readlink("/proc/self/exe", text, 3) == 3);
}

/* Without a capability that it had before. */
static void it_does_so_in_a_new_user_namespace(void)
{
	char *args[] = { "name", "look", "proc", NULL };
	char *env[] = { "A=1", "BB=22", NULL };

	must(in_child(if (unshare(CLONE_NEWUSER) == 0) execve(self, args, env)) == 0);
}

extern const ElfW(Ehdr) __ehdr_start;

static void the_auxiliary_vector_is_the_programs(void)
{
	const ElfW(Phdr) *headers = (const ElfW(Phdr) *)getauxval(AT_PHDR);

	must(strcmp((const char *)getauxval(AT_EXECFN), self) == 0);
	must(getauxval(AT_PHNUM) == __ehdr_start.e_phnum);
	must(getauxval(AT_PHENT) == sizeof(ElfW(Phdr)));
	must((const char *)headers == (const char *)&__ehdr_start + __ehdr_start.e_phoff);
	must(getauxval(AT_UID) == getuid());
	must(getauxval(AT_EGID) == getegid());
	must(getauxval(AT_SECURE) == 0);
	must(getauxval(AT_PAGESZ) == (unsigned long)sysconf(_SC_PAGESIZE));
	must(getauxval(AT_RANDOM) != 0);
	must(getauxval(AT_SYSINFO_EHDR) != 0);
}

static void the_kernels_copy_of_it_is_the_same(void)
{
	char text[8192];
	size_t size = read_file("/proc/self/auxv", text, sizeof(text));
	const unsigned long *at = (const unsigned long *)(void *)text;

	must(size > 64);
	for (; *at != AT_NULL; at += 2)
		if (*at == AT_PHDR || *at == AT_ENTRY || *at == AT_EXECFN)
			must(at[1] == getauxval(at[0]));
}

static char *data_end = (char *)&data_end;

static void the_heap_grows_behind_the_program(void)
{
	char *before = (char *)syscall(SYS_brk, 0); /* musl has no sbrk */

	must((char *)syscall(SYS_brk, before + (4 << 20)) == before + (4 << 20));
	memset(before, 1, 4 << 20);
	must(before > data_end);
	must(before - data_end < 1l << 30);
}

static int run_script(const char *name)
{
	return in_child({
		execl(name, "zero", "one", "two", (char *)NULL);
		_exit(errno == ENOEXEC ? 100 : errno == ELOOP ? 101 : errno == ENOENT ? 102 : 99);
	});
}

static void scripts_run_their_interpreters(void)
{
	char text[8192];

	enter_folder();
	snprintf(text, sizeof(text), "#!%s look-script", self);
	write_file("one-argument", text, 0755);
	must(run_script("./one-argument") == 1);
	snprintf(text, sizeof(text), "#! \t%s \t look-script more blanks \t\nrest\n", self);
	write_file("blanks", text, 0755);
	must(run_script("./blanks") == 2);
	snprintf(text, sizeof(text), "#!%s/one-argument inner", folder);
	write_file("nested", text, 0755);
	must(run_script("./nested") == 3);
	write_file("nothing", "#!\n", 0755);
	must(run_script("./nothing") == 100);
	write_file("missing", "#!/nowhere/at/all\n", 0755);
	must(run_script("./missing") == 102);
	leave_folder();
}

/* Called by the scripts above: which of them it was. */
static int look_at_script(int argc, char **argv)
{
	const char *name = (const char *)getauxval(AT_EXECFN);

	if (argc == 5 && strcmp(argv[2], "./one-argument") == 0 && strcmp(argv[3], "one") == 0 &&
	    strcmp(argv[1], "look-script") == 0 && strcmp(name, "./one-argument") == 0)
		return 1;
	if (argc == 5 && strcmp(argv[1], "look-script more blanks") == 0 &&
	    strcmp(argv[2], "./blanks") == 0)
		return 2;
	if (argc == 7 && strcmp(argv[1], "look-script") == 0 && strstr(argv[2], "/one-argument") &&
	    strcmp(argv[3], "inner") == 0 && strcmp(argv[4], "./nested") == 0 &&
	    strcmp(argv[6], "two") == 0)
		return 3;
	return 50;
}

static void scripts_nest_five_deep_and_no_deeper(void)
{
	char name[16];
	char text[64];

	enter_folder();
	write_file("s0", "#!/bin/true\n", 0755);
	for (int i = 1; i <= 5; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		snprintf(text, sizeof(text), "#!%s/s%d\n", folder, i - 1);
		write_file(name, text, 0755);
	}
	must(run_script("./s4") == 0);
	must(run_script("./s5") == 101);
	leave_folder();
}

static void refusals_are_those_of_the_kernel(void)
{
	char *args[] = { "x", NULL };
	char name[5000];

	enter_folder();
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	must_fail(ENOENT, execve("./gone", args, environ));
	must_fail(ENOENT, execve("", args, environ));
	must_fail(ENAMETOOLONG, execve(name, args, environ));
	must_fail(EACCES, execve(".", args, environ));
	must_fail(ENOTDIR, execve("/etc/passwd/x", args, environ));
	must_fail(EACCES, execve("/dev/null", args, environ));
	write_file("plain", "text", 0644);
	must_fail(EACCES, execve("./plain", args, environ));
	write_file("text", "text", 0755);
	must_fail(ENOEXEC, execve("./text", args, environ));
	write_file("empty", "", 0755);
	must_fail(ENOEXEC, execve("./empty", args, environ));
	write_file("elf", "\177ELF\2\1\1 but no more than that, at least not really", 0755);
	must_fail(ENOEXEC, execve("./elf", args, environ));
	must(symlink("loop", "loop") == 0);
	must_fail(ELOOP, execve("./loop", args, environ));
	must_fail(EFAULT, syscall(SYS_execve, 8l, args, environ));
	must_fail(EFAULT, syscall(SYS_execve, self, 8l, environ));
	must_fail(EFAULT, syscall(SYS_execve, self, args, 8l));
	must_fail(EINVAL, syscall(SYS_execveat, AT_FDCWD, self, args, environ, 1 << 30));
	leave_folder();
}

static void programs_are_started_through_descriptors(void)
{
	char *args[] = { "name", "look", "nothing", NULL };
	int fd = open(self, O_RDONLY | O_CLOEXEC);
	int path_fd = open(self, O_PATH | O_CLOEXEC);
	char name[64];
	int dir;

	must(fd >= 0 && path_fd >= 0);
	must(in_child(syscall(SYS_execveat, fd, "", args, environ, AT_EMPTY_PATH)) == 0);
	must(in_child(syscall(SYS_execveat, path_fd, "", args, environ, AT_EMPTY_PATH)) == 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	must(in_child(execve(name, args, environ)) == 0);
	dir = open("/bin", O_PATH | O_DIRECTORY | O_CLOEXEC);
	must(in_child(syscall(SYS_execveat, dir, "true", args, environ, 0)) == 0);
	enter_folder();
	must(symlink(self, "link") == 0);
	must_fail(ELOOP,
		  syscall(SYS_execveat, AT_FDCWD, "link", args, environ, AT_SYMLINK_NOFOLLOW));
	must(in_child(execve("link", args, environ)) == 0);
	leave_folder();
	must_fail(ENOENT, syscall(SYS_execveat, fd, "", args, environ, 0));
}

static void a_program_always_has_a_name(void)
{
	char *none[] = { NULL };
	char *env[] = { "LOOK=no-name", NULL };

	must(in_child(syscall(SYS_execve, self, none, env)) == 0);
	must(in_child(syscall(SYS_execve, self, NULL, env)) == 0);
}

static void vfork_and_exec_leak_nothing(void)
{
	static int i; /* vfork: not in a register */

	for (i = 0; i < 300; i++) {
		pid_t pid = vfork();

		if (pid == 0) {
			execl(i % 3 ? "/bin/true" : "/nowhere", "true", (char *)NULL);
			_exit(7);
		}
		must(wait_for(pid) == (i % 3 ? 0 : 7));
	}
}

static size_t memory_mapped(void)
{
	char text[64] = "";

	read_file("/proc/self/statm", text, sizeof(text) - 1);
	return strtoul(text, NULL, 10);
}

static void the_parent_of_vfork_does_not_grow(void)
{
	char *args[5002];
	static size_t before;
	static int i;

	for (i = 0; i < 5001; i++)
		args[i] = "argument";
	args[5001] = NULL;
	for (i = 0; i < 60; i++) {
		pid_t pid = vfork();

		if (pid == 0) {
			execv("/bin/true", args);
			_exit(7);
		}
		must(wait_for(pid) == 0);
		if (i == 10)
			before = memory_mapped();
	}
	must(memory_mapped() <= before + 64);
}

static void spawned_programs_get_their_files(void)
{
	char *args[] = { "grep", "-q", "^root:", NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;

	must(posix_spawn_file_actions_init(&actions) == 0);
	must(posix_spawn_file_actions_addopen(&actions, 0, "/etc/passwd", O_RDONLY, 0) == 0);
	for (int i = 0; i < 20; i++) {
		must(posix_spawnp(&pid, "grep", &actions, NULL, args, environ) == 0);
		must(wait_for(pid) == 0);
	}
	must(posix_spawnp(&pid, "/nowhere/x", &actions, NULL, args, environ) == ENOENT);
}

static void *exec_here(void *unused)
{
	char *args[] = { "name", "look", "nothing", NULL };

	execve(self, args, environ);
	return unused;
}

static void another_thread_than_the_first_may_exec(void)
{
	must(in_child({
		     pthread_t thread;

		     pthread_create(&thread, NULL, exec_here, NULL);
		     pthread_join(thread, NULL);
		     _exit(9);
	     }) == 0);
}

static void *fork_often(void *unused)
{
	for (int i = 0; i < 40; i++) {
		struct stat st;

		must(in_child({
			     must(stat("/etc/passwd", &st) == 0);
			     if (i % 4 == 0)
				     execl("/bin/true", "true", (char *)NULL);
		     }) == 0);
		must(stat("/etc/passwd", &st) == 0);
	}
	return unused;
}

static void threads_fork_and_exec_at_once(void)
{
	pthread_t thread[6];

	for (int i = 0; i < 6; i++)
		must(pthread_create(&thread[i], NULL, fork_often, NULL) == 0);
	for (int i = 0; i < 6; i++)
		pthread_join(thread[i], NULL);
}

static void do_nothing(int number)
{
	(void)number;
}

static void dispositions_of_sigsys_are_inherited(void)
{
	char *args[] = { "name", "look", "ignored", NULL };
	char *blocked[] = { "name", "look", "blocked", NULL };
	char *handled[] = { "name", "look", "default", NULL };
	sigset_t set;

	must(in_child({
		     signal(SIGSYS, SIG_IGN);
		     execve(self, args, environ);
	     }) == 0);
	must(in_child({
		     signal(SIGSYS, do_nothing);
		     execve(self, handled, environ);
	     }) == 0);
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	must(in_child({
		     sigprocmask(SIG_BLOCK, &set, NULL);
		     execve(self, blocked, environ);
	     }) == 0);
}

static void long_argument_lists_arrive(void)
{
	size_t count = 50000;
	char **args = calloc(count + 4, sizeof(*args));

	args[0] = "name";
	args[1] = "look";
	args[2] = "many";
	for (size_t i = 3; i < count + 3; i++)
		args[i] = "0123456789";
	must(in_child(execve(self, args, environ)) == 0);
	for (size_t i = 3; i < count + 3; i++)
		args[i] = self; /* too much, on a stack of 512 KB */
	must(in_child({
		     struct rlimit limit = { 512 << 10, 512 << 10 };

		     must(setrlimit(RLIMIT_STACK, &limit) == 0);
		     must_fail(E2BIG, execve(self, args, environ));
	     }) == 0);
}

static void address_space_limits_are_kept(void)
{
	char *args[] = { "true", NULL };

	must(in_child({
		     struct rlimit limit = { 64 << 20, 64 << 20 };

		     must(setrlimit(RLIMIT_AS, &limit) == 0);
		     execve("/bin/true", args, environ);
	     }) == 0);
}

static void clone3_asks_for_clone(void)
{
	struct {
		unsigned long words[11];
	} args = { { 0 } };
	long pid;

	args.words[4] = SIGCHLD;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		_exit(0);
	must(pid > 0 ? wait_for((pid_t)pid) == 0 : errno == ENOSYS);
}

static void a_removed_program_can_start_itself_again(void)
{
	char text[8192];

	enter_folder();
	snprintf(text, sizeof(text), "cp %s ./copy && exec ./copy look removed", self);
	must(in_child(execl("/bin/sh", "sh", "-c", text, (char *)NULL)) == 0);
	leave_folder();
}

static int look(int argc, char **argv)
{
	const char *what = argv[2];
	char *args[] = { "name", "look", "nothing", NULL };
	sigset_t old;
	sigset_t set;

	if (strcmp(what, "proc") == 0)
		look_at_proc();
	else if (strcmp(what, "ignored") == 0)
		must(signal(SIGSYS, SIG_DFL) == SIG_IGN);
	else if (strcmp(what, "default") == 0)
		must(signal(SIGSYS, SIG_IGN) == SIG_DFL);
	else if (strcmp(what, "blocked") == 0) {
		sigemptyset(&set);
		must(sigprocmask(SIG_BLOCK, &set, &old) == 0 && sigismember(&old, SIGSYS));
	} else if (strcmp(what, "many") == 0) {
		must(argc == 50003 && strcmp(argv[50002], "0123456789") == 0);
	} else if (strcmp(what, "removed") == 0) {
		must(unlink("copy") == 0);
		execve("/proc/self/exe", args, environ);
		return 1;
	}
	return 0;
}

static const struct claim claims[] = {
	CLAIM(proc_shows_the_program),
	CLAIM(it_does_so_in_a_new_user_namespace),
	CLAIM(the_auxiliary_vector_is_the_programs),
	CLAIM(the_kernels_copy_of_it_is_the_same),
	CLAIM(the_heap_grows_behind_the_program),
	CLAIM(scripts_run_their_interpreters),
	CLAIM(scripts_nest_five_deep_and_no_deeper),
	CLAIM(refusals_are_those_of_the_kernel),
	CLAIM(programs_are_started_through_descriptors),
	CLAIM(a_program_always_has_a_name),
	CLAIM(vfork_and_exec_leak_nothing),
	CLAIM(the_parent_of_vfork_does_not_grow),
	CLAIM(spawned_programs_get_their_files),
	CLAIM(another_thread_than_the_first_may_exec),
	CLAIM(threads_fork_and_exec_at_once),
	CLAIM(dispositions_of_sigsys_are_inherited),
	CLAIM(long_argument_lists_arrive),
	CLAIM(address_space_limits_are_kept),
	CLAIM(clone3_asks_for_clone),
	CLAIM(a_removed_program_can_start_itself_again),
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	const char *wanted = getenv("LOOK");

	if (wanted && strcmp(wanted, "no-name") == 0)
		return !(argc == 1 && argv[0][0] == '\0' && argv[1] == NULL);
	must(realpath("/proc/self/exe", self) || argc > 1);
	if (argc > 1 && strncmp(argv[1], "look-script", 11) == 0)
		return look_at_script(argc, argv);
	if (argc > 2 && strcmp(argv[1], "look") == 0)
		return look(argc, argv);
	return run_claims(claims, argc, argv);
}
