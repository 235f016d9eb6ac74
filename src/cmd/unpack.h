/* SPDX-License-Identifier: Apache-2.0 */
/* What `rootlet run` calls. __unpack: the layers of an image that are not unpacked are.
 * __cache-name: the name in the store of a cache mount. __serve-squashfs: flow/squash_serve.h. */
#ifndef CMD_UNPACK_H
#define CMD_UNPACK_H

#include "cmd/opt.h"

extern const struct command command_unpack;
extern const struct command command_cache_name;
extern const struct command command_serve_squashfs;

#endif
