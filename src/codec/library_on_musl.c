// SPDX-License-Identifier: Apache-2.0
/* What Debian's libjansson.a and libzstd.a, compiled for glibc with -D_FORTIFY_SOURCE, want beyond
 * the calls that both libcs have: the checking forms of four functions (Linux Standard Base,
 * "libc"). Compiled only into programs that are linked with musl; why: doc/why/0013-musl.md. The
 * sizes checked are those the compiler knows of the buffers: going beyond is a bug in the caller.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reserved names, on purpose: these are the libc's own. */
int __vsnprintf_chk(char *text, size_t size, int flag, size_t known_size, const char *format,
		    va_list args);
int __snprintf_chk(char *text, size_t size, int flag, size_t known_size, const char *format, ...);
char *__strncpy_chk(char *to, const char *from, size_t size, size_t known_size);
void *__memcpy_chk(void *to, const void *from, size_t size, size_t known_size);

int __vsnprintf_chk(char *text, size_t size, int flag, size_t known_size, const char *format,
		    va_list args)
{
	(void)flag;
	if (size > known_size)
		abort();
	return vsnprintf(text, size, format, args);
}

int __snprintf_chk(char *text, size_t size, int flag, size_t known_size, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = __vsnprintf_chk(text, size, flag, known_size, format, args);
	va_end(args);
	return length;
}

char *__strncpy_chk(char *to, const char *from, size_t size, size_t known_size)
{
	if (size > known_size)
		abort();
	return strncpy(to, from, size);
}

void *__memcpy_chk(void *to, const void *from, size_t size, size_t known_size)
{
	if (size > known_size)
		abort();
	return memcpy(to, from, size);
}
