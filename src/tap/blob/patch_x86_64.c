// SPDX-License-Identifier: Apache-2.0
/* Site patching on x86-64.
 *
 * What is rewritten is the five bytes of `mov $number, %eax` right before a `syscall`; the syscall
 * stays, so a thread that is past the mov, or a branch to the syscall, still traps and is served.
 * The jmp leads to an entry of an island, a page of our own text mapped once more within reach of
 * the site (file-backed: nothing is ever writable and executable but for the moment of the
 * rewriting). The entry tells its number, from which the site is known; the rest is in patch_entry
 * below.
 *
 * One instruction takes the place of one of the same length, so no thread can be in the middle of
 * it. With one thread the bytes are written as they come. With more they are written only where
 * they lie in one aligned 8-byte word, by one store, which other cores fetch whole (AMD APM volume
 * 2, 7.6.1, asynchronous modification), and membarrier(2) makes them see it; other sites keep the
 * trap. There is no half-written state a concurrent fork could copy, which a breakpoint in the
 * first byte would be: see doc/why.
 *
 * Only libc is rewritten, told by its DT_SONAME: C code with a C stack. Go's stacks have no room
 * for us, and nobody knows who else reads his own text. */
#include "tap/blob/patch.h"

#include <elf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <linux/mman.h>
#include <sched.h>
#include <string.h>

#include "tap/blob/memory.h"

#define PAGE	      4096ul
#define ENTRIES	      254
#define ISLANDS	      4
#define REACH	      0x70000000l /* of a jmp, with room to spare */
#define TRAPS_BEFORE  48u	  /* programs that make fewer calls are not worth the work */
#define HITS_BEFORE   3u	  /* of one site */
#define SITES_COUNTED 256u
#define LIBRARIES     8
#define LIBRARY_MAX   (8ul << 20) /* bytes from the ELF header to the last site */

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
static uint32_t traps;
static bool is_refused; /* text cannot be written here: SELinux execmod, or no room for islands */
static uint32_t lock;	/* thread that patches; others do not wait, they go on by traps */

extern const char patch_island[]; /* one page, below */

/* rcx holds the island's address and the top of the stack the entry's number; rcx and r11 are the
 * system call's to destroy. What the kernel keeps is kept; vector registers are not used here. */
__asm__(".text\n"
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
	"	jmp *%rcx\n");

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
	struct tap_call call = { .nr = entry->nr };

	memcpy(call.arg, frame->arg, sizeof(call.arg));
	frame->number = entry->return_address;
	return tap_dispatch(&call);
}

/* --- which text is libc's */

struct library {
	unsigned long low, high;
	bool is_libc;
};

static struct library libraries[LIBRARIES];
static uint32_t library_count;

static bool is_libc_name(const char *name)
{
	static const char *const names[] = { "libc.so.6", "libc.so", "ld-linux-x86-64.so.2",
					     "libpthread.so.0" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return strncmp(name, "libc.musl-", 10) == 0 || strncmp(name, "ld-musl-", 8) == 0;
}

/* The shared object that begins at `base`, by its own headers in memory. */
static bool is_libc(unsigned long base)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)base;
	const Elf64_Phdr *segment = (const Elf64_Phdr *)(base + header->e_phoff);
	const Elf64_Dyn *dynamic = NULL;
	unsigned long strings = 0;
	unsigned long name = 0;

	if (header->e_type != ET_DYN || header->e_phoff + 64 * sizeof(*segment) > PAGE)
		return false;
	for (size_t i = 0; i < header->e_phnum; i++)
		if (segment[i].p_type == PT_DYNAMIC)
			dynamic = (const Elf64_Dyn *)(base + segment[i].p_vaddr);
	if (!dynamic)
		return false;
	for (;; dynamic++) {
		if (!memory_is_readable(dynamic, sizeof(*dynamic)) || dynamic->d_tag == DT_NULL)
			break;
		if (dynamic->d_tag == DT_STRTAB)
			strings = dynamic->d_un.d_ptr;
		if (dynamic->d_tag == DT_SONAME)
			name = dynamic->d_un.d_val;
	}
	if (!strings || !name)
		return false;
	name += strings < base ? base + strings : strings; /* glibc relocates it, musl does not */
	return memory_is_readable((const void *)name, 24) && is_libc_name((const char *)name);
}

/* Going back page by page to an ELF header. */
static unsigned long find_base(unsigned long site)
{
	for (unsigned long at = site & ~(PAGE - 1); site - at < LIBRARY_MAX; at -= PAGE) {
		if (!memory_is_readable((const void *)at, 4))
			return 0;
		if (memcmp((const void *)at, ELFMAG, SELFMAG) == 0)
			return at;
	}
	return 0;
}

