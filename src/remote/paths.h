/* SPDX-License-Identifier: Apache-2.0 */
/* Where a user's and a site's registry settings are kept, gathered once and passed in, so that
 * nothing below reads the environment. */
#ifndef REMOTE_PATHS_H
#define REMOTE_PATHS_H

#include "base/strings.h"

struct remote_paths {
	/* registries.conf: the first that exists, then every *.conf of the directories in order */
	struct strings registries;
	struct strings registries_dirs;
	/* names that the user chose when podman asked; read last, when it exists */
	struct strings aliases;
	/* auth files to read, best first; the first is the one `login` writes */
	struct strings auth;
	/* certs.d directories; host[:port] is appended; all that exist are used, in order */
	struct strings certs;
};

void remote_paths_done(struct remote_paths *paths);
#define auto_remote_paths cleanup(remote_paths_done) struct remote_paths

/* Read `environ_list` (NAME=VALUE, NULL at the end): HOME, XDG_RUNTIME_DIR, XDG_CONFIG_HOME,
 * XDG_CACHE_HOME, DOCKER_CONFIG, REGISTRY_AUTH_FILE, CONTAINERS_REGISTRIES_CONF. A variable that is
 * unset or empty drops the paths that need it. authfile (--authfile) may be NULL; it and
 * REGISTRY_AUTH_FILE replace the search, as in containers-auth.json(5). */
void remote_paths_init(struct remote_paths *paths, char *const *environ_list, const char *authfile);

#endif
