/* SPDX-License-Identifier: Apache-2.0 */
/* Showing base/progress.h on stderr: bars that are redrawn on a terminal, lines, JSON records, or
 * nothing. Results never come this way: they go to stdout. */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include <stddef.h>

#include "base/progress.h"
#include "cmd/opt.h"

/* The row for a command's option table; `field` is a const char *. */
#define PROGRESS_MODES "auto|plain|tty|json|none"
#define PROGRESS_OPT(request, field)                                                             \
	{                                                                                        \
		OPT_CHOICE, 0, "progress", offsetof(request, field), PROGRESS_MODES,             \
			"how progress is shown on stderr (auto: bars on a terminal, else none)", \
			NULL                                                                     \
	}

/* mode: a word of PROGRESS_MODES, NULL is auto. NULL when nothing is to be shown: auto without a
 * terminal (or TERM=dumb), none, or --quiet. NO_COLOR is obeyed. */
struct progress *progress_new(const char *mode, const struct common *common);
/* Leaves the last state of the bars on the screen. NULL is fine. */
void progress_free(struct progress *progress);
static inline void progress_cleanup(struct progress **progress)
{
	progress_free(*progress);
}
#define auto_progress cleanup(progress_cleanup) struct progress

#endif
