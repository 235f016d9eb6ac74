// SPDX-License-Identifier: Apache-2.0
/* Ids that travel over sockets: SO_PEERCRED, SO_PEERGROUPS, SCM_CREDENTIALS (unix(7)). The kernel
 * sends those it knows; the receiver puts those in their place that the sender's process id stands
 * for. What the sender itself claims is judged here, and told in the table of people. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/net.h>
#include <string.h>
#include <sys/socket.h>

#include "tap/blob/blob.h"
#include "tap/blob/cancel.h"
#include "tap/blob/handlers.h"
#include "tap/blob/memory.h"
#include "tap/blob/people.h"
#include "tap/blob/permission.h"
#include "tap/blob/watch.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif
#define CONTROL_MAX 1152 /* 253 descriptors, credentials and a little more */

long on_listen(struct tap_call *call)
{
	people_tell();
	return pass(call);
}

long on_socketpair(struct tap_call *call)
{
	people_tell();
	return pass(call);
}

static void show_peer(struct ucred *peer)
{
	struct tap_person person;

	if (peer->pid > 0 && people_find((uint32_t)peer->pid, &person)) {
		peer->uid = person.user.effective;
		peer->gid = person.group.effective;
	} else if (tap.host_tree && peer->uid == (uid_t)raw0(__NR_getuid)) {
		peer->uid = peer->gid = 0;
	}
}

/* A peer that has said nothing is root with one group; one that is not of our user is not ours. */
static long peer_groups(struct tap_call *call)
{
	static const uint32_t root_group;
	const uint32_t *groups = &root_group;
	uint32_t count = 1;
	struct tap_person person;
	struct ucred peer;
	int size_bytes = sizeof(peer);
	int wanted;
	int room;

	if (raw5(__NR_getsockopt, call->arg[0], SOL_SOCKET, SO_PEERCRED, &peer, &size_bytes) < 0 ||
	    peer.pid <= 0 || peer.uid != (uid_t)raw0(__NR_getuid))
		return pass(call);
	if (memory_read(&room, (void *)call->arg[4], sizeof(room)) < 0)
		return -EFAULT;
	if (people_find((uint32_t)peer.pid, &person)) {
		groups = person.groups;
		count = person.group_count;
	}
	wanted = (int)(count * sizeof(*groups));
	if (memory_write((void *)call->arg[4], &wanted, sizeof(wanted)) < 0)
		return -EFAULT;
	if (room < wanted)
		return -ERANGE;
	return memory_write((void *)call->arg[3], groups, (size_t)wanted) < 0 ? -EFAULT : 0;
}

long on_getsockopt(struct tap_call *call)
{
	struct ucred peer;
	int size_bytes;
	long r;

	if (call->arg[1] != SOL_SOCKET)
		return pass(call);
	if (call->arg[2] == SO_PEERGROUPS)
		return peer_groups(call);
	r = pass(call);
	if (r < 0 || call->arg[2] != SO_PEERCRED ||
	    memory_read(&size_bytes, (void *)call->arg[4], sizeof(size_bytes)) < 0 ||
	    size_bytes != sizeof(peer))
		return r;
	memcpy(&peer, (void *)call->arg[3], sizeof(peer)); /* the kernel has just written it */
	show_peer(&peer);
	memcpy((void *)call->arg[3], &peer, sizeof(peer));
	return 0;
}

/* Who asks for credentials gets messages that must be looked at. */
long on_setsockopt(struct tap_call *call)
{
	if (call->arg[1] == SOL_SOCKET && call->arg[2] == SO_PASSCRED)
		watch_start();
	return pass(call);
}

/* The credentials in control data that can be read, or NULL. */
static struct ucred *find_credentials(void *control, size_t size_bytes)
{
	char *at = control;
	char *end = at + size_bytes;

