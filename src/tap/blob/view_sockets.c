// SPDX-License-Identifier: Apache-2.0
/* AF_UNIX addresses that are paths. To connect, a path through /proc/self/fd does; the address a
 * socket is bound to is shown to others, so it is the host's path as long as that fits. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tap/blob/memory.h"
#include "tap/blob/view.h"

struct address {
	struct sockaddr_un un;
	char end; /* the path need not end in a NUL if it fills the room */
};

#define PATH_AT offsetof(struct sockaddr_un, sun_path)

/* true: it is a path, and in *address. */
static bool read_address(struct address *address, const void *program_address, size_t size_bytes)
{
	memset(address, 0, sizeof(*address));
	if (!program_address || size_bytes <= PATH_AT || size_bytes > sizeof(address->un) ||
	    memory_read(&address->un, program_address, size_bytes) < 0)
		return false;
	return address->un.sun_family == AF_UNIX && address->un.sun_path[0];
}

static socklen_t length_of(const struct address *address)
{
	return (socklen_t)(PATH_AT + strlen(address->un.sun_path) + 1);
}

/* To somebody's socket. */
static long find_peer(struct address *address, struct view_found *found)
{
	const struct view_request request = { .want = PATHMAP_FOLLOW, .flags = O_PATH };
	long r = view_find_ours(AT_FDCWD, address->un.sun_path, &request, found);

	if (r < 0)
		return r;
	view_spell(found);
	memcpy(address->un.sun_path, found->text, strlen(found->text) + 1);
	return 0;
}

static void name_by_host_path(struct address *address, const struct view_found *found)
{
	char path[VIEW_SHORT];
	long length = view_host_path(found->fd, path, sizeof(path));
	size_t name_length = strlen(found->text);

	if (length <= 0 || (size_t)length + 1 + name_length >= sizeof(address->un.sun_path))
		return;
	path[length] = '/';
	memcpy(path + length + 1, found->text, name_length + 1);
	memcpy(address->un.sun_path, path, (size_t)length + name_length + 2);
}

static long find_place(struct address *address, struct view_found *found)
{
	const struct view_request request = { .want = PATHMAP_PARENT, .flags = O_PATH };
	long r = view_find_ours(AT_FDCWD, address->un.sun_path, &request, found);
	char name[PATHMAP_NAME_ROOM];

	if (r < 0)
		return r;
	r = found->is_point ? -EADDRINUSE : view_check_writable(found, true);
	if (r == -EEXIST)
		r = -EADDRINUSE;
	if (r < 0) {
		view_close(found);
		return r;
	}
	memcpy(name, found->text, strlen(found->text) + 1);
	view_spell(found);
	if (strlen(found->text) < sizeof(address->un.sun_path))
		memcpy(address->un.sun_path, found->text, strlen(found->text) + 1);
	else
		address->un.sun_path[0] = '\0';
	memcpy(found->text, name, strlen(name) + 1);
	name_by_host_path(address, found);
	if (address->un.sun_path[0])
		return 0;
	view_close(found);
	return -ENAMETOOLONG;
}

/* bind, connect: arguments 1 and 2; sendto: 4 and 5. */
long view_on_address(struct tap_call *call, const struct tap_row *row)
{
	int at = call->nr == NR_sendto ? 4 : 1;
	struct view_found found = { 0 };
	struct address address;
	long r;

	if (!read_address(&address, (const void *)call->arg[at], (unsigned)call->arg[at + 1]))
		return view_finish(call, row);
	r = call->nr == NR_bind ? find_place(&address, &found) : find_peer(&address, &found);
	if (r < 0)
		return r;
	call->arg[at] = (long)&address.un;
	call->arg[at + 1] = (long)length_of(&address);
	r = view_finish(call, row);
	view_close(&found);
	return r;
}

long view_on_sendmsg(struct tap_call *call)
{
	const struct tap_row *row = &tap_table[NR_sendmsg];
	struct view_found found = { 0 };
	struct address address;
	struct msghdr message;
	long r;

	if (memory_read(&message, (const void *)call->arg[1], sizeof(message)) < 0)
		return -EFAULT;
	if (!read_address(&address, message.msg_name, message.msg_namelen))
		return view_finish(call, row);
	r = find_peer(&address, &found);
	if (r < 0)
		return r;
	message.msg_name = &address.un;
	message.msg_namelen = length_of(&address);
	call->arg[1] = (long)&message;
	r = view_finish(call, row);
	view_close(&found);
	return r;
}

/* One by one, as the kernel does: an error after the first ends it without being told. */
long view_on_sendmmsg(struct tap_call *call)
{
	struct mmsghdr *messages = (struct mmsghdr *)call->arg[1];
	unsigned count = (unsigned)call->arg[2];
	unsigned sent = 0;
	long r = 0;

	for (; sent < count && sent < 1024; sent++) {
		struct tap_call one = { .nr = __NR_sendmsg,
					.arg = { call->arg[0], (long)&messages[sent].msg_hdr,
						 call->arg[3] } };
		unsigned length;

		r = view_on_sendmsg(&one);
		if (r < 0)
			break;
		length = (unsigned)r;
		if (memory_write(&messages[sent].msg_len, &length, sizeof(length)) < 0)
			return -EFAULT;
	}
	return sent ? (long)sent : r;
}

/* getsockname, getpeername: what was bound was the host's path. */
long view_on_name(struct tap_call *call)
{
	struct address address = { 0 };
	char path[VIEW_SHORT];
	socklen_t length = sizeof(address.un);
	socklen_t room_bytes;
	long r;

	if (memory_read(&room_bytes, (const void *)call->arg[2], sizeof(room_bytes)) < 0)
		return -EFAULT;
	r = raw3(call->nr, call->arg[0], &address.un, &length);
	if (r < 0 || address.un.sun_family != AF_UNIX || length <= PATH_AT ||
	    !address.un.sun_path[0])
		return pass(call);
	memcpy(path, address.un.sun_path, strlen(address.un.sun_path) + 1);
	r = view_guest_of(path, strlen(path), sizeof(path));
	if (r < 0 || (size_t)r >= sizeof(address.un.sun_path))
		return pass(call);
	memcpy(address.un.sun_path, path, (size_t)r + 1);
	length = length_of(&address);
	if (memory_write((void *)call->arg[1], &address.un,
			 length < room_bytes ? length : room_bytes) < 0 ||
	    memory_write((void *)call->arg[2], &length, sizeof(length)) < 0)
		return -EFAULT;
	return 0;
}
