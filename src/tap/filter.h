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

#endif
