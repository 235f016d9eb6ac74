// SPDX-License-Identifier: Apache-2.0
/* Site patching on x86-64.
 *
 * What is rewritten is the five bytes of `mov $number, %eax` right before a `syscall`; the syscall
 * stays, so a thread that is past the mov, or a branch to the syscall, still traps and is served.
 * The jmp leads to an entry of an island, a page of our own text mapped once more within reach of
 * the site. The entry tells its number, from which the site is known; the rest is in patch_entry
 * below.
 *
 * One instruction takes the place of one of the same length, so no thread can be in the middle of
 * it. The page is not written to: a changed copy of it takes its place, in one mremap(2). The
 * kernel takes the old page away from every processor first, and a thread that fetches from it
 * meanwhile waits in a page fault, so none sees a mixture of old and new; no page is ever writable
 * and executable; and where SELinux forbids the copy the old page is still there. See doc/why. */
#include "tap/blob/patch.h"

#include <elf.h>
#include <linux/mman.h>
#include <string.h>

#include "tap/blob/fds.h"
#include "tap/blob/memory.h"
#include "tap/blob/text.h"

#define PAGE	      4096ul
#define ENTRIES	      254
#define ISLANDS	      4
#define REACH	      0x70000000l /* of a jmp, with room to spare */
#define TRAPS_BEFORE  48u	  /* programs that make fewer calls are not worth the work */
#define HITS_BEFORE   3u	  /* of one site */
#define HITS_NEVER    255u	  /* it was looked at and is none of ours */
#define SITES_COUNTED 256u
#define MOV_BYTES     5u
#define SITE_BYTES    7u /* with the syscall */

struct entry {
	unsigned long return_address; /* behind the syscall */
	long nr;
};

struct island {
	unsigned long base; /* 0: not there yet */
	unsigned used;
	struct entry entry[ENTRIES];
};

static struct island islands[ISLANDS];
HOT static uint32_t traps;
HOT static uint8_t hits[SITES_COUNTED];
HOT static bool is_refused; /* text cannot be changed here: SELinux, or it is sealed */
HOT static uint32_t lock;   /* thread that patches; others do not wait, they go on by traps */

extern const char patch_island[]; /* one page, below */

/* rcx holds the island's address and the top of the stack the entry's number; rcx and r11 are the
 * system call's to destroy. What the kernel keeps is kept; vector registers are not used here. */
__asm__(".pushsection .text.island, \"ax\"\n"
	".balign 4096\n"
	".globl patch_island\n"
	"patch_island:\n"
	".set number, 0\n"
	".rept 254\n"
	"	lea -128(%rsp), %rsp\n" /* the red zone */
	"	mov $number, %ecx\n"
	"	jmp 1f\n"
	"	.balign 16\n"
	"	.set number, number + 1\n"
	".endr\n"
	"1:	push %rcx\n"
	"	lea patch_island(%rip), %rcx\n"
	"	movabs $patch_entry, %r11\n"
	"	jmp *%r11\n"
	".balign 4096\n"
	"patch_entry:\n"
	"	push %r9\n	push %r8\n	push %r10\n"
	"	push %rdx\n	push %rsi\n	push %rdi\n"
	"	mov %rsp, %rdi\n"
	"	mov %rcx, %rsi\n"
	"	push %rbx\n"
	"	mov %rsp, %rbx\n"
	"	and $-16, %rsp\n"
	"	call patch_call\n"
	"	mov %rbx, %rsp\n"
	"	pop %rbx\n"
	"	pop %rdi\n	pop %rsi\n	pop %rdx\n"
	"	pop %r10\n	pop %r8\n	pop %r9\n"
	"	pop %rcx\n" /* where to go on, as after a syscall */
	"	lea 128(%rsp), %rsp\n"
	"	jmp *%rcx\n"
	".popsection\n");

struct frame {
	long arg[6];
	unsigned long number; /* becomes the return address */
};

static const struct island *island_at(unsigned long base)
{
	for (size_t i = 0; i < ISLANDS; i++)
		if (islands[i].base == base)
			return &islands[i];
	tap_die("a call came from an unknown island", 0);
}

long patch_call(struct frame *frame, unsigned long base);
long patch_call(struct frame *frame, unsigned long base)
{
	const struct entry *entry = &island_at(base)->entry[frame->number];
	struct tap_call call; /* word by word: string instructions are slow to start */

	call.nr = entry->nr;
	for (size_t i = 0; i < sizeof(call.arg) / sizeof(call.arg[0]); i++)
		call.arg[i] = frame->arg[i];
	call.context = NULL;
	frame->number = entry->return_address;
	return tap_dispatch(&call);
}

/* --- islands */

