// SPDX-License-Identifier: Apache-2.0
/* Alternate signal stacks. A program may give itself one that has room for one signal frame; ours
 * comes on top of it (a frame is 3.4 KB with AVX-512). So a small one is replaced by a larger one,
 * and the program is told about its own.
 *
 * Which of our stacks a thread has is known from the kernel's answer alone (the address), so
 * threads that come and go unseen, and fork, need no care. A stack is given to another thread when
 * the thread that had it is gone or has put it down itself. */
#include <errno.h>

#include "tap/blob/blob.h"
#include "tap/blob/handlers.h"
#include "tap/blob/memory.h"

#include <linux/mman.h>

#define ENOUGH	   (24ul << 10) /* two of the largest frames and 16 KB for handlers */
#define OURS_BYTES (64ul << 10)
#define STACKS	   256
#define MIN_BYTES  2048 /* MINSIGSTKSZ */
#define RED_ZONE   128
#define AUTODISARM (1u << 31)

struct stack {
	uintptr_t base;	 /* of ours; 0: never made */
	uint32_t thread; /* who has it or had it last; 0: free, may be taken by anyone */
	bool put_down;
	stack_t program; /* what the program believes to have */
};

static struct stack stacks[STACKS];

static struct stack *find(const stack_t *kernel)
{
	for (size_t i = 0; i < STACKS && stacks[i].base; i++)
		if (stacks[i].base == (uintptr_t)kernel->ss_sp)
			return &stacks[i];
	return NULL;
}

static bool may_take(const struct stack *stack, uint32_t owner, uint32_t me)
{
	if (owner == me)
		return stack->put_down;
	return owner == 0 || raw2(__NR_tkill, owner, 0) == -ESRCH;
}

/* Until we return we may be running on the stack being left: only this thread may reuse it then. */
static struct stack *take(uint32_t me, const struct stack *not_this)
{
	for (size_t i = 0; i < STACKS; i++) {
		struct stack *stack = &stacks[i];
		uint32_t owner = __atomic_load_n(&stack->thread, __ATOMIC_ACQUIRE);

		if (stack == not_this || !may_take(stack, owner, me) ||
		    !__atomic_compare_exchange_n(&stack->thread, &owner, me, false,
						 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			continue;
		if (!stack->base) {
			long r = raw6(__NR_mmap, NULL, OURS_BYTES, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			if (raw_is_error(r)) {
				stack->thread = 0;
				return NULL;
			}
			stack->base = (uintptr_t)r;
		}
		stack->put_down = false;
		return stack;
	}
	return NULL;
}

static bool is_on(const stack_t *stack, unsigned long stack_pointer)
{
	return !(stack->ss_flags & SS_DISABLE) &&
	       stack_pointer - (uintptr_t)stack->ss_sp <= stack->ss_size;
}

/* What the thread has now, as the kernel says. The trap's frame holds it: SS_AUTODISARM takes it
 * away while a handler runs. */
static void current_of(const struct tap_call *call, stack_t *ret_kernel)
{
	if (call->context)
		*ret_kernel = call->context->uc_stack;
	else
		raw2(__NR_sigaltstack, NULL, ret_kernel);
	if (!ret_kernel->ss_size) /* after exec the flags in the frame are still 0 */
		ret_kernel->ss_flags |= SS_DISABLE;
}

/* In a trap we may be running on the very stack that is to be replaced, which the kernel refuses;
 * so the call is made with the program's stack pointer. sigreturn then sets the same again. */
static long install(const struct tap_call *call, const stack_t *kernel)
{
	unsigned long stack_pointer;
	long r;

	if (!call->context)
		return raw2(__NR_sigaltstack, kernel, NULL);
	stack_pointer = (context_stack_pointer(call->context) - RED_ZONE) & ~15ul;
	r = call_on_stack(stack_pointer, __NR_sigaltstack, (long)kernel, 0);
	if (r == 0)
		call->context->uc_stack = *kernel;
	return r;
}

static long check(const stack_t *wanted)
{
	unsigned flags = (unsigned)wanted->ss_flags & ~AUTODISARM;

	if (flags != SS_DISABLE && flags != SS_ONSTACK && flags != 0)
		return -EINVAL;
	return flags != SS_DISABLE && wanted->ss_size < MIN_BYTES ? -ENOMEM : 0;
}

static long change(struct tap_call *call, const stack_t *wanted, struct stack *had)
{
	uint32_t me = (uint32_t)raw0(__NR_gettid);
	stack_t kernel = *wanted;
	struct stack *ours = NULL;
	long r;

	if (!(wanted->ss_flags & SS_DISABLE) && wanted->ss_size < ENOUGH) {
		ours = take(me, had);
		if (!ours)
			return -ENOMEM;
		ours->program = *wanted;
		kernel.ss_sp = (void *)ours->base;
		kernel.ss_size = OURS_BYTES;
	}
	r = install(call, &kernel);
	if (had && r == 0) {
		had->thread = me;
		had->put_down = true;
	}
	return r;
}

long on_sigaltstack(struct tap_call *call)
{
	const void *new_address = (const void *)call->arg[0];
	void *old_address = (void *)call->arg[1];
	stack_t kernel;
	stack_t wanted;
	stack_t shown;
	struct stack *had;
	bool on;
	long r;

	if (new_address && memory_read(&wanted, new_address, sizeof(wanted)) < 0)
		return -EFAULT;
	current_of(call, &kernel);
	had = find(&kernel);
	on = call->context ? is_on(&kernel, context_stack_pointer(call->context))
			   : (kernel.ss_flags & SS_ONSTACK) != 0;
	shown = had ? had->program : kernel;
	shown.ss_flags = (int)((kernel.ss_flags & (int)(AUTODISARM | SS_DISABLE)) |
			       (on ? SS_ONSTACK : 0));
	if (new_address) {
		r = on && !((unsigned)kernel.ss_flags & AUTODISARM) ? -EPERM : check(&wanted);
		if (r == 0)
			r = change(call, &wanted, had);
		if (r < 0)
			return r;
	}
	return old_address ? memory_write(old_address, &shown, sizeof(shown)) : 0;
}
