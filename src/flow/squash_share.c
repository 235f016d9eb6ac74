// SPDX-License-Identifier: Apache-2.0
#include "flow/squash_share.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/banned.h"
#include "base/io.h"
#include "sys/new_calls.h"

#define ANSWER_S 10 /* a server that takes longer is taken for dead */

bool squash_is_image(int fd)
{
	char magic[4];

	return pread(fd, magic, sizeof(magic), 0) == sizeof(magic) &&
	       memcmp(magic, "hsqs", sizeof(magic)) == 0;
}

/* --- names --- */

static bool is_ours(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       (st.st_mode & 077) == 0;
}

/* Not on a network: processes of another machine could not use it. */
static int make_folder(struct arena *arena, const char **ret, struct err *err)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (runtime && is_ours(runtime))
		*ret = arena_printf(arena, "%s/rootlet", runtime);
	else
		*ret = arena_printf(arena, "/tmp/rootlet-%u", (unsigned)geteuid());
	if (mkdir(*ret, 0700) < 0 && errno != EEXIST)
		return fail(err, errno, "make directory '%s'", *ret);
	if (!is_ours(*ret))
		return fail_plain(err, EPERM, "'%s' is not a directory that is yours alone", *ret);
	return 0;
}

int squash_share_names(const struct stat *image, struct arena *arena, struct squash_share *ret,
		       struct err *err)
{
	const char *name;
	int r = make_folder(arena, &ret->folder, err);

	if (r < 0)
		return r;
	/* a file that was written again is another image */
	name = arena_printf(
		arena, "%s/%llx-%llx-%llx-%llx.%lx", ret->folder, (unsigned long long)image->st_dev,
		(unsigned long long)image->st_ino, (unsigned long long)image->st_size,
		(unsigned long long)image->st_mtim.tv_sec, (unsigned long)image->st_mtim.tv_nsec);
	ret->socket = arena_printf(arena, "%s.socket", name);
	ret->point = arena_printf(arena, "%s.root", name);
	ret->lock = arena_printf(arena, "%s/lock", ret->folder);
	return 0;
}

static const char *empty_point(struct arena *arena)
{
	static const char *const points[] = { "/sys/fs/fuse/connections", "/sys/fs/pstore",
					      "/sys/kernel/config", "/sys/kernel/debug",
					      "/sys/kernel/security" };
	const char *folder = getenv("TMPDIR");
	struct stat st;

	for (size_t i = 0; i < array_count(points); i++)
		if (stat(points[i], &st) == 0 && S_ISDIR(st.st_mode))
			return points[i];
	return arena_printf(arena, "%s/rootlet-pack-%d", folder && *folder ? folder : "/tmp",
			    (int)getpid());
}

static unsigned long long namespace_number(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : (unsigned long long)st.st_ino;
}

int squash_share_names_of_pack(const struct stat *image, unsigned number, struct arena *arena,
			       struct squash_share *ret, struct err *err)
{
	const char *socket = arena_printf(
		arena, "@rootlet-%u-%x-%x-%llx-%llx-%llx-%llx-%llx-%llx.%lx", number,
		(unsigned)geteuid(), (unsigned)getegid(), namespace_number("/proc/self/ns/user"),
		namespace_number("/proc/self/ns/mnt"), (unsigned long long)image->st_dev,
		(unsigned long long)image->st_ino, (unsigned long long)image->st_size,
		(unsigned long long)image->st_mtim.tv_sec, (unsigned long)image->st_mtim.tv_nsec);

	if (strlen(socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return fail(err, ENAMETOOLONG, "'%s'", socket);
	*ret = (struct squash_share){ .socket = socket,
				      .point = empty_point(arena),
				      .lends = true };
	return 0;
}

int squash_share_lock(const struct squash_share *share, int *ret_fd, struct err *err)
{
	auto_fd fd = -1;

	if (!share->lock)
		return 0;
	fd = open(share->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return fail(err, errno, "open '%s'", share->lock);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return fail(err, errno, "lock '%s'", share->lock);
	*ret_fd = take_fd(&fd);
	return 0;
}

/* --- the socket --- */

/* A path that is too long for an address is reached through the folder's descriptor. */
static int address_of(const char *path, struct sockaddr_un *address, socklen_t *ret_size,
		      int *ret_folder_fd, struct err *err)
{
	const char *slash = strrchr(path, '/');
	auto_fd fd = -1;
	char folder[4096];

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	*ret_size = sizeof(*address);
	if (path[0] == '@') {
		memcpy(address->sun_path + 1, path + 1, strlen(path + 1));
		*ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
		return 0;
	}
	if ((size_t)snprintf(address->sun_path, sizeof(address->sun_path), "%s", path) <
	    sizeof(address->sun_path))
		return 0;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(err, errno, "open '%s'", folder);
	if ((size_t)snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s",
			     fd, slash + 1) >= sizeof(address->sun_path))
		return fail(err, ENAMETOOLONG, "'%s'", path);
	*ret_folder_fd = take_fd(&fd);
	return 0;
}

static int new_socket(const char *path, struct sockaddr_un *address, socklen_t *ret_size,
		      int *ret_folder_fd, struct err *err)
{
	int r = address_of(path, address, ret_size, ret_folder_fd, err);
	int fd;

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	return fd < 0 ? fail(err, errno, "socket") : fd;
}

static int read_peer(int socket, struct ucred *ret, struct err *err)
{
	socklen_t size = sizeof(*ret);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, ret, &size) < 0)
		return fail(err, errno, "ask who is at the other end");
	if (ret->uid != geteuid())
		return fail_plain(err, EPERM, "user %u is at the other end", (unsigned)ret->uid);
	return 0;
}

