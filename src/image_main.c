// SPDX-License-Identifier: Apache-2.0
/* rootlet-image: the commands that need the heavy libraries (libcurl, OpenSSL, libarchive, zstd).
 * Users type `rootlet`, which execs this program for every command that is not its own. */
#include <stddef.h>

#include "base/banned.h"
#include "cmd/build.h"
#include "cmd/cache.h"
#include "cmd/commit.h"
#include "cmd/export.h"
#include "cmd/housekeeping.h"
#include "cmd/images.h"
#include "cmd/import.h"
#include "cmd/isolate.h"
#include "cmd/login.h"
#include "cmd/logout.h"
#include "cmd/opt.h"
#include "cmd/pack.h"
#include "cmd/pull.h"
#include "cmd/push.h"
#include "cmd/seccomp.h"
#include "cmd/unpack.h"

static const struct command *const commands[] = {
	&command_build,
	&command_cache,
	&command_pull,
	&command_push,
	&command_login,
	&command_logout,
	&command_images,
	&command_tag,
	&command_rmi,
	&command_inspect,
	&command_history,
	&command_import,
	&command_load,
	&command_export,
	&command_save,
	&command_unpack,
	&command_cache_name,
	&command_commit,
	&command_seccomp,
	&command_df,
	&command_gc,
	&command_fsck,
	&command_pack,
	&command_isolate,
	&command_refresh_environment,
	&command_copy_environment,
	&command_serve_squashfs,
	NULL,
};

int main(int argc, char **argv)
{
	return command_main(commands, argc, argv, NULL);
}
