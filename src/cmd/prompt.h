/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the person at the terminal. */
#ifndef CMD_PROMPT_H
#define CMD_PROMPT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* Write `question` to stderr and read one line from stdin, without its newline; secret: not shown
 * while it is typed. A signal that ends the program finds the terminal as it was. -EIO at the end
 * of input before a newline. */
int prompt_line(const char *question, bool secret, struct buf *line, struct err *err) must_check;

#endif
