/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYS_TAP_ADDRESS_H
#define SYS_TAP_ADDRESS_H

/* Where the tap is linked: high 32 bits in one word, so that the filter compares two words. No
 * program, library, heap or stack is put there by the kernel of its own accord: x86-64 places
 * those at 0x55.. and 0x7f.., aarch64 (39 bits) at 0x55.. and 0x7f.. of 0x80_0000_0000. */
#if defined(__x86_64__)
#define TAP_BASE 0x6f0000000000ul
#else
#define TAP_BASE 0x2f00000000ul
#endif

#endif
