// SPDX-License-Identifier: Apache-2.0
#include "flow/login.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"
#include "base/memory.h"
#include "remote/credentials.h"
#include "remote/registry.h"

static int check_server(const char *host, struct err *err)
{
	if (!*host || strlen(host) > REF_HOST_MAX || strpbrk(host, "/@ "))
		return fail_plain(err, EINVAL, "'%s' is no registry: write HOST or HOST:PORT",
				  host);
	return 0;
}

/* registries.conf may say that the host is insecure or blocked; what it rewrites is not asked. */
static int find_endpoint(const struct remote *remote, const char *host,
			 struct endpoint *ret_endpoint, struct err *err)
{
	struct ref any = { .name = "any", .tag = "latest" };
	int r;

	snprintf(any.host, sizeof(any.host), "%s", host);
	r = registries_push(&remote->registries, &any, ret_endpoint, err);
	if (r < 0)
		return r;
	ret_endpoint->ref = any;
	return 0;
}

/* The registry takes the credentials along; what is kept is a copy. */
static void copy(const struct credential *from, struct credential *ret_copy)
{
	ret_copy->user = memory_copy_text(from->user);
	ret_copy->password = memory_copy_text(from->password);
}

static int try_and_keep(const struct remote *remote, const char *host,
			const struct login_request *request, struct buf *where, struct err *err)
{
	auto_credential kept = { 0 };
	auto_registry *registry = NULL;
	struct endpoint endpoint;
	int r = find_endpoint(remote, host, &endpoint, err);

	if (r < 0)
		return r;
	copy(request->credential, &kept);
	r = registry_open(remote, &endpoint, request->credential, &registry, err);
	if (r >= 0)
		r = registry_check_login(registry, err);
	if (r >= 0)
		r = credentials_store(&remote->paths, host, &kept, where, err);
	return r;
}

int login(const struct login_request *request, char *const *environ_list, struct buf *where,
	  struct err *err)
{
	auto_free char *host = authfile_key(request->server);
	auto_remote remote = { 0 };
	int r = check_server(host, err);

	if (r >= 0)
		r = remote_init(&remote, &request->remote, environ_list, err);
	return r < 0 ? r : try_and_keep(&remote, host, request, where, err);
}

int logout(const char *server, const char *authfile, char *const *environ_list, struct err *err)
{
	struct remote_settings settings = { .authfile = authfile };
	auto_free char *host = server ? authfile_key(server) : NULL;
	auto_remote remote = { 0 };
	unsigned count = 0;
	int r = host ? check_server(host, err) : 0;

	if (r >= 0)
		r = remote_init(&remote, &settings, environ_list, err);
	if (r >= 0)
		r = credentials_erase(&remote.paths, host, &count, err);
	if (r < 0)
		return r;
	if (count == 0 && host)
		return fail_plain(err, ENOENT, "no credentials are kept for '%s'", host);
	return 0;
}