static bool is_in_libc(unsigned long site)
{
	uint32_t count = library_count;
	struct library *library;

	for (uint32_t i = 0; i < count; i++)
		if (site >= libraries[i].low && site < libraries[i].high)
			return libraries[i].is_libc;
	if (count == LIBRARIES)
		return false;
	library = &libraries[count];
	library->low = find_base(site);
	library->is_libc = library->low && is_libc(library->low);
	library->low = library->low ? library->low : site & ~(PAGE - 1);
	library->high = (site & ~(PAGE - 1)) + PAGE;
	library_count = count + 1;
	return library->is_libc;
}

/* --- islands */

static struct island *make_island(struct island *island, unsigned long site)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)TAP_BASE;
	const Elf64_Phdr *segment = (const Elf64_Phdr *)(TAP_BASE + header->e_phoff);
	unsigned long address = (unsigned long)patch_island;

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

/* --- writing */

static bool is_alone(void)
{
	return raw1(__NR_unshare, CLONE_VM) == 0;
}

static bool fits_one_word(unsigned long site)
{
	return (site & 7) <= 3;
}

static void store(unsigned long site, const unsigned char jump[5])
{
	union {
		uint64_t word;
		unsigned char byte[8];
	} bytes;
	unsigned long word_address = site & ~7ul;

	if (!fits_one_word(site)) {
		memcpy((void *)site, jump, 5);
		return;
	}
	bytes.word = *(const volatile uint64_t *)word_address;
	memcpy(bytes.byte + (site & 7), jump, 5);
	*(volatile uint64_t *)word_address = bytes.word;
}

static bool write_jump(unsigned long site, unsigned long target, bool alone)
{
	unsigned long first = site & ~(PAGE - 1);
	size_t size_bytes = ((site + 4) & ~(PAGE - 1)) + PAGE - first;
	int32_t distance = (int32_t)(target - (site + 5));
	unsigned char jump[5] = { 0xe9 };

	memcpy(jump + 1, &distance, sizeof(distance));
	if (raw3(__NR_mprotect, first, size_bytes, PROT_READ | PROT_WRITE | PROT_EXEC) < 0)
		return false;
	store(site, jump);
	raw3(__NR_mprotect, first, size_bytes, PROT_READ | PROT_EXEC);
	if (!alone)
		raw3(__NR_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0);
	return true;
}

/* Needed once per process before the barrier can be used. */
static bool can_change_others(void)
{
	static bool is_registered;

	if (!is_registered)
		is_registered = raw3(__NR_membarrier,
				     MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0,
				     0) == 0;
	return is_registered;
}

static void patch(unsigned long site, long nr)
{
	bool alone = is_alone();
	struct island *island;
	struct entry *entry;

	if (!alone && !(fits_one_word(site) && can_change_others()))
		return;
	island = is_in_libc(site) ? find_island(site) : NULL;
	if (!island)
		return;
	entry = &island->entry[island->used];
	*entry = (struct entry){ .return_address = site + 7, .nr = nr };
	if (write_jump(site, island->base + island->used * 16, alone))
		island->used++;
	else
		is_refused = true;
}

/* How often has this site trapped? Sites that share a place share its count: no harm. */
static bool has_trapped_enough(unsigned long site)
{
	static uint8_t hits[SITES_COUNTED];

	if (traps < TRAPS_BEFORE) {
		traps++;
		return false;
	}
	return ++hits[(site ^ site >> 8) % SITES_COUNTED] >= HITS_BEFORE;
}

static bool is_mov_before_syscall(unsigned long site)
{
	const unsigned char *code = (const unsigned char *)site;

	return memory_is_readable(code, 7) && code[0] == 0xb8 && code[5] == 0x0f && code[6] == 0x05;
}

/* Calls that need the frame of a trap, that never come back, or that trap only now and then. */
static bool is_patchable(const struct tap_row *row)
{
	return row->class != TAP_EXEC && row->trap.condition != TAP_IF_FD &&
	       row->trap.condition != TAP_IF_FD2 && row != &tap_table[NR_rt_sigreturn] &&
	       row != &tap_table[NR_sigaltstack];
}

void patch_consider(const struct tap_row *row, const ucontext_t *context)
{
	unsigned long site = context_return_address(context) - 7;
	uint32_t me;
	uint32_t nobody = 0;
	uint64_t all = ~0ul;
	uint64_t mask;

	if (is_refused || (tap.page->flags & TAP_PAGE_TRAP_ONLY) || !has_trapped_enough(site) ||
	    !is_patchable(row) || !is_mov_before_syscall(site))
		return;
	raw4(__NR_rt_sigprocmask, SIG_SETMASK, &all, &mask, 8);
	me = (uint32_t)raw0(__NR_gettid);
	if (__atomic_compare_exchange_n(&lock, &nobody, me, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED)) {
		if (is_mov_before_syscall(site))
			patch(site, row - tap_table);
		__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
	}
	raw4(__NR_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8);
}
