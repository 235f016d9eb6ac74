/* SPDX-License-Identifier: Apache-2.0 */
/* Who other processes believe to be. The kernel tells the ids it knows, which are the user's for
 * everybody; so who is not what he was at first says so in a table in the session page, and is
 * found there by process id. */
#ifndef TAP_BLOB_PEOPLE_H
#define TAP_BLOB_PEOPLE_H

#include "tap/blob/blob.h"

/* This process's credentials have changed, or a program starts. */
void people_tell(void);
/* The ids that go with messages over sockets. A process that says one thing and then another is
 * believed the other in what has not been received yet. */
void people_say(uint32_t uid, uint32_t gid);
/* A process that was forked and has said nothing yet is who its parent is. false: it is root, or
 * none of ours. */
bool people_find(uint32_t pid, struct tap_person *ret_person);

#endif
