/* SPDX-License-Identifier: Apache-2.0 */
/* For functions on the way of each start whose variables are large and that are seldom called:
 * never made part of their caller, whose stack would have the room for it in every call. Each page
 * of stack counts there. */
#ifndef BASE_SELDOM_H
#define BASE_SELDOM_H

#define seldom __attribute__((noinline))

#endif
