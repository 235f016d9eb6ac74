/* SPDX-License-Identifier: Apache-2.0 */
/* The escape battery: a program that tries, from inside a box, to reach what is outside, by every
 * way its authors know of. It is static, needs nothing in the root it runs in, and makes its
 * system calls itself, without libc. flow/verify_engine.h surrounds it with what there is to reach
 * and judges what it says.
 *
 *     battery OUTSIDE BOTH PID HANDLE ABSTRACT
 *
 * OUTSIDE  a directory of the host that is not in the root; BATTERY_* below name what is in it
 * BOTH     a directory of the host and one in the root; a BATTERY_SECRET in both, with the secret
 *          in the host's only
 * PID      a process of the host with OUTSIDE as its working directory and as its descriptor
 *          BATTERY_FD
 * HANDLE   file handle of OUTSIDE/BATTERY_SECRET (name_to_handle_at(2)): its type and its bytes in
 *          hexadecimal, after a colon; "-" where the file system has none
 * ABSTRACT name of a socket in no directory (unix(7)), without the NUL in front
 *
 * In the root are BATTERY_PROGRAM itself, the directory BATTERY_LINKS with two links to OUTSIDE,
 * and a bind of the directory beside OUTSIDE, whose name in the root is BATTERY_BIND and which has
 * a link to OUTSIDE, too.
 *
 * For each attempt it prints one line: kind, name, outcome, number of the error that it got first,
 * detail; separated by tabs. The last line is BATTERY_END. */
#ifndef BATTERY_BATTERY_H
#define BATTERY_BATTERY_H

/* What a secret begins with; so the program knows one when it reads one. */
#define BATTERY_PREFIX	"rootlet-secret:"
#define BATTERY_SECRET	"secret"
#define BATTERY_LINK	"link"	  /* a symlink to BATTERY_SECRET */
#define BATTERY_SOCKET	"socket"  /* tells the secret to whoever connects */
#define BATTERY_PROGRAM "program" /* this program: ends with BATTERY_PROOF when it is run alone */
#define BATTERY_EMPTY	"empty"	  /* a directory */
#define BATTERY_NEW	"new"	  /* is not there, and nobody shall make it */

#define BATTERY_LINKS	 "/links"
#define BATTERY_ABSOLUTE "absolute" /* in BATTERY_LINKS */
#define BATTERY_DOTS	 "dots"
#define BATTERY_BIND	 "/bind"

#define BATTERY_FD    30
#define BATTERY_PROOF 77

/* Kinds. A leak: an honest program reaches the host's files by a call that is not translated, so
 * every engine has to hold. Hostile: a program that is out for it; only a boundary that the kernel
 * keeps stops that. */
#define BATTERY_LEAK	"leak"
#define BATTERY_HOSTILE "hostile"

#define BATTERY_HELD	"held"
#define BATTERY_REACHED "reached"
#define BATTERY_HUNG	"hung" /* ended by a deadline, so nothing is known */

/* The attempt whose outcome depends on what an administrator granted (struct engine). */
#define BATTERY_GROUPS "setgroups to leave a group"

#define BATTERY_END "end"

/* The program, for the hosted side. */
extern const unsigned char battery_start[], battery_end[];

#endif