	while ((size_t)(end - at) >= sizeof(struct cmsghdr)) {
		struct cmsghdr *header = (struct cmsghdr *)(void *)at;

		if (header->cmsg_len < sizeof(*header) || header->cmsg_len > (size_t)(end - at))
			return NULL;
		if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS &&
		    header->cmsg_len >= CMSG_LEN(sizeof(struct ucred)))
			return (struct ucred *)(void *)CMSG_DATA(header);
		if (CMSG_ALIGN(header->cmsg_len) > (size_t)(end - at))
			return NULL;
		at += CMSG_ALIGN(header->cmsg_len);
	}
	return NULL;
}

/* `control` has CONTROL_MAX bytes; NULL: the message claims nothing, or more than fits. */
static struct ucred *read_claim(const struct msghdr *message, char *control)
{
	if (!message->msg_control || message->msg_controllen > CONTROL_MAX ||
	    memory_read(control, message->msg_control, message->msg_controllen) < 0)
		return NULL;
	return find_credentials(control, message->msg_controllen);
}

static long send_plainly(int fd, const struct msghdr *message, long flags)
{
	const struct tap_call call = { .nr = __NR_sendmsg, .arg = { fd, (long)message, flags } };

	return cancel_pass(&call);
}

static long send_message(int fd, const struct msghdr *program_message, long flags)
{
	const struct creds *creds = &process_read()->creds;
	char control[CONTROL_MAX];
	struct msghdr message;
	struct ucred *claim;

	if (memory_read(&message, program_message, sizeof(message)) < 0)
		return -EFAULT;
	claim = read_claim(&message, control);
	if (!claim) {
		people_say(creds->user.real, creds->group.real);
		return send_plainly(fd, program_message, flags);
	}
	if (!creds_may_claim(creds, claim->uid, claim->gid))
		return -EPERM;
	people_say(claim->uid, claim->gid);
	claim->uid = (uid_t)raw0(__NR_getuid);
	claim->gid = (gid_t)raw0(__NR_getgid);
	message.msg_control = control;
	return send_plainly(fd, &message, flags);
}

long on_sendmsg(struct tap_call *call)
{
	return send_message((int)call->arg[0], (const struct msghdr *)call->arg[1], call->arg[2]);
}

long on_sendmmsg(struct tap_call *call)
{
	struct mmsghdr *messages = (struct mmsghdr *)call->arg[1];
	unsigned count = (unsigned)call->arg[2];

	if (count > 1024) /* UIO_MAXIOV */
		count = 1024;
	for (unsigned i = 0; i < count; i++) {
		unsigned size_bytes;
		long r = send_message((int)call->arg[0], &messages[i].msg_hdr, call->arg[3]);

		if (r < 0)
			return i ? (long)i : r;
		size_bytes = (unsigned)r;
		if (memory_write(&messages[i].msg_len, &size_bytes, sizeof(size_bytes)) < 0)
			return i ? (long)i : -EFAULT;
	}
	return count;
}

/* The kernel has just written the message and what it points to. */
static void show_sender(const struct msghdr *message)
{
	struct ucred *sender;
	struct tap_person person;

	if (!message->msg_control || !message->msg_controllen)
		return;
	sender = find_credentials(message->msg_control, message->msg_controllen);
	if (!sender)
		return;
	if (sender->pid > 0 && people_find((uint32_t)sender->pid, &person)) {
		sender->uid = person.said_uid;
		sender->gid = person.said_gid;
	} else if (tap.host_tree && sender->uid == (uid_t)raw0(__NR_getuid)) {
		sender->uid = sender->gid = 0;
	}
}

long on_recvmsg(struct tap_call *call)
{
	long r = cancel_pass(call);

	if (r >= 0)
		show_sender((const struct msghdr *)call->arg[1]);
	return r;
}

long on_recvmmsg(struct tap_call *call)
{
	const struct mmsghdr *messages = (const struct mmsghdr *)call->arg[1];
	long r = cancel_pass(call);

	for (long i = 0; i < r; i++)
		show_sender(&messages[i].msg_hdr);
	return r;
}
