// SPDX-License-Identifier: Apache-2.0
/* Sources: containers-registries.conf(5), containers-auth.json(5), containers-certs.d(5), docker
 * login (DOCKER_CONFIG). */
#include "remote/paths.h"

#include <string.h>
#include <unistd.h>

#include "base/banned.h"
#include "remote/authfile.h"

void remote_paths_done(struct remote_paths *paths)
{
	strings_done(&paths->registries);
	strings_done(&paths->registries_dirs);
	strings_done(&paths->aliases);
	strings_done(&paths->auth);
	strings_done(&paths->certs);
}

static const char *variable(char *const *environ_list, const char *name)
{
	size_t length = strlen(name);

	for (; *environ_list; environ_list++)
		if (strncmp(*environ_list, name, length) == 0 && (*environ_list)[length] == '=')
			return (*environ_list)[length + 1] ? *environ_list + length + 1 : NULL;
	return NULL;
}

static void add_under(struct strings *list, const char *directory, const char *path)
{
	if (directory)
		strings_printf(list, "%s/%s", directory, path);
}

static void add_registries(struct remote_paths *paths, const char *override, const char *config)
{
	if (override) {
		strings_add(&paths->registries, override);
		return;
	}
	add_under(&paths->registries, config, "containers/registries.conf");
	strings_add(&paths->registries, "/etc/containers/registries.conf");
	strings_add(&paths->registries_dirs, "/etc/containers/registries.conf.d");
	add_under(&paths->registries_dirs, config, "containers/registries.conf.d");
}

static void add_auth(struct remote_paths *paths, char *const *environ_list, const char *config,
		     const char *home)
{
	const char *docker = variable(environ_list, "DOCKER_CONFIG");

	add_under(&paths->auth, variable(environ_list, "XDG_RUNTIME_DIR"), "containers/auth.json");
	add_under(&paths->auth, config, "containers/auth.json");
	if (docker)
		add_under(&paths->auth, docker, "config.json");
	else
		add_under(&paths->auth, home, ".docker/config.json");
	/* where podman's login writes in a batch job, where the administrator has made it */
	if (!variable(environ_list, "XDG_RUNTIME_DIR"))
		strings_printf(&paths->auth, "/run/containers/%u/auth.json", (unsigned)geteuid());
	add_under(&paths->auth, home, AUTHFILE_LEGACY); /* Docker's before 1.7 */
}

static void add_aliases(struct remote_paths *paths, char *const *environ_list, const char *home)
{
	static const char name[] = "containers/short-name-aliases.conf";
	const char *cache = variable(environ_list, "XDG_CACHE_HOME");

	if (cache)
		add_under(&paths->aliases, cache, name);
	else if (home)
		strings_printf(&paths->aliases, "%s/.cache/%s", home, name);
}

void remote_paths_init(struct remote_paths *paths, char *const *environ_list, const char *authfile)
{
	const char *home = variable(environ_list, "HOME");
	const char *config_home = variable(environ_list, "XDG_CONFIG_HOME");
	struct strings config = { 0 };

	*paths = (struct remote_paths){ 0 };
	if (config_home)
		strings_add(&config, config_home);
	else if (home)
		strings_printf(&config, "%s/.config", home);
	const char *config_dir = config.count ? config.item[0] : NULL;

	add_registries(paths, variable(environ_list, "CONTAINERS_REGISTRIES_CONF"), config_dir);
	if (!authfile)
		authfile = variable(environ_list, "REGISTRY_AUTH_FILE");
	if (authfile)
		strings_add(&paths->auth, authfile);
	else
		add_auth(paths, environ_list, config_dir, home);
	add_aliases(paths, environ_list, home);
	strings_add(&paths->certs, "/etc/docker/certs.d");
	strings_add(&paths->certs, "/etc/containers/certs.d");
	add_under(&paths->certs, config_dir, "containers/certs.d");
	strings_done(&config);
}
