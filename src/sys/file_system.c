// SPDX-License-Identifier: Apache-2.0
#include "sys/file_system.h"

#include <fcntl.h>
#include <string.h>

#include "base/banned.h"
#include "base/io.h"

#define MOUNTINFO_BYTES_MAX (64u << 20)

bool file_system_any_copies_up(void)
{
	auto_buf text = { 0 };
	struct err err = { 0 };
	const char *at;

	if (io_read_file_at(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_BYTES_MAX, &text, &err) < 0)
		return true;
	for (at = strstr(buf_text(&text), " - "); at; at = strstr(at, " - ")) {
		char type[64];
		size_t length = strcspn(at += 3, " ");

		if (length >= sizeof(type))
			return true;
		memcpy(type, at, length);
		type[length] = '\0';
		if (file_system_copies_up(type))
			return true;
	}
	return false;
}
