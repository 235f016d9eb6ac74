// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/text.h"

static struct {
	enum log_level level;
	enum log_format format;
} state = { LOG_NORMAL, LOG_TEXT };

void log_configure(enum log_level level, enum log_format format)
{
	state.level = level;
	state.format = format;
}

enum log_level log_get_level(void)
{
	return state.level;
}

enum log_format log_get_format(void)
{
	return state.format;
}

void log_line(enum log_level level, const char *kind, const char *format, ...)
{
	auto_buf message = { 0 };
	auto_buf line = { 0 };
	va_list args;

	if (level > state.level)
		return;
	va_start(args, format);
	buf_vprintf(&message, format, args);
	va_end(args);
	if (state.format == LOG_JSON) {
		buf_printf(&line, "{\"level\":\"%s\",\"message\":", kind);
		text_add_json_string(&line, buf_text(&message));
		buf_add_text(&line, "}\n");
	} else {
		if (strcmp(kind, "warning") == 0)
			buf_add_text(&line, "rootlet: warning: ");
		text_add_visible(&line, buf_text(&message));
		buf_add_char(&line, '\n');
	}
	(void)io_write_all(STDERR_FILENO, line.bytes, line.size_bytes);
}
