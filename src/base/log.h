/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics on stderr. The level is the one piece of global state in the program.
 * Libraries log progress and detail here; failures travel in struct err, not through the log. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/attributes.h"

enum log_level { LOG_QUIET, LOG_NORMAL, LOG_VERBOSE, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

void log_configure(enum log_level level, enum log_format format);
enum log_level log_get_level(void);
enum log_format log_get_format(void);

/* One line each; the newline is added. Safe with several threads and processes (one write(2)). */
void log_line(enum log_level level, const char *kind, const char *format, ...) printf_like(3, 4);
#define log_info(...)	 log_line(LOG_NORMAL, "info", __VA_ARGS__)
#define log_warning(...) log_line(LOG_QUIET, "warning", __VA_ARGS__)
#define log_verbose(...) log_line(LOG_VERBOSE, "verbose", __VA_ARGS__)
#define log_debug(...)	 log_line(LOG_DEBUG, "debug", __VA_ARGS__)

#endif
