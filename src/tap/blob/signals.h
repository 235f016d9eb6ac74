/* SPDX-License-Identifier: Apache-2.0 */
/* The program may block, ignore or handle SIGSYS as it likes; the kernel never hears of it. */
#ifndef TAP_BLOB_SIGNALS_H
#define TAP_BLOB_SIGNALS_H

#include "tap/blob/blob.h"

/* A SIGSYS that is not one of our traps: what the program has asked for happens to it. */
void signals_deliver(int number, siginfo_t *info, ucontext_t *context);

/* What execve hands on to the next program. */
bool signals_is_ignored(void);
bool signals_is_blocked(void);
void signals_set_blocked(bool blocked);

#endif
