// SPDX-License-Identifier: Apache-2.0
/* Every way to block, ignore or replace SIGSYS, virtualised.
 *
 * Blocked SIGSYS is remembered per thread in a small table of notes, found by thread id; only
 * threads that have it blocked need a note. A SIGSYS that somebody sends meanwhile is kept there
 * until it is unblocked. Threads come and go unseen, so a note of a dead thread is taken over. */
#include "tap/blob/signals.h"

#include <errno.h>
#include <string.h>
#include <sys/select.h>

#include "tap/blob/cancel.h"
#include "tap/blob/handlers.h"
#include "tap/blob/memory.h"

#define SIGSYS_BIT (1ul << (SIGSYS - 1))
#define MASK_BYTES 8
#define NOTES	   64

struct note {
	uint32_t thread; /* 0: free */
	bool pending;
	siginfo_t info;
};

static struct note notes[NOTES];
HOT static uint32_t notes_in_use;

static bool any_note(void)
{
	return __atomic_load_n(&notes_in_use, __ATOMIC_ACQUIRE) != 0;
}

static struct note *note_find(uint32_t thread)
{
	if (!any_note())
		return NULL;
	for (size_t i = 0; i < NOTES; i++)
		if (__atomic_load_n(&notes[i].thread, __ATOMIC_ACQUIRE) == thread)
			return &notes[i];
	return NULL;
}

static bool is_gone(uint32_t thread)
{
	return raw2(__NR_tkill, thread, 0) == -ESRCH;
}

