// SPDX-License-Identifier: Apache-2.0
/* Site patching on x86-64.
 *
 * What is rewritten is the five bytes of `mov $number, %eax` before a `syscall`; the syscall stays,
 * so a thread that is past the mov, or a branch to the syscall, still traps and is served. The jmp
 * leads to an entry of an island, a page of our own text mapped once more within reach of the site.
 * The entry tells its number, from which the site is known; the rest is in patch_entry below.
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
#define CALL_BYTES    2u /* syscall */
#define MOVES_MAX     2u

/* libc may set arguments between the two instructions (glibc's open for opendir(3) does): the jump
 * goes past that, so it is done in the entry's stead. */
struct move {
	uint8_t to;   /* argument */
	uint8_t from; /* argument, or MOVE_VALUE */
	uint32_t value;
};
#define MOVE_VALUE 6u

struct entry {
	unsigned long return_address; /* behind the syscall */
	int32_t nr;
	uint32_t move_count;
	struct move moves[MOVES_MAX];
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

	for (size_t i = 0; i < entry->move_count; i++) {
		const struct move *move = &entry->moves[i];

		frame->arg[move->to] = move->from == MOVE_VALUE ? (long)move->value
								: frame->arg[move->from];
	}
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

/* Which argument is in the register with this number? */
static int argument_in(unsigned number)
{
	static const int8_t arguments[16] = { -1, -1, 2, -1, -1, -1, 1,	 0,
					      4,  5,  3, -1, -1, -1, -1, -1 };

	return arguments[number & 15];
}

/* `mov %r64, %r64` or `mov $imm32, %r32` between argument registers: its length, or 0. */
static size_t read_move(const unsigned char *code, struct move *ret_move)
{
	int to = -1;
	int from = -1;
	size_t length = 0;

	if ((code[0] & 0xfa) == 0x48 && code[1] == 0x89 && code[2] >= 0xc0) {
		to = argument_in((code[2] & 7u) | (code[0] & 1u) << 3);
		from = argument_in((code[2] >> 3 & 7u) | (code[0] & 4u) << 1);
		length = 3;
	} else if ((code[0] & 0xf8) == 0xb8) {
		to = argument_in(code[0] & 7u);
		from = MOVE_VALUE;
		memcpy(&ret_move->value, code + 1, sizeof(ret_move->value));
		length = 5;
	}
	if (to < 0 || from < 0)
		return 0;
	ret_move->to = (uint8_t)to;
	ret_move->from = (uint8_t)from;
	return length;
}

/* The five bytes are `mov $nr, %eax` and in one page; the syscall, which stays, may be in the next.
 * A REX prefix before them would make it another register. From there moves lead to the syscall. */
static bool is_site(unsigned long site, struct entry *entry)
{
	const unsigned char *code = (const unsigned char *)site;
	size_t size_bytes = entry->return_address - site;
	size_t at = MOV_BYTES;

	if ((site & (PAGE - 1)) == 0 || (site & (PAGE - 1)) > PAGE - MOV_BYTES ||
	    !memory_is_readable(code, size_bytes) || code[0] != 0xb8 ||
	    memcmp(code + 1, &entry->nr, sizeof(entry->nr)) != 0 || (code[-1] & 0xf0) == 0x40)
		return false;
	for (entry->move_count = 0; at + CALL_BYTES < size_bytes; entry->move_count++) {
		size_t length = entry->move_count < MOVES_MAX
					? read_move(code + at, &entry->moves[entry->move_count])
					: 0;

		if (!length)
			return false;
		at += length;
	}
	return at + CALL_BYTES == size_bytes && code[at] == 0x0f && code[at + 1] == 0x05;
}

/* Where the mov is that belongs to the syscall, 0: nowhere. */
static unsigned long find_site(struct entry *entry)
{
	static const uint8_t moves_bytes[] = { 0, 3, 5, 6, 8, 10 };

	for (size_t i = 0; i < sizeof(moves_bytes); i++) {
		unsigned long site = entry->return_address - CALL_BYTES - moves_bytes[i] -
				     MOV_BYTES;

		if (is_site(site, entry) && text_is_libc(site, entry->return_address - site))
			return site;
	}
	return 0;
}

/* false: this site is not for us, now or later. */
static bool patch(unsigned long return_address, long nr)
{
	struct entry entry = { .return_address = return_address, .nr = (int32_t)nr };
	unsigned long site = find_site(&entry);
	struct island *island;

	if (!site)
		return false;
	island = find_island(site);
	if (!island)
		return false;
	island->entry[island->used] = entry;
	if (write_jump(site, island->base + island->used * 16))
		island->used++;
	else
		is_refused = true;
	return true;
}

/* Sites that share a place share its count: no harm. */
static uint8_t *hits_of(unsigned long return_address)
{
	return &hits[(return_address ^ return_address >> 8) % SITES_COUNTED];
}

static bool has_trapped_enough(unsigned long return_address)
{
	uint8_t *count = hits_of(return_address);

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
	       row->trap.condition != TAP_IF_FD2 && row->trap.condition != TAP_IF_SPACES &&
	       row != &tap_table[NR_rt_sigreturn] && row != &tap_table[NR_sigaltstack];
}

/* With every signal blocked: a handler of the program's may jump out of us, and never give back the
 * lock. */
static __attribute__((noinline)) void patch_now(const struct tap_row *row,
						unsigned long return_address)
{
	uint32_t me;
	uint32_t nobody = 0;
	uint64_t all = ~0ul;
	uint64_t mask;

	raw4(__NR_rt_sigprocmask, SIG_SETMASK, &all, &mask, 8);
	me = (uint32_t)raw0(__NR_gettid);
	if (__atomic_compare_exchange_n(&lock, &nobody, me, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED)) {
		if (!patch(return_address, row - tap_table))
			*hits_of(return_address) = HITS_NEVER;
		__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
	}
	raw4(__NR_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8);
}

OFTEN void patch_consider(const struct tap_row *row, const ucontext_t *context)
{
	unsigned long return_address = context_return_address(context);

	if (!is_refused && !(tap.page->flags & TAP_PAGE_TRAP_ONLY) && is_patchable(row) &&
	    has_trapped_enough(return_address))
		patch_now(row, return_address);
}
