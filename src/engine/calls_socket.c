// SPDX-License-Identifier: Apache-2.0
/* Paths in the addresses of sockets. They have room for 108 bytes: too little for many a path of
 * the host, never for /proc/PID/fd/N. */
#include "engine/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/banned.h"
#include "engine/calls_file.h"
#include "tap/traced.h"

#define PATH_AT	     offsetof(struct sockaddr_un, sun_path)
#define ADDRESS_SLOT 0u
#define MESSAGE_SLOT 512u

/* The path in an address of the program's: its length, 0 when it has none. */
static long read_path(struct visit *visit, unsigned long address, unsigned long size_bytes,
		      char path[sizeof(struct sockaddr_un)])
{
	struct sockaddr_un un = { 0 };

	if (size_bytes <= PATH_AT || size_bytes > sizeof(un))
		return 0;
	if (trace_read(visit->tracee->tid, address, &un, size_bytes) < 0)
		return -EFAULT;
	if (un.sun_family != AF_UNIX || !un.sun_path[0])
		return 0;
	snprintf(path, sizeof(un), "%.*s", (int)(size_bytes - PATH_AT), un.sun_path);
	return (long)strlen(path);
}

/* What the kernel is given: the host's path where that fits, for it is what others are shown. */
static void name_spot(const struct calls *calls, const struct spot *spot, struct sockaddr_un *un)
{
	size_t room = sizeof(un->sun_path);
	char link[PATHMAP_PATH_MAX];
	char here[48];
	ssize_t length;

	snprintf(here, sizeof(here), "/proc/self/fd/%d", spot->fd);
	length = readlink(here, link, sizeof(link) - 1);
	if (length > 0 && (size_t)length + 1 + strlen(spot->name) < room && *spot->name) {
		snprintf(un->sun_path, room, "%.*s/%s", (int)length, link, spot->name);
		return;
	}
	snprintf(un->sun_path, room, "/proc/%d/fd/%d%s%s", calls->self, spot->fd,
		 *spot->name ? "/" : "", spot->name);
}

/* An address for it, into the slot. */
static long put_spot(struct visit *visit, const struct spot *spot, unsigned long *ret_address,
		     size_t *ret_size)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	if (strlen(spot->name) > sizeof(un.sun_path) - 32)
		return -ENAMETOOLONG;
	name_spot(visit->calls, spot, &un);
	*ret_size = PATH_AT + strlen(un.sun_path) + 1;
	*ret_address = visit_put(visit, ADDRESS_SLOT, &un, *ret_size);
	return *ret_address ? 0 : -ENOMEM;
}

/* The address of whom `path` leads to; the spot is held. */
static long put_address(struct visit *visit, const char *path, unsigned long *ret_address,
			size_t *ret_size)
{
	auto_spot spot = SPOT_NONE;
	long r = spot_find_text(visit, AT_FDCWD, path, SPOT_FOLLOW | SPOT_FILE, &spot);

	if (r == 0 && visit->calls->emulates)
		r = traced_may_open(spot.fd, O_WRONLY);
	if (r == 0)
		r = put_spot(visit, &spot, ret_address, ret_size);
	if (r == 0)
		visit->tracee->held_fd = take_fd(&spot.fd);
	return r;
}

static enum call_verdict with_address(struct visit *visit, unsigned address_arg)
{
	char path[sizeof(struct sockaddr_un)];
	unsigned long address;
	size_t size_bytes;
	long r = read_path(visit, visit_arg(visit, address_arg),
			   visit_arg(visit, address_arg + 1) & 0xffffffffu, path);

	if (r == 0)
		return CALL_GO;
	if (r > 0)
		r = put_address(visit, path, &address, &size_bytes);
	if (r < 0)
		return visit_answer(visit, r);
	*registers_arg(visit->registers, address_arg) = address;
	*registers_arg(visit->registers, address_arg + 1) = size_bytes;
	return CALL_EDIT;
}

/* Whose the socket's file is has to be noted before anybody asks: the call is made while we wait.
 */
static enum call_verdict bind_now(struct visit *visit, const struct spot *spot)
{
	long r = tracer_make_call(visit->tracer, visit->tracee, visit->registers);

	if (r == -ESRCH)
		return CALL_GONE;
	if (r == 0)
		traced_note_made(spot->fd, spot->name);
	registers_set_result(visit->registers, r);
	return CALL_MADE;
}

enum call_verdict calls_bind(struct visit *visit)
{
	char path[sizeof(struct sockaddr_un)];
	auto_spot spot = SPOT_NONE;
	unsigned long address;
	size_t size_bytes;
	long r = read_path(visit, visit_arg(visit, 1), visit_arg(visit, 2) & 0xffffffffu, path);

	if (r == 0)
		return CALL_GO;
	if (r > 0)
		r = spot_find_text(visit, AT_FDCWD, path, SPOT_CHANGE, &spot);
	if (r == 0 && visit->calls->emulates)
		r = traced_may_make(spot.fd);
	if (r == 0)
		r = put_spot(visit, &spot, &address, &size_bytes);
	if (r < 0)
		return visit_answer(visit, r);
	*registers_arg(visit->registers, 1) = address;
	*registers_arg(visit->registers, 2) = size_bytes;
	if (visit->calls->emulates)
		return bind_now(visit, &spot);
	visit->tracee->held_fd = take_fd(&spot.fd);
	return CALL_EDIT;
}

enum call_verdict calls_connect(struct visit *visit)
{
	return with_address(visit, 1);
}

