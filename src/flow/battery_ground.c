// SPDX-License-Identifier: Apache-2.0
#include "flow/battery_ground.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/log.h"
#include "base/strings.h"
#include "battery/battery.h"
#include "sys/remove.h"

#define RANDOM_BYTES 8

static int make_directory(const char *path, struct err *err)
{
	return mkdir(path, 0755) < 0 ? fail(err, errno, "make '%s'", path) : 0;
}

static int write_file(const char *path, const void *bytes, size_t size_bytes, mode_t mode,
		      struct err *err)
{
	auto_fd fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
	int r = fd < 0 ? -errno : io_write_all(fd, bytes, size_bytes);

	if (r == 0 && fchmod(fd, mode) < 0)
		r = -errno;
	return r < 0 ? fail(err, -r, "write '%s'", path) : 0;
}

static int make_link(const char *target, const char *path, struct err *err)
{
	return symlink(target, path) < 0 ? fail(err, errno, "link '%s'", path) : 0;
}

/* name below folder */
static const char *in(struct ground *ground, const char *folder, const char *name)
{
	return arena_printf(&ground->arena, "%s/%s", folder, name);
}

static int write_program(struct ground *ground, const char *folder, struct err *err)
{
	return write_file(in(ground, folder, BATTERY_PROGRAM), battery_start,
			  (size_t)(battery_end - battery_start), 0755, err);
}

static int make_outside(struct ground *ground, struct err *err)
{
	const char *outside = ground->outside;
	size_t length = strlen(ground->secret);
	int r = make_directory(outside, err);

	if (r == 0)
		r = write_file(in(ground, outside, BATTERY_SECRET), ground->secret, length, 0644,
			       err);
	if (r == 0)
		r = make_link(BATTERY_SECRET, in(ground, outside, BATTERY_LINK), err);
	if (r == 0)
		r = make_directory(in(ground, outside, BATTERY_EMPTY), err);
	if (r == 0)
		r = write_program(ground, outside, err);
	if (r == 0)
		r = make_directory(ground->both, err);
	if (r == 0)
		r = write_file(in(ground, ground->both, BATTERY_SECRET), ground->secret, length,
			       0644, err);
	if (r == 0)
		r = make_directory(ground->bind, err);
	return r < 0 ? r : make_link("../outside", in(ground, ground->bind, BATTERY_LINK), err);
}

/* Every directory on the way to `path`, which is absolute, in the root. */
static int make_path_inside(struct ground *ground, const char *path, struct err *err)
{
	char *whole = arena_printf(&ground->arena, "%s%s", ground->root, path);

	for (char *at = whole + strlen(ground->root) + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (mkdir(whole, 0755) < 0 && errno != EEXIST)
			return fail(err, errno, "make '%s'", whole);
		*at = '/';
	}
	return make_directory(whole, err);
}

static int make_root(struct ground *ground, struct err *err)
{
	const char *links = in(ground, ground->root, BATTERY_LINKS + 1);
	int r = make_directory(ground->root, err);

	if (r == 0)
		r = write_program(ground, ground->root, err);
	if (r == 0)
		r = make_directory(links, err);
	if (r == 0)
		r = make_link(ground->outside, in(ground, links, BATTERY_ABSOLUTE), err);
	if (r == 0)
		r = make_link(arena_printf(&ground->arena, "../../../../../../../../..%s",
					   ground->outside),
			      in(ground, links, BATTERY_DOTS), err);
	if (r == 0)
		r = make_path_inside(ground, ground->both, err);
	if (r < 0)
		return r;
	return write_file(
		arena_printf(&ground->arena, "%s%s/" BATTERY_SECRET, ground->root, ground->both),
		"inside\n", 7, 0644, err);
}

