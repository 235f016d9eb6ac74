/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses: what may be sent where is decided by comparing origins, here and nowhere else.
 * Source: RFC 3986, RFC 6454 (origin), RFC 8288 (Link). */
#ifndef REMOTE_URL_H
#define REMOTE_URL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* Append `text` with everything but unreserved characters as %XX (RFC 3986 2.3). */
void url_add_escaped(struct buf *buf, const char *text);

/* `target` (absolute or relative) as seen from `base`; only http and https come out.
 * -EINVAL when it is no URL, or names a user. The caller frees *ret_url. */
int url_resolve(const char *base, const char *target, char **ret_url, struct err *err) must_check;

/* Same scheme, host and port (written or implied). false when either is no URL. */
bool url_same_origin(const char *a, const char *b);
bool url_is_https(const char *url);
/* scheme://host[:port], for messages: paths and queries of redirects carry secrets. */
void url_add_origin(struct buf *buf, const char *url);

/* "host" or "host:port" that can only be this machine: localhost, 127/8, [::1]. */
bool url_host_is_loopback(const char *host);

/* The target of rel="next" in a Link header, which may hold several links; false when none. */
bool url_link_next(const char *value, struct buf *target);

#endif
