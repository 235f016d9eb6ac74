// SPDX-License-Identifier: Apache-2.0
#include "tap/blob/watch.h"

#include <linux/capability.h>
#include <linux/seccomp.h>

#include "tap/blob/blob.h"
#include "tap/blob/people.h"
#include "tap/bpf.h"
#include "tap/numbers.h"

static long install(const struct sock_filter *code, unsigned count)
{
	struct {
		unsigned short count;
		const struct sock_filter *filter;
	} filter = { (unsigned short)count, code };
	long r = raw3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);

	if (r > 0) /* a thread has a filter of its own: libc makes the call in each of them */
		r = raw3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter);
	return r;
}

void watch_start(void)
{
	long r;

	if (process_read()->watched)
		return;
	r = install(tap.page->watch, tap.page->watch_count);
	if (r < 0)
		tap_die("cannot install another filter", r);
	process_write()->watched = true;
}

#define EITHER_MAX 16

/* Refused: not asked for a second time. */
static void install_for(uint32_t this, uint32_t that)
{
	struct sock_filter code[EITHER_MAX];
	struct bpf bpf = { .code = code, .room = EITHER_MAX };

	bpf_load(&bpf, BPF_DATA(arch));
	bpf_jump(&bpf, BPF_JEQ, ARCH_AUDIT, 0, 3);
	bpf_load(&bpf, BPF_DATA(nr));
	bpf_jump(&bpf, BPF_JEQ, this, 2, 0);
	bpf_jump(&bpf, BPF_JEQ, that, 1, 0);
	bpf_give(&bpf, SECCOMP_RET_ALLOW);
	bpf_end_outside_tap(&bpf, SECCOMP_RET_TRAP | TAP_TRAP_DATA);
	(void)install(code, (unsigned)bpf.count);
}

void watch_opens(void)
{
	const struct process *process = process_read();

	if (!tap.root || tap.host_tree || tap.place || !tap.page->people_count ||
	    process->watched || process->opens)
		return;
	install_for(NR_openat, NR_open);
	process_write()->opens = true;
}

void watch_links(void)
{
	const struct process *process = process_read();

	if (tap.exe_is_real || tap.host_tree || process->watched || process->links)
		return;
	install_for(NR_readlinkat, NR_readlink);
	process_write()->links = true;
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
