// SPDX-License-Identifier: Apache-2.0
#include "image/ownership.h"

#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"

int ownership_mark_of(const struct manifest *manifest, const struct config *config,
		      enum ownership_mark *ret_mark, struct err *err)
{
	static const char *const words[] = { [OWNERSHIP_DISALLOW] = "disallow",
					     [OWNERSHIP_ALLOW] = "allow",
					     [OWNERSHIP_REQUIRE] = "require" };
	const char *text = annotation_get(&manifest->annotations, OWNERSHIP_MARK);

	if (!text)
		text = strings_env_get(&config->labels, OWNERSHIP_MARK);
	if (!text) {
		*ret_mark = OWNERSHIP_UNMARKED;
		return 0;
	}
	for (size_t i = OWNERSHIP_DISALLOW; i < array_count(words); i++) {
		if (strcmp(words[i], text) != 0)
			continue;
		*ret_mark = (enum ownership_mark)i;
		return 0;
	}
	return fail_plain(err, EINVAL, "the image is marked %s=%s, which is none of %s",
			  OWNERSHIP_MARK, text, OWNERSHIP_MARK_CHOICES);
}

int ownership_choose(enum ownership_mark mark, const char *asked, bool *ret_flatten,
		     struct err *err)
{
	bool flatten = asked ? strcmp(asked, "flatten") == 0 : mark == OWNERSHIP_REQUIRE;

	if (flatten && mark == OWNERSHIP_DISALLOW)
		return fail_plain(err, EPERM,
				  "--ownership flatten: the image is marked %s=disallow",
				  OWNERSHIP_MARK);
	if (!flatten && mark == OWNERSHIP_REQUIRE)
		return fail_plain(err, EPERM, "--ownership keep: the image is marked %s=require",
				  OWNERSHIP_MARK);
	*ret_flatten = flatten;
	return 0;
}

void ownership_flatten(uint32_t *uid, uint32_t *gid, uint32_t *mode)
{
	if (*uid)
		*mode &= ~(uint32_t)S_ISUID;
	if (*gid)
		*mode &= ~(uint32_t)S_ISGID;
	*uid = 0;
	*gid = 0;
}
