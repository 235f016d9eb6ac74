/* SPDX-License-Identifier: Apache-2.0 */
/* Who downloads or unpacks what, among processes on one machine or on several that share the store.
 * A lease only saves work: two owners of one at the same time are harmless, as rename(2) publishes,
 * and where no lease can be written everybody works for himself.
 *
 *     tmp/.lease/KEY.NUMBER   COUNTER OWNER, padded to a fixed size
 *
 * Who creates the first NUMBER (O_EXCL) owns the KEY, and makes COUNTER move. Others watch; once it
 * has not moved for LEASE_STALE_MS of their own monotonic clock (LEASE_STOPPED_MS when they see
 * that the owner, on the same kernel, is alive), or when they see that it is dead, whoever creates
 * the next NUMBER takes over. No clocks are compared and no file is locked, so that it works on
 * NFS. */
#ifndef STORE_LEASE_H
#define STORE_LEASE_H

#include "store/store.h"

#define LEASE_BEAT_MS	 2000
#define LEASE_STALE_MS	 15000
#define LEASE_STOPPED_MS 60000

/* What one process holds; a thread makes the counters move while there is something. */
struct leases;

struct leases *leases_new(const struct store *store);
void leases_free(struct leases *leases); /* releases what is held */
static inline void leases_cleanup(struct leases **leases)
{
	leases_free(*leases);
}
#define auto_leases cleanup(leases_cleanup) struct leases

/* What was seen of another's lease; zeroed to begin with. */
#define LEASE_RECORD_BYTES 256
struct lease_watch {
	unsigned number;
	char record[LEASE_RECORD_BYTES];
	int64_t seen_ns; /* monotonic: when it was first like this */
};

/* Own `key` (file name characters) now, or see how its owner is doing. True: it is ours, or
 * nobody's to own. False: somebody else's; call again later with the same watch. Not for two
 * threads at once.
 */
bool leases_take(struct leases *leases, const char *key, struct lease_watch *watch);
void leases_release(struct leases *leases); /* all of them */

#endif
