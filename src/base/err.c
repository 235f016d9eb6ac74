// SPDX-License-Identifier: Apache-2.0
/* Errors as fixed-size data; see err.h. No allocation: these run in children after clone(2). */
#include "base/err.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/reason.h"

static void set(struct err *err, int code, bool with_reason, const char *format, va_list args)
{
	int length;

	err->code = code;
	err->hint[0] = '\0';
	length = vsnprintf(err->text, sizeof(err->text), format, args);
	if (!with_reason || length < 0 || (size_t)length >= sizeof(err->text))
		return;
	const char *reason = reason_words(code);
	size_t left = sizeof(err->text) - (size_t)length;

	if (reason)
		snprintf(err->text + length, left, ": %s", reason);
	else
		snprintf(err->text + length, left, ": error %d", code);
}

int fail(struct err *err, int code, const char *format, ...)
{
	va_list args;
	bool with_reason = code != 0 && code != EUCLEAN;

	if (code == 0)
		code = EINVAL;
	if (!err)
		return -code;
	va_start(args, format);
	set(err, code, with_reason, format, args);
	va_end(args);
	return -code;
}

int fail_plain(struct err *err, int code, const char *format, ...)
{
	va_list args;

	if (!err)
		return -code;
	va_start(args, format);
	set(err, code, false, format, args);
	va_end(args);
	return -code;
}

int err_wrap(struct err *err, const char *format, ...)
{
	char prefix[ERR_TEXT_MAX];
	va_list args;
	size_t length;
	size_t old;

	if (!err)
		return -EINVAL;
	va_start(args, format);
	vsnprintf(prefix, sizeof(prefix) - 2, format, args);
	va_end(args);
	strcat(prefix, ": ");
	length = strlen(prefix);
	old = strlen(err->text);
	if (length + old >= sizeof(err->text)) /* keep the cause, cut the outermost words */
		length = sizeof(err->text) - 1 - old;
	memmove(err->text + length, err->text, old + 1);
	memcpy(err->text, prefix, length);
	return err->code ? -err->code : -EINVAL;
}

void err_hint(struct err *err, const char *format, ...)
{
	va_list args;

	if (!err || err->hint[0])
		return;
	va_start(args, format);
	vsnprintf(err->hint, sizeof(err->hint), format, args);
	va_end(args);
}

void err_append(struct err *err, const char *format, ...)
{
	size_t old;
	va_list args;

	if (!err)
		return;
	old = strlen(err->text);
	va_start(args, format);
	vsnprintf(err->text + old, sizeof(err->text) - old, format, args);
	va_end(args);
}

void err_clear(struct err *err)
{
	if (err)
		memset(err, 0, sizeof(*err));
}
