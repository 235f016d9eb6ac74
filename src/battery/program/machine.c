// SPDX-License-Identifier: Apache-2.0
/* What a program can do that knows how an engine without namespaces works: calls from other places,
 * the tap thrown away, used, or told lies. */
#include <sys/mman.h>

#include "battery/program/attempt.h"
#include "battery/program/verdict.h"

#define MAPS_SIZE (1 << 18)

/* A region of /proc/self/maps. */
struct region {
	unsigned long start, end;
	bool executable, writable, shared;
};

static const char *parse_hex(const char *text, unsigned long *ret_number)
{
	*ret_number = 0;
	for (;; text++) {
		char c = *text;
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
						   : -1;

		if (digit < 0)
			return text;
		*ret_number = *ret_number << 4 | (unsigned long)digit;
	}
}

/* Every region that is not the battery's own, whose addresses are low, nor its stack. */
static void each_foreign_region(bool (*visit)(const struct region *region))
{
	static char maps[MAPS_SIZE];
	long fd = raw4(__NR_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY, 0);
	long length = 0;
	long n;

	if (fd < 0) {
		refused(fd);
		return;
	}
	while ((n = raw3(__NR_read, fd, maps + length, sizeof(maps) - 1 - length)) > 0)
		length += n;
	raw1(__NR_close, fd);
	for (const char *at = maps; *at; at++) {
		struct region region = { 0 };
		const char *end;

		end = parse_hex(at, &region.start);
		end = parse_hex(end + 1, &region.end) + 1;
		region.writable = end[1] == 'w';
		region.executable = end[2] == 'x';
		region.shared = end[3] == 's';
		for (at = end; *at && *at != '\n'; at++)
			if (*at == '[') /* the stack, the vdso */
				region.end = region.start;
		if (region.end > region.start && region.start >= 0x2f00000000 && !visit(&region))
			return;
	}
}

/* ---- the call itself, from memory of ours ---- */

typedef long (*call_function)(long nr, long a, long b, long c, long d);

#if defined(__x86_64__)
/* mov %rdi,%rax; mov %rsi,%rdi; mov %rdx,%rsi; mov %rcx,%rdx; mov %r8,%r10; syscall; ret */
static const unsigned char call_code[] = { 0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6,
					   0x48, 0x89, 0xca, 0x4d, 0x89, 0xc2, 0x0f, 0x05, 0xc3 };
#else
/* mov x8,x0; mov x0,x1; mov x1,x2; mov x2,x3; mov x3,x4; svc 0; ret */
static const unsigned char call_code[] = { 0xe8, 0x03, 0x00, 0xaa, 0xe0, 0x03, 0x01,
					   0xaa, 0xe1, 0x03, 0x02, 0xaa, 0xe2, 0x03,
					   0x03, 0xaa, 0xe3, 0x03, 0x04, 0xaa, 0x01,
					   0x00, 0x00, 0xd4, 0xc0, 0x03, 0x5f, 0xd6 };
#endif

static call_function make_call(unsigned long address)
{
	unsigned char *page = (unsigned char *)raw6(
		__NR_mmap, address, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS | (address ? MAP_FIXED : 0), -1, 0);

	if (raw_is_error((long)page)) {
		refused((long)page);
		return NULL;
	}
	for (size_t i = 0; i < sizeof(call_code); i++)
		page[i] = call_code[i];
	__builtin___clear_cache((char *)page, (char *)page + sizeof(call_code));
	return (call_function)(uintptr_t)page;
}

static void read_by_call(call_function call)
{
	if (!call)
		return;
	each_way(BATTERY_SECRET, path, way)
		must_not_read(call(__NR_openat, AT_FDCWD, (long)path, O_RDONLY, 0), way->name);
}

static void machine_odd_address(void)
{
	read_by_call(make_call(0));
	read_by_call(make_call(0x10000000000));
}

/* ---- the tap ---- */

static bool unmap(const struct region *region)
{
	if (region->start <= (uintptr_t)verdict && (uintptr_t)verdict < region->end)
		return true;
	raw2(__NR_munmap, region->start, region->end - region->start);
	return true;
}

