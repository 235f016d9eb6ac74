/* SPDX-License-Identifier: Apache-2.0 */
/* What kinds of file systems do. Compiles freestanding (the tap) and hosted. */
#ifndef SYS_FILE_SYSTEM_H
#define SYS_FILE_SYSTEM_H

#include <stdbool.h>

/* Does a file of this type of file system (as in mount(2), or field 9 of mountinfo) change its
 * inode or birth time when it is written to? Those of unions of layers do: "overlay", "aufs",
 * "fuse.fuse-overlayfs". */
static inline bool file_system_copies_up(const char *type)
{
	static const char *const parts[] = { "overlay", "aufs", "union" };

	for (; *type; type++)
		for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
			const char *part = parts[i];
			const char *at = type;

			while (*part && *part == *at)
				part++, at++;
			if (!*part)
				return true;
		}
	return false;
}

/* Is one mounted in this mount namespace? Yes, where that cannot be found out. Hosted only. */
bool file_system_any_copies_up(void);

#endif
