// SPDX-License-Identifier: Apache-2.0
/* Who is at the other end of a socket, and who sent a message (unix(7)): the kernel says the one
 * user that all are to it. Who is not of ours and is that user is root, as his files are. */
#include "engine/calls.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"
#include "engine/calls_file.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif
#define CONTROL_MAX  1152  /* 253 descriptors, credentials and a little more */
#define CONTROL_SLOT 1024u /* behind what calls_socket.c has there */

/* --- of a connection */

static long finish_peer(struct tracer *tracer, struct tracee *tracee, long result)
{
	unsigned long address = *registers_arg(&tracee->made, 3);
	struct tracer_person other;
	struct ucred peer;
	socklen_t size_bytes;

	if (result < 0 ||
	    trace_read(tracee->tid, *registers_arg(&tracee->made, 4), &size_bytes,
		       sizeof(size_bytes)) < 0 ||
	    size_bytes != sizeof(peer) || trace_read(tracee->tid, address, &peer, sizeof(peer)) < 0)
		return result;
	if (tracer_who(tracer, peer.pid, &other)) {
		peer.uid = other.uid;
		peer.gid = other.gid;
	} else if (peer.uid == getuid()) {
		peer.uid = peer.gid = 0;
	}
	return trace_write(tracee->tid, address, &peer, sizeof(peer)) < 0 ? -EFAULT : result;
}

static bool read_peer(const struct visit *visit, struct ucred *ret_peer)
{
	auto_fd fd = visit_share_fd(visit, visit_fd(visit, 0));
	socklen_t size_bytes = sizeof(*ret_peer);

	return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret_peer, &size_bytes) == 0 &&
	       ret_peer->pid > 0 && ret_peer->uid == getuid();
}

static enum call_verdict give_groups(struct visit *visit)
{
	static const uint32_t root_group;
	const uint32_t *groups = &root_group;
	pid_t tid = visit->tracee->tid;
	const struct tracee *other;
	struct ucred peer;
	uint32_t count = 1;
	int wanted;
	int room;

	if (!read_peer(visit, &peer))
		return CALL_GO;
	other = tracer_find(visit->tracer, peer.pid);
	if (other && other->subject) {
		groups = other->subject->creds.groups;
		count = other->subject->creds.group_count;
	}
	wanted = (int)(count * sizeof(*groups));
	if (trace_read(tid, visit_arg(visit, 4), &room, sizeof(room)) < 0 ||
	    trace_write(tid, visit_arg(visit, 4), &wanted, sizeof(wanted)) < 0)
		return visit_answer(visit, -EFAULT);
	if (room < wanted)
		return visit_answer(visit, -ERANGE);
	return visit_answer(visit, trace_write(tid, visit_arg(visit, 3), groups, (size_t)wanted));
}

enum call_verdict calls_getsockopt(struct visit *visit)
{
	if (visit_fd(visit, 1) != SOL_SOCKET)
		return CALL_GO;
	if (visit_fd(visit, 2) == SO_PEERGROUPS)
		return give_groups(visit);
	if (visit_fd(visit, 2) == SO_PEERCRED)
		visit->tracee->finish = finish_peer;
	return CALL_GO;
}

/* --- of a message */

/* Control data; one call is looked at at a time. */
static _Alignas(struct cmsghdr) char control[CONTROL_MAX];

static struct ucred *find_credentials(size_t size_bytes)
{
	struct msghdr message = { .msg_control = control, .msg_controllen = size_bytes };

	for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at))
		if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_CREDENTIALS &&
		    at->cmsg_len >= CMSG_LEN(sizeof(struct ucred)))
			return (struct ucred *)(void *)CMSG_DATA(at);
	return NULL;
}

long calls_judge_claim(struct visit *visit, struct msghdr *message)
{
	struct subject *subject = visit->tracee->subject;
	size_t size_bytes = message->msg_controllen;
	struct ucred *claim = NULL;
	unsigned long at;

	if (message->msg_control && size_bytes <= CONTROL_MAX &&
	    trace_read(visit->tracee->tid, (unsigned long)message->msg_control, control,
		       size_bytes) == 0)
		claim = find_credentials(size_bytes);
	subject->claims = claim;
	if (!claim)
		return 0;
	if (!creds_may_claim(&subject->creds, claim->uid, claim->gid))
		return -EPERM;
	subject->claimed_uid = claim->uid;
	subject->claimed_gid = claim->gid;
	claim->uid = getuid();
	claim->gid = getgid();
	at = visit_put(visit, CONTROL_SLOT, control, size_bytes);
	if (!at)
		return -ENOMEM;
	message->msg_control = (void *)at;
	return 1;
}

/* Who asks for credentials gets messages that must be looked at. */
enum call_verdict calls_setsockopt(struct visit *visit)
{
	if (visit_fd(visit, 1) == SOL_SOCKET)
		visit->calls->passes_ids = true;
	return CALL_GO;
}

static void show_sender(struct tracer *tracer, pid_t tid, const struct msghdr *message)
{
	unsigned long at = (unsigned long)message->msg_control;
	struct tracer_person other;
	struct ucred *sender;

	if (!at || message->msg_controllen > CONTROL_MAX ||
	    trace_read(tid, at, control, message->msg_controllen) < 0)
		return;
	sender = find_credentials(message->msg_controllen);
	if (!sender)
		return;
	if (tracer_who(tracer, sender->pid, &other)) {
		sender->uid = other.said_uid;
		sender->gid = other.said_gid;
	} else if (sender->uid == getuid()) {
		sender->uid = sender->gid = 0;
	}
	(void)!trace_write(tid, at + (unsigned long)((char *)sender - control), sender,
			   sizeof(*sender)); /* the kernel has just written there */
}

static long finish_message(struct tracer *tracer, struct tracee *tracee, long result)
{
	struct msghdr message;

	if (result >= 0 && trace_read(tracee->tid, *registers_arg(&tracee->made, 1), &message,
				      sizeof(message)) == 0)
		show_sender(tracer, tracee->tid, &message);
	return result;
}

static long finish_messages(struct tracer *tracer, struct tracee *tracee, long result)
{
	unsigned long first = *registers_arg(&tracee->made, 1);
	struct mmsghdr each;

	for (long i = 0; i < result; i++)
		if (trace_read(tracee->tid, first + (unsigned long)i * sizeof(each), &each,
			       sizeof(each)) == 0)
			show_sender(tracer, tracee->tid, &each.msg_hdr);
	return result;
}

enum call_verdict calls_recvmsg(struct visit *visit)
{
	if (visit->calls->passes_ids)
		visit->tracee->finish = finish_message;
	return CALL_GO;
}

enum call_verdict calls_recvmmsg(struct visit *visit)
{
	if (visit->calls->passes_ids)
		visit->tracee->finish = finish_messages;
	return CALL_GO;
}
