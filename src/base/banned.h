/* SPDX-License-Identifier: Apache-2.0 */
/* Functions this project does not use, and what to use instead. Force-included everywhere. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC poison strcpy strncpy sprintf vsprintf gets atoi atol atoll /* buf_*, number_* */
#pragma GCC poison getpwnam getpwuid getgrnam getgrgid			/* NSS: sys/ids.h */
#pragma GCC poison system popen tmpnam mktemp tempnam
#pragma GCC poison raise /* kill(getpid(), ...): in a child of ns_fork, musl's hits the parent */

#endif