enum call_verdict calls_sendto(struct visit *visit)
{
	return with_address(visit, 4);
}

/* --- messages */

/* 0: it names no path; 1: *message names another now. */
static long edit_message(struct visit *visit, struct msghdr *message)
{
	char path[sizeof(struct sockaddr_un)];
	unsigned long address;
	size_t size_bytes;
	long r = message->msg_name ? read_path(visit, (unsigned long)message->msg_name,
					       message->msg_namelen, path)
				   : 0;

	if (r <= 0)
		return r;
	r = put_address(visit, path, &address, &size_bytes);
	if (r < 0)
		return r;
	message->msg_name = (void *)address;
	message->msg_namelen = (socklen_t)size_bytes;
	return 1;
}

/* 0: as it is; 1: it goes by the slot; or -errno. */
static long change_message(struct visit *visit, struct msghdr *message)
{
	long named = edit_message(visit, message);
	long claims = named < 0 || !visit->calls->emulates ? 0 : calls_judge_claim(visit, message);

	return named < 0 || claims < 0 ? (named < 0 ? named : claims) : named | claims;
}

static long put_message(struct visit *visit, const struct msghdr *message)
{
	unsigned long at = visit_put(visit, MESSAGE_SLOT, message, sizeof(*message));

	*registers_arg(visit->registers, 1) = at;
	return at ? 0 : -ENOMEM;
}

enum call_verdict calls_sendmsg(struct visit *visit)
{
	struct msghdr message;
	long r;

	if (trace_read(visit->tracee->tid, visit_arg(visit, 1), &message, sizeof(message)) < 0)
		return CALL_GO; /* EFAULT, the kernel will say */
	r = change_message(visit, &message);
	if (r == 0)
		return CALL_GO;
	if (r > 0)
		r = put_message(visit, &message);
	return r < 0 ? visit_answer(visit, r) : CALL_EDIT;
}

/* One of many was sent: how long it was is noted with it. */
static long finish_first(struct tracer *tracer, struct tracee *tracee, long result)
{
	unsigned length = (unsigned)result;
	unsigned long first = *registers_arg(&tracee->made, 1);

	(void)tracer;
	if (result < 0)
		return result;
	return trace_write(tracee->tid, first + offsetof(struct mmsghdr, msg_len), &length,
			   sizeof(length)) < 0
		       ? -EFAULT
		       : 1;
}

static bool needs_change(struct visit *visit, const struct msghdr *message)
{
	char path[sizeof(struct sockaddr_un)];

	if (visit->calls->emulates && message->msg_control)
		return true;
	return message->msg_name &&
	       read_path(visit, (unsigned long)message->msg_name, message->msg_namelen, path) > 0;
}

/* Where the first names a path, or may say who it is from, it is sent alone, which callers must be
 * prepared for. Where another one does, only those before it are. */
enum call_verdict calls_sendmmsg(struct visit *visit)
{
	unsigned long first = visit_arg(visit, 1);
	unsigned long count = visit_arg(visit, 2) & 0xffffffffu;

	for (unsigned long i = 0; i < count && i < 1024; i++) {
		struct mmsghdr each;
		long r;

		if (trace_read(visit->tracee->tid, first + i * sizeof(each), &each, sizeof(each)) <
		    0)
			return CALL_GO;
		if (!needs_change(visit, &each.msg_hdr))
			continue;
		if (i > 0) {
			*registers_arg(visit->registers, 2) = i;
			return CALL_EDIT;
		}
		r = change_message(visit, &each.msg_hdr);
		if (r >= 0)
			r = put_message(visit, &each.msg_hdr);
		if (r < 0)
			return visit_answer(visit, r);
		registers_set_call(visit->registers, SYS_sendmsg);
		*registers_arg(visit->registers, 2) = visit_arg(visit, 3);
		visit->tracee->finish = finish_first;
		return CALL_EDIT;
	}
	return CALL_GO;
}

/* --- names that come back are the host's */

static long finish_name(struct tracer *tracer, struct tracee *tracee, long result)
{
	struct calls *calls = tracer->context;
	unsigned long address = *registers_arg(&tracee->made, 1);
	unsigned long size_at = *registers_arg(&tracee->made, 2);
	struct sockaddr_un un = { 0 };
	socklen_t size_bytes;
	size_t length;
	long guest;

	if (result < 0 || trace_read(tracee->tid, size_at, &size_bytes, sizeof(size_bytes)) < 0 ||
	    size_bytes <= PATH_AT || size_bytes > sizeof(un) ||
	    trace_read(tracee->tid, address, &un, size_bytes) < 0 || un.sun_family != AF_UNIX ||
	    un.sun_path[0] != '/')
		return result;
	length = strnlen(un.sun_path, size_bytes - PATH_AT);
	guest = pathmap_guest_of(calls->map, tracee->subject->root, un.sun_path, length,
				 calls->text, CALLS_ROOM_BYTES);
	if (guest < 0 || (size_t)guest > length)
		return result;
	size_bytes = (socklen_t)(PATH_AT + (size_t)guest + 1);
	memcpy(un.sun_path, calls->text, (size_t)guest + 1);
	if (trace_write(tracee->tid, address, &un, size_bytes) < 0 ||
	    trace_write(tracee->tid, size_at, &size_bytes, sizeof(size_bytes)) < 0)
		return -EFAULT;
	return result;
}

enum call_verdict calls_getsockname(struct visit *visit)
{
	visit->tracee->finish = finish_name;
	return CALL_GO;
}
