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
#include <sys/wait.h>

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
#define LINGER_MS     5000  /* of what is a root already: a script's next program comes soon */

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
	int standing_fd; /* a child makes a root of it, and will tell here; -1 */
};

/* Runs are processes, not connections. */
static bool is_standing(const struct server *server)
{
	return server->service->stand && server->has_user_namespace;
}

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

/* Until there is a root in another one, that of the image takes its place. */
static int open_second(struct server *server, struct err *err)
{
	if (!server->service->stand)
		return make_record(server, &server->pass[1], err);
	server->pass[1] = fcntl(server->pass[0], F_DUPFD_CLOEXEC, 3);
	return server->pass[1] < 0 ? fail(err, errno, "copy a descriptor") : 0;
}

static int open_namespaces(struct server *server, struct err *err)
{
	int r;

	server->pass[0] = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (server->pass[0] < 0)
		return fail(err, errno, "open '/proc/self/ns/mnt'");
	r = open_second(server, err);
	server->pass_count = 2;
	if (r < 0 || !server->has_user_namespace)
		return r;
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

/* --- a root that stands --- */

static int make_root(const struct server *server, int ret_fd[2], struct err *err)
{
	int r = 0;

	if (unshare(CLONE_NEWNS) < 0)
		return fail(err, errno, "make a mount namespace");
	ret_fd[0] = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (ret_fd[0] < 0)
		return fail(err, errno, "open '/proc/self/ns/mnt'");
	ret_fd[1] = ret_fd[0];
	r = server->service->stand(server->service->context, err);
	return r;
}

/* The child waits for files of the image, which the caller is about to serve. Then nothing of the
 * caller is where the image is mounted: it goes with the last process that is. */
static void begin_root(struct server *server)
{
	int sockets[2];
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return;
	if (fork() == 0) {
		close(sockets[0]);
		if (make_root(server, fd, NULL) == 0)
			(void)!squash_share_send(sockets[1], fd, 2, NULL);
		_exit(0);
	}
	close(sockets[1]);
	server->standing_fd = sockets[0];
	if (server->fuse && unshare(CLONE_NEWNS) == 0)
		umount2(server->share->point, MNT_DETACH);
}

static void await_root(struct server *server)
{
	int fd[SQUASH_SHARE_FDS];
	size_t count;

	if (server->standing_fd < 0)
		return;
	if (squash_share_receive(server->standing_fd, fd, &count, NULL) == 0) {
		dup3(fd[0], server->pass[1], O_CLOEXEC);
		for (size_t i = 0; i < count; i++)
			close(fd[i]);
	}
	close(server->standing_fd);
	while (waitpid(-1, NULL, 0) < 0 && errno == EINTR)
		;
}

/* At the numbers where runs look for them; the user namespace, which is looked at last, comes last.
 */
static void lend(const struct server *server)
{
	for (size_t i = 0; i < server->pass_count; i++)
		dup3(server->pass[i], SQUASH_SHARE_LENT + (int)i, O_CLOEXEC);
}

/* --- users of it --- */

struct clients {
	struct pollfd *item; /* the first is where they come from */
	size_t count;
	size_t room;
};

/* What is readable when the run has ended: its process, or without one its connection. -1: nobody
 * who is told anything, or who has gone already. */
static int greet(const struct server *server, int connection)
{
	int pidfd = -1;

	if (squash_share_peer(connection, &pidfd, NULL) < 0 ||
	    squash_share_send(connection, server->pass, server->pass_count, NULL) < 0) {
		cleanup_fd(&pidfd);
		close(connection);
		return -1;
	}
	if (!is_standing(server) || pidfd < 0) {
		cleanup_fd(&pidfd);
		return connection;
	}
	close(connection);
	return pidfd;
}

static void welcome(struct server *server, struct clients *clients)
{
	int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0)
		fd = greet(server, fd);
	if (fd < 0)
		return;
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
	if (server->share->folder)
		unlink(server->share->socket);
	close(server->listen_fd);
	if (server->fuse) {
		umount2(server->share->point, MNT_DETACH);
		rmdir(server->share->point);
	}
	return true;
}

/* Nobody new can come. The kernel takes the mount away with us, or unmounts it, which ends the
 * service, when nothing is in it any more. */
static void leave(struct server *server)
{
	if (!is_standing(server) || !server->fuse)
		_exit(0);
	for (size_t i = 0; i < server->pass_count; i++) {
		close(SQUASH_SHARE_LENT + (int)i);
		close(server->pass[i]);
	}
}

static void *attend(void *argument)
{
	struct server *server = argument;
	struct clients clients = { .item = memory_zeroed(16, sizeof(struct pollfd)),
				   .count = 1,
				   .room = 16 };
	int linger_ms = is_standing(server) ? LINGER_MS : 0;
	int wait_ms = FIRST_WAIT_MS;

	await_root(server);
	if (is_standing(server))
		lend(server);
	clients.item[0] = (struct pollfd){ .fd = server->listen_fd, .events = POLLIN };
	for (;;) {
		int n = poll(clients.item, clients.count, clients.count > 1 ? -1 : wait_ms);

		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0)
			drop_gone(&clients);
		if (n > 0 && clients.item[0].revents)
			welcome(server, &clients);
		if (n > 0)
			wait_ms = linger_ms;
		if (clients.count == 1 && n == 0 && close_doors(server))
			break;
	}
	leave(server);
	free(clients.item);
	return NULL;
}

/* --- the process --- */

/* Nobody waits for it, nothing of the caller's stays open, and no key that interrupts him reaches
 * it. It stays in his session: the kernel shares out processors among those (sched(7), autogroups),
 * so that work done for him elsewhere would be more or less urgent than his own. */
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
	(void)setpgid(0, 0);
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
	if (is_standing(server)) {
		listen(server->listen_fd, SOMAXCONN); /* again: now it is this process's */
		begin_root(server);
	}
	if (!server->fuse) {
		attend(server);
		_exit(0);
	}
	if (pthread_create(&thread, NULL, attend, server) != 0)
		_exit(1);
	if (squash_fuse_serve(server->fuse, NULL) < 0)
		_exit(1); /* runs see an error, and not a file system that never answers */
	if (is_standing(server))
		_exit(0);
	for (;;) /* unmounted: the other thread tidies up and ends us */
		pause();
}

static int open_image(struct server *server, struct err *err)
{
	const struct squash_service *service = server->service;

	if (!service->path)
		return 0;
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
	if (r == 0 && server->image)
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
	server.standing_fd = -1;
	r = prepare(&server, err);
	if (r == 0)
		r = leave_caller(err);
	if (r != 0)
		return r < 0 ? r : 0; /* in the foreground */
	if (errors)
		close((int)errors);
	serve(&server);
}
