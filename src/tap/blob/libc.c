// SPDX-License-Identifier: Apache-2.0
/* The few functions of libc that the compiler calls by itself and that code shared with hosted
 * programs uses. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint64_t __attribute__((may_alias, aligned(1))) any_word;

/* Starting a string instruction takes as long as copying this much by words. */
#define MANY_BYTES 256

static void copy_words(char *to, const char *from, size_t size_bytes)
{
	for (; size_bytes >= 8; size_bytes -= 8, to += 8, from += 8)
		*(any_word *)to = *(const any_word *)from;
	for (; size_bytes; size_bytes--)
		*(volatile char *)to++ = *from++;
}

/* From the first byte on: memmove relies on that. */
void *memcpy(void *restrict to, const void *restrict from, size_t size_bytes)
{
#if defined(__x86_64__)
	void *at = to;

	if (size_bytes >= MANY_BYTES) {
		__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size_bytes) : : "memory");
		return to;
	}
#endif
	copy_words(to, from, size_bytes);
	return to;
}

void *memmove(void *to, const void *from, size_t size_bytes)
{
	if ((uintptr_t)to <= (uintptr_t)from || (uintptr_t)to >= (uintptr_t)from + size_bytes)
		return memcpy(to, from, size_bytes);
	while (size_bytes--)
		((volatile char *)to)[size_bytes] = ((const char *)from)[size_bytes];
	return to;
}

void *memset(void *to, int value, size_t size_bytes)
{
#if defined(__x86_64__)
	void *at = to;

	__asm__ volatile("rep stosb" : "+D"(at), "+c"(size_bytes) : "a"(value) : "memory");
#else
	for (size_t i = 0; i < size_bytes; i++)
		((volatile char *)to)[i] = (char)value;
#endif
	return to;
}

int memcmp(const void *a, const void *b, size_t size_bytes)
{
	const unsigned char *x = a;
	const unsigned char *y = b;

	for (size_t i = 0; i < size_bytes; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

size_t strlen(const char *text)
{
	size_t length = 0;

	while (((const volatile char *)text)[length])
		length++;
	return length;
}

int strncmp(const char *a, const char *b, size_t size_bytes)
{
	for (size_t i = 0; i < size_bytes; i++)
		if (a[i] != b[i] || !a[i])
			return (unsigned char)a[i] - (unsigned char)b[i];
	return 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}
