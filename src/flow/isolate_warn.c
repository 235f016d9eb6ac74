// SPDX-License-Identifier: Apache-2.0
/* Warnings before harm: told when an environment is made, and by its status. What cannot be read
 * warns of nothing. */
#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/text.h"
#include "codec/elf_needs.h"
#include "flow/isolate.h"
#include "policy/ldcache.h"
#include "sys/ids.h"
#include "sys/openat2.h"

#define LIBRARY		  "libc.so.6"
#define RELEASE_MAX_BYTES ((size_t)64 << 10)
#define GROUPS_MAX_BYTES  ((size_t)16 << 20)

/* ---- the C library ---- */

static bool read_library(int root_fd, const char *path, struct elf_needs *ret_needs)
{
	auto_fd fd = openat2_in_root(root_fd, path, O_RDONLY | O_CLOEXEC, 0);
	struct err ignored = { 0 };

	if (fd < 0 || elf_read_needs(fd, ret_needs, &ignored) < 0)
		return false;
	if (ret_needs->class == (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32))
		return true;
	elf_needs_done(ret_needs);
	return false;
}

static bool find_library(int root_fd, struct elf_needs *ret_needs)
{
	static const char *const usual[] = {
		"/lib/x86_64-linux-gnu/" LIBRARY,
		"/lib/aarch64-linux-gnu/" LIBRARY,
		"/lib64/" LIBRARY,
		"/usr/lib64/" LIBRARY,
		"/lib/" LIBRARY,
		"/usr/lib/" LIBRARY,
	};
	auto_ldcache cache = { 0 };
	struct err ignored = { 0 };

	if (ldcache_read(root_fd, &cache, &ignored) == 0)
		for (size_t i = 0; i < cache.count; i++)
			if (strcmp(cache.entry[i].name, LIBRARY) == 0 &&
			    read_library(root_fd, cache.entry[i].path, ret_needs))
				return true;
	for (size_t i = 0; i < array_count(usual); i++)
		if (read_library(root_fd, usual[i], ret_needs))
			return true;
	return false;
}

static void warn_of_library(int root_fd, int host_fd, struct strings *notes)
{
	auto_elf_needs inside = { 0 };
	auto_elf_needs here = { 0 };
	auto_buf newer = { 0 };

	if (!find_library(root_fd, &inside) || !find_library(host_fd, &here))
		return;
	strings_each(&inside.defined, version)
		if (text_starts(version, "GLIBC_") && !text_starts(version, "GLIBC_PRIVATE") &&
		    !text_starts(version, "GLIBC_ABI_") &&
		    !strings_contains(&here.defined, version))
			buf_printf(&newer, " %s", version);
	if (newer.size_bytes)
		strings_printf(
			notes,
			"the C library inside is newer than this host's: what is built there "
			"and needs one of these runs only inside:%s",
			newer.bytes);
}

/* ---- the operating system ---- */

/* "debian 12", as Spack names a platform by. */
static char *read_release(int root_fd)
{
	static const char *const paths[] = { "/etc/os-release", "/usr/lib/os-release" };
	auto_buf text = { 0 };
	auto_buf name = { 0 };
	struct err ignored = { 0 };

	for (size_t i = 0; i < array_count(paths) && text.size_bytes == 0; i++) {
		auto_fd fd = openat2_in_root(root_fd, paths[i], O_RDONLY | O_CLOEXEC, 0);

		if (fd >= 0 && io_read_to_end(fd, RELEASE_MAX_BYTES, &text, &ignored) < 0)
			return NULL;
	}
	for (int i = 0; i < 2; i++) {
		const char *key = i == 0 ? "\nID=" : "\nVERSION_ID=";
		auto_buf lines = { 0 };
		const char *at;
		size_t length;

		buf_printf(&lines, "\n%s\n", buf_text(&text));
		at = strstr(lines.bytes, key);
		if (!at)
			continue;
		at += strlen(key);
		at += *at == '"' || *at == '\'';
		length = strcspn(at, "\"'\n");
		buf_printf(&name, "%s%.*s", i == 0 ? "" : " ", (int)length, at);
	}
	return name.size_bytes ? memory_copy_text(name.bytes) : NULL;
}

static void warn_of_release(int root_fd, int host_fd, struct strings *notes)
{
	auto_free char *inside = read_release(root_fd);
	auto_free char *here = read_release(host_fd);

	if (inside && here && strcmp(inside, here) != 0)
		strings_printf(notes,
			       "inside is '%s', this host is '%s': Spack will call it another "
			       "architecture, and install to other prefixes",
			       inside, here);
}

/* ---- groups ---- */

static void warn_of_groups(struct strings *notes)
{
	int count = getgroups(0, NULL);
	auto_free gid_t *groups = memory_zeroed((size_t)(count > 0 ? count : 0) + 1, sizeof(gid_t));
	auto_arena arena = { 0 };
	auto_buf file = { 0 };
	auto_buf names = { 0 };
	struct err ignored = { 0 };

	if (io_read_file_at(AT_FDCWD, "/etc/group", GROUPS_MAX_BYTES, &file, &ignored) < 0)
		buf_truncate(&file, 0);
	count = getgroups(count, groups);
	for (int i = 0; i < count; i++) {
		const char *name;

		if (groups[i] == getegid())
			continue;
		if (ids_group_by_id(buf_text(&file), groups[i], &arena, &name))
			buf_printf(&names, " %s", name);
		else
			buf_printf(&names, " %u", groups[i]);
	}
	if (names.size_bytes)
		strings_printf(
			notes,
			"where namespaces are used, files cannot be given to these groups of "
			"yours, as Spack's `permissions: group:` may ask (--engine tap "
			"can):%s",
			names.bytes);
}

void isolate_warn(const char *root, struct strings *notes)
{
	auto_fd root_fd = root ? open(root, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	auto_fd host_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root_fd >= 0 && host_fd >= 0) {
		warn_of_library(root_fd, host_fd, notes);
		warn_of_release(root_fd, host_fd, notes);
	}
	warn_of_groups(notes);
}
