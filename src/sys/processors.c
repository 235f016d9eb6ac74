// SPDX-License-Identifier: Apache-2.0
/* By the calls themselves: those of libc know 1024 processors, and leave out what the kernel says
 * of how many there are. */
#include "sys/processors.h"

#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/banned.h"

#define WORD_BITS (8 * sizeof(unsigned long))

static bool get(struct processors *processors)
{
	long n = syscall(SYS_sched_getaffinity, 0, sizeof(processors->mask), processors->mask);

	processors->bytes = n > 0 ? (size_t)n : 0;
	return n > 0;
}

static int set(const struct processors *processors)
{
	return (int)syscall(SYS_sched_setaffinity, 0, processors->bytes, processors->mask);
}

static bool is_one(const struct processors *processors)
{
	unsigned count = 0;

	for (size_t i = 0; i < processors->bytes / sizeof(processors->mask[0]); i++)
		count += (unsigned)__builtin_popcountl(processors->mask[i]);
	return count == 1;
}

void processors_keep_one(struct processors *ret_before)
{
	struct processors one;
	unsigned here;

	if (!get(ret_before))
		return;
	one.bytes = ret_before->bytes;
	memset(one.mask, 0, one.bytes);
	if (is_one(ret_before) || syscall(SYS_getcpu, &here, NULL, NULL) < 0 ||
	    here >= 8 * one.bytes) {
		ret_before->bytes = 0;
		return;
	}
	one.mask[here / WORD_BITS] = 1ul << here % WORD_BITS;
	if (set(&one) < 0)
		ret_before->bytes = 0;
}

/* All of them first. If that leads to those there were, it was not the user's wish that there were
 * no more, but a cpuset's, which is still kept. Else it was. */
int processors_restore(const struct processors *before, struct err *err)
{
	struct processors all = { .bytes = before->bytes };

	if (before->bytes == 0)
		return 0;
	memset(all.mask, 0xff, all.bytes);
	if (set(&all) < 0)
		return fail(err, errno, "return to all processors");
	if (get(&all) && all.bytes == before->bytes &&
	    memcmp(all.mask, before->mask, all.bytes) == 0)
		return 0;
	return set(before) < 0 ? fail(err, errno, "return to the processors allowed") : 0;
}