static struct island *make_island(struct island *island, unsigned long site)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)TAP_BASE;
	const Elf64_Phdr *segment = (const Elf64_Phdr *)(TAP_BASE + header->e_phoff);
	unsigned long address = (unsigned long)patch_island;

	if (fds_verify() < 0)
		return NULL;
	while (address - segment->p_vaddr >= segment->p_filesz)
		segment++;
	for (long away = 16l << 20; away < REACH; away += 16l << 20) {
		long r = raw6(__NR_mmap, (site & ~(PAGE - 1)) - (unsigned long)away, PAGE,
			      PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED_NOREPLACE,
			      tap.image_fd, segment->p_offset + address - segment->p_vaddr);

		if (raw_is_error(r))
			continue;
		island->base = (unsigned long)r;
		return island;
	}
	return NULL;
}

static struct island *find_island(unsigned long site)
{
	for (size_t i = 0; i < ISLANDS; i++) {
		struct island *island = &islands[i];
		long distance = (long)(site - island->base);

		if (!island->base)
			return make_island(island, site);
		if (distance < REACH && distance > -REACH && island->used < ENTRIES)
			return island;
	}
	return NULL;
}

/* --- rewriting */

/* Failure leaves the text as it was. */
static bool write_jump(unsigned long site, unsigned long target)
{
	int32_t distance = (int32_t)(target - (site + MOV_BYTES));
	unsigned char jump[MOV_BYTES] = { 0xe9 };
	unsigned long page = site & ~(PAGE - 1);
	long r = raw6(__NR_mmap, NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	unsigned char *copy = (unsigned char *)r;

	if (raw_is_error(r))
		return false;
	memcpy(jump + 1, &distance, sizeof(distance));
	memcpy(copy, (const void *)page, PAGE);
	memcpy(copy + (site - page), jump, MOV_BYTES);
	if (raw3(__NR_mprotect, copy, PAGE, PROT_READ | PROT_EXEC) == 0 &&
	    !raw_is_error(raw5(__NR_mremap, copy, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, page)))
		return true;
	raw2(__NR_munmap, copy, PAGE);
	return false;
}

/* The five bytes are `mov $nr, %eax` and in one page; the syscall, which stays, may be in the next.
 * A REX prefix before them would make it another register. */
static bool is_site(unsigned long site, long nr)
{
	const unsigned char *code = (const unsigned char *)site;
	int32_t number = (int32_t)nr;

	return (site & (PAGE - 1)) > 0 && (site & (PAGE - 1)) <= PAGE - MOV_BYTES &&
	       memory_is_readable(code, SITE_BYTES) && code[0] == 0xb8 &&
	       memcmp(code + 1, &number, sizeof(number)) == 0 && code[5] == 0x0f &&
	       code[6] == 0x05 && (code[-1] & 0xf0) != 0x40;
}

/* false: this site is not for us, now or later. */
static bool patch(unsigned long site, long nr)
{
	struct island *island;
	struct entry *entry;

	if (!is_site(site, nr) || !text_is_libc(site, SITE_BYTES))
		return false;
	island = find_island(site);
	if (!island)
		return false;
	entry = &island->entry[island->used];
	*entry = (struct entry){ .return_address = site + SITE_BYTES, .nr = nr };
	if (write_jump(site, island->base + island->used * 16))
		island->used++;
	else
		is_refused = true;
	return true;
}

/* Sites that share a place share its count: no harm. */
static uint8_t *hits_of(unsigned long site)
{
	return &hits[(site ^ site >> 8) % SITES_COUNTED];
}

static bool has_trapped_enough(unsigned long site)
{
	uint8_t *count = hits_of(site);

	if (traps < TRAPS_BEFORE) {
		traps++;
		return false;
	}
	return *count != HITS_NEVER && ++*count >= HITS_BEFORE;
}

/* Calls that need the frame of a trap, that never come back, or that trap only now and then. */
static bool is_patchable(const struct tap_row *row)
{
	return row->class != TAP_EXEC && row->trap.condition != TAP_IF_FD &&
	       row->trap.condition != TAP_IF_FD2 && row != &tap_table[NR_rt_sigreturn] &&
	       row != &tap_table[NR_sigaltstack];
}

/* With every signal blocked: a handler of the program's may jump out of us, and never give back the
 * lock. */
static __attribute__((noinline)) void patch_now(const struct tap_row *row, unsigned long site)
{
	uint32_t me;
	uint32_t nobody = 0;
	uint64_t all = ~0ul;
	uint64_t mask;

	raw4(__NR_rt_sigprocmask, SIG_SETMASK, &all, &mask, 8);
	me = (uint32_t)raw0(__NR_gettid);
	if (__atomic_compare_exchange_n(&lock, &nobody, me, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED)) {
		if (!patch(site, row - tap_table))
			*hits_of(site) = HITS_NEVER;
		__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
	}
	raw4(__NR_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8);
}

OFTEN void patch_consider(const struct tap_row *row, const ucontext_t *context)
{
	unsigned long site = context_return_address(context) - SITE_BYTES;

	if (!is_refused && !(tap.page->flags & TAP_PAGE_TRAP_ONLY) && is_patchable(row) &&
	    has_trapped_enough(site))
		patch_now(row, site);
}
