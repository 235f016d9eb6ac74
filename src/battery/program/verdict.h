/* SPDX-License-Identifier: Apache-2.0 */
/* What an attempt's process leaves for the one that started it, in memory both have. */
#ifndef BATTERY_PROGRAM_VERDICT_H
#define BATTERY_PROGRAM_VERDICT_H

enum outcome { OUTCOME_HELD, OUTCOME_REACHED, OUTCOME_HUNG };

struct verdict {
	volatile int outcome;
	volatile int error;
	char detail[160];
};
extern struct verdict *verdict;

#endif
