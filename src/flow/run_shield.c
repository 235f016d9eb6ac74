// SPDX-License-Identifier: Apache-2.0
#include "flow/run_shield.h"

#include "base/banned.h"

/* A line for each tool. GIT_CONFIG_GLOBAL and the like are not set: a build may set up git in the
 * empty home. npm refuses the same file twice. */
static const struct shield {
	const char *tool;
	const char *variables[3][2];
	const char *files[2];  /* empty inside, where the root has them */
	const char *directory; /* likewise */
} shields[] = {
	{ "git",
	  { { "GIT_CONFIG_NOSYSTEM", "1" },
	    { "GIT_ATTR_NOSYSTEM", "1" },
	    { "GIT_TERMINAL_PROMPT", "0" } },
	  { NULL },
	  NULL },
	{ "gpg", { { NULL } }, { NULL }, "/etc/gnupg" },
	{ "curl", { { NULL } }, { "/etc/curlrc", "/etc/wgetrc" }, NULL },
	{ "ssh", { { NULL } }, { "/etc/ssh/ssh_config" }, "/etc/ssh/ssh_config.d" },
	{ "pip",
	  { { "PIP_CONFIG_FILE", "/dev/null" }, { "PYTHONNOUSERSITE", "1" } },
	  { NULL },
	  NULL },
	{ "npm",
	  { { "NPM_CONFIG_USERCONFIG", "/dev/null" },
	    { "NPM_CONFIG_GLOBALCONFIG", "/nonexistent/npmrc" } },
	  { NULL },
	  NULL },
	{ "cmake", { { "CMAKE_EXPORT_NO_PACKAGE_REGISTRY", "1" } }, { NULL }, NULL },
};

static void shield_files(const struct shield *shield, struct box *box)
{
	for (size_t i = 0; i < array_count(shield->files) && shield->files[i]; i++) {
		struct box_mount *mount = box_mounts_add_file(&box->mounts, shield->files[i], "",
							      0);

		mount->optional = true;
		mount->read_only = true;
	}
	if (shield->directory) {
		struct box_mount *mount = box_mounts_add(&box->mounts, BOX_MOUNT_TMPFS,
							 shield->directory);

		mount->optional = true;
		mount->mode = 0755;
	}
}

void run_shield(struct box *box)
{
	for (size_t i = 0; i < array_count(shields); i++) {
		for (size_t v = 0; v < array_count(shields[i].variables); v++) {
			const char *const *variable = shields[i].variables[v];

			if (variable[0] && !strings_env_get(&box->env, variable[0]))
				strings_env_set(&box->env, variable[0], variable[1]);
		}
		shield_files(&shields[i], box);
	}
}