static void find_handle(struct ground *ground)
{
	struct {
		struct file_handle head;
		unsigned char bytes[MAX_HANDLE_SZ];
	} handle = { .head.handle_bytes = MAX_HANDLE_SZ };
	const char *path = in(ground, ground->outside, BATTERY_SECRET);
	auto_buf text = { 0 };
	int mount_id;

	if (name_to_handle_at(AT_FDCWD, path, &handle.head, &mount_id, 0) < 0) {
		buf_add_char(&text, '-');
	} else {
		buf_printf(&text, "%d:", handle.head.handle_type);
		for (unsigned i = 0; i < handle.head.handle_bytes; i++)
			buf_printf(&text, "%02x", handle.bytes[i]);
	}
	ground->handle = arena_copy(&ground->arena, buf_text(&text));
}

/* Where the kernel keeps no keys there is nothing to find. */
static void add_key(const struct ground *ground)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0)
		return;
	syscall(SYS_add_key, "user", ground->abstract, ground->secret, strlen(ground->secret),
		KEY_SPEC_SESSION_KEYRING);
}

/* ---- the neighbour: a process of the host ---- */

static volatile int *signals_seen;

static void count_signal(int number)
{
	(void)number;
	(*signals_seen)++;
}

static _Noreturn void be_neighbour(const struct ground *ground, const int listeners[2])
{
	struct pollfd fds[2] = { { .fd = listeners[0], .events = POLLIN },
				 { .fd = listeners[1], .events = POLLIN } };
	int folder_fd = open(ground->outside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	signal(SIGUSR1, count_signal);
	if (fchdir(folder_fd) < 0 || dup2(folder_fd, BATTERY_FD) < 0)
		_exit(1);
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		for (int i = 0; i < 2; i++) {
			auto_fd fd = fds[i].revents ? accept4(fds[i].fd, NULL, NULL, SOCK_CLOEXEC)
						    : -1;

			if (fd >= 0)
				(void)io_write_all(fd, ground->secret, strlen(ground->secret));
		}
	}
}

/* name_bytes: of sun_path */
static int listen_at(struct sockaddr_un *address, size_t name_bytes, int *ret_fd, struct err *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address->sun_family = AF_UNIX;
	if (fd < 0 ||
	    bind(fd, (struct sockaddr *)address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name_bytes)) < 0 ||
	    listen(fd, 8) < 0) {
		fail(err, errno, "listen at a socket");
		cleanup_fd(&fd);
		return -err->code;
	}
	*ret_fd = fd;
	return 0;
}

static int open_listeners(struct ground *ground, int ret_listeners[2], struct err *err)
{
	struct sockaddr_un named = { 0 };
	struct sockaddr_un abstract = { 0 };
	auto_fd folder_fd = open(ground->outside, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (folder_fd < 0)
		return fail(err, errno, "open '%s'", ground->outside);
	/* whatever the length of the path */
	snprintf(named.sun_path, sizeof(named.sun_path), "/proc/self/fd/%d/" BATTERY_SOCKET,
		 folder_fd);
	memcpy(abstract.sun_path + 1, ground->abstract, strlen(ground->abstract));
	r = listen_at(&named, strlen(named.sun_path) + 1, &ret_listeners[0], err);
	if (r == 0)
		r = listen_at(&abstract, 1 + strlen(ground->abstract), &ret_listeners[1], err);
	return r;
}

static int start_neighbour(struct ground *ground, struct err *err)
{
	auto_fd first = -1;
	auto_fd second = -1;
	int listeners[2] = { -1, -1 };
	int r;

	ground->signals = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ground->signals == MAP_FAILED) {
		ground->signals = NULL;
		return fail(err, errno, "memory for a process");
	}
	signals_seen = ground->signals;
	r = open_listeners(ground, listeners, err);
	first = listeners[0];
	second = listeners[1];
	if (r < 0)
		return r;
	ground->neighbour = fork();
	if (ground->neighbour == 0)
		be_neighbour(ground, listeners);
	return ground->neighbour < 0 ? fail(err, errno, "fork") : 0;
}

/* ---- before and after ---- */

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Names, modes, sizes, times and links; what programs read leaves no trace here. Of the directory
 * in which the root is only the names. */
