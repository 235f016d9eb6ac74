/* SPDX-License-Identifier: Apache-2.0 */
/* This process's folder in the store's tmp/, and clearing away the folders of the dead. Used by
 * store.c only. */
#ifndef STORE_SESSION_H
#define STORE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct store_session;

struct store_session *session_new(void);
void session_end(struct store_session *session, int store_fd); /* removes the folder and frees */
int session_work_name(struct store_session *session, int store_fd, char *ret_name, size_t room,
		      struct err *err) must_check;

int session_announce(struct store_session *session, int store_fd, struct err *err) must_check;
int session_is_quiet(struct store_session *session, int store_fd, bool *ret_quiet,
		     struct err *err) must_check;
int session_others_began(struct store_session *session, int store_fd, int64_t *ret_ns,
			 struct err *err) must_check;
const char *session_name(const struct store_session *session); /* "" until announced */
/* Does the process of the session of that name live? Of one on another kernel or in another pid
 * namespace nothing is known. */
enum session_life { SESSION_UNKNOWN, SESSION_ALIVE, SESSION_DEAD };
enum session_life session_life(const char *name);
/* Nanoseconds since 1970 by the file system's clock; INT64_MIN while this session is not announced.
 */
int64_t session_began(const struct store_session *session);

#endif
