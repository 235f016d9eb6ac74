// SPDX-License-Identifier: Apache-2.0
/* SO_PEERCRED: the kernel tells the ids it knows, which are the user's for everybody. So a process
 * says who it believes to be before it connects or listens, in a small table in the session page,
 * and the other side finds it there by process id. The table is a cache: an entry of a process that
 * is gone is overwritten by the next one with its pid, and by others when all places are taken. */
#include <errno.h>
#include <linux/net.h>
#include <string.h>
#include <sys/socket.h>

#include "tap/blob/blob.h"
#include "tap/blob/handlers.h"
#include "tap/blob/memory.h"

#define PROBES 8

static struct tap_peer *place_of(uint32_t pid, bool free_too)
{
	struct tap_peer *peers = ((struct tap_page *)(uintptr_t)tap.page)->peers;

	for (uint32_t i = 0; i < PROBES; i++) {
		struct tap_peer *peer = &peers[(pid + i) % TAP_PEERS];
		uint32_t owner = __atomic_load_n(&peer->pid, __ATOMIC_ACQUIRE);

		if (owner == pid || (free_too && owner == 0))
			return peer;
	}
	return free_too ? &peers[pid % TAP_PEERS] : NULL;
}

static void tell_who_i_am(void)
{
	const struct creds *creds = &process_read()->creds;
	uint32_t pid = (uint32_t)raw0(__NR_getpid);
	bool is_root = !creds->user.effective && !creds->group.effective;
	struct tap_peer *peer = place_of(pid, !is_root);

	if (!peer)
		return;
	__atomic_store_n(&peer->pid, 0, __ATOMIC_RELEASE);
	peer->uid = creds->user.effective;
	peer->gid = creds->group.effective;
	if (!is_root)
		__atomic_store_n(&peer->pid, pid, __ATOMIC_RELEASE);
}

long on_connect(struct tap_call *call)
{
	tell_who_i_am();
	return pass(call);
}

long on_listen(struct tap_call *call)
{
	tell_who_i_am();
	return pass(call);
}

long on_socketpair(struct tap_call *call)
{
	tell_who_i_am();
	return pass(call);
}

long on_getsockopt(struct tap_call *call)
{
	long r = pass(call);
	struct ucred peer;
	const struct tap_peer *told;
	int size_bytes;

	if (r < 0 || call->arg[1] != SOL_SOCKET || call->arg[2] != SO_PEERCRED ||
	    memory_read(&size_bytes, (void *)call->arg[4], sizeof(size_bytes)) < 0 ||
	    size_bytes != sizeof(peer))
		return r;
	memcpy(&peer, (void *)call->arg[3], sizeof(peer)); /* the kernel has just written it */
	told = peer.pid > 0 ? place_of((uint32_t)peer.pid, false) : NULL;
	if (told) {
		peer.uid = told->uid;
		peer.gid = told->gid;
	} else if (tap.host_tree && peer.uid == (uid_t)raw0(__NR_getuid)) {
		peer.uid = peer.gid = 0;
	}
	memcpy((void *)call->arg[3], &peer, sizeof(peer));
	return 0;
}