static void describe(struct ground *ground, const char *folder, bool in_full, struct buf *out)
{
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, NULL, compare_names);

	for (int i = 0; i < count; i++) {
		struct stat stat;

		if (!in_full)
			buf_printf(out, "%s/%s\n", folder, entries[i]->d_name);
		else if (strcmp(entries[i]->d_name, "..") != 0 &&
			 lstat(in(ground, folder, entries[i]->d_name), &stat) == 0)
			buf_printf(out, "%s/%s %o %u %u %lld %lu %lld.%09ld\n", folder,
				   entries[i]->d_name, stat.st_mode, stat.st_uid, stat.st_gid,
				   (long long)stat.st_size, (unsigned long)stat.st_nlink,
				   (long long)stat.st_mtim.tv_sec, stat.st_mtim.tv_nsec);
		free(entries[i]);
	}
	free(entries);
}

static void describe_all(struct ground *ground, struct buf *out)
{
	describe(ground, ground->folder, false, out);
	describe(ground, ground->outside, true, out);
	describe(ground, ground->both, true, out);
}

const char *ground_damage(struct ground *ground)
{
	auto_buf now = { 0 };
	const char *before = buf_text(&ground->before);
	const char *after;
	size_t line = 0;

	describe_all(ground, &now);
	after = buf_text(&now);
	if (strcmp(before, after) == 0)
		return NULL;
	for (size_t i = 0; before[i] && before[i] == after[i]; i++)
		if (before[i] == '\n')
			line = i + 1;
	return arena_printf(&ground->arena, "%.*s", (int)strcspn(after + line, "\n"), after + line);
}

/* ---- all together ---- */

static int make_folder(struct ground *ground, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	char *folder = arena_printf(&ground->arena, "%s/rootlet-verify-XXXXXX",
				    tmp && tmp[0] == '/' ? tmp : "/tmp");
	char *real;

	if (!mkdtemp(folder))
		return fail(err, errno, "make '%s'", folder);
	ground->folder = folder;
	real = realpath(folder, NULL);
	if (real)
		ground->folder = arena_copy(&ground->arena, real);
	free(real);
	return chmod(ground->folder, 0755) < 0 ? fail(err, errno, "chmod '%s'", folder) : 0;
}

static int name_things(struct ground *ground, struct err *err)
{
	unsigned char bytes[RANDOM_BYTES];
	auto_buf text = { 0 };

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return fail(err, errno, "getrandom");
	for (size_t i = 0; i < sizeof(bytes); i++)
		buf_printf(&text, "%02x", bytes[i]);
	ground->secret = arena_printf(&ground->arena, BATTERY_PREFIX "%s\n", buf_text(&text));
	ground->abstract = arena_printf(&ground->arena, "rootlet-verify-%s", buf_text(&text));
	ground->root = arena_printf(&ground->arena, "%s/root", ground->folder);
	ground->outside = arena_printf(&ground->arena, "%s/outside", ground->folder);
	ground->both = arena_printf(&ground->arena, "%s/both", ground->folder);
	ground->bind = arena_printf(&ground->arena, "%s/bind", ground->folder);
	return 0;
}

int ground_make(struct ground *ret_ground, struct err *err)
{
	struct ground *ground = ret_ground;
	int r;

	*ground = (struct ground){ .neighbour = -1 };
	r = make_folder(ground, err);
	if (r == 0)
		r = name_things(ground, err);
	if (r == 0)
		r = make_outside(ground, err);
	if (r == 0)
		r = make_root(ground, err);
	if (r == 0)
		r = start_neighbour(ground, err);
	if (r < 0)
		return err_wrap(err, "what surrounds the battery");
	find_handle(ground);
	add_key(ground);
	describe_all(ground, &ground->before);
	return 0;
}

void ground_done(struct ground *ground)
{
	struct err err = { 0 };

	if (ground->neighbour > 0) {
		kill(ground->neighbour, SIGKILL);
		waitpid(ground->neighbour, NULL, 0);
	}
	if (ground->signals)
		munmap((void *)(uintptr_t)ground->signals, sizeof(int));
	if (ground->folder && remove_tree(AT_FDCWD, ground->folder, &err) < 0)
		log_warning("%s", err.text);
	buf_done(&ground->before);
	arena_done(&ground->arena);
}
