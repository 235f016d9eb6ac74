// SPDX-License-Identifier: Apache-2.0
/* Programs whose call sites are rewritten while they run, and code that must not be. With
 * TORTURE_PATCHED set to 0 or 1, libc's text is held against its file: is it rewritten or not? */
#include "torture.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/stat.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>

#define OFTEN 400 /* calls of one site: more than enough to have it rewritten */

static char name[] = "/tmp/torture-XXXXXX";
static ino_t inode;

static void make_file(void)
{
	struct stat st;
	int fd = mkstemp(name);

	must(fd >= 0);
	must(fchown(fd, 5, 6) == 0);
	must(fchmod(fd, 0640) == 0);
	must(fstat(fd, &st) == 0);
	inode = st.st_ino;
	must(close(fd) == 0);
}

static void check_stat(const struct stat *st)
{
	must(st->st_uid == 5 && st->st_gid == 6 && st->st_ino == inode);
	must((st->st_mode & 07777) == 0640);
}

/* Many sites, each with an answer that shows whether it was the right call. */
static void call_many(void)
{
	struct stat st;
	struct statx x;
	sigset_t set;
	int fd = open(name, O_RDWR | O_CLOEXEC);

	must(fd >= 0);
	must(fstat(fd, &st) == 0);
	check_stat(&st);
	must(stat(name, &st) == 0);
	check_stat(&st);
	must(lstat(name, &st) == 0);
	check_stat(&st);
	must(fstatat(AT_FDCWD, name, &st, AT_SYMLINK_NOFOLLOW) == 0);
	check_stat(&st);
	must(syscall(SYS_statx, AT_FDCWD, name, 0, STATX_BASIC_STATS, &x) == 0);
	must(x.stx_uid == 5 && x.stx_gid == 6);
	must(access(name, R_OK) == 0);
	must_fail(EACCES, access(name, X_OK));
	must(getuid() == 0 && geteuid() == 0 && getgid() == 0 && getegid() == 0);
	must(sigemptyset(&set) == 0 && sigaddset(&set, SIGUSR2) == 0);
	must(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
	must_fail(ENOENT, chmod("/nowhere/x", 0600));
	must_fail(ENOENT, unlink("/nowhere/x"));
	must_fail(ENOENT, mkdir("/nowhere/x", 0700));
	must_fail(ENOENT, rename("/nowhere/x", "/nowhere/y"));
	must(close(fd) == 0);
}

static void *call_often(void *unused)
{
	for (int i = 0; i < OFTEN; i++)
		call_many();
	return unused;
}

static void threads_call_while_sites_are_rewritten(void)
{
	pthread_t thread[6];

	make_file();
	for (int i = 0; i < 6; i++)
		must(pthread_create(&thread[i], NULL, call_often, NULL) == 0);
	for (int i = 0; i < 6; i++)
		pthread_join(thread[i], NULL);
	must(unlink(name) == 0);
}

static void *fork_often(void *unused)
{
	for (int i = 0; i < 60; i++)
		must(in_child(call_many()) == 0);
	return unused;
}

static void threads_fork_while_sites_are_rewritten(void)
{
	pthread_t caller;
	pthread_t forker[2];

	make_file();
	for (int i = 0; i < 2; i++)
		must(pthread_create(&forker[i], NULL, fork_often, NULL) == 0);
	must(pthread_create(&caller, NULL, call_often, NULL) == 0);
	for (int i = 0; i < 2; i++)
		pthread_join(forker[i], NULL);
	pthread_join(caller, NULL);
	must(unlink(name) == 0);
}

static void call_on_signal(int number)
{
	int saved = errno;

	(void)number;
	call_many();
	errno = saved;
}

static void signals_come_while_sites_are_rewritten(void)
{
	struct itimerval often = { { 0, 2000 }, { 0, 200 } };
	struct sigaction action = { .sa_handler = call_on_signal, .sa_flags = SA_RESTART };

	make_file();
	must(sigaction(SIGALRM, &action, NULL) == 0);
	must(setitimer(ITIMER_REAL, &often, NULL) == 0);
	call_often(NULL);
	often = (struct itimerval){ 0 };
	must(setitimer(ITIMER_REAL, &often, NULL) == 0);
	must(unlink(name) == 0);
}

static void a_vfork_child_may_have_sites_rewritten(void)
{
	static struct stat st;
	static int i;
	pid_t pid;

	make_file();
	pid = vfork();
	if (pid == 0) {
		for (i = 0; i < OFTEN; i++)
			if (stat(name, &st) < 0 || st.st_uid != 5 || getuid() != 0)
				_exit(1);
		_exit(0);
	}
	must(wait_for(pid) == 0);
	call_often(NULL);
	must(unlink(name) == 0);
}

#if defined(__x86_64__)

/* mov $SYS_getuid, %eax; syscall; ret: as libc has it, but nobody's business. */
static const unsigned char code[] = { 0xb8, SYS_getuid, 0, 0, 0, 0x0f, 0x05, 0xc3 };

static void run_code(unsigned char *page)
{
	long (*call)(void);

	memcpy(page + 64, code, sizeof(code));
	must(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
	call = (long (*)(void))(void *)(page + 64);
	for (int i = 0; i < OFTEN; i++)
		must(call() == 0);
	must(memcmp(page + 64, code, sizeof(code)) == 0);
}

struct library {
	char *low, *high;	    /* as mapped */
	char *text_low, *text_high; /* its executable segment */
	size_t offset;		    /* of that in the file */
	char path[4096];
};

static int find_libc(struct dl_phdr_info *info, size_t size, void *room)
{
	struct library *library = room;

	(void)size;
	if (!strstr(info->dlpi_name, "libc.so") && !strstr(info->dlpi_name, "ld-musl"))
		return 0;
	snprintf(library->path, sizeof(library->path), "%s", info->dlpi_name);
	library->low = (char *)info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		char *at = (char *)info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type != PT_LOAD)
			continue;
		library->high = at + segment->p_memsz;
		if (!(segment->p_flags & PF_X))
			continue;
		library->text_low = at;
		library->text_high = at + segment->p_filesz;
		library->offset = segment->p_offset;
	}
	return 1;
}

