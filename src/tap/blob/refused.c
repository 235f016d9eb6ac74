// SPDX-License-Identifier: Apache-2.0
/* Processes write at the same time, each into a place of its own; who is overtaken by as many
 * others as there are places shares one, and a note is mixed up. It is for people. */
#include "tap/blob/refused.h"

#include <string.h>
#include <sys/prctl.h>

#include "tap/blob/blob.h"

void refused_note(const struct tap_row *row, long nr, long error)
{
	struct tap_page *page = (struct tap_page *)(uintptr_t)tap.page;
	struct tap_refused *note;
	uint32_t number;

	if (!tap_row_is_privilege(row, nr, (int)-error))
		return;
	number = __atomic_fetch_add(&page->refused_count, 1, __ATOMIC_RELAXED);
	note = &page->refused[number % TAP_REFUSALS];
	note->number = (uint32_t)nr;
	note->error = (int32_t)-error;
	memset(note->program, 0, sizeof(note->program));
	raw2(__NR_prctl, PR_GET_NAME, note->program);
}