/* Its code where it was is now ours, and calls from there are let through. */
static unsigned long first_text;

static bool find_text(const struct region *region)
{
	if (region->executable)
		first_text = region->start;
	return first_text == 0;
}

static void machine_unmapped(void)
{
	each_foreign_region(find_text);
	each_foreign_region(unmap);
	read_by_call(make_call(first_text));
	each_way(BATTERY_SECRET, path, way)
		must_not_read(raw4(__NR_openat, AT_FDCWD, path, O_RDONLY, 0), way->name);
}

#if defined(__x86_64__)
/* syscall; ret: with every register set, that is all it takes. */
static bool use_call_site(const struct region *region)
{
	const volatile unsigned char *at = (const volatile unsigned char *)region->start;
	const volatile unsigned char *end = (const volatile unsigned char *)region->end;

	if (!region->executable)
		return true;
	for (; at < end - 2; at++) {
		if (at[0] != 0x0f || at[1] != 0x05 || at[2] != 0xc3)
			continue;
		each_way(BATTERY_SECRET, path, way) {
			register long r10 __asm__("r10") = 0;
			long result = __NR_openat;

			__asm__ volatile("call *%[at]"
					 : "+a"(result)
					 : [at] "b"(at), "D"((long)AT_FDCWD), "S"(path),
					   "d"((long)O_RDONLY), "r"(r10)
					 : "rcx", "r11", "memory");
			must_not_read(result, way->name);
		}
		return false;
	}
	return true;
}

static void machine_call_site(void)
{
	each_foreign_region(use_call_site);
}

/* The calls of 32-bit programs have numbers of their own: open is 5. */
static void machine_32_bit(void)
{
	char *low = (char *)raw6(__NR_mmap, 0, PATH_SIZE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | 0x40 /* MAP_32BIT */, -1, 0);

	if (raw_is_error((long)low)) {
		refused((long)low);
		return;
	}
	each_way(BATTERY_SECRET, path, way) {
		long result = 5;

		text_put(low, low + PATH_SIZE, path);
		__asm__ volatile("int $0x80"
				 : "+a"(result)
				 : "b"(low), "c"(0L), "d"(0L)
				 : "r8", "r9", "r10", "r11", "memory");
		must_not_read(result, way->name);
	}
}

static void machine_x32(void)
{
	each_way(BATTERY_SECRET, path, way)
		must_not_read(raw4(0x40000000 | __NR_openat, AT_FDCWD, path, O_RDONLY, 0),
			      way->name);
}
#endif

/* Whatever is shared with the tap of others is filled with something else. The last attempt of all:
 * those after it would run on what it leaves. */
static bool overwrite(const struct region *region)
{
	volatile unsigned char *at = (volatile unsigned char *)region->start;

	if (!region->shared || !region->writable ||
	    (region->start <= (uintptr_t)verdict && (uintptr_t)verdict < region->end))
		return true;
	for (size_t i = 0; i < region->end - region->start; i += 8)
		at[i] ^= 0x5a;
	return true;
}

static void machine_forged_table(void)
{
	each_foreign_region(overwrite);
	each_way(BATTERY_SECRET, path, way)
		must_not_read(raw4(__NR_openat, AT_FDCWD, path, O_RDONLY, 0), way->name);
}

const struct attempt machine_attempts[] = {
	{ BATTERY_HOSTILE, "a call from memory of its own", machine_odd_address },
	{ BATTERY_HOSTILE, "a call where the tap was", machine_unmapped },
#if defined(__x86_64__)
	{ BATTERY_HOSTILE, "a call by the tap's own instruction", machine_call_site },
	{ BATTERY_HOSTILE, "32-bit calls", machine_32_bit },
	{ BATTERY_HOSTILE, "x32 calls", machine_x32 },
#endif
	{ BATTERY_HOSTILE, "a forged table of the tap", machine_forged_table },
	{ NULL, NULL, NULL },
};