static void generated_code_is_left_alone(void)
{
	struct library libc = { 0 };
	unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				   -1, 0);

	must(page != MAP_FAILED);
	run_code(page);
	if (!dl_iterate_phdr(find_libc, &libc))
		return;
	/* And right behind libc, where going back leads to libc's own header. */
	page = (unsigned char *)(((unsigned long)libc.high + 4095) & ~4095ul);
	page = mmap(page, 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (page != MAP_FAILED)
		run_code(page);
}

extern unsigned char own_site[];
__asm__(".text\n.globl own_site\nown_site:\n	mov $102, %eax\n	syscall\n	ret\n");

static void the_programs_own_text_is_left_alone(void)
{
	long (*call)(void) = (long (*)(void))(void *)own_site;

	for (int i = 0; i < OFTEN; i++)
		must(call() == 0);
	must(memcmp(own_site, code, sizeof(code)) == 0);
}

static void no_page_is_writable_and_executable(void)
{
	FILE *maps;
	char line[8192];

	make_file();
	call_often(NULL);
	maps = fopen("/proc/self/maps", "re");
	must(maps);
	while (fgets(line, sizeof(line), maps))
		must(!strstr(line, " rwx"));
	must(fclose(maps) == 0);
	must(unlink(name) == 0);
}

static void text_is_rewritten_only_where_it_may_be(void)
{
	const char *patched = getenv("TORTURE_PATCHED");
	struct library libc = { 0 };
	char page[4096];
	int changed = 0;
	int fd;

	if (!patched || !dl_iterate_phdr(find_libc, &libc) || libc.path[0] != '/')
		return;
	make_file();
	call_often(NULL);
	fd = open(libc.path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0);
	for (char *at = libc.text_low; at + sizeof(page) <= libc.text_high; at += sizeof(page)) {
		off_t offset = (off_t)(libc.offset + (size_t)(at - libc.text_low));

		must(pread(fd, page, sizeof(page), offset) == sizeof(page));
		changed += memcmp(page, at, sizeof(page)) != 0;
	}
	must((changed > 0) == (patched[0] == '1'));
	must(unlink(name) == 0);
}

#endif

/* On the host's own tree every open traps; glibc sets arguments behind the number here. */
static void directories_are_opened_as_often_as_one_likes(void)
{
	for (int i = 0; i < OFTEN; i++) {
		DIR *root = opendir("/");
		DIR *none = opendir("/nothing/there");
		struct stat st;

		must(root && !none && errno == ENOENT);
		must(fstat(dirfd(root), &st) == 0 && S_ISDIR(st.st_mode));
		must(readdir(root));
		must(fcntl(dirfd(root), F_GETFD) == FD_CLOEXEC);
		must(closedir(root) == 0);
	}
}

static const struct claim claims[] = {
	CLAIM(directories_are_opened_as_often_as_one_likes),
	CLAIM(threads_call_while_sites_are_rewritten),
	CLAIM(threads_fork_while_sites_are_rewritten),
	CLAIM(signals_come_while_sites_are_rewritten),
	CLAIM(a_vfork_child_may_have_sites_rewritten),
#if defined(__x86_64__)
	CLAIM(generated_code_is_left_alone),
	CLAIM(the_programs_own_text_is_left_alone),
	CLAIM(no_page_is_writable_and_executable),
	CLAIM(text_is_rewritten_only_where_it_may_be),
#endif
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return run_claims(claims, argc, argv);
}
