// SPDX-License-Identifier: Apache-2.0
#include "remote/remote.h"

#include "base/banned.h"

int remote_init(struct remote *remote, const struct remote_settings *settings,
		char *const *environ_list, struct err *err)
{
	int r;

	*remote = (struct remote){ .settings = *settings };
	remote_paths_init(&remote->paths, environ_list, settings->authfile);
	r = registries_load(&remote->paths, &remote->registries, err);
	if (r < 0)
		remote_done(remote);
	return r;
}

void remote_done(struct remote *remote)
{
	remote_paths_done(&remote->paths);
	registries_done(&remote->registries);
	*remote = (struct remote){ 0 };
}