static struct note *note_make(uint32_t thread)
{
	for (size_t i = 0; i < NOTES; i++) {
		uint32_t old = __atomic_load_n(&notes[i].thread, __ATOMIC_ACQUIRE);

		if ((old == 0 || is_gone(old)) &&
		    __atomic_compare_exchange_n(&notes[i].thread, &old, thread, false,
						__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
			notes[i].pending = false;
			if (old == 0)
				__atomic_fetch_add(&notes_in_use, 1, __ATOMIC_ACQ_REL);
			return &notes[i];
		}
	}
	return NULL; /* 64 threads have it blocked: this one will be told that it has not */
}

static uint32_t my_thread(void)
{
	return (uint32_t)raw0(__NR_gettid);
}

bool signals_is_blocked(void)
{
	return any_note() && note_find(my_thread());
}

void signals_set_blocked(bool blocked)
{
	uint32_t thread;
	struct note *note;
	siginfo_t info;
	bool pending;

	if (!blocked && !any_note())
		return;
	thread = my_thread();
	note = note_find(thread);
	if (blocked && !note)
		note_make(thread);
	if (blocked || !note)
		return;
	pending = note->pending;
	info = note->info;
	__atomic_store_n(&note->thread, 0, __ATOMIC_RELEASE);
	__atomic_fetch_sub(&notes_in_use, 1, __ATOMIC_ACQ_REL);
	if (pending)
		raw4(__NR_rt_tgsigqueueinfo, raw0(__NR_getpid), thread, SIGSYS, &info);
}

bool signals_is_ignored(void)
{
	return process_read()->sys_action.handler == (unsigned long)SIG_IGN;
}

static _Noreturn void die_of_it(int number)
{
	struct kernel_action action = { .handler = (unsigned long)SIG_DFL };

	raw4(__NR_rt_sigaction, number, &action, NULL, MASK_BYTES);
	for (;;)
		raw3(__NR_tgkill, raw0(__NR_getpid), my_thread(), number);
}

/* As the kernel would: mask, SA_NODEFER, SA_RESETHAND. The old mask comes back from the context. */
static void call_handler(int number, siginfo_t *info, ucontext_t *context)
{
	struct kernel_action action = process_read()->sys_action;
	void (*handler)(int, siginfo_t *,
			void *) = (void (*)(int, siginfo_t *, void *))action.handler;
	uint64_t mask = action.mask & ~SIGSYS_BIT;
	bool was_blocked = signals_is_blocked();

	if (action.flags & SA_RESETHAND)
		process_write()->sys_action.handler = (unsigned long)SIG_DFL;
	raw4(__NR_rt_sigprocmask, SIG_BLOCK, &mask, NULL, MASK_BYTES);
	if (!(action.flags & SA_NODEFER) || (action.mask & SIGSYS_BIT))
		signals_set_blocked(true);
	handler(number, info, context);
	signals_set_blocked(was_blocked);
}

void signals_deliver(int number, siginfo_t *info, ucontext_t *context)
{
	unsigned long handler = process_read()->sys_action.handler;
	bool forced = info->si_code > 0; /* by a filter of the program's own: cannot be held back */
	struct note *note = note_find(my_thread());

	if (note && !forced) {
		note->info = *info;
		note->pending = true;
		return;
	}
	if (handler == (unsigned long)SIG_IGN && !forced)
		return;
	if (note || handler == (unsigned long)SIG_DFL || handler == (unsigned long)SIG_IGN)
		die_of_it(number);
	call_handler(number, info, context);
}

long on_rt_sigaction(struct tap_call *call)
{
	const void *new_address = (const void *)call->arg[1];
	void *old_address = (void *)call->arg[2];
	struct kernel_action new = { 0 };
	struct kernel_action old;

	if (call->arg[3] != MASK_BYTES)
		return pass(call);
	if (new_address && memory_read(&new, new_address, sizeof(new)) < 0)
		return -EFAULT;
	if (call->arg[0] != SIGSYS) {
		new.mask &= ~SIGSYS_BIT;
		if (call->arg[0] == CANCEL_SIGNAL)
			return cancel_action(new_address ? &new : NULL, old_address);
		return raw4(call->nr, call->arg[0], new_address ? &new : NULL, old_address,
			    MASK_BYTES);
	}
	old = process_read()->sys_action;
	if (old_address && memory_write(old_address, &old, sizeof(old)) < 0)
		return -EFAULT;
	if (new_address)
		process_write()->sys_action = new;
	return 0;
}

/* From a trap, the mask is changed where sigreturn takes it from: were it changed here, sigreturn
 * would put the old one back. */
static long change_mask(struct tap_call *call, uint64_t set, uint64_t *ret_old)
{
	uint64_t *mask = call->context ? (uint64_t *)(void *)&call->context->uc_sigmask : NULL;

	set &= ~SIGSYS_BIT;
	if (!mask)
		return raw4(call->nr, call->arg[0], &set, ret_old, MASK_BYTES);
	*ret_old = *mask;
	switch ((int)call->arg[0]) {
	case SIG_BLOCK:
		*mask |= set;
		return 0;
	case SIG_UNBLOCK:
		*mask &= ~set;
		return 0;
	case SIG_SETMASK:
		*mask = set;
		return 0;
	default:
		return -EINVAL;
	}
}

long on_rt_sigprocmask(struct tap_call *call)
{
	void *old_address = (void *)call->arg[2];
	bool was_blocked = signals_is_blocked();
	uint64_t set;
	uint64_t old;
	long r;

	if (call->arg[3] != MASK_BYTES)
		return -EINVAL;
	if (!call->arg[1])
		return pass(call);
	if (memory_read(&set, (const void *)call->arg[1], sizeof(set)) < 0)
		return -EFAULT;
	r = change_mask(call, set, &old);
	if (r < 0)
		return r;
	if (call->arg[0] == SIG_SETMASK || (set & SIGSYS_BIT))
		signals_set_blocked(call->arg[0] != SIG_UNBLOCK && (set & SIGSYS_BIT));
	if (!old_address)
		return 0;
	/* As a probe this writes 8 bytes of the program's own variable. */
	if (raw4(__NR_rt_sigprocmask, SIG_BLOCK, NULL, old_address, MASK_BYTES) < 0)
		return -EFAULT;
	memcpy(old_address, &old, sizeof(old));
	if (was_blocked)
		*(char *)((char *)old_address + (SIGSYS - 1) / 8) |= 1 << (SIGSYS - 1) % 8;
	return 0;
}

/* What a call waits with must not hold SIGSYS either. 0: the mask is not ours to judge. */
static int read_mask(long address, long size_bytes, uint64_t *ret_mask)
{
	if (!address || size_bytes != MASK_BYTES)
		return 0;
	if (memory_read(ret_mask, (const void *)address, sizeof(*ret_mask)) < 0)
		return -EFAULT;
	*ret_mask &= ~SIGSYS_BIT;
	return 1;
}

static long wait_with_mask(struct tap_call *call, int mask_arg)
{
	uint64_t mask;
	int r = read_mask(call->arg[mask_arg], call->arg[mask_arg + 1], &mask);

	if (r < 0)
		return r;
	if (r > 0)
		call->arg[mask_arg] = (long)&mask;
	return cancel_pass(call);
}

long on_rt_sigsuspend(struct tap_call *call)
{
	return wait_with_mask(call, 0);
}

long on_ppoll(struct tap_call *call)
{
	return wait_with_mask(call, 3);
}

long on_epoll_pwait(struct tap_call *call)
{
	return wait_with_mask(call, 4);
}

long on_epoll_pwait2(struct tap_call *call)
{
	return wait_with_mask(call, 4);
}

/* pselect6 and io_pgetevents take a pointer to { mask, size }. */
static long wait_with_mask_pair(struct tap_call *call)
{
	struct {
		long mask, size_bytes;
	} pair;
	uint64_t mask;
	int r;

	if (!call->arg[5])
		return cancel_pass(call);
	if (memory_read(&pair, (const void *)call->arg[5], sizeof(pair)) < 0)
		return -EFAULT;
	r = read_mask(pair.mask, pair.size_bytes, &mask);
	if (r < 0)
		return r;
	if (r > 0)
		pair.mask = (long)&mask;
	call->arg[5] = (long)&pair;
	return cancel_pass(call);
}

long on_pselect6(struct tap_call *call)
{
	return wait_with_mask_pair(call);
}

long on_io_pgetevents(struct tap_call *call)
{
	return wait_with_mask_pair(call);
}

/* A handler may have written into its context before it returns. */
long on_rt_sigreturn(struct tap_call *call)
{
	unsigned long stack_pointer;
	ucontext_t *frame;

	if (!call->context)
		return -ENOSYS; /* never patched: there is no way back from here */
	stack_pointer = context_stack_pointer(call->context);
	frame = frame_context(stack_pointer);
	if (memory_is_readable(frame, sizeof(*frame)))
		*(uint64_t *)(void *)&frame->uc_sigmask &= ~SIGSYS_BIT;
	return_from_signal(stack_pointer);
}
