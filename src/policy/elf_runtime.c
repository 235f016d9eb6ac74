// SPDX-License-Identifier: Apache-2.0
#include "policy/elf_runtime.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"
#include "base/memory.h"
#include "base/strings.h"

#define WITH_NAME "%" /* in a folder's path: the name of the file */

/* By the name of the file, and from its folder. Interpreters search by the place of their program
 * or by what they were built with; this is where they and distributions put it. */
static const struct {
	const char *glob;
	const char *folder;
} beside[] = {
	{ "libc.so.6", "gconv" },
	{ "libcrypto.so.1.1", "engines-1.1" },
	{ "libcrypto.so.3*", "engines-3" },
	{ "libcrypto.so.3*", "ossl-modules" },
	{ "libsasl2.so.*", "sasl2" },
	{ "python3.[0-9]*", "../lib/" WITH_NAME },
	{ "perl*", "../lib/perl5" },
	{ "perl*", "../share/perl" },
	{ "perl*", "../share/perl5" },
	{ "perl*", "../lib/x86_64-linux-gnu/perl" },
	{ "perl*", "../lib/x86_64-linux-gnu/perl5" },
	{ "perl*", "../lib/x86_64-linux-gnu/perl-base" },
	{ "perl*", "../lib/aarch64-linux-gnu/perl" },
	{ "perl*", "../lib/aarch64-linux-gnu/perl5" },
	{ "perl*", "../lib/aarch64-linux-gnu/perl-base" },
	{ "ruby*", "../lib/ruby" },
	{ "ruby*", "../lib/x86_64-linux-gnu/ruby" },
	{ "ruby*", "../lib/aarch64-linux-gnu/ruby" },
	{ "libtcl8.*.so*", "../tcltk" },
	{ "libtcl8.*.so*", "../../share/tcltk" },
};

/* "/usr/bin/python3.11" and "../lib/%": "/usr/lib/python3.11". */
static void print_folder(const char *file, const char *folder, struct buf *text)
{
	const char *name = strrchr(file, '/');
	size_t length = (size_t)(name - file);

	for (; text_starts(folder, "../"); folder += strlen("../"))
		while (length > 0 && file[--length] != '/')
			;
	buf_printf(text, "%.*s/", (int)length, file);
	for (; *folder; folder++)
		if (*folder == WITH_NAME[0])
			buf_add_text(text, name + 1);
		else
			buf_add_char(text, *folder);
}

static int add_beside(struct elf_closure *closure, const char *file, struct err *err)
{
	const char *slash = strrchr(file, '/');
	int r = 0;

	for (size_t i = 0; r == 0 && slash && i < array_count(beside); i++) {
		auto_buf path = { 0 };

		if (fnmatch(beside[i].glob, slash + 1, 0) != 0)
			continue;
		print_folder(file, beside[i].folder, &path);
		r = elf_closure_add_tree(closure, buf_text(&path), err);
		if (r == -ENOENT || r == -ENOTDIR) {
			err_clear(err);
			r = 0;
		}
	}
	return r;
}

int elf_runtime_add(struct elf_closure *closure, struct err *err)
{
	static char present[] = "";
	struct map done = { 0 };
	size_t before;
	int r = 0;

	do {
		auto_strings files = { 0 };

		before = closure->objects.count;
		map_each(&closure->objects, object)
			if (!map_get(&done, object->key))
				strings_add(&files, object->key);
		strings_sort(&files); /* what is said of them comes in no order of a table */
		strings_each(&files, file) {
			map_set(&done, file, present);
			if (r == 0)
				r = add_beside(closure, file, err);
		}
	} while (r == 0 && closure->objects.count > before);
	map_done(&done);
	return r;
}
