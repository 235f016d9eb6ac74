/* SPDX-License-Identifier: Apache-2.0 */
/* The events of a build (flow/build.h) on stderr: lines for people, a terminal's lines redrawn in
 * place, or JSON records (doc/format/build-progress.md). */
#ifndef CMD_BUILD_DISPLAY_H
#define CMD_BUILD_DISPLAY_H

#include "cmd/opt.h"
#include "flow/build.h"

struct build_display;

/* mode: a word of PROGRESS_MODES (cmd/progress.h); NULL is auto: redrawn on a terminal, else lines.
 * With none, or --quiet, nothing is shown. Never NULL. */
struct build_display *build_display_new(const char *mode, const struct common *common);
/* Nothing is drawn any more: what follows on stderr is not torn apart. */
void build_display_end(struct build_display *display);
void build_display_free(struct build_display *display);
static inline void build_display_cleanup(struct build_display **display)
{
	build_display_free(*display);
}
#define auto_build_display cleanup(build_display_cleanup) struct build_display

/* What to give to build(); valid as long as the display. */
struct build_events build_display_events(struct build_display *display);

/* The build's end: a JSON record, or a sentence for people. */
void build_display_result(struct build_display *display, const struct build_result *result);

#endif
