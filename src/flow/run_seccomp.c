// SPDX-License-Identifier: Apache-2.0
#include "flow/run_seccomp.h"

#include <linux/filter.h>
#include <string.h>

#include "base/banned.h"
#include "flow/tar_root.h"

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int decode(const char *text, struct box *box, struct err *err)
{
	size_t size_bytes = strlen(text) / 2;
	unsigned char *bytes = arena_alloc(&box->arena, size_bytes + 1);

	for (size_t i = 0; i < size_bytes; i++) {
		int high = digit(text[2 * i]);
		int low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return fail_plain(err, EINVAL,
					  "rootlet-image did not answer with a filter");
		bytes[i] = (unsigned char)(high << 4 | low);
	}
	if (size_bytes == 0 || size_bytes % sizeof(struct sock_filter))
		return fail_plain(err, EINVAL, "rootlet-image did not answer with a filter");
	if (size_bytes / sizeof(struct sock_filter) > BPF_MAXINSNS)
		return fail_plain(err, E2BIG, "the filter has more than %d instructions",
				  BPF_MAXINSNS);
	box->seccomp = bytes;
	box->seccomp_count = size_bytes / sizeof(struct sock_filter);
	return 0;
}

int run_seccomp(const char *path, struct box *box, struct err *err)
{
	const char *const argv[] = {
		"rootlet",
		"__seccomp",
		"--dropped",
		arena_printf(&box->arena, "%llu", (unsigned long long)box->drop_capabilities),
		"--",
		path,
		NULL
	};
	auto_buf output = { 0 };
	int r = tar_root_program(argv, &output, err);

	if (r == 0)
		r = decode(buf_text(&output), box, err);
	return r < 0 ? err_wrap(err, "--seccomp") : 0;
}
