// SPDX-License-Identifier: Apache-2.0
#include "base/progress.h"

#include <stddef.h>

unsigned progress_begin(struct progress *progress, const char *label, const char *activity,
			uint64_t total_bytes)
{
	struct progress_event event = { .kind = PROGRESS_BEGIN,
					.label = label,
					.activity = activity,
					.total_bytes = total_bytes };

	if (!progress)
		return 0;
	event.item = __atomic_add_fetch(&progress->last_item, 1, __ATOMIC_RELAXED);
	progress->show(progress, &event);
	return event.item;
}

void progress_move(struct progress *progress, unsigned item, const char *activity,
		   uint64_t done_bytes, uint64_t total_bytes)
{
	if (progress)
		progress->show(progress, &(struct progress_event){ .kind = PROGRESS_MOVE,
								   .item = item,
								   .activity = activity,
								   .done_bytes = done_bytes,
								   .total_bytes = total_bytes });
}

void progress_end(struct progress *progress, unsigned item, const char *outcome)
{
	if (progress)
		progress->show(progress, &(struct progress_event){ .kind = PROGRESS_END,
								   .item = item,
								   .activity = outcome });
}
