// SPDX-License-Identifier: Apache-2.0
/* musl cancels a thread by a signal. Its handler looks whether the thread is within musl's own few
 * instructions around `syscall`. From there it leaves; anywhere else it blocks the signal, sends it
 * again, and returns: the call that was interrupted is restarted and, being ours, waits for ever.
 * So the handler is called by one of ours, and a call of ours that waits is made in a few
 * instructions of the same kind: then it ends with EINTR, the trap returns, the signal comes again,
 * and musl sees that a cancelled thread was interrupted. */
#include "tap/blob/cancel.h"

#include <errno.h>

#include "tap/blob/memory.h"

#define SIGNAL_BIT (1ul << (CANCEL_SIGNAL - 1))
#define PLACES	   64

struct place {
	uint32_t thread; /* 0: free */
	uint32_t is_cancelled;
};

static struct place places[PLACES];
/* musl sets its handler when the first thread is cancelled: some may be waiting already. */
static uint32_t is_first;
static const uint32_t is_never;

long wait_call(long nr, const long arg[6], const uint32_t *is_cancelled);
extern const char wait_begin[], wait_site[], wait_interrupted[];

#if defined(__x86_64__)
__asm__(".text\n"
	"wait_call:\n"
	"	mov %rdi, %rax\n	mov %rdx, %rcx\n"
	"	mov 40(%rsi), %r9\n	mov 32(%rsi), %r8\n"
	"	mov 24(%rsi), %r10\n	mov 16(%rsi), %rdx\n"
	"	mov (%rsi), %rdi\n	mov 8(%rsi), %rsi\n"
	"wait_begin:\n"
	"	cmpl $0, (%rcx)\n"
	"	jne wait_interrupted\n"
	"wait_site:\n"
	"	syscall\n"
	"	ret\n"
	"wait_interrupted:\n"
	"	mov $-4, %rax\n" /* -EINTR */
	"	ret\n");
#else
__asm__(".text\n"
	"wait_call:\n"
	"	mov x8, x0\n	mov x9, x1\n	mov x10, x2\n"
	"	ldp x0, x1, [x9]\n"
	"	ldp x2, x3, [x9, #16]\n"
	"	ldp x4, x5, [x9, #32]\n"
	"wait_begin:\n"
	"	ldr w10, [x10]\n"
	"	cbnz w10, wait_interrupted\n"
	"wait_site:\n"
	"	svc #0\n"
	"	ret\n"
	"wait_interrupted:\n"
	"	mov x0, #-4\n"
	"	ret\n");
#endif

/* One of a thread that is gone is taken over. NULL: all are in use. */
static struct place *place_of(uint32_t thread, bool make)
{
	for (size_t i = 0; i < PLACES; i++)
		if (__atomic_load_n(&places[i].thread, __ATOMIC_ACQUIRE) == thread)
			return &places[i];
	for (size_t i = 0; make && i < PLACES; i++) {
		uint32_t old = __atomic_load_n(&places[i].thread, __ATOMIC_ACQUIRE);

		if ((old == 0 || raw2(__NR_tkill, old, 0) == -ESRCH) &&
		    __atomic_compare_exchange_n(&places[i].thread, &old, thread, false,
						__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
			places[i].is_cancelled = 0;
			return &places[i];
		}
	}
	return NULL;
}

static bool is_between(unsigned long address, const char *begin, const char *end)
{
	return address >= (unsigned long)begin && address <= (unsigned long)end;
}

static void on_cancel(int number, siginfo_t *info, ucontext_t *context)
{
	void (*handler)(int, siginfo_t *, void *) =
		(void (*)(int, siginfo_t *, void *))process_read()->cancel_handler;
	unsigned long address = context_return_address(context);
	uint64_t *mask = (uint64_t *)(void *)&context->uc_sigmask;
	bool is_ours = address - TAP_BASE < TAP_WINDOW;
	uint32_t thread = (uint32_t)raw0(__NR_gettid);
	struct place *place = place_of(thread, false);

	if (!is_ours && place)
		__atomic_store_n(&place->thread, 0, __ATOMIC_RELEASE);
	handler(number, info, context);
	if (!is_ours || !(*mask & SIGNAL_BIT))
		return;
	is_first = 1;
	place = place_of(thread, true);
	if (place)
		place->is_cancelled = 1;
	if (is_between(address, wait_begin, wait_site))
		context_set_address(context, (unsigned long)wait_interrupted);
}

long cancel_action(struct kernel_action *new, void *old_address)
{
	unsigned long program_handler = process_read()->cancel_handler;
	struct kernel_action old;
	long r;

	if (new &&new->handler > (unsigned long)SIG_IGN) {
		process_write()->cancel_handler = new->handler;
		new->handler = (unsigned long)on_cancel;
	}
	r = raw4(__NR_rt_sigaction, CANCEL_SIGNAL, new, &old, 8);
	if (r < 0 || !old_address)
		return r;
	if (old.handler == (unsigned long)on_cancel)
		old.handler = program_handler;
	return memory_write(old_address, &old, sizeof(old));
}

long cancel_pass(const struct tap_call *call)
{
	const struct place *place;

	if (!process_read()->cancel_handler)
		return wait_call(call->nr, call->arg, &is_first);
	place = place_of((uint32_t)raw0(__NR_gettid), true);
	return wait_call(call->nr, call->arg, place ? &place->is_cancelled : &is_never);
}
