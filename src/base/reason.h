/* SPDX-License-Identifier: Apache-2.0 */
/* The names and words of errno values: the same in both programs, whatever libc each is linked
 * with (doc/why/0013-musl.md). No locale, no allocation: legal after clone(2). The words are those
 * of glibc's strerror(3) in the C locale, which users search for. */
#ifndef BASE_REASON_H
#define BASE_REASON_H

/* "No such file or directory" for ENOENT; NULL for a number that is no error of Linux. */
const char *reason_words(int error);

/* "ENOENT" for ENOENT; NULL for a number that is no error of Linux. */
const char *reason_name(int error);

#endif
