// SPDX-License-Identifier: Apache-2.0
#include "tap/blob/watch.h"

#include <linux/capability.h>
#include <linux/seccomp.h>

#include "tap/blob/blob.h"
#include "tap/blob/people.h"

void watch_start(void)
{
	struct {
		unsigned short count;
		const struct sock_filter *filter;
	} filter = { (unsigned short)tap.page->watch_count, tap.page->watch };
	long r;

	if (process_read()->watched)
		return;
	r = raw3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
	if (r == 0)
		process_write()->watched = true;
	else if (r > 0) /* a thread has a filter of its own: libc makes the call in each of them */
		r = raw3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter);
	if (r < 0)
		tap_die("cannot install the second filter", r);
}

void watch_creds(void)
{
	const struct process *process = process_read();
	bool restricted = !creds_may(&process->creds, CAP_DAC_OVERRIDE) ||
			  !creds_may(&process->creds, CAP_KILL) ||
			  !creds_may(&process->creds, CAP_FOWNER);

	if (restricted != process->restricted)
		process_write()->restricted = restricted;
	if (restricted)
		watch_start();
	people_tell();
}
