/* SPDX-License-Identifier: Apache-2.0 */
/* rootlet login and logout: credentials for a registry, tried before they are kept. */
#ifndef FLOW_LOGIN_H
#define FLOW_LOGIN_H

#include "base/buf.h"
#include "remote/authfile.h"
#include "remote/remote.h"

struct login_request {
	const char *server;	       /* host[:port]; a scheme or API path is ignored */
	struct credential *credential; /* moved from */
	struct remote_settings remote;
};

/* `where` tells in which file or helper they are now. */
int login(const struct login_request *request, char *const *environ_list, struct buf *where,
	  struct err *err) must_check;

/* server NULL: everything in the first auth file. -ENOENT when nothing was kept. */
int logout(const char *server, const char *authfile, char *const *environ_list,
	   struct err *err) must_check;

#endif
