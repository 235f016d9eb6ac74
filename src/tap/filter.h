/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp program that sends system calls to the tap, made from the table. Pure. */
#ifndef TAP_FILTER_H
#define TAP_FILTER_H

#include <linux/filter.h>
#include <stdint.h>

#include "base/attributes.h"

/* flags: enum tap_page_flags; fd_base: see struct tap_page. Writes at most TAP_FILTER_MAX
 * instructions and returns their number, or -E2BIG. */
int filter_make(unsigned flags, uint32_t fd_base, struct sock_filter *ret_filter) must_check;
/* The second one, of a process that has not root's powers: what it may do with a path, to whom it
 * may send signals and who it says to be over a socket is for the tap to judge. Traps only what the
 * first lets through; at most TAP_WATCH_MAX. */
int filter_make_watch(struct sock_filter *ret_filter) must_check;

#endif
