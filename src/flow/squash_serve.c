// SPDX-License-Identifier: Apache-2.0
#include "flow/squash_serve.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/number.h"
#include "codec/squash.h"
#include "codec/squash_view.h"
#include "flow/squash_share.h"
#include "rootfs/squash_fuse.h"
#include "store/owners.h"
#include "sys/mount.h"
#include "sys/new_calls.h"
#include "sys/ns.h"

#define FIRST_WAIT_MS 60000 /* nobody has come: whoever started this was killed */

struct server {
	const struct squash_service *service;
	const struct squash_share *share;
	struct squash_fuse *fuse;
	int image_fd;
	struct squash_image *image;
	int listen_fd;
	int pass[SQUASH_SHARE_FDS]; /* what every run is given */
	size_t pass_count;
	bool has_user_namespace;
};

/* --- a record of who owns what --- */

/* Sealed: every run has it. */
static int make_record(struct server *server, int *ret_fd, struct err *err)
{
	auto_fd fd = memfd_create("rootlet-owners", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r = 0;

	if (fd < 0)
		return fail(err, errno, "memfd_create");
	if (server->service->record && !squash_image_is_root(server->image))
		r = server->service->record(server->image_fd, fd, err);
	if (r == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		r = fail(err, errno, "seal the record of owners");
	if (r == 0)
		*ret_fd = take_fd(&fd);
	return r;
}

/* --- namespaces --- */

/* Real root needs no user namespace; everybody else has none without. Ids stay what they are. */
static int enter_namespaces(struct server *server, struct err *err)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int r;

	if (unshare(CLONE_NEWNS) == 0)
		return mount_isolate(err);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) {
		r = -errno;
		fail(err, -r, "make a user namespace");
		ns_explain(-r, err);
		return r;
	}
	server->has_user_namespace = true;
	r = ns_map(0, uid, uid, gid, gid, err);
	return r < 0 ? r : mount_isolate(err);
}

static int open_namespaces(struct server *server, struct err *err)
{
	server->pass[0] = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (server->pass[0] < 0)
		return fail(err, errno, "open '/proc/self/ns/mnt'");
	server->pass_count = 2;
	if (!server->has_user_namespace)
		return 0;
	server->pass[2] = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	if (server->pass[2] < 0)
		return fail(err, errno, "open '/proc/self/ns/user'");
	server->pass_count = 3;
	return 0;
}

static int mount_image(struct server *server, struct err *err)
{
	auto_fd point = -1;

	if (mkdir(server->share->point, 0700) < 0 && errno != EEXIST)
		return fail(err, errno, "make directory '%s'", server->share->point);
	point = open(server->share->point, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (point < 0)
		return fail(err, errno, "open '%s'", server->share->point);
	return squash_fuse_mount(server->image, point, &server->fuse, err);
}

/* --- users of it --- */

struct clients {
	struct pollfd *item; /* the first is where they come from */
	size_t count;
	size_t room;
};

/* Whoever cannot be told has gone already. */
static void welcome(struct server *server, struct clients *clients)
{
	int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (squash_share_send(fd, server->pass, server->pass_count, NULL) < 0) {
		close(fd);
		return;
	}
	if (clients->count == clients->room) {
		clients->room = clients->room ? 2 * clients->room : 16;
		clients->item = memory_resize(clients->item, clients->room, sizeof(*clients->item));
	}
	clients->item[clients->count++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

static void drop_gone(struct clients *clients)
{
	size_t kept = 1;

	for (size_t i = 1; i < clients->count; i++)
		if (clients->item[i].revents)
			close(clients->item[i].fd);
		else
			clients->item[kept++] = clients->item[i];
	clients->count = kept;
}

/* With the lock nobody starts another server meanwhile. True: nobody is waiting, and nobody can
 * come any more. */
static bool close_doors(struct server *server)
{
	struct pollfd door = { .fd = server->listen_fd, .events = POLLIN };
	auto_fd lock = -1;

	if (squash_share_lock(server->share, &lock, NULL) < 0)
		return false;
	if (poll(&door, 1, 0) > 0)
		return false;
	unlink(server->share->socket);
	umount2(server->share->point, MNT_DETACH);
	rmdir(server->share->point);
	return true;
}

static void *attend(void *argument)
{
	struct server *server = argument;
	struct clients clients = { .item = memory_zeroed(16, sizeof(struct pollfd)),
				   .count = 1,
				   .room = 16 };
	bool had_some = false;

	clients.item[0] = (struct pollfd){ .fd = server->listen_fd, .events = POLLIN };
	for (;;) {
		int n = poll(clients.item, clients.count, had_some ? -1 : FIRST_WAIT_MS);

		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0)
			drop_gone(&clients);
		if (n > 0 && clients.item[0].revents)
			welcome(server, &clients);
		had_some |= clients.count > 1;
		if (clients.count == 1 && (had_some || n == 0) && close_doors(server))
			_exit(0); /* the kernel takes the mount away with us */
	}
}

/* --- the process --- */

/* Nobody waits for it, and nothing of the caller's stays open. */
static int leave_caller(struct err *err)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid;

	if (null < 0)
		return fail(err, errno, "open '/dev/null'");
	pid = fork();
	if (pid < 0)
		return fail(err, errno, "fork");
	if (pid > 0)
		return 1;
	setsid();
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	return chdir("/") < 0 ? fail(err, errno, "chdir '/'") : 0;
}

/* What came with the program, such as pipes whose readers wait for the end; but for where errors
 * go, which is returned (0: to standard error). */
static unsigned close_inherited(void)
{
	const char *text = getenv(ERR_FD_VARIABLE);
	uint32_t errors = 0;

	if (!text || number_parse_u32(text, &errors) < 0 || errors <= STDERR_FILENO)
		errors = STDERR_FILENO;
	if (errors > STDERR_FILENO + 1)
		close_range(STDERR_FILENO + 1, errors - 1, 0);
	close_range(errors + 1, ~0u, 0);
	return errors > STDERR_FILENO ? errors : 0;
}

static _Noreturn void serve(struct server *server)
{
	pthread_t thread;

	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	if (pthread_create(&thread, NULL, attend, server) != 0)
		_exit(1);
	if (squash_fuse_serve(server->fuse, NULL) < 0)
		_exit(1); /* runs see an error, and not a file system that never answers */
	for (;;)	  /* unmounted: the other thread tidies up and ends us */
		pause();
}

static int open_image(struct server *server, struct err *err)
{
	const struct squash_service *service = server->service;

	server->image_fd = open(service->path, O_RDONLY | O_CLOEXEC);
	if (server->image_fd < 0)
		return fail(err, errno, "open '%s'", service->path);
	return squash_image_open(server->image_fd, service->base, &server->image, err);
}

static int prepare(struct server *server, struct err *err)
{
	int r = open_image(server, err);

	if (r == 0)
		r = enter_namespaces(server, err);
	if (r == 0)
		r = make_record(server, &server->pass[1], err);
	if (r == 0)
		r = mount_image(server, err);
	if (r == 0)
		r = open_namespaces(server, err);
	return r < 0 ? r : squash_share_listen(server->share, &server->listen_fd, err);
}

int squash_serve(const struct squash_service *service, struct err *err)
{
	static struct server server; /* of the process: a thread has it until the end */
	unsigned errors = close_inherited();
	int r;

	server.service = service;
	server.share = service->share;
	r = prepare(&server, err);
	if (r == 0)
		r = leave_caller(err);
	if (r != 0)
		return r < 0 ? r : 0; /* in the foreground */
	if (errors)
		close((int)errors);
	serve(&server);
}