int squash_share_peer(int socket, int *ret_pidfd, struct err *err)
{
	struct ucred peer;
	int r = read_peer(socket, &peer, err);

	if (r == 0)
		*ret_pidfd = peer.pid > 0 ? pidfd_open(peer.pid, 0) : -1;
	return r;
}

/* Anybody may have taken an abstract name. */
static int check_peer(int fd, const struct squash_share *share, struct err *err)
{
	struct ucred peer;
	int r = share->socket[0] == '@' ? read_peer(fd, &peer, err) : 0;

	return r < 0 ? err_wrap(err, "'%s'", share->socket) : 0;
}

/* A server that was stopped (SIGSTOP) is connected to, and never answers. */
static int limit_time(int fd, struct err *err)
{
	static const struct timeval limit = { .tv_sec = ANSWER_S };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return fail(err, errno, "set a time limit");
	return 0;
}

int squash_share_connect(const struct squash_share *share, int *ret_fd, struct err *err)
{
	struct sockaddr_un address;
	socklen_t size;
	auto_fd folder_fd = -1;
	auto_fd fd = new_socket(share->socket, &address, &size, &folder_fd, err);
	int r;

	if (fd < 0)
		return fd;
	r = limit_time(fd, err);
	if (r < 0)
		return r;
	if (connect(fd, (struct sockaddr *)&address, size) < 0)
		return fail(err, errno == EAGAIN ? ETIMEDOUT : errno, "connect to '%s'",
			    share->socket);
	r = check_peer(fd, share, err);
	if (r == 0)
		*ret_fd = take_fd(&fd);
	return r;
}

int squash_share_listen(const struct squash_share *share, int *ret_fd, struct err *err)
{
	struct sockaddr_un address;
	socklen_t size;
	auto_fd folder_fd = -1;
	auto_fd fd = new_socket(share->socket, &address, &size, &folder_fd, err);

	if (fd < 0)
		return fd;
	if (share->folder && unlink(share->socket) < 0 &&
	    errno != ENOENT) /* of one that was killed */
		return fail(err, errno, "remove '%s'", share->socket);
	if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, SOMAXCONN) < 0)
		return fail(err, errno, "listen at '%s'", share->socket);
	*ret_fd = take_fd(&fd);
	return 0;
}

/* --- the message --- */

int squash_share_send(int socket, const int *fd, size_t count, struct err *err)
{
	struct squash_hello hello = { SQUASH_HELLO_MAGIC, (uint32_t)count };
	struct iovec bytes = { &hello, sizeof(hello) };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int) * SQUASH_SHARE_FDS)];
	} control = { .room = { 0 } };
	struct msghdr message = { .msg_iov = &bytes,
				  .msg_iovlen = 1,
				  .msg_control = control.room,
				  .msg_controllen = CMSG_SPACE(sizeof(int) * count) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int) * count);
	memcpy(CMSG_DATA(header), fd, sizeof(int) * count);
	return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? fail(err, errno, "send") : 0;
}

static bool is_whole(const struct squash_hello *hello, const struct cmsghdr *header)
{
	return hello->magic == SQUASH_HELLO_MAGIC && hello->fd_count >= 2 &&
	       hello->fd_count <= SQUASH_SHARE_FDS && header && header->cmsg_level == SOL_SOCKET &&
	       header->cmsg_type == SCM_RIGHTS &&
	       header->cmsg_len == CMSG_LEN(sizeof(int) * hello->fd_count);
}

int squash_share_receive(int socket, int fd[SQUASH_SHARE_FDS], size_t *ret_count, struct err *err)
{
	struct squash_hello hello = { 0 };
	struct iovec bytes = { &hello, sizeof(hello) };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int) * SQUASH_SHARE_FDS)];
	} control;
	struct msghdr message = { .msg_iov = &bytes,
				  .msg_iovlen = 1,
				  .msg_control = control.room,
				  .msg_controllen = sizeof(control.room) };
	ssize_t n;

	while ((n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
		;
	if (n < 0 && errno == EAGAIN)
		return fail(err, ETIMEDOUT, "the process that serves the image does not answer");
	if (n < 0)
		return fail(err, errno, "receive");
	if (n == 0)
		return fail(err, ECONNRESET, "the process that serves the image ends");
	if ((size_t)n != sizeof(hello) || !is_whole(&hello, CMSG_FIRSTHDR(&message)))
		return fail_plain(err, EPROTO,
				  "the process that serves the image is another version's");
	memcpy(fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int) * hello.fd_count);
	*ret_count = hello.fd_count;
	return 0;
}

/* As far as can be seen: then it would not answer for its files either. */
static bool is_stopped(pid_t pid)
{
	char path[64];
	char text[512] = "";
	auto_fd fd = -1;
	const char *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || io_read_full(fd, text, sizeof(text) - 1) <= 0)
		return true;
	end = strrchr(text, ')'); /* PID (NAME) STATE */
	return !end || end[1] != ' ' || end[2] == 'T' || end[2] == 't';
}

int squash_share_borrow(int socket, int fd[SQUASH_SHARE_FDS], size_t *ret_count)
{
	struct ucred peer;
	int r = read_peer(socket, &peer, NULL);

	if (r == 0 && is_stopped(peer.pid))
		return -EAGAIN;
	for (int i = 0; r == 0 && i < SQUASH_SHARE_FDS; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)peer.pid,
			 SQUASH_SHARE_LENT + i);
		fd[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (fd[i] >= 0)
			continue;
		r = -errno;
		while (i-- > 0)
			close(fd[i]);
		break;
	}
	if (r == 0)
		*ret_count = SQUASH_SHARE_FDS;
	return r;
}
