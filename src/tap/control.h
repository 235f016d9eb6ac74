/* SPDX-License-Identifier: Apache-2.0 */
/* The words an exec puts before the program's own arguments: argv[0] is the text below, argv[1]
 * the path as it was given to execve; two words, so that the stack keeps its alignment when the
 * tap drops them. */
#ifndef TAP_CONTROL_H
#define TAP_CONTROL_H

#include <stddef.h>

#include "rootemu/creds.h"

/* What the text begins with; blob_fd and image_fd follow, in hexadecimal. */
#define TAP_CONTROL_PREFIX "rootlet-tap:"

enum tap_control_flags {
	TAP_CONTROL_FIRST = 1,	       /* install the filter: nobody above us has */
	TAP_CONTROL_IGNORED = 2,       /* the program has SIGSYS ignored */
	TAP_CONTROL_BLOCKED = 4,       /* the program has SIGSYS blocked */
	TAP_CONTROL_SECURE = 8,	       /* AT_SECURE: a set-id program */
	TAP_CONTROL_NO_NEW_PRIVS = 16, /* the program asked for no_new_privs */
	TAP_CONTROL_TRACE = 32,	       /* it asked to be traced, and is not yet */
	TAP_CONTROL_TRACED = 64,       /* it asked to be traced, and may be */
	TAP_CONTROL_TRAP_HELD = 128,   /* SIGTRAP is blocked until the program runs */
	TAP_CONTROL_WATCHED = 256,     /* the second filter is there */
	TAP_CONTROL_MUSL = 512,	       /* the interpreter is musl's */
	TAP_CONTROL_FILTERED = 1024,   /* the program has seccomp filters of its own */
	TAP_CONTROL_PROBES = 2048,     /* and they can be asked */
	TAP_CONTROL_OPENS = 4096,      /* the filter of opens is there */
	TAP_CONTROL_LINKS = 8192,      /* that of symbolic links, too */
};

#define TAP_CHROOT_MAX 256

struct tap_control {
	int blob_fd;  /* executed by every exec */
	int image_fd; /* the same bytes; mapped over the former, which is then no longer in use */
	int table_fd;
	int target_fd;	    /* the program to run, closed by the tap */
	int interpreter_fd; /* its dynamic linker, closed too; -1: none */
	unsigned flags;
	char chroot[TAP_CHROOT_MAX]; /* guest path of the program's root; "": the guest's */
};

#define TAP_CONTROL_MAX (CREDS_TEXT_MAX + TAP_CHROOT_MAX + 128)

/* `creds` may be NULL: as creds_init made them. Returns the length. */
size_t tap_control_print(const struct tap_control *control, const struct creds *creds, char *text);
/* 0, or -1 when the text is none of ours. */
int tap_control_parse(const char *text, struct tap_control *control, struct creds *creds);

#endif
